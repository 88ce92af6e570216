// Port: what the load balancers and the engine measured of a web app, for those who decide how many
// replicas it has. Implemented by controller/runtime's load monitor; simulations make it up. Any
// thread; never blocks on the network.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/meta.h"
#include "reconcilers/autoscaler/load.h"

namespace ballast::reconcilers {

// CPU and memory of one container now.
struct ResourceSample {
  double cpu = 0;     // CPUs, mean since the sample before
  double memory = 0;  // bytes, without the page cache
  api::Time at{};
};

class LoadReader {
 public:
  virtual ~LoadReader() = default;

  // The last 15 minutes. Null: nothing was ever counted.
  [[nodiscard]] virtual std::optional<LoadSeries> Load(const api::ObjectKey& app) const = 0;
  // Requests that wait in HAProxy because the web app has no replica.
  [[nodiscard]] virtual int Held(const api::ObjectKey& app) const = 0;
  // By replica (server name), the newest; only of web apps that were asked for lately: whoever
  // calls this keeps the measuring going for 30 s, and gets nothing the first time. Without those
  // that take no traffic yet, where the web app has any that do.
  [[nodiscard]] virtual std::map<std::string, ResourceSample> Resources(
      const api::ObjectKey& app) = 0;
};

}  // namespace ballast::reconcilers
