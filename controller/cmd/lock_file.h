// Keeps a second controller out of a state directory: a lock that the kernel drops with the
// process, however it ends. One thread.
#pragma once

#include <string>

#include "api/status.h"

namespace ballast::cmd {

class LockFile {
 public:
  LockFile() = default;
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  // AlreadyExists, with the other's process id, when somebody else holds it.
  Result<void> Acquire(const std::string& path);

 private:
  int fd_ = -1;
};

// Makes sure that a directory exists and that files can be made in it; says what to do if not.
[[nodiscard]] Result<void> PrepareDirectory(const std::string& flag, const std::string& path);

}  // namespace ballast::cmd
