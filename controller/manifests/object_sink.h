// Port of the manifests: where what they name is stored, which is the same path as the API's own
// (validation, ownership of fields). Implemented by controller/cmd; it outlives those who use it.
// Any thread.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/codec.h"
#include "api/status.h"

namespace ballast::manifests {

// The field manager that manifests are applied as.
inline constexpr char kFieldManager[] = "ballast-manifests";

struct SinkResult {
  bool created = false;
  bool changed = false;               // something was written
  std::vector<std::string> put_back;  // "spec.replicas (changed by kubectl-edit)": drift undone
  // What this very apply left behind, for comparing: a change that leaves the object equal to it (a
  // status, say) is no reason to apply again. Null: not told, then each change is.
  std::shared_ptr<const api::Object> stored;
};

class ObjectSink {
 public:
  virtual ~ObjectSink() = default;

  // Server-side apply as kFieldManager; waits until it is stored. `file` goes into the annotation
  // ballast.dev/manifest. Nothing is written when nothing differs. InvalidArgument, NotFound,
  // AlreadyExists, PermissionDenied: refused, and will be until somebody changes something.
  // FailedPrecondition, Unavailable: nothing can be written at all (disk full, store closed). Any
  // other error concerns this object and may pass by itself.
  virtual Result<SinkResult> Apply(const api::ObjectKey& key, const nlohmann::json& config,
                                   const std::string& file) = 0;

  // Deletes it (its teardown goes on afterwards). Gone or never applied by manifests: success.
  virtual Result<void> Remove(const api::ObjectKey& key) = 0;

  // What is stored; null: nothing.
  virtual std::shared_ptr<const api::Object> Find(const api::ObjectKey& key) = 0;
};

}  // namespace ballast::manifests
