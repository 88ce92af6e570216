// Decide with a request rate: growing, shrinking, panic, zero.
#include "reconcilers/autoscaler/decide.h"

#include <gtest/gtest.h>

#include "tests/unit/autoscaler/world.h"

namespace ballast::reconcilers {
namespace {

TEST(Decide, TenTimesTheLoadIsRightWithinThreeSeconds) {
  for (const double before : {20.0, 45.0, 200.0}) {
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

TEST(Decide, ShrinksAfterTheWindow) {
  World world(SpecOf(2, 40, {RequestRateOf(50)}), 2);
  world.Seconds(120, 500);
  EXPECT_EQ(world.current, 10);
  world.Seconds(110, 20);
  EXPECT_EQ(world.current, 10);
  const Decision decision = world.Seconds(1, 20);
  EXPECT_EQ(decision.limit, ScalingLimit::kStabilization) << decision.message;
  world.Seconds(60, 20);
  EXPECT_EQ(world.current, 2);
}

}  // namespace
}  // namespace ballast::reconcilers
