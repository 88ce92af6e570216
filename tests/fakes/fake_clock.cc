#include "tests/fakes/fake_clock.h"

#include <utility>

namespace ballast::fakes {

FakeClock::FakeClock()
    : steady_(std::chrono::hours(1)),
      wall_(std::chrono::sys_days(std::chrono::year(2026) / std::chrono::January / 1)) {}

reconcilers::Clock::Steady FakeClock::Now() const {
  const std::lock_guard lock(mutex_);
  return steady_;
}

api::Time FakeClock::WallNow() const {
  const std::lock_guard lock(mutex_);
  return wall_;
}

void FakeClock::Advance(std::chrono::nanoseconds by) {
  std::vector<std::function<void()>> listeners;
  {
    const std::lock_guard lock(mutex_);
    steady_ += by;
    wall_ += std::chrono::duration_cast<api::Time::duration>(by);
    listeners = listeners_;
  }
  for (const auto& listener : listeners) listener();
}

void FakeClock::StepWall(std::chrono::nanoseconds by) {
  const std::lock_guard lock(mutex_);
  wall_ += std::chrono::duration_cast<api::Time::duration>(by);
}

void FakeClock::OnAdvance(std::function<void()> listener) {
  const std::lock_guard lock(mutex_);
  listeners_.push_back(std::move(listener));
}

}  // namespace ballast::fakes
