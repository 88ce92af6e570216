// Puts a decision into words: reason, message, what each metric wanted, and when time alone ends
// what holds it. Pure; any thread.
#pragma once

#include "reconcilers/autoscaler/decide.h"
#include "reconcilers/autoscaler/proposals.h"
#include "reconcilers/autoscaler/schedule.h"

namespace ballast::reconcilers {

// Fills in reason, message, metrics and next_change. `history` as it is after the decision.
void Explain(const ProposalContext& context, const Bounds& bounds, const ScalingHistory& history,
             Decision& decision);

}  // namespace ballast::reconcilers
