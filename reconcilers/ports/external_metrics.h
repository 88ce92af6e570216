// Port: asks monitoring systems for the value of a query. Implemented by controller/external
// over cpprestsdk. Any thread; never blocks: answers what was last heard, and asks again in the
// background for as long as somebody is interested.
#pragma once

#include <string>

#include "api/autoscaler.h"
#include "reconcilers/autoscaler/decide.h"

namespace ballast::reconcilers {

class ExternalMetrics {
 public:
  virtual ~ExternalMetrics() = default;
  // The newest answer not older than 30 s; several samples are summed. The first call answers "not
  // asked yet". Negative, NaN, infinite or no samples: no value, and the problem in words.
  [[nodiscard]] virtual ExternalReading Read(const api::PrometheusQuery& query) = 0;
};

}  // namespace ballast::reconcilers
