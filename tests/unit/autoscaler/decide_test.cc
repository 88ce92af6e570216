// Decide with a request rate: growing, shrinking, panic, what is not known.
#include "reconcilers/autoscaler/decide.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/unit/autoscaler/world.h"

namespace ballast::reconcilers {
namespace {

TEST(Decide, TenTimesTheLoadIsRightWithinThreeSeconds) {
  for (const double before : {2.0, 20.0, 45.0, 200.0}) {
    for (const double target : {50.0, 10.0}) {
      World world(SpecOf(1, 1000, {RequestRateOf(target)}), 1);
      world.Seconds(300, before);
      const int right = static_cast<int>(std::ceil(before * 10 / target));
      world.Seconds(3, before * 10);
      EXPECT_EQ(world.current, right) << before << " / " << target;
      world.Seconds(120, before * 10);
      EXPECT_EQ(world.current, right) << before << " / " << target;
    }
  }
}

// Replicas that are on their way are as good as there: a panic asks once.
TEST(Decide, PanicDoesNotOvershootWhileReplicasStart) {
  World world(SpecOf(1, 1000, {RequestRateOf(50)}), 1, 30);
  world.Seconds(120, 40);
  const Decision decision = world.Seconds(29, 1000);
  EXPECT_TRUE(decision.panicking);
  EXPECT_EQ(world.ready, 1);
  EXPECT_EQ(world.current, 20);
}

TEST(Decide, PanicNeverShrinksAndEndsAMinuteAfterItsThreshold) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 1, 2);
  world.spec.behavior.emplace();
  world.spec.behavior->scale_down.emplace();
  world.spec.behavior->scale_down->stabilization_window_seconds = 0;
  world.Seconds(60, 40);
  world.Seconds(4, 500);
  EXPECT_EQ(world.current, 10);
  const std::int64_t panic_since = *world.history.panic_since;
  while (world.now < panic_since + 60) {
    const Decision decision = world.Seconds(1, 10);
    ASSERT_TRUE(decision.panicking);
    ASSERT_EQ(world.current, 10);
    if (world.now < panic_since + 10) continue;
    ASSERT_EQ(decision.limit, ScalingLimit::kPanic);
    ASSERT_EQ(decision.reason, "Panic");
    ASSERT_EQ(decision.next_change, At(*world.history.panic_since + 61));
  }
  const Decision after = world.Seconds(1, 10);
  EXPECT_FALSE(after.panicking);
  EXPECT_EQ(world.current, 1);
}

TEST(Decide, ThePanicOfTheSpecCounts) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 4, 30);
  world.spec.panic = {.window_seconds = 10, .threshold_percent = 120};
  world.Seconds(60, 200);
  EXPECT_FALSE(world.history.panic_since);
  world.Seconds(9, 250);  // the window has ten
  world.Seconds(1, 250);
  EXPECT_TRUE(world.history.panic_since) << "250 of 200";
}

// Whole-second samples of a steady generator, the first one of the jump partial.
TEST(Decide, AJumpIsAnsweredWithinTwoWholeSamples) {
  for (const int history : {4, 60, 600}) {
    World world(SpecOf(1, 100, {RequestRateOf(50)}), 2);
    for (int i = 0; i < history; ++i) world.Second(40 + (i % 3) - 1);
    world.Second(180);
    world.Second(401);
    world.Second(399);
    EXPECT_GE(world.current, 8) << history;
    EXPECT_LE(world.current, 9) << history;
    world.Seconds(60, 400);
    EXPECT_GE(world.current, 8) << history;
    EXPECT_LE(world.current, 9) << history;
  }
}

TEST(Decide, ShrinksAfterTheWindow) {
  World world(SpecOf(2, 40, {RequestRateOf(50)}), 2);
  world.Seconds(120, 500);
  EXPECT_EQ(world.current, 10);
  world.Seconds(9, 20);
  EXPECT_EQ(world.current, 10);
  // So deep a fall may be a fault: most of them stay for a minute.
  const Decision waits = world.Seconds(40, 20);
  EXPECT_EQ(world.current, 7);
  EXPECT_EQ(waits.limit, ScalingLimit::kStabilization);
  EXPECT_EQ(waits.reason, "ScaleDownStabilized");
  EXPECT_LT(waits.proposed, 10);
  ASSERT_TRUE(waits.next_change);
  const std::int64_t next =
      std::chrono::duration_cast<std::chrono::seconds>(waits.next_change->time_since_epoch())
          .count();
  while (world.now + 1 < next) {
    world.Seconds(1, 20);
    ASSERT_EQ(world.current, 7);
  }
  const Decision least = world.Seconds(30, 20);
  EXPECT_EQ(world.current, 2);
  EXPECT_EQ(least.limit, ScalingLimit::kMinReplicas);
  EXPECT_EQ(least.message, "RequestRate: 10 of 50, 1 replica; stays at 2: minReplicas is 2");
}

TEST(Decide, GrowsAheadOfARamp) {
  World world(SpecOf(1, 1000, {RequestRateOf(50)}), 20, 20);
  for (int i = 0; i < 120; ++i) world.Second(1000);
  double rate = 1000;
  for (int i = 0; i < 180; ++i) world.Second(rate += 5);
  // 1900 a second now, 2000 when a replica that is asked for now takes its part.
  EXPECT_GE(world.current, 40);
  EXPECT_LE(world.current, 41);
}

TEST(Decide, ClampsAtOnceAndSaysSo) {
  World world(SpecOf(3, 5, {RequestRateOf(50)}), 9);
  world.carry_out = false;
  Decision decision = world.Seconds(1, 1000);
  EXPECT_EQ(decision.replicas, 5);
  EXPECT_EQ(decision.reason, "TooManyReplicas");
  world.current = 1;
  world.count = false;
  decision = world.Seconds(30, 0);
  EXPECT_EQ(decision.replicas, 3);
  EXPECT_EQ(decision.reason, "TooFewReplicas");
}

TEST(Decide, NothingKnownNeverShrinksAndSaysWhy) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 10);
  world.count = false;
  Decision decision = world.Seconds(600, 0);
  EXPECT_EQ(world.scalings, 0);
  EXPECT_EQ(decision.limit, ScalingLimit::kNoMetrics);
  EXPECT_EQ(decision.reason, "FailedGetMetrics");
  EXPECT_EQ(decision.message,
            "stays at 10: RequestRate is not known: nothing was counted yet; without it nothing "
            "shrinks");
  ASSERT_EQ(decision.metrics.size(), 1U);
  EXPECT_FALSE(decision.metrics[0].replicas);

  world.count = true;
  world.Seconds(3, 500);
  world.count = false;
  decision = world.Seconds(6, 0);
  EXPECT_EQ(decision.limit, ScalingLimit::kNoMetrics);
  EXPECT_EQ(decision.metrics[0].problem, "nothing was counted for more than 5 s");
}

// Within three seconds of its beginning, wherever in a second that is, also where little is known
// of what is usual.
TEST(Decide, TenTimesTheLoadIsWhollySeenWithItsSecondWholeSecond) {
  for (const int known : {4, 6, 12, 25, 40, 300}) {
    for (double part = 0; part < 1; part += 0.05) {
      World world(SpecOf(2, 12, {RequestRateOf(50)}), 2, /*startup_seconds=*/0);
      world.Seconds(known, 40);
      world.Second(40 + 360 * part);
      world.Second(400);
      EXPECT_GE(world.current, 6) << known << " " << part;
      world.Second(400);
      EXPECT_GE(world.current, 8) << known << " " << part;
      EXPECT_LE(world.current, 10) << known << " " << part;
    }
  }
}

// After a gap nobody knows what was wished for in it.
TEST(Decide, AGapShrinksNothingBeforeAWholeWindow) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 10);
  world.Seconds(300, 480);
  world.count = false;
  world.Seconds(600, 0);
  world.count = true;
  world.Seconds(9, 40);
  EXPECT_EQ(world.current, 10);
  world.Seconds(50, 40);
  EXPECT_EQ(world.current, 7);
  world.Seconds(10, 40);
  EXPECT_EQ(world.current, 1);
}

// A controller that was away: its memory is as old as it is.
TEST(Decide, ARestartShrinksNothingBeforeAWholeWindow) {
  for (const bool keeps_memory : {true, false}) {
    World world(SpecOf(1, 100, {RequestRateOf(50)}), 10);
    world.Seconds(300, 480);
    if (!keeps_memory) world.history = {};
    world.series = {};
    world.now += 3600;
    world.Seconds(9, 40);
    EXPECT_EQ(world.current, 10);
    world.Seconds(50, 40);
    EXPECT_EQ(world.current, 7);
    world.Seconds(10, 40);
    EXPECT_EQ(world.current, 1);
  }
}

TEST(Decide, AClockThatIsSetBackFreezesNothing) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 1);
  world.Seconds(300, 480);
  EXPECT_EQ(world.current, 10);
  world.now -= 7200;
  world.Seconds(10, 480);
  EXPECT_EQ(world.current, 10);
  world.Seconds(10, 980);
  EXPECT_GE(world.current, 19);
  EXPECT_LE(world.current, 21);
  world.Seconds(300, 40);
  EXPECT_LE(world.current, 2);
}

TEST(Decide, SilentlyIsTheSameWithoutWords) {
  World loud(SpecOf(1, 100, {RequestRateOf(50)}), 1);
  ScalingHistory silent_history;
  for (int i = 0; i < 900; ++i) {
    const ScalingHistory before = loud.history;
    const Decision decision = loud.Second(400 + 300 * std::sin(i / 50.0));
    ScalingHistory again = before;
    DecideInput input = loud.input;
    input.current = decision.current;
    const Decision silent = DecideSilently(input, again);
    ASSERT_EQ(silent.replicas, decision.replicas);
    ASSERT_EQ(silent.proposed, decision.proposed);
    ASSERT_EQ(silent.limit, decision.limit);
    ASSERT_EQ(silent.panicking, decision.panicking);
    ASSERT_EQ(silent.max_replicas, decision.max_replicas);
    ASSERT_EQ(again.recommendations, loud.history.recommendations);
  }
}

TEST(NoteScaled, KeepsWhatAPolicyCanAskFor) {
  ScalingHistory history;
  NoteScaled(history, 1000, 3, 5);
  NoteScaled(history, 1001, 5, 4);
  NoteScaled(history, 1002, 4, 4);
  ASSERT_EQ(history.scale_ups.size(), 1U);
  EXPECT_EQ(history.scale_ups[0].change, 2);
  ASSERT_EQ(history.scale_downs.size(), 1U);
  EXPECT_EQ(history.scale_downs[0].change, 1);
  EXPECT_EQ(history.last_scale, 1001);
  NoteScaled(history, 2800, 4, 7);
  ASSERT_EQ(history.scale_ups.size(), 1U);
  EXPECT_EQ(history.scale_ups[0].second, 2800);
}

}  // namespace
}  // namespace ballast::reconcilers
