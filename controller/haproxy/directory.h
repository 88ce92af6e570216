// A directory that HAProxy's user may write as well, where a file may turn into a link, a pipe or
// a directory at any moment, and the controller is root. So everything is done relative to the
// opened directory, by names without '/', and never follows a link; only regular files are read,
// and files are written under a name that nobody knows before. What is above the directory belongs
// to root. One thread at a time; no thread of its own.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/status.h"

namespace ballast::haproxy {

struct Ownership {
  unsigned user = 0;
  unsigned group = 0;
  bool change = false;
};

// Closes it at the end.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool open() const { return fd_ >= 0; }
  int Release();  // somebody else closes it

 private:
  int fd_ = -1;
};

class Directory {
 public:
  static Result<Directory> Open(const std::string& path);
  // Makes it, and those above it, where it is missing; it gets the owner and the mode.
  static Result<Directory> Make(const std::string& path, const Ownership& owner, unsigned mode);

  [[nodiscard]] Result<Directory> Enter(const std::string& name) const;
  [[nodiscard]] Result<Directory> MakeBelow(const std::string& name, const Ownership& owner,
                                            unsigned mode) const;
  [[nodiscard]] Result<std::string> Read(const std::string& name) const;
  // Temporary file and rename; a file that says the same already is left alone.
  [[nodiscard]] Result<void> Write(const std::string& name, const std::string& text,
                                   const Ownership& owner, unsigned mode = 0644) const;
  [[nodiscard]] Result<void> Remove(const std::string& name) const;  // gone already: success
  // A socket to connect to, by a path that names this very one: what takes its name in the
  // directory meanwhile is not meant. Valid as long as what is returned.
  [[nodiscard]] Result<FileDescriptor> FindSocket(const std::string& name) const;

  struct Entry {
    std::string name;
    bool directory = false;  // a link to one is none
  };
  [[nodiscard]] Result<std::vector<Entry>> List() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Directory(FileDescriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  [[nodiscard]] Result<FileDescriptor> OpenRegular(const std::string& name) const;

  FileDescriptor fd_;
  std::string path_;  // for messages
};

// "/proc/self/fd/7"
[[nodiscard]] std::string PathOf(const FileDescriptor& file);

}  // namespace ballast::haproxy
