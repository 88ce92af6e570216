// The reconciler of Namespaces: one that is deleted goes with everything in it, as soon as that is
// gone. Called by the manager's workers.
#pragma once

#include "controller/apiserver/registry.h"
#include "reconcilers/ports/reconciler.h"

namespace ballast::apiserver {

class NamespaceReaper final : public reconcilers::Reconciler {
 public:
  explicit NamespaceReaper(Registry& registry) : registry_(registry) {}
  Result<reconcilers::Outcome> Reconcile(const api::ObjectKey& key) override;

 private:
  // Asks for the end of all objects of a resource; how many there still are.
  Result<std::size_t> Empty(const Resource& resource, const std::string& ns);

  Registry& registry_;
};

}  // namespace ballast::apiserver
