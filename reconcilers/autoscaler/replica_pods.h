// Replicas as the pods of HPA's arithmetic. Pure; any thread.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "reconcilers/autoscaler/decide.h"
#include "reconcilers/autoscaler/hpa_replicas.h"

namespace ballast::reconcilers {

// In thousandths, of a number that is not below 0.
[[nodiscard]] inline std::int64_t ToMilli(double value) {
  return value * 1000 < 9e18 ? std::llround(value * 1000)
                             : std::numeric_limits<std::int64_t>::max();
}

// With their use of the resource, and the container's limit in the place of a pod's request.
[[nodiscard]] std::vector<hpa::Pod> PodsOf(const DecideInput& input, api::ResourceName resource);

}  // namespace ballast::reconcilers
