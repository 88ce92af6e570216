// Knative's pod autoscaler: one step of it (pkg/autoscaler/scaling/autoscaler.go) on the load of a
// stable and a panic window. Pure; any thread. Times are seconds of any clock.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace ballast::reconcilers::kpa {

inline constexpr int kTickSeconds = 2;
inline constexpr int kStableSeconds = 60;
inline constexpr int kPanicSeconds = 6;
inline constexpr int kScaleToZeroGraceSeconds = 30;

struct Spec {
  double target = 0;  // of each replica; above 0
  double total = 0;   // what a replica can take at most
  double target_burst_capacity = 211;
  double panic_threshold = 2;
  double max_scale_up_rate = 1000;
  double max_scale_down_rate = 2;
  double stable_window = kStableSeconds;
  double scale_down_delay = 0;
  int activation_scale = 1;
  int scale_buffer = 0;
  bool reachable = true;
};

struct State {
  std::optional<double> panic_since;
  int max_panic = 0;
  // Most of each tick's wishes within scale_down_delay: (tick, wish), falling.
  std::deque<std::pair<std::int64_t, int>> delayed;
};

struct Step {
  bool valid = false;
  int desired = 0;
  int excess_burst = 0;  // below 0: requests should go through a buffering proxy
};

// With more than one replica there, it starts in panic: nobody knows what was before.
[[nodiscard]] State Start(int ready, double now);
// Both values are sums over all replicas; nothing: no data, no decision.
[[nodiscard]] Step Scale(const Spec& spec, State& state, double now, int ready,
                         std::optional<double> stable, std::optional<double> panic);

}  // namespace ballast::reconcilers::kpa
