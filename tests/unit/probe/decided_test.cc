// The first verdict: until it is there, a controller that has just started leaves things alone.
#include <gtest/gtest.h>

#include "controller/probe/probe_state.h"

namespace ballast::probe {
namespace {

TEST(FirstVerdict, ComesWithSuccessOrWithTheThresholdOfFailures) {
  const ProbeState::Steady start{std::chrono::hours(1)};
  reconcilers::ProbeTarget target{.container_id = "c"};
  target.readiness = api::Probe{.action = api::TcpSocketAction{}, .failure_threshold = 2};
  ProbeState good(target, start, start);
  EXPECT_FALSE(good.health().decided);
  ASSERT_EQ(good.Due(start).size(), 1U);
  EXPECT_TRUE(good.OnResult(ProbeKind::kReadiness, true, "", start));
  EXPECT_TRUE(good.health().decided);

  ProbeState bad(target, start, start);
  ASSERT_EQ(bad.Due(start).size(), 1U);
  EXPECT_FALSE(bad.OnResult(ProbeKind::kReadiness, false, "refused", start));
  EXPECT_FALSE(bad.health().decided);
  const auto later = start + std::chrono::seconds(10);
  ASSERT_EQ(bad.Due(later).size(), 1U);
  EXPECT_TRUE(bad.OnResult(ProbeKind::kReadiness, false, "refused", later));
  EXPECT_TRUE(bad.health().decided);
  EXPECT_FALSE(bad.health().ready);
}

}  // namespace
}  // namespace ballast::probe
