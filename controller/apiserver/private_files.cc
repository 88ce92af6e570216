#include "controller/apiserver/private_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace ballast::apiserver {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

std::string Reason(int error) { return std::generic_category().message(error); }

std::unexpected<Status> Failed(std::string_view what, const std::string& path) {
  const int error = errno;
  return Error(error == EACCES || error == EPERM ? Code::kPermissionDenied : Code::kUnavailable,
               fmt::format("{} {}: {}", what, path, Reason(error)));
}

// `forbidden`: bits that would let others in; `mode`: what it should be.
Result<void> CheckAccess(const struct stat& info, const std::string& path, mode_t forbidden,
                         mode_t mode) {
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return Error(Code::kPermissionDenied,
                 fmt::format("{} belongs to user {}, who could change it; run `chown {} {}`", path,
                             info.st_uid, geteuid(), path));
  }
  if ((info.st_mode & forbidden) != 0) {
    return Error(Code::kPermissionDenied,
                 fmt::format("{} has mode {:04o}, which lets others in; run `chmod {:o} {}` (if "
                             "others have been on this machine, make it anew instead)",
                             path, info.st_mode & 07777U, mode, path));
  }
  return {};
}

Result<void> WriteAll(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write", path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<FileDescriptor> LockPrivateDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return Failed("make the directory", path);
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOTDIR) {
    return Error(Code::kFailedPrecondition, path + " is no directory; move it out of the way");
  }
  struct stat info{};
  if (fd.get() < 0 || fstat(fd.get(), &info) != 0) return Failed("look at", path);
  if (auto allowed = CheckAccess(info, path, 0077, 0700); !allowed) {
    return std::unexpected(allowed.error());
  }
  int locked = 0;
  do {
    locked = flock(fd.get(), LOCK_EX);
  } while (locked != 0 && errno == EINTR);
  if (locked != 0) return Failed("lock", path);
  return fd;
}

Result<std::optional<std::string>> ReadPrivate(const std::string& path, Secrecy secrecy) {
  // Not blocked by a pipe that somebody put there.
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    return Failed("read", path);
  }
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return Failed("look at", path);
  if (!S_ISREG(info.st_mode)) {
    return Error(Code::kFailedPrecondition, path + " is no file; move it out of the way");
  }
  const bool secret = secrecy == Secrecy::kSecret;
  if (auto allowed = CheckAccess(info, path, secret ? 0077 : 0022, secret ? 0600 : 0644);
      !allowed) {
    return std::unexpected(allowed.error());
  }
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t bytes = read(fd.get(), buffer.data(), buffer.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return Failed("read", path);
    if (bytes == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(bytes));
    if (text.size() > kMaxBytes) {
      return Error(Code::kFailedPrecondition, path + " is larger than 1 MiB; it cannot be ours");
    }
  }
}

Result<void> WritePrivate(const std::string& path, std::string_view text, mode_t mode) {
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());  // of one who was interrupted
  const FileDescriptor fd(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (fd.get() < 0) return Failed("write", fresh);
  if (auto written = WriteAll(fd.get(), text, fresh); !written) {
    unlink(fresh.c_str());
    return written;
  }
  // The mode again, whatever umask says.
  if (fchmod(fd.get(), mode) != 0 || fsync(fd.get()) != 0 ||
      std::rename(fresh.c_str(), path.c_str()) != 0) {
    auto failed = Failed("write", path);
    unlink(fresh.c_str());
    return failed;
  }
  const std::string directory = std::filesystem::path(path).parent_path().string();
  const FileDescriptor parent(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() < 0 || fsync(parent.get()) != 0) return Failed("write", directory);
  return {};
}

}  // namespace ballast::apiserver
