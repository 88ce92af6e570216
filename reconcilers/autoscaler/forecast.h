// Which rate of requests to plan for: what will have come when a replica that is asked for now
// takes traffic. Four simple forecasts, weighed by how near each has been lately; how far off
// they were together says how much head-room the load needs. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "reconcilers/autoscaler/estimate.h"
#include "reconcilers/autoscaler/load.h"

namespace ballast::reconcilers {

struct ForecastParams {
  double default_startup = 5;      // seconds, while it has not been measured
  double extra_seconds = 1;        // looked ahead beyond it: until a sample is seen and decided on
  double most_ahead_seconds = 60;  // no growth is followed further
  double most_ahead_ratio = 2;     // nor to more than so many times the present
  // What was learnt fades in so many seconds.
  double error_seconds = 300;
  double sway_seconds = 900;
  // One miss counts at most for so many times the usual one: a jump is news, not noise.
  double error_clip = 3;
  double sway_clip = 4;
  // The last seconds overrule the forecasts where they differ by more than so many usual misses;
  // the very last one alone where it is also so many times the forecast. What is usual takes some
  // samples to know; until then chance stands for it.
  double surprise = 4;
  double jump = 6;
  double jump_ratio = 1.5;
  int usual_samples = 30;
  // Head-room to grow with, in usual misses of one second.
  double grow_errors = 0.4;
  // A miss is taken for at most so many times what chance does, and so much of the load.
  double most_chance = 2;
  double most_ratio = 0.1;
  // And what shrinking leaves beside that, so that what left does not come back: in such misses, in
  // usual changes within a minute, and a part of the load.
  double shrink_errors = 0.4;
  double shrink_sway = 0.5;
  double shrink_ratio = 0.005;
};

// What past forecasts taught. It can be learnt again from the samples, so nobody has to keep it.
struct ForecastMemory {
  // The last 3 s with their growth, the last 5 s, minute, and 5 minutes.
  static constexpr std::size_t kForecasts = 4;

  std::int64_t second = 0;  // up to which it has learnt; 0: nothing
  int errors = 0;           // seconds with a forecast to compare with, at most what fits
  int sways = 0;
  // All are means of squares.
  std::array<double, kForecasts> miss{};  // of each forecast, from the mean of 5 s
  double error = 0;                       // of all together, from single seconds
  double short_error = 0;                 // from the mean of 2 s
  double long_error = 0;                  // from the mean of 10 s
  double sway = 0;                        // of the load within a minute, as a ratio
  bool operator==(const ForecastMemory&) const = default;
};

// `end`: the newest second. Learns from all seconds since the last call.
[[nodiscard]] LoadEstimate ForecastRequestRate(const LoadSeries& load, std::int64_t end,
                                               double startup_seconds, const ForecastParams& params,
                                               ForecastMemory& memory);

}  // namespace ballast::reconcilers
