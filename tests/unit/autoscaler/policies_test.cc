// kHpa and kKpa: upstream's rhythm and windows.
#include <gtest/gtest.h>

#include "tests/unit/autoscaler/world.h"

namespace ballast::reconcilers {
namespace {

World Of(ScalingPolicyKind policy, int min, int replicas) {
  World world(SpecOf(min, 1000, {RequestRateOf(50)}), replicas, 1);
  world.input.policy = policy;
  return world;
}

TEST(Hpa, DecidesEvery15SecondsOnAMinutesMean) {
  World world = Of(ScalingPolicyKind::kHpa, 1, 2);
  world.Seconds(61, 100);  // ticks at 1, 16, 31, 46, 61
  EXPECT_EQ(world.current, 2);
  world.Seconds(14, 1000);
  EXPECT_EQ(world.current, 2) << "between the ticks";
  world.Seconds(1, 1000);  // the mean is 325: 7 wanted, but no more than 4 or twice as many
  EXPECT_EQ(world.current, 4);
  world.Seconds(15, 1000);
  EXPECT_EQ(world.current, 8);
  world.Seconds(45, 1000);
  EXPECT_EQ(world.current, 20);
}

TEST(Hpa, ShrinksAfterFiveMinutes) {
  World world = Of(ScalingPolicyKind::kHpa, 1, 10);
  world.Seconds(120, 500);
  world.Seconds(300, 50);
  EXPECT_EQ(world.current, 10);
  world.Seconds(75, 50);
  EXPECT_EQ(world.current, 1);
}

TEST(Hpa, StaysWhereItIsWithoutMetrics) {
  World world = Of(ScalingPolicyKind::kHpa, 1, 10);
  world.count = false;
  const Decision decision = world.Seconds(1, 0);
  EXPECT_EQ(decision.limit, ScalingLimit::kNoMetrics);
  world.Seconds(900, 0);
  EXPECT_EQ(world.current, 10);
}

TEST(Kpa, DecidesEveryTwoSecondsAndPanics) {
  World world = Of(ScalingPolicyKind::kKpa, 1, 1);
  world.Seconds(100, 45);
  EXPECT_EQ(world.current, 1);
  world.Seconds(8, 1000);
  EXPECT_EQ(world.current, 20);
  EXPECT_TRUE(world.history.panic_since);
  world.Seconds(45, 45);
  EXPECT_EQ(world.current, 20) << "panic lasts for a stable window";
  world.Seconds(70, 45);
  EXPECT_EQ(world.current, 1);
}

TEST(Kpa, ARestartKeepsWhatIsThere) {
  World world = Of(ScalingPolicyKind::kKpa, 1, 10);
  world.Seconds(60, 50);
  EXPECT_EQ(world.current, 10);
  world.Seconds(10, 50);  // then by half at a time
  EXPECT_EQ(world.current, 1);
}

TEST(Kpa, ToZeroAfterTheGrace) {
  World world = Of(ScalingPolicyKind::kKpa, 0, 1);
  world.Seconds(100, 10);
  world.Seconds(85, 0);
  EXPECT_EQ(world.current, 1);
  world.Seconds(10, 0);
  EXPECT_EQ(world.current, 0);
  world.input.held = 1;
  world.Seconds(2, 0);
  EXPECT_EQ(world.current, 1);
}

}  // namespace
}  // namespace ballast::reconcilers
