// Port: what every load balancer counts, for the load monitor. Implemented by
// reconcilers/loadbalancer (TrafficManager).
#pragma once

#include <map>
#include <string>

#include "api/status.h"
#include "reconcilers/autoscaler/load_counters.h"

namespace ballast::reconcilers {

class LoadSource {
 public:
  virtual ~LoadSource() = default;
  // By load balancer; an error: it did not answer. Blocks for as long as HAProxy takes, and holds
  // up nothing else meanwhile: neither commands nor a reload. One thread at a time.
  virtual std::map<std::string, Result<LoadReading>> ReadLoad() = 0;
};

}  // namespace ballast::reconcilers
