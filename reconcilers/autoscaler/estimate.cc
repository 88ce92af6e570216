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

// What is beyond `hidden` of a difference.
double Beyond(double difference, double hidden) {
  return std::copysign(std::max(0.0, std::abs(difference) - hidden), difference);
}

// Requests a second more each second. A line through a jump is steep as well, but only one of its
// halves is: the less steep counts.
double Slope(const LoadSeries& load, std::int64_t end, const EstimateParams& params) {
  const int half = params.trend_seconds / 2;
  const LoadTrend later = load.RequestRateTrend(end, half);
  const LoadTrend earlier = load.RequestRateTrend(end - half, half);
  if (later.seconds + earlier.seconds < params.least_seconds) return 0;
  return std::max(0.0, std::min(later.slope, earlier.slope));
}

// The end of the line where there is one, else the short mean.
double Level(const LoadSeries& load, std::int64_t end, const LoadWindow& recent,
             const EstimateParams& params) {
  const LoadTrend trend = load.RequestRateTrend(end, params.trend_seconds);
  if (recent.active == 0 || trend.seconds < params.least_seconds ||
      trend.noise > params.fit_sigmas * Chance(trend.level, 1)) {
    return recent.request_rate;
  }
  return std::max(0.0,
                  trend.level + Beyond(recent.request_rate - trend.level,
                                       params.level_sigmas * Chance(trend.level, recent.seconds)));
}

}  // namespace

LoadEstimate EstimateRequestRate(const LoadSeries& load, std::int64_t end, double startup_seconds,
                                 const EstimateParams& params) {
  const LoadWindow recent = load.Mean(end, params.short_seconds);
  const double slope = Slope(load, end, params);
  const double startup = startup_seconds > 0 ? startup_seconds : params.default_startup;
  const double seconds = std::min(startup + params.extra_seconds, params.most_ahead_seconds);
  LoadEstimate estimate;
  estimate.mean = recent.request_rate;
  estimate.level = Level(load, end, recent, params);
  // The line's end may lie too high for a while after a jump. The short mean does not, but it is
  // half its window late.
  const double sure = recent.request_rate + slope * params.short_seconds / 2;
  estimate.grow = std::min(std::min(estimate.level, sure) + slope * seconds,
                           params.most_ahead_ratio * estimate.level);
  const LoadWindow newest = load.Mean(end, params.surge_seconds);
  const LoadWindow before = load.Mean(end - params.surge_seconds, params.surge_before);
  if (before.seconds > 0 && newest.request_rate > estimate.level &&
      IsSurge(newest.request_rate, newest.seconds, before.request_rate, params)) {
    estimate.level = estimate.mean = estimate.grow = newest.request_rate;
  }
  estimate.shrink = WithMargin(estimate.level, estimate.grow, params);
  return estimate;
}

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
