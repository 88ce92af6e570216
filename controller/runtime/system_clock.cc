#include "controller/runtime/system_clock.h"

namespace ballast::runtime {

reconcilers::Clock::Steady SystemClock::Now() const { return std::chrono::steady_clock::now(); }
api::Time SystemClock::WallNow() const { return std::chrono::system_clock::now(); }

}  // namespace ballast::runtime
