#include "reconcilers/autoscaler/status.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string_view>
#include <utility>

#include "api/reasons.h"

namespace ballast::reconcilers {
namespace {

using api::ConditionStatus;
namespace reason = api::reason;

api::Condition Make(std::string type, bool yes, std::string why, std::string message) {
  return {.type = std::move(type),
          .status = yes ? ConditionStatus::kTrue : ConditionStatus::kFalse,
          .reason = std::move(why),
          .message = std::move(message)};
}

api::Condition AbleToScale(const Decision& decision, const AutoscalerProblems& problems) {
  if (!problems.target.empty()) {
    return Make("AbleToScale", false, reason::kFailedGetScale, problems.target);
  }
  if (!problems.update.empty()) {
    return Make("AbleToScale", false, reason::kFailedUpdateScale, problems.update);
  }
  if (!problems.history.empty()) {
    return Make("AbleToScale", false, reason::kHistoryNotRead,
                "up only, until it can be read what was decided before: " + problems.history);
  }
  if (decision.limit == ScalingLimit::kStabilization) {
    if (decision.proposed > decision.current) {
      return Make("AbleToScale", true, reason::kScaleUpStabilized,
                  "a recommendation within the window asked for fewer: growing waits until that is "
                  "past");
    }
    return Make("AbleToScale", true, reason::kScaleDownStabilized,
                "a recommendation within the window asked for more: it is kept until that is past");
  }
  return Make("AbleToScale", true, reason::kReadyForNewScale, "the web app can be scaled");
}

// The first metric that cannot be had.
const MetricProposal* Missing(const Decision& decision) {
  const auto found = std::ranges::find_if(
      decision.metrics, [](const MetricProposal& metric) { return !metric.replicas; });
  return found == decision.metrics.end() ? nullptr : &*found;
}

api::Condition ScalingActive(const Decision& decision) {
  const MetricProposal* missing = Missing(decision);
  if (missing != nullptr) {
    return Make("ScalingActive", false, reason::kFailedGetMetric,
                missing->name + ": " + missing->problem +
                    "; without it nothing is scaled down, the other metrics may scale up");
  }
  return Make("ScalingActive", true, reason::kValidMetricFound,
              "every metric could be read and has a proposal");
}

api::Condition ScalingLimited(const Decision& decision) {
  const auto limited = [](const char* why, std::string message) {
    return Make("ScalingLimited", true, why, std::move(message));
  };
  switch (decision.limit) {
    case ScalingLimit::kMinReplicas:
      return limited(
          reason::kTooFewReplicas,
          "minReplicas is " + std::to_string(decision.min_replicas) + ", fewer would do");
    case ScalingLimit::kMaxReplicas:
      return limited(
          reason::kTooManyReplicas,
          "maxReplicas is " + std::to_string(decision.max_replicas) + ", more are needed");
    case ScalingLimit::kSchedule:
      return limited(reason::kScheduleActive,
                     "a schedule asks for " + std::to_string(decision.min_replicas) + " to " +
                         std::to_string(decision.max_replicas) + " replicas now");
    case ScalingLimit::kPolicy:
      return limited(reason::kScalingPolicy, "the policies of spec.behavior allow no more at once");
    default:
      return Make("ScalingLimited", false, reason::kDesiredWithinRange,
                  "the number is what the metrics ask for");
  }
}

// Three digits are what a person reads, and what makes a status worth writing anew.
double Rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double scale = std::pow(10.0, 2 - std::floor(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

api::Time TimeOf(std::int64_t second) { return api::Time{std::chrono::seconds(second)}; }

}  // namespace

api::AutoscalerStatus MakeAutoscalerStatus(const api::Autoscaler& autoscaler,
                                           const DecideInput& input, const Decision& decision,
                                           const ScalingHistory& history,
                                           const AutoscalerProblems& problems) {
  api::AutoscalerStatus status{.observed_generation = autoscaler.meta.generation,
                               .current_replicas = input.current,
                               .in_service_replicas = input.in_service,
                               .desired_replicas = decision.replicas,
                               .min_replicas = decision.min_replicas,
                               .max_replicas = decision.max_replicas,
                               .panicking = decision.panicking,
                               .last_scale_time = std::nullopt,
                               .next_change_time = decision.next_change,
                               .last_decision = decision.message,
                               .current_metrics = {},
                               .conditions = {}};
  if (history.last_scale) status.last_scale_time = TimeOf(*history.last_scale);
  for (const MetricProposal& metric : decision.metrics) {
    api::MetricStatus one{.type = metric.type,
                          .name = metric.name,
                          .current = std::nullopt,
                          .target = metric.target,
                          .replicas = metric.replicas,
                          .problem = metric.problem};
    if (metric.problem.empty()) one.current = Rounded(metric.current);
    status.current_metrics.push_back(std::move(one));
  }
  status.conditions = {AbleToScale(decision, problems), ScalingActive(decision),
                       ScalingLimited(decision)};
  return status;
}

api::AutoscalerStatus MakeIdleStatus(const api::Autoscaler& autoscaler,
                                     const AutoscalerProblems& problems) {
  api::AutoscalerStatus status;
  status.observed_generation = autoscaler.meta.generation;
  status.min_replicas = autoscaler.spec.min_replicas;
  status.max_replicas = autoscaler.spec.max_replicas;
  status.last_decision = problems.target;
  status.conditions = {AbleToScale({}, problems)};
  return status;
}

bool Notable(const api::AutoscalerStatus& before, const api::AutoscalerStatus& after) {
  const auto same = [](const api::Condition& a, const api::Condition& b) {
    return a.type == b.type && a.status == b.status && a.reason == b.reason;
  };
  return before.observed_generation != after.observed_generation ||
         before.current_replicas != after.current_replicas ||
         before.desired_replicas != after.desired_replicas ||
         before.min_replicas != after.min_replicas || before.max_replicas != after.max_replicas ||
         before.panicking != after.panicking || before.last_scale_time != after.last_scale_time ||
         !std::ranges::equal(before.conditions, after.conditions, same);
}

}  // namespace ballast::reconcilers
