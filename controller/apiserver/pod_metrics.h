// What the replicas' pods use, as `kubectl top pod` asks for it (metrics.k8s.io/v1beta1). Owned by
// controller/cmd; called on the HTTP server's worker threads, which do not wait for the measuring:
// the answer comes from the monitor's thread.
#pragma once

#include <chrono>

#include "controller/apiserver/http_types.h"
#include "controller/apiserver/registry.h"
#include "controller/apiserver/request_info.h"
#include "controller/runtime/resource_monitor.h"
#include "reconcilers/ports/clock.h"

namespace ballast::apiserver {

class PodMetrics {
 public:
  // For the first figures. Docker up to version 24 takes a second for each of two looks.
  static constexpr std::chrono::milliseconds kPatience{3'000};

  PodMetrics(Registry& registry, runtime::ResourceMonitor& monitor, const reconcilers::Clock& clock)
      : registry_(registry), monitor_(monitor), clock_(clock) {}

  // Get and list only; the request was found to be allowed.
  void Handle(const RequestInfo& info, const HttpRequest& request, const Respond& respond) const;

 private:
  Registry& registry_;
  runtime::ResourceMonitor& monitor_;
  const reconcilers::Clock& clock_;
};

}  // namespace ballast::apiserver
