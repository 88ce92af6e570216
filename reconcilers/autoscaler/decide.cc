#include "reconcilers/autoscaler/decide.h"

#include <algorithm>

#include "reconcilers/autoscaler/ballast_rules.h"
#include "reconcilers/autoscaler/explain.h"
#include "reconcilers/autoscaler/proposals.h"
#include "reconcilers/autoscaler/schedule.h"
#include "reconcilers/autoscaler/upstream_policies.h"

namespace ballast::reconcilers {
namespace {

// The longest period that a policy can have (api/autoscaler_schema.cc).
constexpr std::int64_t kLongestPeriod = 1800;

Decision Numbers(const ProposalContext& context, const Bounds& bounds, ScalingHistory& history) {
  Decision decision;
  switch (context.input.policy) {
    case ScalingPolicyKind::kBallast:
      decision = DecideBallast(context, bounds, history);
      break;
    case ScalingPolicyKind::kHpa:
      decision = DecideHpa(context, bounds, history);
      break;
    case ScalingPolicyKind::kKpa:
      decision = DecideKpa(context, bounds, history);
      break;
  }
  decision.min_replicas = bounds.min;
  decision.max_replicas = bounds.max;
  return decision;
}

const Tuning& TuningOf(const DecideInput& input) {
  return input.tuning == nullptr ? kTuning : *input.tuning;
}

void Store(std::deque<ScalingHistory::ScaleEvent>& events, std::int64_t second, int change) {
  while (!events.empty() && second - events.front().second >= kLongestPeriod) events.pop_front();
  events.push_back({.second = second, .change = change});
}

}  // namespace

Decision DecideSilently(const DecideInput& input, ScalingHistory& history) {
  const ProposalContext context = ContextOf(input, history, TuningOf(input));
  return Numbers(context, BoundsAt(*input.spec, input.zones, context.now), history);
}

Decision Decide(const DecideInput& input, ScalingHistory& history) {
  const ProposalContext context = ContextOf(input, history, TuningOf(input));
  const Bounds bounds = BoundsAt(*input.spec, input.zones, context.now);
  Decision decision = Numbers(context, bounds, history);
  Explain(context, bounds, history, decision);
  return decision;
}

void NoteScaled(ScalingHistory& history, std::int64_t second, int from, int to) {
  if (from == to) return;
  if (to > from) Store(history.scale_ups, second, to - from);
  if (to < from) Store(history.scale_downs, second, from - to);
  history.last_scale = second;
}

}  // namespace ballast::reconcilers
