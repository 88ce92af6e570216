// How long requests take now, out of an average that HAProxy keeps over the last 512: at 20
// requests a second that would take half a minute to tell of an overload. HAProxy adds each request
// to a sum of which it first drops the 512th part (while there were fewer than 512: nothing), and
// shows the sum divided, in whole milliseconds; so what was added between two readings can be
// reckoned. A process begins with an empty sum, though its counters may go on: that is allowed for.
// Pure; one backend of one process.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "reconcilers/ports/clock.h"

namespace ballast::reconcilers {

class ResponseMeter {
 public:
  // Rounding blurs the result by up to 512 ms divided by the requests that it is of. So it is of
  // this many at least, where that takes no longer than the second.
  static constexpr std::int64_t kRequests = 100;
  static constexpr std::chrono::seconds kLongest{30};

  // `ended`: how many requests ended in all; `mean_millis`: HAProxy's average. The mean of the
  // newest in seconds; nothing: none ended since the last call, or nothing can be told.
  std::optional<double> Add(Clock::Steady at, std::int64_t ended, std::int64_t mean_millis);
  // Another process.
  void Restart() { points_.clear(); }

 private:
  struct Point {
    Clock::Steady at{};
    std::int64_t ended = 0;
    std::int64_t mean_millis = 0;
  };
  std::deque<Point> points_;  // the last one is the newest
};

}  // namespace ballast::reconcilers
