#include "reconcilers/autoscaler/ballast_rules.h"

#include <algorithm>

#include "reconcilers/autoscaler/numbers.h"
#include "reconcilers/autoscaler/recommendations.h"

namespace ballast::reconcilers {
namespace {

const api::ScalingRules* Up(const api::AutoscalerSpec& spec) {
  return spec.behavior && spec.behavior->scale_up ? &*spec.behavior->scale_up : nullptr;
}

const api::ScalingRules* Down(const api::AutoscalerSpec& spec) {
  return spec.behavior && spec.behavior->scale_down ? &*spec.behavior->scale_down : nullptr;
}

// Nothing but the forecast of requests decides about shrinking.
bool RateDecides(const api::AutoscalerSpec& spec) {
  return Down(spec) == nullptr &&
         std::all_of(spec.metrics.begin(), spec.metrics.end(), [](const api::Metric& metric) {
           return metric.type == api::MetricType::kRequestRate;
         });
}

// All metrics together.
struct Wishes {
  int grow = 0;
  int shrink = 0;
  int panic = 0;
  bool panics = false;
  bool some = false;     // at least one metric has an answer
  bool missing = false;  // at least one has none
  bool within_tolerance = false;
};

Wishes WishesOf(const ProposalContext& context) {
  Wishes wishes;
  for (std::size_t i = 0; i < context.input.spec->metrics.size(); ++i) {
    const Proposal proposal = Propose(context, i);
    if (proposal.problem != Problem::kNone) {
      wishes.missing = true;
      continue;
    }
    wishes.some = true;
    wishes.grow = std::max(wishes.grow, proposal.grow);
    wishes.shrink = std::max(wishes.shrink, proposal.shrink);
    wishes.panic = std::max(wishes.panic, proposal.panic);
    wishes.panics |= proposal.panics;
    wishes.within_tolerance |= proposal.within_tolerance;
  }
  return wishes;
}

// Somebody wants an answer now: a request waits, or the newest second had one.
bool Wanted(const ProposalContext& context) {
  if (context.input.held > 0) return true;
  return context.fresh && context.input.load->Mean(context.end, 1).active > 0;
}

// Nothing came, nothing waited and nothing was in flight in all of the stable window, and that is
// known of every second of it.
bool Idle(const ProposalContext& context, const ScalingHistory& history) {
  const int seconds = context.tuning.stable_seconds;
  if (!context.fresh || context.input.held > 0) return false;
  if (history.active_at && context.now - *history.active_at < seconds) return false;
  const LoadWindow window = context.input.load->Mean(context.end, seconds);
  return window.active == 0 && window.seconds == seconds;
}

void UpdatePanic(const ProposalContext& context, const Wishes& wishes, ScalingHistory& history) {
  if (wishes.panics) {
    history.panic_since = context.now;
  } else if (history.panic_since &&
             context.now - *history.panic_since > context.tuning.panic_seconds) {
    history.panic_since.reset();
  }
  history.panic_replicas = history.panic_since ? std::max(history.panic_replicas, wishes.panic) : 0;
}

// How long a wish may still keep web apps from shrinking.
int KeptSeconds(const ProposalContext& context) {
  const int window = DownWindow(*context.input.spec, context.tuning);
  return RateDecides(*context.input.spec) ? std::max(window, context.tuning.fall_seconds) : window;
}

// What the clock being set back, or a time without decisions, leaves behind. Then, as with an
// Autoscaler's first decision, what is there counts as wished for just now: nothing shrinks before
// a whole window has been seen.
void Repair(const ProposalContext& context, ScalingHistory& history) {
  const std::int64_t now = context.now;
  const auto later = [now](const auto& entry) { return entry.second > now; };
  auto& log = history.recommendations;
  while (!log.empty() && later(log.back())) log.pop_back();
  std::erase_if(history.scale_ups, later);
  std::erase_if(history.scale_downs, later);
  for (auto* second : {&history.panic_since, &history.active_at, &history.last_scale}) {
    if (*second > now) *second = now;
  }
  if (log.empty() || now - log.back().second > context.tuning.gap_seconds) {
    // At zero, where nothing is remembered, one such entry after the other would come.
    if (context.input.current == 0) log.clear();
    log.push_back({.second = now, .replicas = context.input.current});
  }
}

// From zero: HPA stands still there, Ballast wakes.
void FromZero(const Wishes& wishes, bool wanted, Decision& decision) {
  decision.proposed = std::max(wishes.some ? wishes.grow : 0, wanted ? 1 : 0);
  decision.replicas = decision.proposed;
  if (decision.replicas == 0) decision.limit = ScalingLimit::kColdStart;
}

// Policies, for the directions that have them.
void Limit(const ProposalContext& context, const Bounds& bounds, const ScalingHistory& history,
           Decision& decision) {
  const api::AutoscalerSpec& spec = *context.input.spec;
  const int current = decision.current;
  const bool up = decision.replicas > current && context.hpa_up;
  const bool down = decision.replicas < current && context.hpa_down;
  if (!up && !down) return;
  const hpa::Limited limited = hpa::ConvertWithBehavior(
      current, decision.replicas, bounds.min, bounds.max, history.scale_ups, history.scale_downs,
      context.now, hpa::UpRules(Up(spec)), hpa::DownRules(Down(spec)));
  const bool by_policy = limited.reason == "ScaleUpLimit" || limited.reason == "ScaleDownLimit";
  if (limited.replicas != decision.replicas && by_policy) decision.limit = ScalingLimit::kPolicy;
  if (by_policy) decision.replicas = limited.replicas;
}

void Panic(const ProposalContext& context, const ScalingHistory& history, Decision& decision) {
  const int current = decision.current;
  if (decision.replicas < current) {
    decision.replicas = current;
    decision.limit = ScalingLimit::kPanic;
  }
  // How fast it grows is the user's to say, if they did.
  if (context.hpa_up || history.panic_replicas <= decision.replicas) return;
  decision.replicas = history.panic_replicas;
  decision.proposed = std::max(decision.proposed, decision.replicas);
  decision.limit = decision.replicas > current ? ScalingLimit::kNone : ScalingLimit::kPanic;
}

void Settle(const ProposalContext& context, const Bounds& bounds, const Wishes& wishes,
            ScalingHistory& history, Decision& decision) {
  const api::AutoscalerSpec& spec = *context.input.spec;
  const int current = decision.current;
  const bool idle = bounds.min == 0 && wishes.shrink == 0 && Idle(context, history);
  const int wish = std::max(wishes.grow, wishes.shrink);
  const int up_window = UpWindow(spec);
  const int down_window = DownWindow(spec, context.tuning);
  Remember(history.recommendations, context.now, wish, up_window, KeptSeconds(context));
  const Extremes past =
      ExtremesOf(history.recommendations, context.now, wish, up_window, down_window);
  if (wishes.grow > current) {
    decision.proposed = wishes.grow;
    decision.replicas = std::max(current, std::min(wishes.grow, past.least));
  } else {
    decision.proposed = std::min(wish, current);
    decision.replicas = std::min(current, std::max(past.most, KeptAfterFall(context, history)));
    // Nobody is there to wait for: an idle web app does not have to look back twice.
    if (idle && !context.hpa_down) decision.replicas = 0;
    if (!idle && bounds.min == 0) decision.replicas = std::max(decision.replicas, 1);
  }
  if (decision.replicas != decision.proposed) decision.limit = ScalingLimit::kStabilization;
  if (decision.panicking) Panic(context, history, decision);
  Limit(context, bounds, history, decision);
}

}  // namespace

int UpWindow(const api::AutoscalerSpec& spec) { return hpa::UpRules(Up(spec)).window_seconds; }

int DownWindow(const api::AutoscalerSpec& spec, const Tuning& tuning) {
  const api::ScalingRules* rules = Down(spec);
  if (rules != nullptr) return hpa::DownRules(rules).window_seconds;
  return RateDecides(spec) ? tuning.rate_down_seconds : tuning.down_seconds;
}

int KeptAfterFall(const ProposalContext& context, const ScalingHistory& history) {
  if (!RateDecides(*context.input.spec)) return 0;
  const Tuning& tuning = context.tuning;
  const Extremes past = ExtremesOf(history.recommendations, context.now, 0, 0, tuning.fall_seconds);
  return CeilCount(tuning.fall_keeps * past.most);
}

void Clamp(const Bounds& bounds, Decision& decision) {
  if (decision.replicas < bounds.min) {
    decision.replicas = bounds.min;
    decision.limit = bounds.min_scheduled ? ScalingLimit::kSchedule : ScalingLimit::kMinReplicas;
  } else if (decision.replicas > bounds.max) {
    decision.replicas = bounds.max;
    decision.limit = bounds.max_scheduled ? ScalingLimit::kSchedule : ScalingLimit::kMaxReplicas;
  }
}

Decision DecideBallast(const ProposalContext& context, const Bounds& bounds,
                       ScalingHistory& history) {
  Decision decision;
  const int current = std::max(0, context.input.current);
  decision.current = decision.replicas = decision.proposed = current;
  Repair(context, history);
  const bool wanted = Wanted(context);
  if (wanted) history.active_at = context.now;
  const Wishes wishes = WishesOf(context);
  UpdatePanic(context, wishes, history);
  decision.panicking = history.panic_since.has_value();

  if (current < bounds.min || current > bounds.max) {
    // At once, whatever the metrics say.
  } else if (current == 0) {
    FromZero(wishes, wanted, decision);
    Limit(context, bounds, history, decision);
    if (wanted) decision.replicas = std::max(decision.replicas, 1);  // whoever waits is answered
  } else if (!wishes.some || (wishes.missing && wishes.grow <= current)) {
    decision.limit = ScalingLimit::kNoMetrics;
    // Once more is known, a whole window is to pass before anything shrinks.
    Remember(history.recommendations, context.now, current, UpWindow(*context.input.spec),
             KeptSeconds(context));
  } else {
    Settle(context, bounds, wishes, history, decision);
    if (decision.replicas == current && decision.proposed == current && wishes.within_tolerance) {
      decision.limit = ScalingLimit::kTolerance;
    }
  }
  Clamp(bounds, decision);
  return decision;
}

}  // namespace ballast::reconcilers
