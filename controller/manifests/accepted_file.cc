#include "controller/manifests/accepted_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

namespace ballast::manifests {
namespace {

constexpr int kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
constexpr int kMaxDepth = 80;

std::unexpected<Status> Failed(const std::string& what, const std::string& path, int error) {
  const Code code = error == ENOSPC || error == EDQUOT || error == EROFS ? Code::kFailedPrecondition
                    : error == EACCES || error == EPERM                  ? Code::kPermissionDenied
                                                                         : Code::kInternal;
  return Error(code, fmt::format("{} {}: {}", what, path,
                                 std::strerror(error)));  // NOLINT(concurrency-mt-unsafe)
}

Result<void> WriteAndSync(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Failed("write", path, errno);
  int error = fchmod(fd, 0600) == 0 ? 0 : errno;
  while (error == 0 && !text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0) {
      if (errno != EINTR) error = errno;
    } else {
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  if (error == 0 && fsync(fd) != 0) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0) return {};
  unlink(path.c_str());
  return Failed("write", path, error);
}

void SyncDirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);  // the file itself is safe already; not every file system can do this
  close(fd);
}

}  // namespace

Result<AcceptedFile::Loaded> AcceptedFile::Load(const api::DecodeOptions& options) const {
  std::FILE* const file = std::fopen(path_.c_str(), "re");
  if (file == nullptr) {
    if (errno == ENOENT) return Loaded{};
    return Failed("read", path_, errno);
  }
  std::string text;
  char buffer[64 * 1024];
  while (std::feof(file) == 0 && std::ferror(file) == 0 && text.size() <= kMaxBytes) {
    text.append(buffer, std::fread(buffer, 1, sizeof buffer, file));
  }
  const bool failed = std::ferror(file) != 0;
  static_cast<void>(std::fclose(file));
  if (failed) return Failed("read", path_, EIO);
  auto loaded = DecodeAccepted(text, options);
  if (loaded) return loaded;
  const std::string bad = path_ + ".bad";
  static_cast<void>(std::rename(path_.c_str(), bad.c_str()));
  return Loaded{{},
                {fmt::format("{} cannot be understood ({}); it was renamed to {}", path_,
                             loaded.error().message, bad)}};
}

Result<void> AcceptedFile::Save(const AcceptedSet& objects) const {
  const std::string temporary = path_ + ".new";
  if (auto written = WriteAndSync(temporary, EncodeAccepted(objects)); !written) return written;
  if (std::rename(temporary.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return Failed("rename to", path_, error);
  }
  SyncDirectoryOf(path_);
  return {};
}

std::string EncodeAccepted(const AcceptedSet& objects) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [key, accepted] : objects) {
    const std::int64_t generation =
        std::visit([](const auto& value) { return value.meta.generation; }, *accepted.object);
    list.push_back({{"file", accepted.file},
                    {"generation", generation},
                    {"kept", accepted.kept},
                    {"object", api::EncodeObject(*accepted.object)}});
  }
  const nlohmann::json document = {{"version", kVersion}, {"objects", std::move(list)}};
  return document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<AcceptedFile::Loaded> DecodeAccepted(std::string_view text,
                                            const api::DecodeOptions& options) {
  const auto document = api::ParseJsonStrict(text, kMaxBytes, kMaxDepth);
  if (!document) return std::unexpected(document.error());
  const auto invalid = [](const char* what) { return Error(Code::kInvalidArgument, what); };
  if (!document->is_object()) return invalid("not a JSON object");
  const auto version = document->find("version");
  if (version == document->end() || *version != kVersion) return invalid("unknown version");
  const auto objects = document->find("objects");
  if (objects == document->end() || !objects->is_array()) return invalid("no list of objects");
  AcceptedFile::Loaded loaded;
  for (const nlohmann::json& entry : *objects) {
    const auto file = entry.is_object() ? entry.find("file") : entry.end();
    const auto generation = entry.is_object() ? entry.find("generation") : entry.end();
    const auto kept = entry.is_object() ? entry.find("kept") : entry.end();
    const auto value = entry.is_object() ? entry.find("object") : entry.end();
    if (!entry.is_object() || file == entry.end() || !file->is_string() ||
        generation == entry.end() || !generation->is_number_integer() || value == entry.end()) {
      return invalid("an entry without file, generation and object");
    }
    // What is in force stays so when a flag is missing this time; it is told, and so does its file.
    api::DecodeOptions accepted = options;
    accepted.allowed_host_paths = {"/"};
    auto object = api::DecodeObject(*value, accepted);
    if (object) {
      if (const auto now = api::DecodeObject(*value, options); !now) {
        loaded.problems.push_back(
            fmt::format("an object from {} would be refused now; its last good version stays in "
                        "force: {}",
                        file->get<std::string>(), now.error().message));
      }
    } else {
      loaded.problems.push_back(
          fmt::format("an object from {} that was in force is refused now: {}",
                      file->get<std::string>(), object.error().message));
      continue;
    }
    std::visit([&](auto& o) { o.meta.generation = generation->get<std::int64_t>(); }, *object);
    const api::ObjectKey key = KeyOf(*object);
    loaded.objects[key] = {std::make_shared<const api::Object>(std::move(*object)),
                           file->get<std::string>(), kept != entry.end() && *kept == true};
  }
  return loaded;
}

}  // namespace ballast::manifests
