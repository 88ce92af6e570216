#include "reconcilers/autoscaler/response_meter.h"

#include <algorithm>
#include <cmath>

namespace ballast::reconcilers {
namespace {

// HAProxy's TIME_STATS_SAMPLES; its manual says 1024.
constexpr std::int64_t kSamples = 512;
constexpr double kMillis = 1000;

// The sum behind an average that is shown after `ended` requests. It is rounded up; on average, by
// half.
double SumOf(std::int64_t ended, std::int64_t mean_millis) {
  if (mean_millis <= 0) return 0;
  const auto divisor = static_cast<double>(std::clamp<std::int64_t>(ended, 1, kSamples));
  return (static_cast<double>(mean_millis) - 0.5) * divisor;
}

}  // namespace

std::optional<double> ResponseMeter::Add(Clock::Steady at, std::int64_t ended,
                                         std::int64_t mean_millis) {
  const Point now{at, ended, mean_millis};
  if (points_.empty()) {
    points_.push_back(now);
    return std::nullopt;
  }
  const std::int64_t since_last = ended - points_.back().ended;
  points_.push_back(now);
  // The newest that is far enough away stays in front.
  while (points_.size() > 2 &&
         (ended - points_[1].ended >= kRequests || at - points_[0].at > kLongest)) {
    points_.pop_front();
  }
  if (since_last <= 0) return std::nullopt;
  const Point& from = points_.front();
  const std::int64_t count = ended - from.ended;
  const double shown = static_cast<double>(mean_millis) / kMillis;
  if (count <= 0) return shown;
  // Those before the 512th are added to the sum as they are; from then on it fades.
  const std::int64_t whole = std::clamp<std::int64_t>(kSamples - from.ended, 0, count);
  const auto fading = static_cast<double>(count - whole);
  const double kept = std::pow(1.0 - 1.0 / kSamples, fading);
  const double weight = static_cast<double>(whole) * kept + kSamples * (1 - kept);
  const double added =
      (SumOf(ended, mean_millis) - SumOf(from.ended, from.mean_millis) * kept) / weight / kMillis;
  const double trusted = std::min(1.0, static_cast<double>(count) / static_cast<double>(kRequests));
  return std::max(0.0, trusted * added + (1 - trusted) * shown);
}

}  // namespace ballast::reconcilers
