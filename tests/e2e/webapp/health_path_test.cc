// What a readiness probe may be is the probe's business alone: HAProxy once repeated its path, with
// limits of its own, and refused every app's configuration over one path that it could not hold.
#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

class HealthPath : public FaultTest {};

TEST_F(HealthPath, HasNoLimitsButTheProbesOwn) {
  stack_ = std::make_unique<Stack>();
  app_.replicas = 2;
  app_.readiness_probe = false;
  app_.more_container =
      "        readinessProbe: {httpGet: {path: \"/work?ms=1500&x=';\"}, periodSeconds: 1,\n"
      "          timeoutSeconds: 5}\n";
  stack_->Apply(app_);
  stack_->StartController();
  ASSERT_TRUE(stack_->WaitSettled("shop", 2)) << stack_->Log();
  loadgen::Load gets(Requests());
  gets.Start();
  RunFor(seconds(5));
  ExpectNoFailure(gets.Stop(), "GET");
  EXPECT_EQ(stack_->Inconsistency("shop", 2), "");
}

}  // namespace
}  // namespace ballast::fault
