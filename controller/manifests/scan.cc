#include "controller/manifests/scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

namespace ballast::manifests {
namespace {

std::string Reason(int error) { return std::strerror(error); }  // NOLINT(concurrency-mt-unsafe)

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// At most `limit` bytes; nullopt on an error, left in errno.
std::optional<std::string> ReadAll(int fd, std::size_t limit) {
  std::string text;
  char buffer[64 * 1024];
  while (text.size() < limit) {
    const ssize_t got = read(fd, buffer, std::min(sizeof buffer, limit - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

std::uint64_t Fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
}

std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (HasControlCharacter({&c, 1})) {
      escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      escaped += c;
    }
  }
  return escaped;
}

bool EndsWithAny(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [name](std::string_view end) { return name.ends_with(end); });
}

std::shared_ptr<const ScannedFile> Refused(const std::string& relative, std::string message) {
  const std::string shown = Escape(relative);
  return std::make_shared<const ScannedFile>(
      ScannedFile{shown, {}, {{shown, 0, 0, "", std::move(message)}}});
}

}  // namespace

bool IsManifestName(std::string_view name) {
  if (name.empty() || name.front() == '.' || name.front() == '#' || name.front() == '~') {
    return false;
  }
  return EndsWithAny(name, {".yaml", ".yml", ".json"});
}

struct Scanner::Pass {
  const std::function<void(const std::string&)>& on_directory;
  ScanResult result;
  std::set<std::pair<dev_t, ino_t>> directories;  // each once, also when links lead in circles
  bool full = false;                              // a limit was reached
};

ScanResult Scanner::Scan(const std::function<void(const std::string&)>& on_directory) {
  Pass pass{.on_directory = on_directory};
  ScanDirectory(pass, "", 0);
  auto& files = pass.result.files;
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a->file < b->file; });
  std::set<std::string> seen;
  for (const auto& file : files) seen.insert(file->file);
  std::erase_if(cache_, [&seen](const auto& entry) { return !seen.contains(entry.first); });
  return std::move(pass.result);
}

void Scanner::ScanDirectory(Pass& pass, const std::string& relative, int depth) {
  const std::string path = relative.empty() ? dir_ : dir_ + "/" + relative;
  const auto fail = [&](const std::string& why) {
    if (relative.empty()) {
      pass.result.problem = fmt::format("the directory {} cannot be read: {}", Escape(path), why);
    } else {
      pass.result.files.push_back(Refused(relative + "/", "this directory cannot be read: " + why));
    }
  };
  pass.on_directory(path);
  DIR* const dir = opendir(path.c_str());
  if (dir == nullptr) {
    // A directory that went away since its parent was listed is simply not there.
    if (errno != ENOENT || relative.empty()) fail(Reason(errno));
    return;
  }
  struct stat info{};
  std::vector<std::string> names;
  const int fd = dirfd(dir);
  int error = fd >= 0 && fstat(fd, &info) == 0 ? 0 : errno;
  while (error == 0) {
    errno = 0;
    const dirent* const entry = readdir(dir);  // NOLINT(concurrency-mt-unsafe): a stream of its own
    if (entry == nullptr) {
      error = errno;
      break;
    }
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(dir);
  if (error != 0) return fail(Reason(error));
  if (!pass.directories.emplace(info.st_dev, info.st_ino).second) return;
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    std::string child = relative;
    child.append(relative.empty() ? "" : "/").append(name);
    struct stat target{};
    const bool known = stat((dir_ + "/" + child).c_str(), &target) == 0;
    if (known && S_ISDIR(target.st_mode)) {
      if (depth + 1 >= kMaxDepth || pass.directories.size() >= kMaxDirectories) {
        if (!std::exchange(pass.full, true)) {
          pass.result.files.push_back(Refused(
              child + "/", fmt::format("too many directories: at most {}, {} deep, are read",
                                       kMaxDirectories, kMaxDepth)));
        }
        continue;
      }
      ScanDirectory(pass, child, depth + 1);
      continue;
    }
    if (!IsManifestName(name)) continue;
    if (pass.result.files.size() >= kMaxFiles) {
      if (!std::exchange(pass.full, true)) {
        pass.result.files.push_back(
            Refused(child, fmt::format("too many files: at most {} are read", kMaxFiles)));
      }
      continue;
    }
    if (auto file = ScanFile(child)) pass.result.files.push_back(std::move(file));
  }
}

std::shared_ptr<const ScannedFile> Scanner::ScanFile(const std::string& relative) {
  if (HasControlCharacter(relative)) {
    return Refused(relative, "the name of the file contains a control character; rename it");
  }
  const std::string path = dir_ + "/" + relative;
  // Never waits, also when it is a named pipe.
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  struct stat info{};
  if (fd.get() < 0 || fstat(fd.get(), &info) != 0) {
    const int error = errno;
    if (error == ENOENT && lstat(path.c_str(), &info) != 0) return nullptr;
    return Refused(relative, error == ENOENT ? "this link leads nowhere"
                                             : "the file cannot be read: " + Reason(error));
  }
  if (!S_ISREG(info.st_mode)) return Refused(relative, "this is not a regular file");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  const std::string too_big =
      fmt::format("the file has more than {} bytes, the most that a manifest may have; split it",
                  api::kMaxManifestBytes);
  if (size > api::kMaxManifestBytes) return Refuse(relative, size, too_big);
  const std::optional<std::string> text = ReadAll(fd.get(), api::kMaxManifestBytes + 1);
  if (!text) return Refused(relative, "the file cannot be read: " + Reason(errno));
  if (text->size() > api::kMaxManifestBytes) return Refuse(relative, text->size(), too_big);
  return Decode(relative, *text);
}

std::shared_ptr<const ScannedFile> Scanner::Refuse(const std::string& relative, std::uint64_t size,
                                                   std::string message) {
  Cached& cached = cache_[relative];
  if (!cached.file || cached.size != size || cached.hash != 0) {
    cached = {size, 0, Refused(relative, std::move(message))};
  }
  return cached.file;
}

std::shared_ptr<const ScannedFile> Scanner::Decode(const std::string& relative,
                                                   std::string_view text) {
  Cached& cached = cache_[relative];
  const std::uint64_t hash = Fnv1a(text);
  if (cached.file && cached.size == text.size() && cached.hash == hash) return cached.file;
  ScannedFile file{.file = relative};
  auto objects = api::DecodeManifest(relative, text, options_);
  if (objects) {
    file.objects = std::move(*objects);
  } else {
    file.errors = std::move(objects.error());
  }
  cached = {text.size(), hash, std::make_shared<const ScannedFile>(std::move(file))};
  return cached.file;
}

}  // namespace ballast::manifests
