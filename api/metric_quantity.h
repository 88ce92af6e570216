// A quantity of a metric as Kubernetes writes it: "50", "200m", "1.5k", "512Mi". Exact to a
// thousandth, which is what the autoscaling arithmetic of Kubernetes' HPA uses. Pure; callable from
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::api {

struct MetricQuantity {
  std::int64_t millis = 0;  // never negative
  bool binary = false;      // written with Ki, Mi, ...: kept, so that it is shown so again
  bool operator==(const MetricQuantity&) const = default;
};

// Kubernetes' grammar without sign: suffixes n u m k M G T P, Ki Mi Gi Ti Pi, or an exponent. More
// precise than a thousandth, or more than 9 P: an error.
[[nodiscard]] Result<MetricQuantity> ParseMetricQuantity(std::string_view text);

// Kubernetes' canonical form: no fraction, the largest suffix that fits. 1500 m -> "1500m",
// 1000 -> "1k".
[[nodiscard]] std::string FormatMetricQuantity(const MetricQuantity& quantity);

}  // namespace ballast::api
