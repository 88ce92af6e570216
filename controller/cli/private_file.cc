#include "controller/cli/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

std::unexpected<Status> Broken(const std::string& path, int error) {
  return Error(Code::kFailedPrecondition,
               fmt::format("{} cannot be written: {}", Sanitize(path),
                           std::error_code(error, std::generic_category()).message()));
}

std::string DirectoryOf(const std::string& path) {
  const std::string directory = std::filesystem::path(path).parent_path();
  return directory.empty() ? "." : directory;
}

}  // namespace

PrivateFile::PrivateFile(int fd, std::string path, std::string temporary)
    : fd_(fd), path_(std::move(path)), temporary_(std::move(temporary)) {}

PrivateFile::PrivateFile(PrivateFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, "")) {}

PrivateFile::~PrivateFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Result<PrivateFile> PrivateFile::Create(const std::string& path) {
  std::error_code error;
  if (path.empty() || path.ends_with('/') || std::filesystem::is_directory(path, error)) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{} is a directory: name a file in it", Sanitize(path)));
  }
  // A link is followed, so that it stays one.
  std::string target = path;
  if (std::filesystem::is_symlink(path, error)) {
    const auto followed = std::filesystem::weakly_canonical(path, error);
    if (!error) target = followed;
  }
  std::string temporary = target + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);  // 0600
  if (fd < 0) return Broken(path, errno);
  return PrivateFile(fd, std::move(target), std::move(temporary));
}

Result<void> PrivateFile::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Broken(path_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> PrivateFile::Commit() {
  if (fsync(fd_) != 0) return Broken(path_, errno);
  if (close(std::exchange(fd_, -1)) != 0) return Broken(path_, errno);
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return Broken(path_, errno);
  temporary_.clear();
  const int directory = open(DirectoryOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    // The file is there; that its name survives a power loss is the best that can be done.
    fsync(directory);
    close(directory);
  }
  return {};
}

}  // namespace ballast::cli
