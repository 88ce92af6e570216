// An autoscaler's status, out of its last decision: numbers and HPA's three conditions. Pure.
#pragma once

#include <string>

#include "api/autoscaler.h"
#include "reconcilers/autoscaler/decide.h"

namespace ballast::reconcilers {

// What is wrong besides the decision; "" = nothing.
struct AutoscalerProblems {
  std::string target;   // why the target cannot be scaled at all; then there is no decision
  std::string update;   // why the number could not be set
  std::string history;  // why nobody knows what was decided before
};

[[nodiscard]] api::AutoscalerStatus MakeAutoscalerStatus(const api::Autoscaler& autoscaler,
                                                         const DecideInput& input,
                                                         const Decision& decision,
                                                         const ScalingHistory& history,
                                                         const AutoscalerProblems& problems);
// Of one whose target is not there.
[[nodiscard]] api::AutoscalerStatus MakeIdleStatus(const api::Autoscaler& autoscaler,
                                                   const AutoscalerProblems& problems);

// Whether somebody who looks would want to see the new one at once. Figures that only move a little
// are not: they are written every now and then.
[[nodiscard]] bool Notable(const api::AutoscalerStatus& before, const api::AutoscalerStatus& after);

}  // namespace ballast::reconcilers
