#include "reconcilers/autoscaler/hpa_reconcile.h"

#include <algorithm>

namespace ballast::reconcilers::hpa {
namespace {

std::string_view FailedReason(Source source) {
  switch (source) {
    case Source::kResource:
      return "FailedGetResourceMetric";
    case Source::kContainerResource:
      return "FailedGetContainerResourceMetric";
    case Source::kPods:
      return "FailedGetPodsMetric";
    case Source::kObject:
      return "FailedGetObjectMetric";
    case Source::kExternal:
      return "FailedGetExternalMetric";
    case Source::kUnknown:
      break;
  }
  return "InvalidMetricSourceType";
}

Replicas Failed(std::string error) {
  Replicas failed;
  failed.error = std::move(error);
  return failed;
}

Replicas Propose(const ReconcileInput& input, const Metric& metric, const Tolerance& tolerance) {
  if (metric.failed) return Failed("unable to get metric");
  switch (metric.source) {
    case Source::kResource:
    case Source::kContainerResource:
      if (metric.average_value) {
        return AverageOfPods(input.current, *metric.average_value, tolerance, metric.pods,
                             metric.resource, input.readiness);
      }
      if (metric.average_utilization) {
        return ResourceUtilization(input.current, *metric.average_utilization, tolerance,
                                   metric.pods, metric.resource, input.readiness);
      }
      break;
    case Source::kPods:
      if (metric.average_value) {
        return AverageOfPods(input.current, *metric.average_value, tolerance, metric.pods,
                             Resource::kOther, input.readiness);
      }
      break;
    case Source::kObject:
    case Source::kExternal:
      if (metric.average_value) {
        return ValuePerPod(input.status_replicas, *metric.average_value, tolerance, metric.values);
      }
      if (metric.value) {
        return TotalValue(input.current, *metric.value, tolerance, metric.values, metric.pods);
      }
      break;
    case Source::kUnknown:
      return Failed("unknown metric source type");
  }
  return Failed("invalid metric source: no target was set");
}

// False: nothing may be concluded.
bool ProposeAll(const ReconcileInput& input, Outcome& outcome) {
  Tolerance tolerance = {.down = input.tolerance, .up = input.tolerance};
  if (input.behavior != nullptr) tolerance = ToleranceOf(*input.behavior, input.tolerance);
  std::size_t invalid = 0;
  std::string_view reason;
  int most = 0;
  for (const Metric& metric : input.metrics) {
    outcome.metrics.push_back(Propose(input, metric, tolerance));
    const Replicas& proposal = outcome.metrics.back();
    if (!proposal.error.empty()) {
      if (invalid++ == 0) {
        reason = FailedReason(metric.source);
        outcome.error = proposal.error;
      }
    } else {
      most = std::max(most, proposal.count);
    }
  }
  if (invalid >= input.metrics.size() || (invalid > 0 && most < input.current)) {
    outcome.scaling_active = {reason.empty() ? "InvalidMetricSourceType" : reason, false};
    return false;
  }
  outcome.scaling_active = {"ValidMetricFound", true};
  outcome.proposed = most;
  return true;
}

int Normalize(const ReconcileInput& input, int desired, ScalingHistory& history, Outcome& outcome) {
  int stabilized = 0;
  Limited limited;
  if (input.behavior == nullptr) {
    stabilized =
        Stabilize(history.recommendations, input.now, desired, input.downscale_stabilization);
    outcome.able_to_scale = {"ScaleDownStabilized", true};
    limited =
        ConvertWithRules(input.current, stabilized, input.min, input.max, input.scale_up_limit);
  } else {
    const auto rules = [](const std::optional<api::ScalingRules>& given) {
      return given ? &*given : nullptr;
    };
    const Rules up = UpRules(rules(input.behavior->scale_up));
    const Rules down = DownRules(rules(input.behavior->scale_down), input.downscale_stabilization);
    const Limited stable = StabilizeWithBehavior(history.recommendations, input.now, input.current,
                                                 desired, up.window_seconds, down.window_seconds);
    stabilized = stable.replicas;
    outcome.able_to_scale = {stable.reason, true};
    limited = ConvertWithBehavior(input.current, stabilized, input.min, input.max,
                                  history.scale_ups, history.scale_downs, input.now, up, down);
  }
  if (stabilized == desired) outcome.able_to_scale = {"ReadyForNewScale", true};
  outcome.scaling_limited = {limited.reason, limited.replicas != stabilized};
  return limited.replicas;
}

}  // namespace

Outcome Reconcile(const ReconcileInput& input, ScalingHistory& history) {
  Outcome outcome;
  outcome.replicas = input.current;
  outcome.proposed = input.current;
  outcome.able_to_scale = {"SucceededGetScale", true};
  if (input.first && history.recommendations.empty()) {
    history.recommendations.push_back({.second = input.now, .replicas = input.current});
  }
  const bool scaled_to_zero = input.scaled_to_zero.value_or(input.min == 0);
  if (input.current == 0 && !scaled_to_zero) {
    outcome.scaling_active = {"ScalingDisabled", false};
    return outcome;
  }
  if (input.current > input.max) {
    outcome.replicas = input.max;
  } else if (input.current != 0 && input.current < input.min) {
    outcome.replicas = input.min;
  } else {
    if (!ProposeAll(input, outcome)) return outcome;
    outcome.replicas = Normalize(input, outcome.proposed, history, outcome);
    if (input.current == 0 && outcome.replicas < input.min) outcome.replicas = input.min;
  }
  outcome.rescaled = outcome.replicas != input.current;
  if (outcome.rescaled) outcome.able_to_scale = {"SucceededRescale", true};
  return outcome;
}

}  // namespace ballast::reconcilers::hpa
