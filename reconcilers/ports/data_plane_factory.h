// Port: the HAProxy instances of this node: opens their data planes, and owns what they need on
// disk before they run. Implemented by controller/haproxy. Any thread; never throws.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "reconcilers/ports/data_plane.h"
#include "reconcilers/ports/engine.h"

namespace ballast::reconcilers {

// One HAProxy container of a load balancer. Numbers only grow: an upgrade is the next number.
struct InstanceRef {
  std::string load_balancer;
  int number = 0;
  std::string container_id;  // "" while it has none: files can be read and published all the same
  bool operator==(const InstanceRef&) const = default;
};

class DataPlaneFactory {
 public:
  virtual ~DataPlaneFactory() = default;

  // Connects lazily, and again after each loss.
  [[nodiscard]] virtual std::shared_ptr<DataPlane> Open(const InstanceRef& instance) = 0;

  // What the instance's container mounts, to be put into its spec.
  [[nodiscard]] virtual std::vector<MountSpec> Mounts(const std::string& load_balancer,
                                                      int number) const = 0;
  // Makes the instance's directories, owned by HAProxy's user, and writes the files it starts with
  // (none: leaves those that are there). Blocks on the disk. FailedPrecondition when a path is too
  // long for a socket.
  virtual Result<void> Prepare(const std::string& load_balancer, int number,
                               const ConfigFiles& files) = 0;
  // Numbers with directories, ascending.
  virtual Result<std::vector<int>> Numbers(const std::string& load_balancer) const = 0;
  // Removes the directories of one instance. Gone already: success.
  virtual Result<void> Remove(const std::string& load_balancer, int number) = 0;
};

}  // namespace ballast::reconcilers
