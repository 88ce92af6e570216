#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "reconcilers/autoscaler/hpa.h"
#include "reconcilers/autoscaler/numbers.h"

namespace ballast::reconcilers::hpa {
namespace {

using api::ScalingPolicyType;
using api::SelectPolicy;

constexpr std::array<api::ScalingPolicy, 2> kUpPolicies = {
    {{.type = ScalingPolicyType::kPods, .value = 4, .period_seconds = 15},
     {.type = ScalingPolicyType::kPercent, .value = 100, .period_seconds = 15}}};
constexpr std::array<api::ScalingPolicy, 1> kDownPolicies = {
    {{.type = ScalingPolicyType::kPercent, .value = 100, .period_seconds = 15}}};

Rules Filled(const api::ScalingRules* given, int window,
             std::span<const api::ScalingPolicy> policies) {
  Rules rules = {.window_seconds = window, .select = SelectPolicy::kMax, .policies = policies};
  if (given == nullptr) return rules;
  rules.window_seconds = given->stabilization_window_seconds.value_or(window);
  rules.select = given->select_policy.value_or(SelectPolicy::kMax);
  if (given->policies) rules.policies = *given->policies;
  return rules;
}

double Ratio(const api::MetricQuantity& quantity) {
  return static_cast<double>(quantity.millis) / 1000;
}

// How many there were when the period began.
std::int64_t AtStart(int current, const ScaleEvents& ups, const ScaleEvents& downs,
                     std::int64_t now, int period) {
  return std::int64_t{current} - ChangeWithin(ups, now, period) + ChangeWithin(downs, now, period);
}

}  // namespace

Rules UpRules(const api::ScalingRules* given) { return Filled(given, 0, kUpPolicies); }

Rules DownRules(const api::ScalingRules* given, int down_window) {
  return Filled(given, down_window, kDownPolicies);
}

Tolerance ToleranceOf(const std::optional<api::ScalingBehavior>& behavior, double otherwise) {
  Tolerance tolerance = {.down = otherwise, .up = otherwise};
  if (!behavior) return tolerance;
  if (behavior->scale_up && behavior->scale_up->tolerance) {
    tolerance.up = Ratio(*behavior->scale_up->tolerance);
  }
  if (behavior->scale_down && behavior->scale_down->tolerance) {
    tolerance.down = Ratio(*behavior->scale_down->tolerance);
  }
  return tolerance;
}

int ChangeWithin(const ScaleEvents& events, std::int64_t now, int period) {
  std::int64_t change = 0;
  for (const ScalingHistory::ScaleEvent& event : events) {
    if (now - event.second < period) change += event.change;
  }
  return ToInt(change);
}

int LongestPeriod(const Rules& rules) {
  int longest = 0;
  for (const api::ScalingPolicy& policy : rules.policies) {
    longest = std::max(longest, policy.period_seconds);
  }
  return longest;
}

void StoreEvent(ScaleEvents& events, std::int64_t now, int change, int longest_period) {
  const auto outdated = [&](const ScalingHistory::ScaleEvent& event) {
    return now - event.second >= longest_period;
  };
  const auto last = std::find_if(events.rbegin(), events.rend(), outdated);
  if (last != events.rend()) {
    *last = {.second = now, .change = change};
  } else {
    events.push_back({.second = now, .change = change});
  }
}

int UpLimit(int current, const ScaleEvents& ups, const ScaleEvents& downs, std::int64_t now,
            const Rules& rules) {
  if (rules.select == SelectPolicy::kDisabled) return current;
  const bool smallest = rules.select == SelectPolicy::kMin;
  int result = smallest ? std::numeric_limits<int>::max() : std::numeric_limits<int>::min();
  for (const api::ScalingPolicy& policy : rules.policies) {
    const std::int64_t start = AtStart(current, ups, downs, now, policy.period_seconds);
    // Rounded up: a few percent of little would never add one.
    const int proposed =
        policy.type == ScalingPolicyType::kPods
            ? ToInt(start + policy.value)
            : ToInt(std::ceil(static_cast<double>(start) * (1 + policy.value / 100.0)));
    result = smallest ? std::min(result, proposed) : std::max(result, proposed);
  }
  return result;
}

int DownLimit(int current, const ScaleEvents& ups, const ScaleEvents& downs, std::int64_t now,
              const Rules& rules) {
  if (rules.select == SelectPolicy::kDisabled) return current;
  const bool smallest = rules.select == SelectPolicy::kMin;  // change, so the largest number
  int result = smallest ? std::numeric_limits<int>::min() : std::numeric_limits<int>::max();
  for (const api::ScalingPolicy& policy : rules.policies) {
    const std::int64_t start = AtStart(current, ups, downs, now, policy.period_seconds);
    const int proposed =
        policy.type == ScalingPolicyType::kPods
            ? ToInt(start - policy.value)
            : ToInt(std::trunc(static_cast<double>(start) * (1 - policy.value / 100.0)));
    result = smallest ? std::max(result, proposed) : std::min(result, proposed);
  }
  return result;
}

Limited ConvertWithRules(int current, int desired, int min, int max, const ScaleUpLimit& limit) {
  const int up_limit = ToInt(std::max(limit.factor * current, limit.minimum));
  if (desired < min) return {min, "TooFewReplicas"};
  if (desired > std::min(up_limit, max)) {
    if (max > up_limit) return {up_limit, "ScaleUpLimit"};
    return {max, "TooManyReplicas"};
  }
  return {desired, "DesiredWithinRange"};
}

Limited ConvertWithBehavior(int current, int desired, int min, int max, const ScaleEvents& ups,
                            const ScaleEvents& downs, std::int64_t now, const Rules& up,
                            const Rules& down) {
  if (desired > current) {
    const int limit = std::max(current, UpLimit(current, ups, downs, now, up));
    if (max > limit && desired > limit) return {limit, "ScaleUpLimit"};
    if (max <= limit && desired > max) return {max, "TooManyReplicas"};
  } else if (desired < current) {
    const int limit = std::min(current, DownLimit(current, ups, downs, now, down));
    if (min < limit && desired < limit) return {limit, "ScaleDownLimit"};
    if (min >= limit && desired < min) return {min, "TooFewReplicas"};
  }
  return {desired, "DesiredWithinRange"};
}

int Stabilize(Recommendations& log, std::int64_t now, int desired, int down_window) {
  int most = desired;
  ScalingHistory::Recommendation* outdated = nullptr;
  for (ScalingHistory::Recommendation& past : log) {
    if (now - past.second >= down_window) {
      outdated = &past;
    } else {
      most = std::max(most, past.replicas);
    }
  }
  const ScalingHistory::Recommendation newest = {.second = now, .replicas = desired};
  if (outdated != nullptr) {
    *outdated = newest;
  } else {
    log.push_back(newest);
  }
  return most;
}

Limited StabilizeWithBehavior(Recommendations& log, std::int64_t now, int current, int desired,
                              int up_window, int down_window) {
  int least = desired;
  int most = desired;
  ScalingHistory::Recommendation* outdated = nullptr;
  for (ScalingHistory::Recommendation& past : log) {
    const std::int64_t age = now - past.second;
    if (age < up_window) least = std::min(least, past.replicas);
    if (age < down_window) most = std::max(most, past.replicas);
    if (age >= up_window && age >= down_window) outdated = &past;
  }
  const ScalingHistory::Recommendation newest = {.second = now, .replicas = desired};
  if (outdated != nullptr) {
    *outdated = newest;
  } else {
    log.push_back(newest);
  }
  const int stabilized = std::min(std::max(current, least), most);
  return {stabilized, desired >= current ? "ScaleUpStabilized" : "ScaleDownStabilized"};
}

}  // namespace ballast::reconcilers::hpa
