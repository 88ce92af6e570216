// A clock that stands still until a test moves it. Starts at 2026-01-01T00:00:00Z and a steady time
// of one hour. Any thread.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <vector>

#include "reconcilers/ports/clock.h"

namespace ballast::fakes {

class FakeClock final : public reconcilers::Clock {
 public:
  FakeClock();

  [[nodiscard]] Steady Now() const override;
  [[nodiscard]] api::Time WallNow() const override;

  // Moves both clocks, then calls the listeners.
  void Advance(std::chrono::nanoseconds by);
  // Moves the wall clock alone, as NTP does; also backwards.
  void StepWall(std::chrono::nanoseconds by);
  // For those who wait for deadlines: clock.OnAdvance([&] { queue.Wake(); }).
  void OnAdvance(std::function<void()> listener);

 private:
  mutable std::mutex mutex_;
  Steady steady_;
  api::Time wall_;
  std::vector<std::function<void()>> listeners_;
};

}  // namespace ballast::fakes
