// What the store does with files besides SQLite's own: private ones, locks, renames that last.
// Functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::store {

// An error of the operating system with what was tried, as a Status: FailedPrecondition for a full
// or read-only disk, PermissionDenied, NotFound, otherwise Unavailable.
[[nodiscard]] std::unexpected<Status> SystemError(const std::string& what, const std::string& path,
                                                  int error);

[[nodiscard]] std::string DirectoryOf(const std::string& path);  // "." for a bare name

// Makes a directory and those above it that are missing, for their owner only (0700).
Result<void> MakePrivateDirectory(const std::string& path);
// A new file, for its owner only (0600), on the disk when this returns. AlreadyExists.
Result<void> WriteNewPrivateFile(const std::string& path, std::string_view content);
// The beginning of a regular file, not more than `max` bytes. NotFound. kPrivate:
// FailedPrecondition when its mode lets others read it.
enum class Readers { kAny, kPrivate };
Result<std::string> ReadBeginning(const std::string& path, std::size_t max, Readers readers);
// rename(2), on the disk when this returns.
Result<void> RenameDurably(const std::string& from, const std::string& to);
Result<void> SyncFile(const std::string& path);
Result<void> RemoveFile(const std::string& path);  // not there: success

// A lock that the kernel drops with the process, however it ends.
class FileLock {
 public:
  FileLock() = default;
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // Conflict when somebody else holds it; `holder` is then his process id, if he left it.
  Result<void> Acquire(const std::string& path, std::string& holder);

 private:
  int fd_ = -1;
};

}  // namespace ballast::store
