// Port: time. Tests own a fake one (tests/fakes/fake_clock.h) and advance it by hand.
#pragma once

#include <chrono>

#include "api/meta.h"

namespace ballast::reconcilers {

class Clock {
 public:
  virtual ~Clock() = default;
  using Steady = std::chrono::steady_clock::time_point;

  [[nodiscard]] virtual Steady Now() const = 0;         // for durations and deadlines
  [[nodiscard]] virtual api::Time WallNow() const = 0;  // for what is shown or kept in labels
};

}  // namespace ballast::reconcilers
