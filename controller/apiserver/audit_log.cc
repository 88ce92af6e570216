#include "controller/apiserver/audit_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "controller/apiserver/endpoints.h"
#include "controller/apiserver/object.h"
#include "controller/runtime/log.h"

namespace ballast::apiserver {

Result<void> AuditLog::Open() {
  const std::lock_guard lock(mutex_);
  file_ = FileDescriptor(
      ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info{};
  if (file_.get() < 0 || ::fstat(file_.get(), &info) != 0) {
    return Error(Code::kFailedPrecondition,
                 "open the audit log " + path_ + ": " + std::strerror(errno));
  }
  size_ = static_cast<std::size_t>(info.st_size);
  return {};
}

void AuditLog::Write(const AuditRecord& record) {
  nlohmann::ordered_json line = {{"time", FormatTime(clock_.WallNow())},
                                 {"user", record.user},
                                 {"from", record.address},
                                 {"verb", record.verb},
                                 {"resource", record.resource}};
  if (!record.ns.empty()) line["namespace"] = record.ns;
  if (!record.name.empty()) line["name"] = record.name;
  if (record.dry_run) line["dryRun"] = true;
  line["code"] = record.code;
  if (!record.reason.empty()) line["reason"] = record.reason;
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  const std::lock_guard lock(mutex_);
  if (size_ > 0 && size_ + text.size() > full_) Rotate();
  const ssize_t written = ::write(file_.get(), text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size())) {
    size_ += text.size();
    complained_ = false;
    return;
  }
  if (written > 0) size_ += static_cast<std::size_t>(written);
  if (complained_) return;
  complained_ = true;
  runtime::Log(
      runtime::LogLevel::kError, "Audit log cannot be written",
      {{"path", path_}, {"error", written < 0 ? std::strerror(errno) : "no space left on device"}});
}

void AuditLog::Rotate() {
  if (std::rename(path_.c_str(), (path_ + ".1").c_str()) != 0) return;  // goes on in the full one
  FileDescriptor fresh(
      ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fresh.get() < 0) return;  // the old one is still open
  file_ = std::move(fresh);
  size_ = 0;
}

}  // namespace ballast::apiserver
