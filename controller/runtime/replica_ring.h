// The last minute of one replica, small: there may be ten thousand. One thread at a time.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "reconcilers/autoscaler/load_tracker.h"

namespace ballast::runtime {

class ReplicaRing {
 public:
  static constexpr std::int64_t kSeconds = 60;

  // Seconds that are left out are gaps; one that is not newer is ignored.
  void Add(std::int64_t second, const reconcilers::ReplicaLoad& load) {
    if (second <= last_) return;
    const std::int64_t gaps = std::min(second - last_ - 1, kSeconds);
    for (std::int64_t i = 1; i <= gaps; ++i) At(second - i) = {};
    At(second) = {static_cast<float>(load.request_rate), static_cast<float>(load.concurrency),
                  static_cast<float>(load.queued)};
    last_ = second;
    newest_ = load;
  }

  // The newest, with rate and concurrency as means over (end - seconds, end]; seconds <= kSeconds.
  [[nodiscard]] reconcilers::ReplicaLoad Mean(std::int64_t end, int seconds) const {
    reconcilers::ReplicaLoad mean = newest_;
    double rate = 0;
    double concurrency = 0;
    double queued = 0;
    int count = 0;
    for (std::int64_t second = end - seconds + 1; second <= end; ++second) {
      if (second > last_ || second <= last_ - kSeconds) continue;
      const Point& point = At(second);
      if (std::isnan(point.rate)) continue;
      rate += point.rate;
      concurrency += point.concurrency;
      queued += point.queued;
      ++count;
    }
    if (count == 0) return {};
    mean.request_rate = rate / count;
    mean.concurrency = concurrency / count;
    mean.queued = queued / count;
    return mean;
  }

  [[nodiscard]] std::int64_t last() const { return last_; }

 private:
  struct Point {
    float rate = std::numeric_limits<float>::quiet_NaN();
    float concurrency = 0;
    float queued = 0;
  };
  Point& At(std::int64_t second) { return points_[static_cast<std::size_t>(second % kSeconds)]; }
  [[nodiscard]] const Point& At(std::int64_t second) const {
    return points_[static_cast<std::size_t>(second % kSeconds)];
  }

  std::array<Point, kSeconds> points_{};
  std::int64_t last_ = 0;
  reconcilers::ReplicaLoad newest_;
};

}  // namespace ballast::runtime
