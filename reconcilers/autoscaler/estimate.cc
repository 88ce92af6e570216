#include "reconcilers/autoscaler/estimate.h"

#include <algorithm>
#include <cmath>

namespace ballast::reconcilers {
namespace {

// By how much the mean of `seconds` is off by chance, when `rate` a second are expected.
double Chance(double rate, double seconds) {
  return std::sqrt(std::max(rate, 1.0) / std::max(seconds, 1.0));
}

bool IsSurge(double now, double seconds, double before, const EstimateParams& params) {
  return now > params.surge_ratio * before &&
         now - before > params.surge_sigmas * Chance(std::max(before, now / 4), seconds);
}

double WithMargin(double level, double grow, const EstimateParams& params) {
  return std::max(grow, level) + params.shrink_ratio * level +
         (level > 0 ? params.shrink_sigmas * Chance(level, params.short_seconds) : 0);
}

}  // namespace

LoadEstimate EstimateConcurrency(const LoadSeries& load, std::int64_t end,
                                 const EstimateParams& params) {
  LoadEstimate estimate;
  estimate.level = load.Mean(end, params.short_seconds).concurrency;
  const LoadWindow newest = load.Mean(end, params.surge_seconds);
  const LoadWindow before = load.Mean(end - params.surge_seconds, params.surge_before);
  // The number in flight is not independent from one second to the next: as if of one.
  if (before.seconds > 0 && newest.concurrency > estimate.level &&
      IsSurge(newest.concurrency, 1, before.concurrency, params)) {
    estimate.level = newest.concurrency;
  }
  estimate.grow = estimate.mean = estimate.level;
  estimate.shrink = WithMargin(estimate.level, estimate.grow, params);
  return estimate;
}

}  // namespace ballast::reconcilers
