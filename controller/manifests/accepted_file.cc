#include "controller/manifests/accepted_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace ballast::manifests {
namespace {

constexpr int kVersion = 2;
constexpr int kVersionWithObjects = 1;
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

nlohmann::json EncodeKey(const api::ObjectKey& key) {
  return {{"kind", key.kind}, {"namespace", key.ns}, {"name", key.name}};
}

// Nothing: it is not there, or no string.
std::optional<std::string> TextOf(const nlohmann::json& entry, const char* name) {
  const auto found = entry.find(name);
  if (found == entry.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<api::ObjectKey> DecodeKey(const nlohmann::json& entry) {
  auto kind = TextOf(entry, "kind");
  auto ns = TextOf(entry, "namespace");
  auto name = TextOf(entry, "name");
  if (!kind || !ns || !name) return std::nullopt;
  return api::ObjectKey{std::move(*kind), std::move(*ns), std::move(*name)};
}

// What is in force stays so when a flag is missing this time; it is told, and so does its file.
std::optional<api::Object> DecodeKept(const nlohmann::json& value, const std::string& file,
                                      const api::DecodeOptions& options,
                                      std::vector<std::string>& problems) {
  api::DecodeOptions accepted = options;
  accepted.allowed_host_paths = {"/"};
  auto object = api::DecodeObject(value, accepted);
  if (!object) {
    problems.push_back(fmt::format("an object from {} that was in force is refused now: {}", file,
                                   object.error().message));
    return std::nullopt;
  }
  if (const auto now = api::DecodeObject(value, options); !now) {
    problems.push_back(fmt::format(
        "an object from {} would be refused now; its last good version stays in force: {}", file,
        now.error().message));
  }
  return std::move(*object);
}

// As a manifest would have it: the generation is the store's business.
std::shared_ptr<const nlohmann::json> AsWritten(const api::Object& object) {
  nlohmann::json json = api::EncodeObject(object);
  json["metadata"].erase("generation");
  return std::make_shared<const nlohmann::json>(std::move(json));
}

// False: an entry that cannot be understood.
bool DecodeEntry(const nlohmann::json& entry, const api::DecodeOptions& options,
                 const FindStored& find, AcceptedFile::Loaded& loaded) {
  if (!entry.is_object()) return false;
  const auto file = TextOf(entry, "file");
  if (!file) return false;
  const auto kept = entry.find("kept");
  AcceptedObject accepted{.file = *file, .kept = kept != entry.end() && *kept == true};
  if (const auto value = entry.find("object"); value != entry.end()) {
    auto object = DecodeKept(*value, *file, options, loaded.problems);
    if (!object) return true;
    const api::ObjectKey key = KeyOf(*object);
    accepted.written = AsWritten(*object);
    accepted.object = std::make_shared<const api::Object>(std::move(*object));
    loaded.state.unstored.insert(key);
    loaded.state.objects[key] = std::move(accepted);
    return true;
  }
  const auto key = DecodeKey(entry);
  if (!key) return false;
  accepted.object = find(*key);
  if (accepted.object) loaded.state.objects[*key] = std::move(accepted);
  return true;
}

}  // namespace

Result<AcceptedFile::Loaded> AcceptedFile::Load(const api::DecodeOptions& options,
                                                const FindStored& find) const {
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
  auto loaded = DecodeAccepted(text, options, find);
  if (loaded) return loaded;
  const std::string bad = path_ + ".bad";
  static_cast<void>(std::rename(path_.c_str(), bad.c_str()));
  return Loaded{{},
                {fmt::format("{} cannot be understood ({}); it was renamed to {}", path_,
                             loaded.error().message, bad)}};
}

Result<void> AcceptedFile::Save(const AcceptedState& state) const {
  const std::string temporary = path_ + ".new";
  if (auto written = WriteAndSync(temporary, EncodeAccepted(state)); !written) return written;
  if (std::rename(temporary.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    return Failed("rename to", path_, error);
  }
  SyncDirectoryOf(path_);
  return {};
}

std::string EncodeAccepted(const AcceptedState& state) {
  nlohmann::json objects = nlohmann::json::array();
  for (const auto& [key, accepted] : state.objects) {
    nlohmann::json entry = EncodeKey(key);
    entry["file"] = accepted.file;
    entry["kept"] = accepted.kept;
    // Version 1 had these two kinds only; of others nothing but the key may ever get here.
    const bool harmless = std::holds_alternative<api::WebApp>(*accepted.object) ||
                          std::holds_alternative<api::LoadBalancer>(*accepted.object);
    if (harmless && state.unstored.contains(key)) {
      entry["object"] = api::EncodeObject(*accepted.object);
    }
    objects.push_back(std::move(entry));
  }
  nlohmann::json removing = nlohmann::json::array();
  for (const api::ObjectKey& key : state.removing) removing.push_back(EncodeKey(key));
  const nlohmann::json document = {
      {"version", kVersion}, {"objects", std::move(objects)}, {"removing", std::move(removing)}};
  return document.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<AcceptedFile::Loaded> DecodeAccepted(std::string_view text,
                                            const api::DecodeOptions& options,
                                            const FindStored& find) {
  const auto document = api::ParseJsonStrict(text, kMaxBytes, kMaxDepth);
  if (!document) return std::unexpected(document.error());
  const auto invalid = [](const char* what) { return Error(Code::kInvalidArgument, what); };
  if (!document->is_object()) return invalid("not a JSON object");
  const auto version = document->find("version");
  if (version == document->end() || (*version != kVersion && *version != kVersionWithObjects)) {
    return invalid("unknown version");
  }
  const auto objects = document->find("objects");
  if (objects == document->end() || !objects->is_array()) return invalid("no list of objects");
  AcceptedFile::Loaded loaded{.old = *version == kVersionWithObjects};
  for (const nlohmann::json& entry : *objects) {
    if (!DecodeEntry(entry, options, find, loaded)) {
      return invalid("an entry without file and key or object");
    }
  }
  const auto removing = document->find("removing");
  if (removing == document->end()) return loaded;
  if (!removing->is_array()) return invalid("no list of removals");
  for (const nlohmann::json& entry : *removing) {
    auto key = entry.is_object() ? DecodeKey(entry) : std::nullopt;
    if (!key) return invalid("a removal without a key");
    loaded.state.removing.insert(std::move(*key));
  }
  return loaded;
}

}  // namespace ballast::manifests
