// Scale to zero and back.
#include <gtest/gtest.h>

#include "tests/unit/autoscaler/world.h"

namespace ballast::reconcilers {
namespace {

World Idle(int replicas) { return World(SpecOf(0, 10, {RequestRateOf(50)}), replicas); }

TEST(Zero, AfterTheStableWindowWithoutRequests) {
  World world = Idle(1);
  world.Seconds(100, 5);
  const Decision waits = world.Seconds(59, 0);
  EXPECT_EQ(world.current, 1);
  EXPECT_EQ(waits.limit, ScalingLimit::kStabilization);
  EXPECT_EQ(waits.proposed, 0);
  EXPECT_EQ(waits.message,
            "RequestRate: 0 of 50, 0 replicas; stays at 1: a request came within the last 60 s");
  EXPECT_EQ(waits.next_change, At(kEpoch + 160));
  world.Seconds(1, 0);
  EXPECT_EQ(world.current, 0);
  const Decision rests = world.Seconds(1, 0);
  EXPECT_EQ(rests.limit, ScalingLimit::kColdStart);
  EXPECT_EQ(rests.reason, "ScaledToZero");
  EXPECT_EQ(rests.message, "RequestRate: 0 of 50, 0 replicas; stays at 0: no request waits");
}

TEST(Zero, FromMoreThanOneTooWhenNothingComesAtAll) {
  World world = Idle(1);
  world.Seconds(100, 240);
  EXPECT_EQ(world.current, 5);
  world.Seconds(59, 0);
  EXPECT_EQ(world.current, 4) << "most of them stay for a minute";
  world.Seconds(10, 0);
  EXPECT_EQ(world.current, 0);
}

TEST(Zero, NotWhileAnythingIsInFlight) {
  World world = Idle(1);
  world.Seconds(10, 5);
  LoadSample download;
  download.concurrency = 1;
  for (int i = 0; i < 300; ++i) world.Second(download);
  EXPECT_EQ(world.current, 1);
}

TEST(Zero, NotWithASecondThatNobodyCounted) {
  World world = Idle(1);
  world.Seconds(100, 5);
  for (int i = 0; i < 300; ++i) {
    world.count = i % 50 != 0;
    world.Seconds(1, 0);
  }
  EXPECT_EQ(world.current, 1);
  world.Seconds(60, 0);
  EXPECT_EQ(world.current, 0);
}

TEST(Zero, OneRequestKeepsItForAnotherWindow) {
  World world = Idle(1);
  world.Seconds(100, 5);
  world.Seconds(50, 0);
  world.Seconds(1, 1);
  world.Seconds(59, 0);
  EXPECT_EQ(world.current, 1);
  world.Seconds(1, 0);
  EXPECT_EQ(world.current, 0);
}

TEST(Zero, AHeldRequestWakesItAtOnceAndKeepsItUntilItIsServed) {
  World world = Idle(0);
  world.Seconds(100, 0);
  EXPECT_EQ(world.current, 0);
  world.input.held = 1;
  world.carry_out = false;
  const Decision wakes = world.Seconds(1, 0);
  EXPECT_EQ(wakes.replicas, 1);
  EXPECT_EQ(wakes.reason, "ColdStart");
  EXPECT_EQ(wakes.message, "RequestRate: 0 of 50, 0 replicas; grows from 0 to 1: a request waits");
  world.carry_out = true;
  world.startup = 300;
  world.Seconds(299, 0);
  EXPECT_EQ(world.current, 1);
  world.input.held = 0;
  world.Seconds(59, 0);
  EXPECT_EQ(world.current, 1);
  world.Seconds(2, 0);
  EXPECT_EQ(world.current, 0);
}

TEST(Zero, ManyFirstRequestsGetManyReplicas) {
  World world = Idle(0);
  world.Seconds(100, 0);
  world.input.held = 200;
  world.Seconds(2, 200);
  EXPECT_EQ(world.current, 4);
}

TEST(Zero, WakesWithoutSamples) {
  World world = Idle(0);
  world.count = false;
  world.input.held = 1;
  world.Seconds(1, 0);
  EXPECT_EQ(world.current, 1);
}

TEST(Zero, ATargetScaledToZeroByHandComesBackWhereItMust) {
  World world(SpecOf(2, 10, {RequestRateOf(50)}), 0);
  world.Seconds(1, 0);
  EXPECT_EQ(world.current, 2);
}

TEST(Zero, AGivenScaleDownHasItsOwnWindow) {
  World world = Idle(1);
  world.spec.behavior.emplace();
  world.spec.behavior->scale_down.emplace();
  world.spec.behavior->scale_down->stabilization_window_seconds = 200;
  world.Seconds(100, 5);
  world.Seconds(199, 0);
  EXPECT_EQ(world.current, 1);
  world.Seconds(35, 0);  // for half a minute visitors may come back
  EXPECT_EQ(world.current, 0);
}

}  // namespace
}  // namespace ballast::reconcilers
