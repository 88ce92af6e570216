#include "reconcilers/autoscaler/response_meter.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// HAProxy 3.0's own arithmetic (swrate_add with TIME_STATS_SAMPLES), as measured.
class Haproxy {
 public:
  void End(int count, std::int64_t millis) {
    for (int i = 0; i < count; ++i) {
      ++ended;
      sum_ += millis - (ended > 512 ? (sum_ + 511) / 512 : 0);
    }
  }
  // The counters go on, the times do not.
  void Reload() { sum_ = 0; }
  [[nodiscard]] std::int64_t Mean() const {
    const std::int64_t divisor = std::min<std::int64_t>(std::max<std::int64_t>(ended, 1), 512);
    return (sum_ + divisor - 1) / divisor;
  }
  std::int64_t ended = 0;

 private:
  std::int64_t sum_ = 0;
};

class ResponseMeterTest : public testing::Test {
 protected:
  // A second in which so many ended after so long.
  std::optional<double> Second(int count, std::int64_t millis) {
    haproxy_.End(count, millis);
    now_ += seconds(1);
    return meter_.Add(now_, haproxy_.ended, haproxy_.Mean());
  }
  Haproxy haproxy_;
  ResponseMeter meter_;
  Clock::Steady now_{seconds(100)};
};

TEST_F(ResponseMeterTest, TellsNothingOfTheFirstReadingAndOfSecondsWithoutAnEnd) {
  EXPECT_FALSE(Second(50, 20));
  EXPECT_FALSE(Second(0, 0));
  EXPECT_TRUE(Second(1, 20));
  EXPECT_FALSE(Second(0, 0));
}

TEST_F(ResponseMeterTest, AnOverloadShowsWithinTwoSeconds) {
  for (int i = 0; i < 100; ++i) Second(200, 50);
  EXPECT_NEAR(Second(200, 50).value_or(-1), 0.05, 0.006);
  Second(200, 2000);
  EXPECT_NEAR(Second(200, 2000).value_or(-1), 2.0, 0.01);
  EXPECT_LT(haproxy_.Mean(), 1200);  // HAProxy's own average is far behind
  Second(200, 50);
  EXPECT_NEAR(Second(200, 50).value_or(-1), 0.05, 0.01);
}

TEST_F(ResponseMeterTest, AReloadIsNoDrop) {
  for (int i = 0; i < 20; ++i) Second(60, 120);
  haproxy_.Reload();
  meter_.Restart();
  EXPECT_FALSE(Second(3, 120));  // before the first reading of the new process
  for (int i = 0; i < 30; ++i) {
    const double mean = Second(60, 120).value_or(-1);
    if (i < 2) continue;
    EXPECT_NEAR(mean, 0.12, 0.01) << i;
  }
}

TEST_F(ResponseMeterTest, AYoungProcessWithFewRequests) {
  EXPECT_FALSE(Second(0, 0));
  EXPECT_NEAR(Second(10, 300).value_or(-1), 0.3, 0.001);
  // Of one request alone little can be told: the result leans on HAProxy's average.
  const double mean = Second(1, 700).value_or(-1);
  EXPECT_GT(mean, 0.3);
  EXPECT_LT(mean, 0.71);
}

TEST_F(ResponseMeterTest, ALongMeanIsRightWhateverTheRounding) {
  for (int i = 0; i < 60; ++i) Second(20, 37);
  double sum = 0;
  for (int i = 0; i < 60; ++i) sum += Second(20, 37).value_or(-1);
  EXPECT_NEAR(sum / 60, 0.037, 0.003);
}

TEST_F(ResponseMeterTest, NeverNegativeNeverInfinite) {
  haproxy_.End(5000, 4000);
  Second(1, 4000);
  for (int i = 0; i < 200; ++i) {
    const auto mean = Second(i % 3, 0);
    if (!mean) continue;
    EXPECT_GE(*mean, 0);
    EXPECT_LT(*mean, 5);
    EXPECT_TRUE(std::isfinite(*mean));
  }
  // A HAProxy that shows something else altogether.
  for (const std::int64_t shown : {-1, 0, 1'000'000'000}) {
    now_ += milliseconds(1000);
    const auto mean = meter_.Add(now_, haproxy_.ended += 7, shown);
    ASSERT_TRUE(mean);
    EXPECT_TRUE(std::isfinite(*mean) && *mean >= 0);
  }
}

}  // namespace
}  // namespace ballast::reconcilers
