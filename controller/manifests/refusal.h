// Which errors of a sink mean that the object is refused, rather than that something may pass by
// itself, and how that is said. Pure.
#pragma once

#include <string>

#include "api/meta.h"
#include "api/status.h"

namespace ballast::manifests {

[[nodiscard]] inline bool IsRefusal(const Status& status) {
  return status.code == Code::kInvalidArgument || status.code == Code::kNotFound ||
         status.code == Code::kAlreadyExists || status.code == Code::kPermissionDenied;
}

// Nobody can write anything: the disk is full, or the store is closed.
[[nodiscard]] inline bool ConcernsAll(const Status& status) {
  return status.code == Code::kFailedPrecondition || status.code == Code::kUnavailable;
}

[[nodiscard]] inline std::string RefusalText(const api::ObjectKey& key, const Status& status) {
  return key.ToString() + " is refused: " + status.message;
}

}  // namespace ballast::manifests
