#include "controller/haproxy/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace ballast::haproxy {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::unexpected<Status> Failed(std::string_view what, const std::string& path, int error) {
  const Code code = error == ENOENT                      ? Code::kNotFound
                    : error == EACCES || error == EPERM  ? Code::kPermissionDenied
                    : error == ENOSPC || error == EDQUOT ? Code::kFailedPrecondition
                                                         : Code::kUnavailable;
  return Error(code, fmt::format("{} {}: {}", what, path, std::generic_category().message(error)));
}

Result<void> SetOwner(const FileDescriptor& file, const std::string& path, const Ownership& owner,
                      unsigned mode) {
  if (owner.change && ::fchown(file.get(), owner.user, owner.group) != 0) {
    return Failed("change the owner of", path, errno);
  }
  if (::fchmod(file.get(), mode) != 0) return Failed("change the mode of", path, errno);
  return {};
}

int WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count >= 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

int FileDescriptor::Release() { return std::exchange(fd_, -1); }

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) ::close(fd_);
}

std::string PathOf(const FileDescriptor& file) {
  return fmt::format("/proc/self/fd/{}", file.get());
}

Result<Directory> Directory::Open(const std::string& path) {
  FileDescriptor fd(::open(path.c_str(), kOpenDirectory));
  if (!fd.open()) return Failed("open directory", path, errno);
  return Directory(std::move(fd), path);
}

Result<Directory> Directory::Make(const std::string& path, const Ownership& owner, unsigned mode) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return Failed("make the directory above", path, error.value());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Failed("make directory", path, errno);
  }
  Result<Directory> made = Open(path);
  if (!made) return made;
  if (Result<void> owned = SetOwner(made->fd_, path, owner, mode); !owned) {
    return std::unexpected(owned.error());
  }
  return made;
}

Result<Directory> Directory::Enter(const std::string& name) const {
  std::string path = path_ + "/" + name;
  FileDescriptor fd(::openat(fd_.get(), name.c_str(), kOpenDirectory));
  if (!fd.open()) return Failed("open directory", path, errno);
  return Directory(std::move(fd), std::move(path));
}

Result<Directory> Directory::MakeBelow(const std::string& name, const Ownership& owner,
                                       unsigned mode) const {
  if (::mkdirat(fd_.get(), name.c_str(), 0700) != 0 && errno != EEXIST) {
    return Failed("make directory", path_ + "/" + name, errno);
  }
  Result<Directory> made = Enter(name);
  if (!made) return made;
  if (Result<void> owned = SetOwner(made->fd_, made->path_, owner, mode); !owned) {
    return std::unexpected(owned.error());
  }
  return made;
}

// A pipe would make the open wait for its writer, for ever.
Result<FileDescriptor> Directory::OpenRegular(const std::string& name) const {
  const std::string path = path_ + "/" + name;
  FileDescriptor file(
      ::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status{};
  if (!file.open() || ::fstat(file.get(), &status) != 0) return Failed("open", path, errno);
  if (!S_ISREG(status.st_mode)) {
    return Error(Code::kPermissionDenied, fmt::format("open {}: not a regular file", path));
  }
  return file;
}

Result<std::string> Directory::Read(const std::string& name) const {
  const Result<FileDescriptor> file = OpenRegular(name);
  if (!file) return std::unexpected(file.error());
  std::string text;
  char chunk[16 * 1024];
  for (;;) {
    const ssize_t count = ::read(file->get(), chunk, sizeof chunk);
    if (count > 0) {
      text.append(chunk, static_cast<std::size_t>(count));
    } else if (count == 0) {
      return text;
    } else if (errno != EINTR) {
      return Failed("read", path_ + "/" + name, errno);
    }
  }
}

Result<void> Directory::Write(const std::string& name, const std::string& text,
                              const Ownership& owner, unsigned mode) const {
  // Compared only where it can be equal: somebody else's file may be of any length.
  struct stat status{};
  if (::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      std::cmp_equal(status.st_size, text.size()) && (status.st_mode & 0777U) == mode) {
    if (const Result<std::string> old = Read(name); old && *old == text) return {};
  }
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
    return Failed("find a name for", path_ + "/" + name, errno);
  }
  const std::string temporary = fmt::format("{}.{:016x}.tmp", name, random);
  FileDescriptor file(::openat(fd_.get(), temporary.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.open()) return Failed("make", path_ + "/" + temporary, errno);
  const int error = WriteAll(file.get(), text);
  Result<void> written = SetOwner(file, path_ + "/" + temporary, owner, mode);
  if (error != 0) written = Failed("write", path_ + "/" + name, error);
  if (written && ::renameat(fd_.get(), temporary.c_str(), fd_.get(), name.c_str()) != 0) {
    written = Failed("write", path_ + "/" + name, errno);
  }
  if (!written) ::unlinkat(fd_.get(), temporary.c_str(), 0);
  return written;
}

Result<void> Directory::Remove(const std::string& name) const {
  if (::unlinkat(fd_.get(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return Failed("remove", path_ + "/" + name, errno);
}

Result<FileDescriptor> Directory::FindSocket(const std::string& name) const {
  const std::string path = path_ + "/" + name;
  FileDescriptor file(::openat(fd_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!file.open() || ::fstat(file.get(), &status) != 0) return Failed("connect to", path, errno);
  if (!S_ISSOCK(status.st_mode)) {
    return Error(Code::kPermissionDenied, fmt::format("connect to {}: not a socket", path));
  }
  return file;
}

Result<std::vector<Directory::Entry>> Directory::List() const {
  // One of its own: a copy would go on where the last listing ended.
  FileDescriptor file(::openat(fd_.get(), ".", kOpenDirectory));
  DIR* const stream = file.open() ? ::fdopendir(file.get()) : nullptr;
  if (stream == nullptr) return Failed("list", path_, errno);
  file.Release();
  std::vector<Entry> entries;
  errno = 0;
  while (const dirent* const entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    struct stat status{};
    if (name == "." || name == ".." ||
        ::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      errno = 0;
      continue;
    }
    entries.push_back({name, S_ISDIR(status.st_mode)});
  }
  const int error = errno;
  ::closedir(stream);
  if (error != 0) return Failed("list", path_, error);
  return entries;
}

}  // namespace ballast::haproxy
