// What the manifests name, for the one who applies it (ManifestApplier); implemented by
// ManifestSource. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/meta.h"
#include "api/status.h"
#include "reconcilers/ports/desired_state.h"

namespace ballast::manifests {

struct NamedObject {
  // kPresent: in force. kAbsent: it may be concluded that no manifest wants it. kUnknown: neither.
  reconcilers::Presence presence = reconcilers::Presence::kUnknown;
  // The document as it was written. Null while present: in force since before the start, and its
  // file was not read since (it is broken, or the directory is not there): leave it as it is.
  std::shared_ptr<const nlohmann::json> written;
  std::string file;  // that it comes from
  int line = 0;
};

class NamedObjects {
 public:
  virtual ~NamedObjects() = default;

  [[nodiscard]] virtual NamedObject Find(const api::ObjectKey& key) const = 0;

  // Called once, when the first pass is over and all that follows from it was enqueued. Before the
  // first pass.
  virtual void OnLookedOnce(std::function<void()> callback) = 0;

  // What became of a key that was enqueued; what failed is tried again.
  virtual void Applied(const api::ObjectKey& key, const Result<void>& outcome) = 0;
  virtual void Removed(const api::ObjectKey& key, const Result<void>& outcome) = 0;
};

}  // namespace ballast::manifests
