// Which load to plan for where requests in flight are counted (forecast.h where they are counted as
// they come). Pure; any thread.
#pragma once

#include <cstdint>

#include "reconcilers/autoscaler/load.h"

namespace ballast::reconcilers {

// Requests come as they like: of `n` expected in a window, sqrt(n) more or less mean nothing.
// "Sigmas" below are multiples of that.
struct EstimateParams {
  int short_seconds = 5;
  // A jump counts at once, on the shortest mean: so many times the half minute before it, and
  // sigmas.
  int surge_seconds = 2;
  int surge_before = 30;
  double surge_ratio = 1.5;
  double surge_sigmas = 4;
  // What is held back from shrinking, so that what just left does not come back.
  double shrink_sigmas = 1;
  double shrink_ratio = 0.02;
};

struct LoadEstimate {
  double level = 0;   // now, in all
  double mean = 0;    // the plain short mean, or the jump's; for HPA's arithmetic
  double grow = 0;    // plan growth for this
  double shrink = 0;  // and shrinking for this; not below `grow`
};

// Of requests in flight and waiting. They follow the replicas as much as the visitors, so nothing
// is foretold of them.
[[nodiscard]] LoadEstimate EstimateConcurrency(const LoadSeries& load, std::int64_t end,
                                               const EstimateParams& params);

}  // namespace ballast::reconcilers
