// Ballast's own numbers, where the user gives none. All in one value, so that simulations can try
// others.
#pragma once

#include "reconcilers/autoscaler/estimate.h"
#include "reconcilers/autoscaler/forecast.h"

namespace ballast::reconcilers {

struct Tuning {
  ForecastParams forecast;
  EstimateParams estimate;
  // So much of a replica above a whole number of them is not worth one more.
  double slack = 0.05;
  int stable_seconds = 60;  // without requests: to zero. The mean that is shown as "stable"
  int stale_seconds = 5;    // a newest sample older than that tells nothing
  int down_seconds = 120;   // shrinking goes by the largest wish of the last so many seconds
  // The same where RequestRate decides alone, whose forecast knows itself what may come back. After
  // a fall so deep that it may be a fault, so much of the largest wish is kept for longer.
  int rate_down_seconds = 10;
  int fall_seconds = 60;
  double fall_keeps = 0.7;
  int panic_seconds = 60;     // how long panic lasts after its threshold was last crossed
  int gap_seconds = 10;       // decisions further apart than that start a new window
  int settle_seconds = 5;     // Concurrency: a jump is followed for so long, then waited for
  int patience_seconds = 60;  // the same, in all, while no start-up was measured
  // ResponseTime: looked at over so long, with at least so many requests, of which at most so many
  // (a ratio) were answered 5xx; and no further than so many times the replicas in one step.
  int response_seconds = 30;
  double response_requests = 20;
  double response_errors = 0.1;
  double response_most_up = 2;
  double response_most_down = 0.8;
};

inline constexpr Tuning kTuning = {};

}  // namespace ballast::reconcilers
