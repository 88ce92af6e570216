// The log of what was recommended, kept short: of the wishes of a window only those matter that
// are its largest or its smallest, or will be. Gives the same numbers as HPA's log. Pure.
#pragma once

#include <cstdint>

#include "reconcilers/autoscaler/hpa.h"

namespace ballast::reconcilers {

struct Extremes {
  int least = 0;  // of the up window, with the newest
  int most = 0;   // of the down window, with the newest
  std::int64_t most_second = 0;
  std::int64_t least_second = 0;
};

// Adds `wish` at `now` and forgets what neither window needs any more.
void Remember(hpa::Recommendations& log, std::int64_t now, int wish, int up_window,
              int down_window);

// What was wished within the windows, and `wish`.
[[nodiscard]] Extremes ExtremesOf(const hpa::Recommendations& log, std::int64_t now, int wish,
                                  int up_window, int down_window);

}  // namespace ballast::reconcilers
