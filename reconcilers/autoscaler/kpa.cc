#include "reconcilers/autoscaler/kpa.h"

#include <algorithm>
#include <cmath>

#include "reconcilers/autoscaler/numbers.h"

namespace ballast::reconcilers::kpa {
namespace {

// Upstream's max.TimeWindow: the largest wish of the ticks in the delay; two in one tick count as
// the larger.
int Delayed(const Spec& spec, State& state, double now, int desired) {
  const auto tick = static_cast<std::int64_t>(std::floor(now / kTickSeconds));
  const auto ticks = static_cast<std::int64_t>(std::ceil(spec.scale_down_delay / kTickSeconds));
  auto& window = state.delayed;
  while (!window.empty() && desired >= window.back().second) window.pop_back();
  while (!window.empty() && tick - window.front().first >= ticks) window.pop_front();
  if (!window.empty() && window.back().first == tick) return window.front().second;
  window.emplace_back(tick, desired);
  return window.front().second;
}

int Excess(const Spec& spec, int ready, double panic) {
  if (spec.target_burst_capacity == 0) return 0;
  if (spec.target_burst_capacity < 0) return -1;
  return ToInt(std::floor(ready * spec.total - spec.target_burst_capacity - panic));
}

}  // namespace

State Start(int ready, double now) {
  State state;
  if (ready > 1) state.panic_since = now;
  state.max_panic = ready;
  return state;
}

Step Scale(const Spec& spec, State& state, double now, int ready, std::optional<double> stable,
           std::optional<double> panic) {
  if (!stable || !panic || !(spec.target > 0)) return {};
  const double count = std::max(1, ready);
  // Rounded so that a small rate still allows one more.
  const double most = std::ceil(spec.max_scale_up_rate * count);
  const double least = spec.reachable ? std::floor(count / spec.max_scale_down_rate) : 0;
  const double stable_wish = std::ceil(*stable / spec.target);
  const double panic_wish = std::ceil(*panic / spec.target);
  const auto within = [&](double wish) {
    wish += spec.scale_buffer;
    const int limited = ToInt(std::min(std::max(wish, least), most));
    return wish > 0 && spec.activation_scale > 1 ? std::max(limited, spec.activation_scale)
                                                 : limited;
  };
  int desired = within(stable_wish);

  if ((panic_wish + spec.scale_buffer) / count >= spec.panic_threshold) {
    state.panic_since = now;
  } else if (state.panic_since && *state.panic_since + spec.stable_window < now) {
    state.panic_since.reset();
    state.max_panic = 0;
  }
  if (state.panic_since) {
    state.max_panic = std::max({state.max_panic, desired, within(panic_wish)});
    desired = state.max_panic;
  }
  if (spec.scale_down_delay > 0 && spec.reachable) desired = Delayed(spec, state, now, desired);
  return {.valid = true, .desired = desired, .excess_burst = Excess(spec, ready, *panic)};
}

}  // namespace ballast::reconcilers::kpa
