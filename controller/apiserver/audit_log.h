// The audit log: one line of JSON for each write that was asked for over the API, allowed or not.
// A file only its owner reads, moved to FILE.1 when it is full. Owned by controller/cmd; any
// thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>

#include "api/status.h"
#include "controller/apiserver/file_descriptor.h"
#include "controller/apiserver/rest_handler.h"
#include "reconcilers/ports/clock.h"

namespace ballast::apiserver {

class AuditLog {
 public:
  static constexpr std::size_t kFull = 16 << 20;

  AuditLog(std::string path, const reconcilers::Clock& clock, std::size_t full = kFull)
      : path_(std::move(path)), clock_(clock), full_(full) {}

  // Makes or opens the file (0600).
  Result<void> Open();
  // A line that cannot be written (full disk) is told in the controller's log: the API works on.
  void Write(const AuditRecord& record);

 private:
  void Rotate();  // with mutex_ held

  const std::string path_;
  const reconcilers::Clock& clock_;
  const std::size_t full_;
  std::mutex mutex_;
  FileDescriptor file_;      // guarded by mutex_
  std::size_t size_ = 0;     // guarded by mutex_
  bool complained_ = false;  // guarded by mutex_
};

}  // namespace ballast::apiserver
