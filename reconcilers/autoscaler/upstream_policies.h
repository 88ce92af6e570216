// What Kubernetes' HPA and Knative's KPA would decide, with their own windows, rhythms and
// defaults, on the load that Ballast sees: to compare with. Pure; any thread.
#pragma once

#include "reconcilers/autoscaler/decide.h"
#include "reconcilers/autoscaler/proposals.h"
#include "reconcilers/autoscaler/schedule.h"

namespace ballast::reconcilers {

// Every 15 s, on means of 60 s: request rate and concurrency as an External AverageValue, response
// time as an Object Value.
[[nodiscard]] Decision DecideHpa(const ProposalContext& context, const Bounds& bounds,
                                 ScalingHistory& history);

// Every 2 s, on the request rate or the concurrency; the target is what KPA calls so after its
// target utilization. Other types of metrics it does not know.
[[nodiscard]] Decision DecideKpa(const ProposalContext& context, const Bounds& bounds,
                                 ScalingHistory& history);

}  // namespace ballast::reconcilers
