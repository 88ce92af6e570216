#include "controller/haproxy/config_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "reconcilers/haproxy/paths.h"

namespace ballast::haproxy {
namespace {

namespace fs = std::filesystem;

std::unexpected<Status> Failed(const std::string& what, const std::string& path, int error) {
  const Code code = error == ENOENT                      ? Code::kNotFound
                    : error == EACCES || error == EPERM  ? Code::kPermissionDenied
                    : error == ENOSPC || error == EDQUOT ? Code::kFailedPrecondition
                                                         : Code::kUnavailable;
  return Error(code, fmt::format("{} {}: {}", what, path, std::generic_category().message(error)));
}

bool SafeName(const std::string& name) {
  return !name.empty() && name.front() != '/' && name.find("..") == std::string::npos &&
         name.front() != '.';
}

}  // namespace

Result<void> MakeDirectory(const std::string& path, const Ownership& owner, unsigned mode) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return Failed("make directory", path, error.value());
  if (owner.change && ::chown(path.c_str(), owner.user, owner.group) != 0) {
    return Failed("change the owner of", path, errno);
  }
  if (::chmod(path.c_str(), mode) != 0) return Failed("change the mode of", path, errno);
  return {};
}

Result<void> RemoveTree(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return Failed("remove", path, error.value());
  return {};
}

Result<std::string> ReadText(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed("open", path, errno);
  std::string text;
  char chunk[16 * 1024];
  for (;;) {
    const ssize_t count = ::read(fd, chunk, sizeof chunk);
    if (count > 0) {
      text.append(chunk, static_cast<std::size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      const int error = errno;
      ::close(fd);
      if (count < 0) return Failed("read", path, error);
      return text;
    }
  }
}

Result<void> WriteText(const std::string& path, const std::string& text, const Ownership& owner) {
  if (const Result<std::string> old = ReadText(path); old && *old == text) return {};
  const std::string temporary = path + ".tmp";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Failed("open", temporary, errno);
  std::size_t written = 0;
  int error = 0;
  while (written < text.size() && error == 0) {
    const ssize_t count = ::write(fd, text.data() + written, text.size() - written);
    if (count >= 0) {
      written += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (error == 0 && owner.change && ::fchown(fd, owner.user, owner.group) != 0) error = errno;
  if (::close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlink(temporary.c_str());
  return Failed("write", path, error);
}

Result<void> ConfigDirectory::Publish(const reconcilers::ConfigFiles& files) const {
  const auto write = [&](const std::string& name, const std::string& text) -> Result<void> {
    if (!SafeName(name)) return Error(Code::kInvalidArgument, "file name " + name);
    const std::string path = path_ + "/" + name;
    if (name.find('/') != std::string::npos) {
      const std::string directory = fs::path(path).parent_path().string();
      if (::access(directory.c_str(), F_OK) != 0) {
        if (Result<void> made = MakeDirectory(directory, owner_, 0755); !made) return made;
      }
    }
    return WriteText(path, text, owner_);
  };
  for (const auto& [name, text] : files) {
    if (name == reconcilers::haproxy::kConfigFile) continue;
    if (Result<void> written = write(name, text); !written) return written;
  }
  const auto config = files.find(reconcilers::haproxy::kConfigFile);
  if (config != files.end()) {
    if (Result<void> written = write(config->first, config->second); !written) return written;
  }
  return RemoveOthers(files);
}

Result<void> ConfigDirectory::RemoveOthers(const reconcilers::ConfigFiles& files) const {
  std::error_code error;
  std::vector<std::string> others;
  for (auto it = fs::recursive_directory_iterator(path_, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string name = fs::path(it->path()).lexically_relative(path_).string();
    if (name.starts_with('.')) {
      it.disable_recursion_pending();
    } else if (!it->is_directory(error) && !files.contains(name)) {
      others.push_back(name);
    }
  }
  if (error) return Failed("list", path_, error.value());
  for (const std::string& name : others) {
    const std::string path = path_ + "/" + name;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Failed("remove", path, errno);
  }
  return {};
}

Result<std::string> ConfigDirectory::Read(const std::string& name) const {
  if (!SafeName(name)) return Error(Code::kInvalidArgument, "file name " + name);
  return ReadText(path_ + "/" + name);
}

}  // namespace ballast::haproxy
