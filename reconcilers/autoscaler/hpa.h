// Kubernetes' HorizontalPodAutoscaler v2: what it does between two tables of conditions. Its
// stabilisation, its policies and its limits, bit for bit (pkg/controller/podautoscaler/
// horizontal.go); how many replicas a metric wants is in hpa_replicas.h, a whole decision in
// hpa_reconcile.h. Pure; any thread.
//
// Ages are seconds before the decision. Upstream's clock moves on while it decides, so what is
// exactly as old as a window has left it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "api/autoscaler.h"
#include "reconcilers/autoscaler/decide.h"

namespace ballast::reconcilers::hpa {

inline constexpr int kSyncSeconds = 15;
inline constexpr double kTolerance = 0.1;
inline constexpr int kDownscaleStabilizationSeconds = 300;

// How far the ratio of a metric to its target may be from 1.
struct Tolerance {
  double down = kTolerance;
  double up = kTolerance;

  [[nodiscard]] bool Contains(double ratio) const {
    return 1.0 - down <= ratio && ratio <= 1.0 + up;
  }
};

// One direction of `behavior` with its defaults filled in. The policies belong to somebody else.
struct Rules {
  int window_seconds = 0;
  api::SelectPolicy select = api::SelectPolicy::kMax;
  std::span<const api::ScalingPolicy> policies;
};

// Null or a field left out: upstream's default. `down_window`: --horizontal-pod-autoscaler-
// downscale-stabilization.
[[nodiscard]] Rules UpRules(const api::ScalingRules* given);
[[nodiscard]] Rules DownRules(const api::ScalingRules* given,
                              int down_window = kDownscaleStabilizationSeconds);
[[nodiscard]] Tolerance ToleranceOf(const std::optional<api::ScalingBehavior>& behavior,
                                    double otherwise = kTolerance);

using Recommendations = std::deque<ScalingHistory::Recommendation>;
using ScaleEvents = std::deque<ScalingHistory::ScaleEvent>;

struct Limited {
  int replicas = 0;
  std::string_view reason;  // "DesiredWithinRange", "ScaleUpLimit", "TooManyReplicas", ...
};

// Without behavior. In production the factor is 2 and the minimum 4.
struct ScaleUpLimit {
  double factor = 2;
  double minimum = 4;
};

// The most of the recommendations within the window; the log takes in `desired`, in the place of
// the last one that is too old, if there is one.
[[nodiscard]] int Stabilize(Recommendations& log, std::int64_t now, int desired,
                            int down_window = kDownscaleStabilizationSeconds);
[[nodiscard]] Limited ConvertWithRules(int current, int desired, int min, int max,
                                       const ScaleUpLimit& limit = {});

// With behavior.
[[nodiscard]] Limited StabilizeWithBehavior(Recommendations& log, std::int64_t now, int current,
                                            int desired, int up_window, int down_window);
[[nodiscard]] Limited ConvertWithBehavior(int current, int desired, int min, int max,
                                          const ScaleEvents& ups, const ScaleEvents& downs,
                                          std::int64_t now, const Rules& up, const Rules& down);
// The raw limits that the policies allow; may be beyond `current` in the other direction.
[[nodiscard]] int UpLimit(int current, const ScaleEvents& ups, const ScaleEvents& downs,
                          std::int64_t now, const Rules& rules);
[[nodiscard]] int DownLimit(int current, const ScaleEvents& ups, const ScaleEvents& downs,
                            std::int64_t now, const Rules& rules);

// By how many replicas the events of the last `period` seconds changed it.
[[nodiscard]] int ChangeWithin(const ScaleEvents& events, std::int64_t now, int period);
[[nodiscard]] int LongestPeriod(const Rules& rules);
// Takes the place of the last event older than all of the rules' periods, if there is one.
void StoreEvent(ScaleEvents& events, std::int64_t now, int change, int longest_period);

}  // namespace ballast::reconcilers::hpa
