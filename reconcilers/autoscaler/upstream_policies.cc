#include "reconcilers/autoscaler/upstream_policies.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "reconcilers/autoscaler/ballast_rules.h"
#include "reconcilers/autoscaler/hpa_reconcile.h"
#include "reconcilers/autoscaler/kpa.h"
#include "reconcilers/autoscaler/numbers.h"
#include "reconcilers/autoscaler/replica_pods.h"

namespace ballast::reconcilers {
namespace {

constexpr int kHpaWindow = 60;

Decision Unchanged(const ProposalContext& context) {
  Decision decision;
  decision.current = std::max(0, context.input.current);
  decision.replicas = decision.proposed = decision.current;
  return decision;
}

bool IsTick(std::int64_t now, int every, ScalingHistory& history) {
  const auto last = history.last_tick;
  if (last && *last <= now && now - *last < every) return false;
  history.last_tick = now;
  return true;
}

hpa::Metric MetricOf(const ProposalContext& context, std::size_t index) {
  const DecideInput& input = context.input;
  const api::Metric& from = input.spec->metrics[index];
  hpa::Metric metric;
  if (from.target.type == api::TargetType::kUtilization) {
    metric.average_utilization = from.target.average_utilization;
  } else if (from.target.type == api::TargetType::kAverageValue) {
    metric.average_value = from.target.quantity.millis;
  } else {
    metric.value = from.target.quantity.millis;
  }
  const LoadWindow load = context.fresh ? input.load->Mean(context.end, kHpaWindow) : LoadWindow{};
  const auto ready =
      static_cast<std::size_t>(std::clamp(input.in_service, 0, std::max(0, input.current)));
  switch (from.type) {
    case api::MetricType::kRequestRate:
    case api::MetricType::kConcurrency: {
      const bool rate = from.type == api::MetricType::kRequestRate;
      metric.source = hpa::Source::kExternal;
      metric.values = {ToMilli(rate ? load.request_rate : load.concurrency)};
      metric.failed = !context.fresh;
      break;
    }
    case api::MetricType::kResponseTime:
      metric.source = hpa::Source::kObject;
      metric.values = {ToMilli(std::max(0.0, load.response_seconds))};
      metric.failed = !context.fresh || load.response_seconds < 0;
      metric.pods.resize(ready);
      break;
    case api::MetricType::kResource:
      metric.source = hpa::Source::kResource;
      metric.resource =
          from.resource == api::ResourceName::kCpu ? hpa::Resource::kCpu : hpa::Resource::kOther;
      metric.pods = PodsOf(input, from.resource);
      break;
    case api::MetricType::kExternal: {
      metric.source = hpa::Source::kExternal;
      const auto found = input.external.find(index);
      metric.failed =
          found == input.external.end() || !found->second.value || !(*found->second.value >= 0);
      if (!metric.failed) metric.values = {ToMilli(*found->second.value)};
      metric.pods.resize(ready);
      break;
    }
  }
  return metric;
}

ScalingLimit LimitOf(const hpa::Outcome& outcome, const Bounds& bounds) {
  const std::string_view limited = outcome.scaling_limited.reason;
  if (!outcome.error.empty() && !outcome.rescaled) return ScalingLimit::kNoMetrics;
  if (outcome.scaling_limited.status) {
    if (limited == "TooManyReplicas") {
      return bounds.max_scheduled ? ScalingLimit::kSchedule : ScalingLimit::kMaxReplicas;
    }
    if (limited == "TooFewReplicas") {
      return bounds.min_scheduled ? ScalingLimit::kSchedule : ScalingLimit::kMinReplicas;
    }
    return ScalingLimit::kPolicy;
  }
  if (outcome.replicas != outcome.proposed) return ScalingLimit::kStabilization;
  return ScalingLimit::kNone;
}

// The larger of what the metrics say, in replicas. Nothing: no data.
std::optional<double> Replicas(const ProposalContext& context, int window) {
  std::optional<double> most;
  if (!context.fresh) return most;
  const LoadWindow load = context.input.load->Mean(context.end, window);
  if (load.seconds == 0) return most;
  for (const api::Metric& metric : context.input.spec->metrics) {
    const double target = static_cast<double>(metric.target.quantity.millis) / 1000;
    if (!(target > 0)) continue;
    if (metric.type == api::MetricType::kRequestRate) {
      most = std::max(most.value_or(0), load.request_rate / target);
    } else if (metric.type == api::MetricType::kConcurrency) {
      most = std::max(most.value_or(0), load.concurrency / target);
    }
  }
  return most;
}

}  // namespace

Decision DecideHpa(const ProposalContext& context, const Bounds& bounds, ScalingHistory& history) {
  Decision decision = Unchanged(context);
  const bool first = !history.last_tick;
  if (!IsTick(context.now, hpa::kSyncSeconds, history)) return decision;
  hpa::ReconcileInput input;
  input.current = decision.current;
  input.status_replicas = decision.current;
  input.min = bounds.min;
  input.max = bounds.max;
  input.metrics.reserve(context.input.spec->metrics.size());
  for (std::size_t i = 0; i < context.input.spec->metrics.size(); ++i) {
    input.metrics.push_back(MetricOf(context, i));
  }
  const auto& behavior = context.input.spec->behavior;
  input.behavior = behavior ? &*behavior : nullptr;
  input.now = context.now;
  input.first = first;
  const hpa::Outcome outcome = hpa::Reconcile(input, history);
  decision.proposed = outcome.proposed;
  decision.replicas = outcome.replicas;
  decision.limit = LimitOf(outcome, bounds);
  return decision;
}

Decision DecideKpa(const ProposalContext& context, const Bounds& bounds, ScalingHistory& history) {
  Decision decision = Unchanged(context);
  const bool first = !history.last_tick;
  if (!IsTick(context.now, kpa::kTickSeconds, history)) {
    decision.panicking = history.panic_since.has_value();
    return decision;
  }
  kpa::State state;
  if (first) state = kpa::Start(context.input.in_service, static_cast<double>(context.now));
  if (!first) {
    if (history.panic_since) state.panic_since = static_cast<double>(*history.panic_since);
    state.max_panic = history.panic_replicas;
  }
  kpa::Spec spec;
  spec.target = 1;  // the loads are in replicas already
  spec.total = 1;
  const kpa::Step step =
      kpa::Scale(spec, state, static_cast<double>(context.now), context.input.in_service,
                 Replicas(context, kpa::kStableSeconds), Replicas(context, kpa::kPanicSeconds));
  history.panic_since.reset();
  if (state.panic_since) history.panic_since = static_cast<std::int64_t>(*state.panic_since);
  history.panic_replicas = state.max_panic;
  decision.panicking = state.panic_since.has_value();
  if (!step.valid) {
    decision.limit = ScalingLimit::kNoMetrics;
  } else {
    decision.proposed = decision.replicas = step.desired;
    if (step.desired > 0) history.active_at = context.now;
  }
  // Its proxy wakes a web app for the first request, and lets it go only after a while.
  if (context.input.held > 0) decision.replicas = std::max(1, decision.replicas);
  if (decision.replicas == 0 && decision.current > 0 && history.active_at &&
      context.now - *history.active_at < kpa::kScaleToZeroGraceSeconds) {
    decision.replicas = 1;
    decision.limit = ScalingLimit::kStabilization;
  }
  Clamp(bounds, decision);
  return decision;
}

}  // namespace ballast::reconcilers
