// Directions that `behavior` gives are HPA's, those left out Ballast's.
#include <gtest/gtest.h>

#include "reconcilers/autoscaler/hpa.h"
#include "reconcilers/autoscaler/recommendations.h"
#include "tests/unit/autoscaler/world.h"

namespace ballast::reconcilers {
namespace {

api::ScalingRules& Up(World& world) {
  if (!world.spec.behavior) world.spec.behavior.emplace();
  if (!world.spec.behavior->scale_up) world.spec.behavior->scale_up.emplace();
  return *world.spec.behavior->scale_up;
}

api::ScalingRules& Down(World& world) {
  if (!world.spec.behavior) world.spec.behavior.emplace();
  if (!world.spec.behavior->scale_down) world.spec.behavior->scale_down.emplace();
  return *world.spec.behavior->scale_down;
}

TEST(Behavior, UpPoliciesHoldEvenInPanic) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 2, 1);
  Up(world).policies = {{.type = api::ScalingPolicyType::kPods, .value = 3, .period_seconds = 60}};
  world.Seconds(60, 90);
  EXPECT_EQ(world.current, 2);
  const Decision decision = world.Seconds(10, 1000);
  EXPECT_EQ(world.current, 5);
  EXPECT_TRUE(decision.panicking);
  EXPECT_EQ(decision.limit, ScalingLimit::kPolicy);
  EXPECT_EQ(decision.reason, "ScaleUpLimit");
  ASSERT_TRUE(decision.next_change);
  EXPECT_EQ(*decision.next_change, At(world.history.scale_ups.back().second + 60));
  world.Seconds(60, 1000);
  EXPECT_EQ(world.current, 8);
}

TEST(Behavior, AnEmptyDirectionHasHpasDefaults) {
  World world(SpecOf(1, 1000, {RequestRateOf(10)}), 5, 1);
  Up(world);
  world.Seconds(60, 50);
  // Within 10 % of the target HPA stays where it is.
  world.Seconds(60, 54);
  EXPECT_EQ(world.current, 5);
  // At most 4, or 100 %, in 15 s.
  world.Seconds(6, 900);
  EXPECT_EQ(world.current, 10);
  world.Seconds(15, 900);
  EXPECT_EQ(world.current, 20);
}

TEST(Behavior, UpStabilizationTakesTheLeastOfItsWindow) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 2, 1);
  Up(world).stabilization_window_seconds = 30;
  world.Seconds(60, 95);
  const Decision decision = world.Seconds(25, 190);
  EXPECT_EQ(world.current, 2);
  EXPECT_EQ(decision.limit, ScalingLimit::kStabilization);
  EXPECT_EQ(decision.reason, "ScaleUpStabilized");
  EXPECT_EQ(decision.message,
            "RequestRate: 95 of 50, 4 replicas; stays at 2: fewer were wanted within the last "
            "30 s");
  world.Seconds(15, 190);
  EXPECT_EQ(world.current, 4);
}

TEST(Behavior, DisabledNeverMoves) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 4, 1);
  Down(world).select_policy = api::SelectPolicy::kDisabled;
  Down(world).stabilization_window_seconds = 0;
  const Decision decision = world.Seconds(600, 10);
  EXPECT_EQ(world.current, 4);
  EXPECT_EQ(decision.reason, "ScaleDownLimit");
  world.Seconds(10, 400);
  EXPECT_EQ(world.current, 8) << "up is still Ballast's";
}

TEST(Behavior, DownPoliciesGoStepByStep) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 20, 1);
  Down(world).stabilization_window_seconds = 0;
  Down(world).policies = {
      {.type = api::ScalingPolicyType::kPods, .value = 2, .period_seconds = 60}};
  world.Seconds(60, 990);
  EXPECT_EQ(world.current, 20);
  world.Seconds(20, 100);
  EXPECT_EQ(world.current, 18);
  world.Seconds(60, 100);
  EXPECT_EQ(world.current, 16);
}

TEST(Behavior, DownStabilizationIsHpasFiveMinutes) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 10, 1);
  Down(world);
  world.Seconds(60, 480);
  world.Seconds(295, 80);
  EXPECT_EQ(world.current, 10);
  world.Seconds(15, 80);
  EXPECT_EQ(world.current, 2);
}

// The short log gives the numbers of HPA's long one.
TEST(Recommendations, AgreeWithHpasLog) {
  std::mt19937 random(7);
  for (const auto& [up_window, down_window] :
       {std::pair{0, 120}, {30, 0}, {60, 300}, {300, 60}, {0, 0}, {100, 100}}) {
    hpa::Recommendations full;
    hpa::Recommendations brief;
    std::int64_t now = kEpoch;
    int wish = 20;
    for (int i = 0; i < 3000; ++i) {
      now += std::uniform_int_distribution<int>(1, 12)(random) == 1 ? 5 : 1;
      wish = std::max(0, wish + std::uniform_int_distribution<int>(-2, 2)(random));
      for (const int current : {5, 20, 40}) {
        hpa::Recommendations copy = full;
        const int theirs =
            hpa::StabilizeWithBehavior(copy, now, current, wish, up_window, down_window).replicas;
        const Extremes ours = ExtremesOf(brief, now, wish, up_window, down_window);
        ASSERT_EQ(std::min(std::max(current, ours.least), ours.most), theirs) << i;
      }
      static_cast<void>(hpa::StabilizeWithBehavior(full, now, 10, wish, up_window, down_window));
      Remember(brief, now, wish, up_window, down_window);
      const Extremes extremes = ExtremesOf(brief, now, wish, up_window, down_window);
      ASSERT_LE(extremes.least, wish);
      ASSERT_GE(extremes.most, wish);
      ASSERT_LE(brief.size(), full.size());
    }
  }
}

}  // namespace
}  // namespace ballast::reconcilers
