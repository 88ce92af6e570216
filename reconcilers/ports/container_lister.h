// Port: the containers of the engine as the informer last saw them (controller/runtime). Reading
// costs no call to Docker. Any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "reconcilers/ports/engine.h"

namespace ballast::reconcilers {

using ContainerPtr = std::shared_ptr<const ContainerInfo>;

// A container with what only events tell.
struct ObservedContainer {
  ContainerPtr info;
  bool stopping = false;  // somebody sent it a signal that ends it ("kill" event), not dead yet
};

class ContainerLister {
 public:
  virtual ~ContainerLister() = default;
  // False until the first complete list: nothing may be concluded from an absence before.
  [[nodiscard]] virtual bool Synced() const = 0;
  // Those labelled for this web app (any owner, sidecars too), sorted by name.
  [[nodiscard]] virtual std::vector<ObservedContainer> ForWebApp(const std::string& ns,
                                                                 const std::string& name) const = 0;
  // Those of one load balancer, sorted by name.
  [[nodiscard]] virtual std::vector<ObservedContainer> ForLoadBalancer(
      const std::string& name) const = 0;
  // Keys (kind WebApp) of every web app that some container names, sorted.
  [[nodiscard]] virtual std::vector<api::ObjectKey> WebApps() const = 0;
  // Reads one container from the engine now and stores what it says (or that it is gone).
  virtual Result<void> Refresh(const std::string& id) = 0;
};

}  // namespace ballast::reconcilers
