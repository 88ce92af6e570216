// The port Scaler over the API's registry: the autoscaler scales as anybody else does, and is named
// as the field's owner. Any thread; each call waits for the store.
#pragma once

#include "controller/apiserver/registry.h"
#include "reconcilers/ports/scaler.h"

namespace ballast::cmd {

class RegistryScaler final : public reconcilers::Scaler {
 public:
  explicit RegistryScaler(apiserver::Registry& registry) : registry_(registry) {}

  Result<void> SetReplicas(const api::ObjectKey& webapp, int from, int to) override;

 private:
  apiserver::Registry& registry_;
};

}  // namespace ballast::cmd
