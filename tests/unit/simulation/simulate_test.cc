// A trace against the live decisions: known numbers of the two traces, and small worlds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/simulation/testing.h"

namespace ballast::reconcilers {
namespace {

using testing::Golden;
using testing::RateSpec;
using testing::Seconds;

SimulationResult Replay(const Trace& trace, const api::AutoscalerSpec& spec,
                        ScalingPolicyKind policy, double capacity, double startup) {
  return Simulate(
      trace, {.spec = &spec, .policy = policy, .capacity = capacity, .startup_seconds = startup});
}

double Percent(const SimulationResult& result) { return 100 * result.unserved / result.requests; }

// HPA's and KPA's arithmetic is settled, so their figures are: a change here is a change of the
// model, and of every picture that was made with it. A program of its own, without a line of this
// code, gave the same.
TEST(Simulate, WorldCupWithKpa) {
  const auto spec = RateSpec(47.5);
  const auto result = Replay(Golden(testing::kWorldCup), spec, ScalingPolicyKind::kKpa, 50, 5);
  EXPECT_EQ(result.seconds, 9 * 24 * 3600);
  EXPECT_NEAR(result.requests, 331608317, 10000);
  EXPECT_NEAR(Percent(result), 0.0034, 0.0001);
  EXPECT_NEAR(result.replica_hours, 2047.3, 0.1);
  EXPECT_NEAR(result.ideal_hours, 1949.8, 0.1);
  EXPECT_EQ(result.scalings, 2775);
  EXPECT_FALSE(result.stopped);
  EXPECT_TRUE(result.timeline.empty());
}

TEST(Simulate, WorldCupWithHpa) {
  const auto spec = RateSpec(45);
  const auto result = Replay(Golden(testing::kWorldCup), spec, ScalingPolicyKind::kHpa, 50, 5);
  EXPECT_NEAR(Percent(result), 0.0106, 0.0001);
  EXPECT_NEAR(result.replica_hours, 2151.5, 0.1);
  EXPECT_EQ(result.scalings, 410);
  EXPECT_EQ(result.flaps, 4);
}

TEST(Simulate, NasaWithKpa) {
  const auto spec = RateSpec(0.25);
  const auto result = Replay(Golden(testing::kNasa), spec, ScalingPolicyKind::kKpa, 0.5, 5);
  EXPECT_EQ(result.requests, 218306);
  EXPECT_NEAR(result.ideal_hours, 140.4, 0.1);
  EXPECT_NEAR(Percent(result), 5.93, 0.05);
  EXPECT_NEAR(result.replica_hours, 387.7, 0.5);
}

TEST(Simulate, SameInputSameResult) {
  Trace trace = Golden(testing::kWorldCup);
  trace.rates.resize(600);
  const auto spec = RateSpec(40);
  for (const auto policy :
       {ScalingPolicyKind::kBallast, ScalingPolicyKind::kHpa, ScalingPolicyKind::kKpa}) {
    const auto first = Replay(trace, spec, policy, 50, 5);
    const auto second = Replay(trace, spec, policy, 50, 5);
    EXPECT_GT(first.scalings, 0);
    EXPECT_EQ(first.scalings, second.scalings);
    EXPECT_EQ(first.unserved, second.unserved);
    EXPECT_EQ(first.replica_hours, second.replica_hours);
    EXPECT_EQ(first.p99, second.p99);
  }
}

// 20/s, then 500/s: what is missing is missing while replicas are found out about and start.
TEST(Simulate, AStep) {
  std::vector<double> rates(300, 20);
  rates.resize(600, 500);
  const auto spec = RateSpec(40, 1, 40);
  const auto result = Simulate(Seconds(rates), {.spec = &spec,
                                                .policy = ScalingPolicyKind::kBallast,
                                                .capacity = 50,
                                                .startup_seconds = 3,
                                                .timeline_points = 60});
  EXPECT_GE(result.unserved,
            450 * 4);  // a second is seen when it is over, then three for the start
  EXPECT_LE(result.unserved, 450 * 7);
  EXPECT_GE(result.most_replicas, 10);
  EXPECT_GT(result.late, 0);
  EXPECT_EQ(result.lost, 0);
  EXPECT_GT(result.p99, 1);
  EXPECT_EQ(result.p50, 0);
  ASSERT_EQ(result.timeline.size(), 60U);
  EXPECT_EQ(result.timeline.front().load, 20);
  EXPECT_EQ(result.timeline.front().replicas, 1);
  EXPECT_EQ(result.timeline[30].second, 300);
  EXPECT_EQ(result.timeline[30].load, 500);
  EXPECT_EQ(result.timeline[30].capacity, 50);
  EXPECT_GE(result.timeline.back().replicas, 10);
}

TEST(Simulate, NeverBeyondTheMaximum) {
  const auto spec = RateSpec(50, 1, 3);
  const auto result =
      Replay(Seconds(std::vector<double>(200, 500)), spec, ScalingPolicyKind::kBallast, 50, 3);
  EXPECT_EQ(result.most_replicas, 3);
  EXPECT_NEAR(result.unserved, 350 * 200, 1);
  EXPECT_GT(result.lost, 0);
}

// Ten times as fast: the same rates in a tenth of the time.
TEST(Simulate, Speed) {
  const auto spec = RateSpec(50);
  const Trace trace = Seconds(std::vector<double>(1000, 120));
  const auto result =
      Simulate(trace, {.spec = &spec, .policy = ScalingPolicyKind::kBallast, .speed = 10});
  EXPECT_EQ(result.seconds, 100);
  EXPECT_EQ(result.requests, 12000);
  const auto slow =
      Simulate(trace, {.spec = &spec, .policy = ScalingPolicyKind::kBallast, .speed = 0.5});
  EXPECT_EQ(slow.seconds, 2000);
}

// Seconds that nobody knows of are no seconds without requests.
TEST(Simulate, NothingKnownNothingShrinks) {
  std::vector<double> rates(100, 500);
  rates.resize(1000, -1);
  const auto spec = RateSpec(50);
  for (const auto policy : {ScalingPolicyKind::kBallast, ScalingPolicyKind::kHpa}) {
    const auto result = Replay(Seconds(rates), spec, policy, 50, 3);
    EXPECT_GE(result.replica_hours * 3600, 9999) << static_cast<int>(policy);
    EXPECT_EQ(result.requests, 50000);
  }
}

TEST(Simulate, ScaleToZeroAndBack) {
  std::vector<double> rates(60, 10);
  rates.resize(400, 0);
  rates.resize(500, 10);
  const auto spec = RateSpec(50, 0, 5);
  const auto result = Replay(Seconds(rates), spec, ScalingPolicyKind::kBallast, 50, 3);
  EXPECT_LT(result.replica_hours * 3600, 400);
  EXPECT_GT(result.p99, 0);  // the first ones wait for the start
  EXPECT_EQ(result.lost, 0);
}

TEST(Simulate, CanBeStopped) {
  const auto spec = RateSpec(50);
  const auto result = Simulate(Seconds(std::vector<double>(300'000, 1)),
                               {.spec = &spec, .progress = [](std::int64_t) { return false; }});
  EXPECT_TRUE(result.stopped);
}

}  // namespace
}  // namespace ballast::reconcilers
