// The steps between the metrics' proposals and a decision, as Ballast takes them. Pure; any thread.
#pragma once

#include "reconcilers/autoscaler/decide.h"
#include "reconcilers/autoscaler/proposals.h"
#include "reconcilers/autoscaler/schedule.h"

namespace ballast::reconcilers {

// The numbers of a decision of policy kBallast.
[[nodiscard]] Decision DecideBallast(const ProposalContext& context, const Bounds& bounds,
                                     ScalingHistory& history);

// What is kept within the bounds, and by which of them.
void Clamp(const Bounds& bounds, Decision& decision);

// The two windows in force.
[[nodiscard]] int UpWindow(const api::AutoscalerSpec& spec);
[[nodiscard]] int DownWindow(const api::AutoscalerSpec& spec, const Tuning& tuning);
// Least that a fall of the load leaves for now; 0: it may take all.
[[nodiscard]] int KeptAfterFall(const ProposalContext& context, const ScalingHistory& history);

}  // namespace ballast::reconcilers
