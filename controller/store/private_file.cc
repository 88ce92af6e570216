#include "controller/store/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

namespace ballast::store {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Code CodeOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EROFS:
      return Code::kFailedPrecondition;
    case EACCES:
    case EPERM:
      return Code::kPermissionDenied;
    case ENOENT:
    case ENOTDIR:
      return Code::kNotFound;
    case EEXIST:
      return Code::kAlreadyExists;
    case EISDIR:
    case ENAMETOOLONG:
      return Code::kInvalidArgument;
    default:
      return Code::kUnavailable;
  }
}

Result<void> SyncDirectory(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError("open", path, errno);
  // Some file systems cannot do this; then a rename is as safe as they make it.
  if (fsync(fd.get()) != 0 && errno != EINVAL) return SystemError("sync", path, errno);
  return {};
}

int WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

std::unexpected<Status> SystemError(const std::string& what, const std::string& path, int error) {
  return Error(CodeOf(error),
               fmt::format("cannot {} {}: {}", what, path, std::generic_category().message(error)));
}

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> MakePrivateDirectory(const std::string& path) {
  if (mkdir(path.c_str(), kDirectoryMode) == 0) return SyncDirectory(DirectoryOf(path));
  if (errno == ENOENT && DirectoryOf(path) != path) {
    if (auto made = MakePrivateDirectory(DirectoryOf(path)); !made) return made;
    if (mkdir(path.c_str(), kDirectoryMode) == 0) return SyncDirectory(DirectoryOf(path));
  }
  const int error = errno;
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
  return SystemError("make the directory", path, error);
}

Result<void> WriteNewPrivateFile(const std::string& path, std::string_view content) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode));
  if (fd.get() < 0) return SystemError("create", path, errno);
  int error = fchmod(fd.get(), kFileMode) == 0 ? 0 : errno;
  if (error == 0) error = WriteAll(fd.get(), content);
  if (error == 0 && fsync(fd.get()) != 0) error = errno;
  if (error == 0) return SyncDirectory(DirectoryOf(path));
  unlink(path.c_str());
  return SystemError("write", path, error);
}

Result<std::string> ReadBeginning(const std::string& path, std::size_t max, Readers readers) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return SystemError("read", path, errno);
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return SystemError("read", path, errno);
  if (!S_ISREG(info.st_mode)) {
    return Error(Code::kFailedPrecondition, path + " is not a regular file: move it away");
  }
  constexpr mode_t kOthers = 0077;
  if (readers == Readers::kPrivate && (info.st_mode & kOthers) != 0) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{} may be read by others (mode {:04o}): look who did, then run "
                             "chmod 600 {}",
                             path, info.st_mode & 07777U, path));
  }
  std::string content(max, '\0');
  std::size_t size = 0;
  while (size < max) {
    const ssize_t got = read(fd.get(), content.data() + size, max - size);
    if (got == 0) break;
    if (got < 0 && errno != EINTR) return SystemError("read", path, errno);
    if (got > 0) size += static_cast<std::size_t>(got);
  }
  content.resize(size);
  return content;
}

Result<void> RenameDurably(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return SystemError("rename " + from + " to", to, errno);
  }
  return SyncDirectory(DirectoryOf(to));
}

Result<void> SyncFile(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return SystemError("open", path, errno);
  if (fsync(fd.get()) != 0) return SystemError("sync", path, errno);
  return {};
}

Result<void> RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return SystemError("remove", path, errno);
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

Result<void> FileLock::Acquire(const std::string& path, std::string& holder) {
  Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode));
  if (fd.get() < 0) return SystemError("create", path, errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError("lock", path, errno);
    char text[16] = {};
    const ssize_t got = pread(fd.get(), text, sizeof text - 1, 0);
    holder.assign(text, got > 0 ? static_cast<std::size_t>(got) : 0);
    const auto digits = holder.find_first_not_of("0123456789");
    holder.resize(std::min(digits, holder.size()));
    return Error(Code::kConflict, path + " is locked by another process");
  }
  // On a full disk the number is missing; the lock holds all the same.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd.get(), 0) != 0 || pwrite(fd.get(), pid.data(), pid.size(), 0) < 0) errno = 0;
  fd_ = fd.Release();
  return {};
}

}  // namespace ballast::store
