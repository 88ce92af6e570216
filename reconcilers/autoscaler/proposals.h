// How many replicas each metric of an Autoscaler wants, as Ballast decides. Pure; any thread.
#pragma once

#include <cstdint>

#include "reconcilers/autoscaler/decide.h"
#include "reconcilers/autoscaler/estimate.h"
#include "reconcilers/autoscaler/hpa.h"
#include "reconcilers/autoscaler/tuning.h"

namespace ballast::reconcilers {

// Why a metric proposes nothing.
enum class Problem {
  kNone,
  kNoSamples,     // nobody counted, ever or for some seconds
  kNoneAnswered,  // requests, but none ended
  kErrors,        // too many answers 5xx: their time tells nothing
  kNoUsage,       // no replica's CPU or memory is known
  kNoLimit,       // percent of what?
  kNoAnswer,      // of the monitoring system; in its own words
};

struct Proposal {
  Problem problem = Problem::kNoSamples;
  int grow = 0;    // what growth shall reach; both hold only without a problem
  int shrink = 0;  // what shrinking shall stop at; not below `grow`
  bool within_tolerance = false;
  bool panics = false;    // the panic window is above its threshold
  int panic = 0;          // what the panic window wants
  double current = 0;     // in the unit of the target
  double stable = 0;      // in all
  double panic_load = 0;  // in all
  double target = 0;
};

// What all metrics of one decision share.
struct ProposalContext {
  const DecideInput& input;
  const Tuning& tuning;
  api::Panic panic;
  std::int64_t now = 0;
  std::int64_t end = 0;  // newest sample
  bool fresh = false;    // it is new enough
  // Replicas are on their way, for so many seconds by now: what only suffers from that waits for
  // them. Below 0: none are, or they have had their time.
  std::int64_t waiting = -1;
  // Directions that follow `behavior`, that is, HPA with its tolerance. Where the load itself is
  // counted, Ballast's own have none: `margin` keeps it from going to and fro.
  bool hpa_up = false;
  bool hpa_down = false;
  bool margin = false;
  hpa::Tolerance tolerance;
  LoadEstimate request_rate;  // only where a metric asks for it
};

// `history` learns what the newest samples say about forecasts.
[[nodiscard]] ProposalContext ContextOf(const DecideInput& input, ScalingHistory& history,
                                        const Tuning& tuning);
[[nodiscard]] Proposal Propose(const ProposalContext& context, std::size_t metric);

}  // namespace ballast::reconcilers
