// The Clock port over the machine's clocks; the one place outside asio that asks them. Any thread.
#pragma once

#include "reconcilers/ports/clock.h"

namespace ballast::runtime {

class SystemClock final : public reconcilers::Clock {
 public:
  [[nodiscard]] Steady Now() const override;
  [[nodiscard]] api::Time WallNow() const override;
};

}  // namespace ballast::runtime
