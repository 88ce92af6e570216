// A decision with what it was made from, as it is kept and as `ballast why -o json` shows it. Pure.
//   {"current":9,"replicas":9,"proposed":2,"limit":"Stabilization","reason":...,"message":...,
//    "panicking":false,"minReplicas":2,"maxReplicas":12,"nextChange":"2026-11-21T10:42:41Z",
//    "inService":9,"held":0,"startupSeconds":2.3,
//    "metrics":[{"type":"RequestRate","name":...,"current":4.4,"stable":40,"panic":39.5,
//                "target":50,"replicas":2} or with "problem" in place of "replicas"]}
#pragma once

#include <string>

#include "reconcilers/autoscaler/decide.h"

namespace ballast::reconcilers {

[[nodiscard]] std::string EncodeDecision(const DecideInput& input, const Decision& decision);

// Whether both say the same: the same step, from and to the same number, for the same reason. Then
// they are one row with a count. What moves from second to second (figures, and wishes that lead to
// nothing) is no difference.
[[nodiscard]] bool SameDecision(const Decision& a, const Decision& b);

}  // namespace ballast::reconcilers
