#include "controller/cmd/lock_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace ballast::cmd {
namespace {

std::string Reason(int error) { return std::strerror(error); }  // NOLINT(concurrency-mt-unsafe)

std::string ReadPid(int fd) {
  char buffer[32] = {};
  const ssize_t got = pread(fd, buffer, sizeof buffer - 1, 0);
  const std::string text(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
  const std::string pid = text.substr(0, text.find('\n'));
  const bool number = !pid.empty() && std::all_of(pid.begin(), pid.end(),
                                                  [](char c) { return c >= '0' && c <= '9'; });
  return number ? pid : "unknown";
}

}  // namespace

LockFile::~LockFile() {
  if (fd_ >= 0) close(fd_);
}

Result<void> LockFile::Acquire(const std::string& path) {
  constexpr int kMode = 0600;
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kMode);
  if (fd < 0) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("cannot write {}: {}", path, Reason(errno)));
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string pid = ReadPid(fd);
    close(fd);
    if (error != EWOULDBLOCK) {
      return Error(Code::kFailedPrecondition,
                   fmt::format("cannot lock {}: {}", path, Reason(error)));
    }
    return Error(
        Code::kAlreadyExists,
        fmt::format("another controller (process {}) uses this state directory ({}); end it "
                    "first, or give this one another --instance, --state-dir and --run-dir",
                    pid, path));
  }
  // On a full disk the number is missing; the lock holds all the same.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) errno = 0;
  fd_ = fd;
  return {};
}

Result<void> PrepareDirectory(const std::string& flag, const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error && access(path.c_str(), W_OK | X_OK) != 0) {
    error = std::error_code(errno, std::generic_category());
  }
  if (!error && !std::filesystem::is_directory(path)) {
    error = std::make_error_code(std::errc::not_a_directory);
  }
  if (!error) return {};
  const bool denied =
      error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
  return Error(Code::kFailedPrecondition,
               fmt::format("{} {} cannot be written: {}; {}", flag, path, error.message(),
                           denied ? "run the controller as root, or name another directory"
                                  : "name another directory"));
}

}  // namespace ballast::cmd
