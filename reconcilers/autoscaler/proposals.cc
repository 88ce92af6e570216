#include "reconcilers/autoscaler/proposals.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "reconcilers/autoscaler/estimate.h"
#include "reconcilers/autoscaler/forecast.h"
#include "reconcilers/autoscaler/hpa_replicas.h"
#include "reconcilers/autoscaler/numbers.h"
#include "reconcilers/autoscaler/replica_pods.h"

namespace ballast::reconcilers {
namespace {

constexpr double kMilli = 1000;

bool CountsRequests(const api::AutoscalerSpec& spec) {
  return std::any_of(spec.metrics.begin(), spec.metrics.end(), [](const api::Metric& metric) {
    return metric.type == api::MetricType::kRequestRate;
  });
}

double TargetOf(const api::MetricTarget& target) {
  return target.type == api::TargetType::kUtilization
             ? target.average_utilization
             : static_cast<double>(target.quantity.millis) / kMilli;
}

// A load that is shared by the replicas: each takes `target` of it.
int Share(double replicas, int current, const hpa::Tolerance* tolerance, double slack,
          bool& within) {
  if (tolerance == nullptr) return std::max(replicas > 0 ? 1 : 0, CeilCount(replicas - slack));
  if (!tolerance->Contains(replicas / current)) return CeilCount(replicas);
  within = true;
  return current;
}

void ShareLoad(const ProposalContext& context, const LoadEstimate& estimate, Proposal& proposal) {
  const int current = context.input.current;
  const hpa::Tolerance* tolerance = &context.tolerance;
  const double grow = context.hpa_up ? estimate.mean : estimate.grow;
  const double shrink = context.margin ? estimate.shrink : estimate.mean;
  const double slack = context.tuning.slack;
  proposal.grow = Share(grow / proposal.target, current, context.hpa_up ? tolerance : nullptr,
                        slack, proposal.within_tolerance);
  proposal.shrink = Share(shrink / proposal.target, current, context.hpa_down ? tolerance : nullptr,
                          slack, proposal.within_tolerance);
  // HPA's up within its tolerance must not be lifted by the other direction's rounding.
  if (context.hpa_up && proposal.grow <= current) {
    proposal.shrink = std::min(proposal.shrink, current);
  }
  // Nor is HPA's down held up by the head-room for growing.
  if (context.hpa_down && proposal.grow <= current) {
    proposal.grow = std::min(proposal.grow, proposal.shrink);
  }
  proposal.shrink = std::max(proposal.shrink, proposal.grow);

  const double replicas = proposal.panic_load / proposal.target;
  proposal.panic = Share(replicas, current, nullptr, slack, proposal.within_tolerance);
  const double threshold = context.panic.threshold_percent / 100.0;
  proposal.panics = replicas >= threshold * std::max(1, context.input.in_service);
}

void RequestRate(const ProposalContext& context, Proposal& proposal) {
  const LoadSeries& load = *context.input.load;
  proposal.stable = load.Mean(context.end, context.tuning.stable_seconds).request_rate;
  proposal.panic_load = load.Mean(context.end, context.panic.window_seconds).request_rate;
  proposal.current = context.request_rate.mean / std::max(1, context.input.in_service);
  ShareLoad(context, context.request_rate, proposal);
}

void Concurrency(const ProposalContext& context, Proposal& proposal) {
  const LoadSeries& load = *context.input.load;
  proposal.stable = load.Mean(context.end, context.tuning.stable_seconds).concurrency;
  proposal.panic_load = load.Mean(context.end, context.panic.window_seconds).concurrency;
  const LoadEstimate estimate = EstimateConcurrency(load, context.end, context.tuning.estimate);
  proposal.current = estimate.level / std::max(1, context.input.in_service);
  ShareLoad(context, estimate, proposal);
  // Requests pile up until the replicas that were asked for are there: that asks for no more.
  if (context.waiting >= context.tuning.settle_seconds) {
    const int current = context.input.current;
    proposal.grow = std::min(proposal.grow, current);
    proposal.shrink = std::min(proposal.shrink, std::max(current, proposal.grow));
    proposal.panic = std::min(proposal.panic, current);
  }
}

// The time to answer says that there is too little, not how much too little: far from the target
// it has no measure. So it goes step by step, and only where it means something.
void ResponseTime(const ProposalContext& context, Proposal& proposal) {
  const LoadSeries& load = *context.input.load;
  const Tuning& tuning = context.tuning;
  const LoadWindow window = load.Mean(context.end, tuning.response_seconds);
  const LoadWindow stable = load.Mean(context.end, tuning.stable_seconds);
  const LoadWindow panic = load.Mean(context.end, context.panic.window_seconds);
  const int current = context.input.current;
  const int in_service = std::min(context.input.in_service, current);
  proposal.current = std::max(0.0, window.response_seconds);
  proposal.stable = std::max(0.0, stable.response_seconds);
  proposal.panic_load = std::max(0.0, panic.response_seconds);
  if (window.active == 0) {  // idle: nobody waits for anything
    proposal.grow = proposal.shrink = 0;
    return;
  }
  if (window.response_seconds < 0) {
    proposal.problem = Problem::kNoneAnswered;
    return;
  }
  if (window.error_rate > tuning.response_errors * window.request_rate) {
    proposal.problem = Problem::kErrors;
    return;
  }
  const double ratio = window.response_seconds / proposal.target;
  proposal.within_tolerance = context.tolerance.Contains(ratio);
  int wanted = proposal.within_tolerance ? current : CeilCount(ratio * in_service);
  const bool few = window.request_rate * window.seconds < tuning.response_requests;
  if (wanted > current && (few || context.waiting >= 0)) wanted = current;
  if (wanted > current && !context.hpa_up) {
    wanted = std::min(wanted, CeilCount(tuning.response_most_up * in_service));
  }
  // Slow answers of few replicas: those on their way are wanted too.
  if (ratio > 1) wanted = std::max(wanted, current);
  if (wanted < current && !context.hpa_down) {
    wanted = std::max({wanted, 1, static_cast<int>(tuning.response_most_down * current)});
  }
  proposal.grow = proposal.shrink = wanted;
}

void Take(const hpa::Replicas& replicas, const ProposalContext& context, Problem otherwise,
          Proposal& proposal) {
  if (!replicas.error.empty()) {
    proposal.problem = otherwise;
    return;
  }
  proposal.within_tolerance = replicas.count == context.input.current;
  proposal.grow = proposal.shrink = std::max(0, replicas.count);
}

void Resource(const ProposalContext& context, const api::Metric& metric, Proposal& proposal) {
  const std::vector<hpa::Pod> pods = PodsOf(context.input, metric.resource);
  const auto resource =
      metric.resource == api::ResourceName::kCpu ? hpa::Resource::kCpu : hpa::Resource::kOther;
  const int current = context.input.current;
  if (metric.target.type == api::TargetType::kUtilization) {
    const hpa::Replicas replicas = hpa::ResourceUtilization(
        current, metric.target.average_utilization, context.tolerance, pods, resource);
    const bool no_limit =
        std::any_of(pods.begin(), pods.end(), [](const hpa::Pod& pod) { return !pod.request; });
    proposal.current = replicas.utilization_percent;
    Take(replicas, context, no_limit ? Problem::kNoLimit : Problem::kNoUsage, proposal);
  } else {
    const hpa::Replicas replicas = hpa::AverageOfPods(current, metric.target.quantity.millis,
                                                      context.tolerance, pods, resource);
    proposal.current = static_cast<double>(replicas.usage) / kMilli;
    Take(replicas, context, Problem::kNoUsage, proposal);
  }
  for (const hpa::Pod& pod : pods) {
    proposal.stable += static_cast<double>(pod.usage.value_or(0)) / kMilli;
  }
  proposal.panic_load = proposal.stable;
}

void External(const ProposalContext& context, std::size_t index, const api::Metric& metric,
              Proposal& proposal) {
  const auto found = context.input.external.find(index);
  if (found == context.input.external.end() || !found->second.value ||
      !(*found->second.value >= 0) || !std::isfinite(*found->second.value)) {
    proposal.problem = Problem::kNoAnswer;
    return;
  }
  const double value = *found->second.value;
  proposal.stable = proposal.panic_load = value;
  const int current = context.input.current;
  const std::int64_t values[] = {ToMilli(value)};
  if (metric.target.type == api::TargetType::kAverageValue) {
    proposal.current = value / std::max(1, current);
    Take(hpa::ValuePerPod(current, metric.target.quantity.millis, context.tolerance, values),
         context, Problem::kNoAnswer, proposal);
    return;
  }
  proposal.current = value;
  // HPA multiplies with the ready replicas. Those on their way are wanted as well.
  const std::vector<hpa::Pod> pods(
      static_cast<std::size_t>(std::clamp(context.input.in_service, 0, std::max(0, current))));
  if (pods.empty() && current > 0) {
    proposal.grow = proposal.shrink = current;
    return;
  }
  Take(hpa::TotalValue(current, metric.target.quantity.millis, context.tolerance, values, pods),
       context, Problem::kNoAnswer, proposal);
  if (value > proposal.target) proposal.grow = std::max(proposal.grow, current);
  proposal.shrink = std::max(proposal.shrink, proposal.grow);
}

// When the first of the replicas that are on their way was asked for.
std::optional<std::int64_t> AskedAt(const DecideInput& input, const ScalingHistory& history) {
  std::optional<std::int64_t> asked;
  int coming = input.current - input.in_service;
  for (auto event = history.scale_ups.rbegin(); event != history.scale_ups.rend(); ++event) {
    if (coming <= 0) break;
    asked = event->second;
    coming -= event->change;
  }
  return asked;
}

}  // namespace

ProposalContext ContextOf(const DecideInput& input, ScalingHistory& history, const Tuning& tuning) {
  ProposalContext context = {.input = input, .tuning = tuning};
  const api::AutoscalerSpec& spec = *input.spec;
  context.panic = spec.panic.value_or(api::Panic{});
  context.now = std::chrono::floor<std::chrono::seconds>(input.now.time_since_epoch()).count();
  if (const LoadSample* last = input.load == nullptr ? nullptr : input.load->Last()) {
    context.end = last->second;
    const std::int64_t age = context.now - last->second;
    context.fresh = age <= tuning.stale_seconds && age >= -tuning.stale_seconds;
  }
  context.hpa_up = spec.behavior && spec.behavior->scale_up;
  context.hpa_down = spec.behavior && spec.behavior->scale_down;
  // HPA's growing looks at the same log of wishes as Ballast's shrinking: no margin in it then.
  const bool up_window =
      context.hpa_up && spec.behavior->scale_up->stabilization_window_seconds.value_or(0) > 0;
  context.margin = !context.hpa_down && !up_window;
  context.tolerance = hpa::ToleranceOf(spec.behavior);
  if (const auto asked = AskedAt(input, history)) {
    const double patience = input.startup_seconds > 0
                                ? 2 * input.startup_seconds + tuning.settle_seconds
                                : tuning.patience_seconds;
    const std::int64_t waited = context.now - *asked;
    if (waited >= 0 && static_cast<double>(waited) < patience) context.waiting = waited;
  }
  if (context.fresh && input.policy == ScalingPolicyKind::kBallast && CountsRequests(spec)) {
    context.request_rate = ForecastRequestRate(*input.load, context.end, input.startup_seconds,
                                               tuning.forecast, history.forecast);
  }
  return context;
}

Proposal Propose(const ProposalContext& context, std::size_t index) {
  const api::Metric& metric = context.input.spec->metrics[index];
  Proposal proposal;
  proposal.target = TargetOf(metric.target);
  const bool of_load = metric.type == api::MetricType::kRequestRate ||
                       metric.type == api::MetricType::kConcurrency ||
                       metric.type == api::MetricType::kResponseTime;
  if (!(proposal.target > 0) || (of_load && !context.fresh)) return proposal;
  proposal.problem = Problem::kNone;
  switch (metric.type) {
    case api::MetricType::kRequestRate:
      RequestRate(context, proposal);
      break;
    case api::MetricType::kConcurrency:
      Concurrency(context, proposal);
      break;
    case api::MetricType::kResponseTime:
      ResponseTime(context, proposal);
      break;
    case api::MetricType::kResource:
      Resource(context, metric, proposal);
      break;
    case api::MetricType::kExternal:
      External(context, index, metric, proposal);
      break;
  }
  return proposal;
}

}  // namespace ballast::reconcilers
