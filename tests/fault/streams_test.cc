// Long-lived connections while the number of replicas changes.
#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

class Streams : public BothWays {};

// The idlest replicas leave first, and nobody has a stream at those.
TEST_P(Streams, ScalingUpAndDownCutsNone) {
  app_.more_spec = "  traffic: {drainSeconds: 3}\n";
  Begin(2);
  loadgen::LongLived streams(
      {.port = stack_->port(), .host = "shop.test", .websockets = 25, .event_streams = 25});
  streams.Start();
  Scale(6);
  ExpectConsistent(6, "up");
  RunFor(seconds(1));
  Scale(2);
  ExpectConsistent(2, "down");
  RunFor(seconds(1));
  const loadgen::LongLivedReport report = streams.Stop();
  std::printf("%s\n", report.Summary().c_str());
  EXPECT_EQ(report.Opened(), 50U);
  EXPECT_EQ(report.Cut(), 0U) << report.Details();
}

INSTANTIATE_TEST_SUITE_P(Controller, Streams, kBothModes, ModeName);

}  // namespace
}  // namespace ballast::fault
