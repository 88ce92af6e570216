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

// Whether a person would read the same in both: they are one row with a count. Figures that move
// within what is wanted are no difference.
[[nodiscard]] bool SameDecision(const Decision& a, const Decision& b);

}  // namespace ballast::reconcilers
