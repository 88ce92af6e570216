#include "reconcilers/autoscaler/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "reconcilers/autoscaler/ballast_rules.h"
#include "reconcilers/autoscaler/metric_words.h"
#include "reconcilers/autoscaler/recommendations.h"

namespace ballast::reconcilers {
namespace {

int Change(const Decision& decision) { return decision.replicas - decision.current; }

std::string Reason(const Decision& decision) {
  const bool down = decision.proposed < decision.current;
  switch (decision.limit) {
    case ScalingLimit::kTolerance:
      return "WithinTolerance";
    case ScalingLimit::kStabilization:
      return down ? "ScaleDownStabilized" : "ScaleUpStabilized";
    case ScalingLimit::kPolicy:
      return down ? "ScaleDownLimit" : "ScaleUpLimit";
    case ScalingLimit::kMinReplicas:
      return "TooFewReplicas";
    case ScalingLimit::kMaxReplicas:
      return "TooManyReplicas";
    case ScalingLimit::kSchedule:
      return decision.replicas == decision.min_replicas ? "ScheduledMinimum" : "ScheduledMaximum";
    case ScalingLimit::kNoMetrics:
      return "FailedGetMetrics";
    case ScalingLimit::kPanic:
      return "Panic";
    case ScalingLimit::kColdStart:
      return "ScaledToZero";
    case ScalingLimit::kNone:
      break;
  }
  if (Change(decision) == 0) return "ReadyForNewScale";
  if (decision.current == 0) return "ColdStart";
  return Change(decision) > 0 ? "AboveTarget" : "AllMetricsBelowTarget";
}

// The metric that asks for most; null: none asks.
const MetricProposal* Leading(const Decision& decision) {
  const MetricProposal* leading = nullptr;
  for (const MetricProposal& metric : decision.metrics) {
    if (metric.replicas && (leading == nullptr || *metric.replicas > *leading->replicas)) {
      leading = &metric;
    }
  }
  return leading;
}

const MetricProposal* Missing(const Decision& decision) {
  for (const MetricProposal& metric : decision.metrics) {
    if (!metric.replicas) return &metric;
  }
  return nullptr;
}

std::string What(const Decision& decision) {
  if (Change(decision) > 0) {
    return fmt::format("grows from {} to {}", decision.current, decision.replicas);
  }
  if (Change(decision) < 0) {
    return fmt::format("shrinks from {} to {}", decision.current, decision.replicas);
  }
  return fmt::format("stays at {}", decision.current);
}

Extremes WantedLately(const ProposalContext& context, const ScalingHistory& history,
                      const Decision& decision) {
  const api::AutoscalerSpec& spec = *context.input.spec;
  return ExtremesOf(history.recommendations, context.now, decision.proposed, UpWindow(spec),
                    DownWindow(spec, context.tuning));
}

std::string Because(const ProposalContext& context, const ScalingHistory& history,
                    const Decision& decision) {
  const api::AutoscalerSpec& spec = *context.input.spec;
  const bool down = decision.proposed < decision.current;
  switch (decision.limit) {
    case ScalingLimit::kNone:
      if (decision.current == 0 && Change(decision) > 0) return "a request waits";
      return Change(decision) == 0 ? "as many as wanted" : "";
    case ScalingLimit::kTolerance:
      return "near enough to the target";
    case ScalingLimit::kStabilization: {
      if (!down) {
        return fmt::format("fewer were wanted within the last {} s", UpWindow(spec));
      }
      if (decision.replicas == 1 && decision.proposed == 0 && decision.min_replicas == 0) {
        return fmt::format("a request came within the last {} s", context.tuning.stable_seconds);
      }
      if (decision.replicas > WantedLately(context, history, decision).most) {
        return fmt::format("the load fell deep within {} s, it may come back",
                           context.tuning.fall_seconds);
      }
      return fmt::format("{} were wanted within the last {} s", decision.replicas,
                         DownWindow(spec, context.tuning));
    }
    case ScalingLimit::kPolicy:
      return "behavior allows no faster change";
    case ScalingLimit::kMinReplicas:
      return fmt::format("minReplicas is {}", decision.min_replicas);
    case ScalingLimit::kMaxReplicas:
      return fmt::format("maxReplicas is {}", decision.max_replicas);
    case ScalingLimit::kSchedule:
      return fmt::format("a schedule says {} to {}", decision.min_replicas, decision.max_replicas);
    case ScalingLimit::kNoMetrics: {
      const MetricProposal* missing = Missing(decision);
      return missing == nullptr ? "no metric is known"
                                : fmt::format("{} is not known: {}; without it nothing shrinks",
                                              missing->name, missing->problem);
    }
    case ScalingLimit::kPanic:
      return fmt::format("the load was {} % of what the replicas in service can take {} s ago",
                         context.panic.threshold_percent,
                         context.now - history.panic_since.value_or(context.now));
    case ScalingLimit::kColdStart:
      return "no request waits";
  }
  return "";
}

std::string Message(const ProposalContext& context, const ScalingHistory& history,
                    const Decision& decision) {
  std::string message;
  if (const MetricProposal* leading = Leading(decision)) {
    message = fmt::format("{}: {}; ", leading->name, ProposalWords(*leading));
  }
  message += What(decision);
  if (const std::string because = Because(context, history, decision); !because.empty()) {
    message += ": " + because;
  }
  return message;
}

// When the first event that a policy counts is forgotten.
std::optional<std::int64_t> PolicyEnds(const ProposalContext& context,
                                       const ScalingHistory& history, bool down) {
  const auto& behavior = context.input.spec->behavior;
  if (!behavior) return std::nullopt;
  const auto& given = down ? behavior->scale_down : behavior->scale_up;
  if (!given || given->select_policy == api::SelectPolicy::kDisabled) return std::nullopt;
  const hpa::Rules rules = down ? hpa::DownRules(&*given) : hpa::UpRules(&*given);
  std::optional<std::int64_t> first;
  for (const auto* events : {&history.scale_ups, &history.scale_downs}) {
    for (const ScalingHistory::ScaleEvent& event : *events) {
      for (const api::ScalingPolicy& policy : rules.policies) {
        const std::int64_t end = event.second + policy.period_seconds;
        if (end > context.now) first = std::min(first.value_or(end), end);
      }
    }
  }
  return first;
}

std::optional<std::int64_t> LimitEnds(const ProposalContext& context, const Bounds& bounds,
                                      const ScalingHistory& history, const Decision& decision) {
  const api::AutoscalerSpec& spec = *context.input.spec;
  const bool down = decision.proposed < decision.current;
  switch (decision.limit) {
    case ScalingLimit::kStabilization: {
      if (context.input.policy != ScalingPolicyKind::kBallast) return std::nullopt;
      if (down && decision.replicas == 1 && decision.proposed == 0 && history.active_at) {
        return *history.active_at + context.tuning.stable_seconds;
      }
      const Extremes past = WantedLately(context, history, decision);
      if (!down) return past.least_second + UpWindow(spec);
      if (decision.replicas <= past.most) {
        return past.most_second + DownWindow(spec, context.tuning);
      }
      const int fall_seconds = context.tuning.fall_seconds;
      return ExtremesOf(history.recommendations, context.now, 0, 0, fall_seconds).most_second +
             fall_seconds;
    }
    case ScalingLimit::kPolicy:
      return PolicyEnds(context, history, down);
    case ScalingLimit::kPanic:
      if (!history.panic_since) return std::nullopt;
      return *history.panic_since + context.tuning.panic_seconds + 1;
    case ScalingLimit::kSchedule:
      return bounds.until;
    default:
      return std::nullopt;
  }
}

}  // namespace

void Explain(const ProposalContext& context, const Bounds& bounds, const ScalingHistory& history,
             Decision& decision) {
  decision.metrics.clear();
  for (std::size_t i = 0; i < context.input.spec->metrics.size(); ++i) {
    decision.metrics.push_back(Describe(context, i, Propose(context, i)));
  }
  decision.reason = Reason(decision);
  decision.message = Message(context, history, decision);
  decision.next_change.reset();
  if (const auto end = LimitEnds(context, bounds, history, decision)) {
    decision.next_change = api::Time(std::chrono::seconds(std::max(*end, context.now)));
  }
}

}  // namespace ballast::reconcilers
