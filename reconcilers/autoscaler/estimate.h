// Which load to plan for: what comes now, freed from noise, and what will have come when a replica
// that is asked for now takes traffic. Pure; any thread.
#pragma once

#include <cstdint>

#include "reconcilers/autoscaler/load.h"

namespace ballast::reconcilers {

// Requests come as they like: of `n` expected in a window, sqrt(n) more or less mean nothing.
// "Sigmas" below are multiples of that.
struct EstimateParams {
  int short_seconds = 5;   // the mean that counts when nothing else does
  int trend_seconds = 60;  // the line
  int least_seconds = 20;  // samples that it needs
  // The line is believed while the seconds lie about it as chance would have it: at most so many
  // sigmas. Then what the short mean differs from its end counts only beyond so many sigmas.
  double fit_sigmas = 1.3;
  double level_sigmas = 1.5;
  // How far its slope is followed, where both halves of it rise; the less steep one counts.
  double extra_seconds = 1;        // looked ahead beyond the start-up: until it is seen and done
  double default_startup = 5;      // seconds, while it has not been measured
  double most_ahead_seconds = 60;  // no slope is followed further
  double most_ahead_ratio = 2;     // nor to more than so many times the present
  // A jump counts at once, on the shortest mean: so many times the minute before it, and sigmas.
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

// Of requests a second. `end`: the newest second.
[[nodiscard]] LoadEstimate EstimateRequestRate(const LoadSeries& load, std::int64_t end,
                                               double startup_seconds,
                                               const EstimateParams& params);
// Of requests in flight and waiting. No line is drawn through these: they follow the replicas as
// much as the visitors.
[[nodiscard]] LoadEstimate EstimateConcurrency(const LoadSeries& load, std::int64_t end,
                                               const EstimateParams& params);

}  // namespace ballast::reconcilers
