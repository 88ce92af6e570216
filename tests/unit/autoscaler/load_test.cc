// LoadSeries against a computation without running sums.
#include "reconcilers/autoscaler/load.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

namespace ballast::reconcilers {
namespace {

constexpr std::int64_t kStart = 1'700'000'000;

LoadSample Sample(std::int64_t second, double rate) {
  LoadSample sample;
  sample.second = second;
  sample.request_rate = rate;
  return sample;
}

// What a series should answer, straight from its definition.
class Naive {
 public:
  void Add(const LoadSample& sample) { samples_[sample.second] = sample; }

  LoadWindow Mean(std::int64_t end, int seconds) const {
    LoadWindow window;
    int responding = 0;
    double response = 0;
    for (const LoadSample& sample : Within(end, seconds)) {
      ++window.seconds;
      if (sample.request_rate > 0 || sample.concurrency > 0 || sample.queued > 0) ++window.active;
      window.request_rate += sample.request_rate;
      window.concurrency += sample.concurrency;
      window.queued += sample.queued;
      window.error_rate += sample.error_rate;
      if (sample.response_seconds >= 0) {
        response += sample.response_seconds;
        ++responding;
      }
    }
    if (window.seconds == 0) return window;
    for (double* sum :
         {&window.request_rate, &window.concurrency, &window.queued, &window.error_rate}) {
      *sum /= window.seconds;
    }
    if (responding > 0) window.response_seconds = response / responding;
    return window;
  }

  LoadTrend Trend(std::int64_t end, int seconds) const {
    const auto samples = Within(end, seconds);
    LoadTrend trend;
    trend.seconds = static_cast<int>(samples.size());
    if (samples.empty()) return trend;
    const auto n = static_cast<double>(samples.size());
    double mean_time = 0;
    double mean = 0;
    for (const LoadSample& sample : samples) {
      mean_time += static_cast<double>(sample.second - kStart) / n;
      mean += sample.request_rate / n;
    }
    double spread = 0;
    double together = 0;
    for (const LoadSample& sample : samples) {
      const double time = static_cast<double>(sample.second - kStart) - mean_time;
      spread += time * time;
      together += time * (sample.request_rate - mean);
    }
    trend.level = mean;
    if (samples.size() < 2) return trend;
    trend.slope = together / spread;
    const auto line = [&](std::int64_t second) {
      return mean + trend.slope * (static_cast<double>(second - kStart) - mean_time);
    };
    trend.level = std::max(0.0, line(std::min(end, samples_.rbegin()->first)));
    double squares = 0;
    for (const LoadSample& sample : samples) {
      squares += std::pow(sample.request_rate - line(sample.second), 2);
    }
    if (samples.size() > 2) trend.noise = std::sqrt(squares / (n - 2));
    return trend;
  }

  std::vector<LoadSample> Within(std::int64_t end, int seconds) const {
    std::vector<LoadSample> samples;
    if (samples_.empty()) return samples;
    const std::int64_t oldest = samples_.rbegin()->first - LoadSeries::kSeconds + 1;
    for (const auto& [second, sample] : samples_) {
      if (second > end - seconds && second <= end && second >= oldest) samples.push_back(sample);
    }
    return samples;
  }

 private:
  std::map<std::int64_t, LoadSample> samples_;
};

TEST(LoadSeries, EmptyKnowsNothing) {
  const LoadSeries series;
  EXPECT_EQ(series.Mean(kStart, 60).seconds, 0);
  EXPECT_EQ(series.Mean(kStart, 60).response_seconds, -1);
  EXPECT_EQ(series.RequestRateSlope(kStart, 60), 0);
  EXPECT_EQ(series.Last(), nullptr);
  EXPECT_EQ(series.At(kStart), nullptr);
  EXPECT_TRUE(series.Samples(0).empty());
}

TEST(LoadSeries, SlopeOfALineAndOfOneSample) {
  LoadSeries series;
  series.Add(Sample(kStart, 10));
  EXPECT_EQ(series.RequestRateSlope(kStart, 60), 0);
  for (int i = 1; i < 60; ++i) series.Add(Sample(kStart + i, 10 + 3 * i));
  const LoadTrend trend = series.RequestRateTrend(kStart + 59, 60);
  EXPECT_NEAR(trend.slope, 3, 1e-9);
  EXPECT_NEAR(trend.level, 10 + 3 * 59, 1e-6);
  EXPECT_NEAR(trend.noise, 0, 1e-3);
}

TEST(LoadSeries, GapsAreNotZero) {
  LoadSeries series;
  series.Add(Sample(kStart, 100));
  series.Add(Sample(kStart + 5, 200));
  const LoadWindow window = series.Mean(kStart + 5, 6);
  EXPECT_EQ(window.seconds, 2);
  EXPECT_DOUBLE_EQ(window.request_rate, 150);
  EXPECT_EQ(series.At(kStart + 3), nullptr);
  EXPECT_EQ(series.Mean(kStart + 4, 4).seconds, 0);
}

TEST(LoadSeries, WindowsThatReachBeyondBothEnds) {
  LoadSeries series;
  for (int i = 0; i < 10; ++i) series.Add(Sample(kStart + i, i));
  EXPECT_EQ(series.Mean(kStart + 9, 900).seconds, 10);
  EXPECT_EQ(series.Mean(kStart + 100, 95).seconds, 4);  // the last four
  EXPECT_EQ(series.Mean(kStart + 100, 50).seconds, 0);
  EXPECT_EQ(series.Mean(kStart - 1, 60).seconds, 0);
}

TEST(LoadSeries, OldSamplesAreIgnoredUntilTheClockWasSetBack) {
  LoadSeries series;
  series.Add(Sample(kStart, 100));
  series.Add(Sample(kStart, 999));
  series.Add(Sample(kStart - 2, 999));
  EXPECT_DOUBLE_EQ(series.Last()->request_rate, 100);
  EXPECT_EQ(series.Samples(0).size(), 1U);
  for (const std::int64_t back : {3, 60, 7200}) {
    series.Add(Sample(series.Last()->second + 10, 50));
    const std::vector<LoadSample> before = series.Samples(0);
    const std::int64_t second = series.Last()->second - back;
    series.Add(Sample(second, 7));
    const std::vector<LoadSample> after = series.Samples(0);
    ASSERT_EQ(after.size(), before.size() + 1) << "nothing is forgotten";
    EXPECT_EQ(series.Last()->second, second);
    for (std::size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(after[i].second, before[i].second - back - 1);
      EXPECT_EQ(after[i].request_rate, before[i].request_rate);
    }
    EXPECT_DOUBLE_EQ(series.Mean(second, 2).request_rate, 28.5);
  }
}

TEST(LoadSeries, NumbersThatNoLoadHasAreGaps) {
  LoadSeries series;
  series.Add(Sample(kStart, 1));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  std::int64_t second = kStart;
  for (const double bad : {nan, infinity, -infinity, -1.0, 1e300, -1e-9}) {
    series.Add(Sample(++second, bad));
    LoadSample sample = Sample(++second, 1);
    sample.concurrency = bad;
    series.Add(sample);
    sample = Sample(++second, 1);
    sample.response_seconds = bad == -1.0 ? -2 : bad;
    series.Add(sample);
    sample = Sample(++second, 1);
    sample.error_rate = bad;
    series.Add(sample);
  }
  series.Add(Sample(0, 1));
  series.Add(Sample(-5, 1));
  EXPECT_EQ(series.Samples(0).size(), 1U);
  EXPECT_EQ(series.Last()->second, kStart);
}

TEST(LoadSeries, ALongGapLeavesNothing) {
  LoadSeries series;
  series.Add(Sample(kStart, 100));
  series.Add(Sample(kStart + 10'000, 5));
  EXPECT_EQ(series.Samples(0).size(), 1U);
  EXPECT_DOUBLE_EQ(series.Mean(kStart + 10'000, 900).request_rate, 5);
  series.Add(Sample(kStart + 10'000 + LoadSeries::kSeconds - 1, 7));
  EXPECT_EQ(series.Samples(0).size(), 2U);
  EXPECT_DOUBLE_EQ(series.Mean(kStart + 10'899, 900).request_rate, 6);
}

TEST(LoadSeries, IdleSecondsAreExactlyZero) {
  LoadSeries series;
  for (int i = 0; i < 2000; ++i) series.Add(Sample(kStart + i, 0.1 * (i % 7)));
  for (int i = 2000; i < 2060; ++i) series.Add(Sample(kStart + i, 0));
  const LoadWindow window = series.Mean(kStart + 2059, 60);
  EXPECT_EQ(window.active, 0);
  EXPECT_EQ(window.request_rate, 0);
}

// Gaps, several turns of the ring, all window lengths.
TEST(LoadSeries, AgreesWithTheNaiveComputation) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> rate(0, 5000);
  std::uniform_int_distribution<int> dice(0, 99);
  LoadSeries series;
  Naive naive;
  std::int64_t second = kStart;
  for (int i = 0; i < 6000; ++i) {
    const int die = dice(random);
    second += die < 5 ? 40 : die < 15 ? 3 : 1;
    LoadSample sample = Sample(second, die < 30 ? 0 : rate(random));
    sample.concurrency = die < 40 ? 0 : rate(random) / 10;
    sample.queued = die < 80 ? 0 : rate(random) / 100;
    sample.error_rate = die < 90 ? 0 : 3;
    sample.response_seconds = die < 50 ? -1 : 0.001 * die;
    series.Add(sample);
    naive.Add(sample);
    if (i % 37 != 0) continue;
    for (const int seconds : {1, 2, 5, 60, 599, 900}) {
      for (const std::int64_t end : {second, second + 4, second - 13, second - 880}) {
        const LoadWindow a = series.Mean(end, seconds);
        const LoadWindow b = naive.Mean(end, seconds);
        ASSERT_EQ(a.seconds, b.seconds) << i << " " << seconds << " " << second - end;
        ASSERT_EQ(a.active, b.active);
        ASSERT_NEAR(a.request_rate, b.request_rate, 1e-6);
        ASSERT_NEAR(a.concurrency, b.concurrency, 1e-6);
        ASSERT_NEAR(a.queued, b.queued, 1e-6);
        ASSERT_NEAR(a.error_rate, b.error_rate, 1e-6);
        ASSERT_NEAR(a.response_seconds, b.response_seconds, 1e-6);
        const LoadTrend c = series.RequestRateTrend(end, seconds);
        const LoadTrend d = naive.Trend(end, seconds);
        ASSERT_EQ(c.seconds, d.seconds);
        ASSERT_NEAR(c.slope, d.slope, 1e-5);
        ASSERT_NEAR(c.level, d.level, 1e-3);
        ASSERT_NEAR(c.noise, d.noise, 1e-2);
      }
    }
  }
}

}  // namespace
}  // namespace ballast::reconcilers
