#include "reconcilers/autoscaler/recommendations.h"

namespace ballast::reconcilers {

Extremes ExtremesOf(const hpa::Recommendations& log, std::int64_t now, int wish, int up_window,
                    int down_window) {
  Extremes extremes = {.least = wish, .most = wish, .most_second = now, .least_second = now};
  for (const ScalingHistory::Recommendation& past : log) {
    const std::int64_t age = now - past.second;
    if (age < down_window && past.replicas > extremes.most) {
      extremes.most = past.replicas;
      extremes.most_second = past.second;
    }
    if (age < up_window && past.replicas < extremes.least) {
      extremes.least = past.replicas;
      extremes.least_second = past.second;
    }
  }
  return extremes;
}

void Remember(hpa::Recommendations& log, std::int64_t now, int wish, int up_window,
              int down_window) {
  // From the newest to the oldest: one that a later one outdoes in both directions is of no use.
  int most = wish;
  int least = wish;
  auto kept = log.end();
  for (auto past = log.end(); past != log.begin();) {
    --past;
    const std::int64_t age = now - past->second;
    const bool down = past->replicas > most && age < down_window;
    const bool up = past->replicas < least && age < up_window;
    if (age < 0 || (!down && !up)) continue;
    if (down) most = past->replicas;
    if (up) least = past->replicas;
    --kept;
    if (kept != past) *kept = *past;
  }
  log.erase(log.begin(), kept);
  log.push_back({.second = now, .replicas = wish});
}

}  // namespace ballast::reconcilers
