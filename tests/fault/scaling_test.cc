// Scaling, rolling out and killing replicas under load: nothing fails, with the controller there
// and with the controller killed in the middle.
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

class Scaling : public BothWays {};
class Rollout : public BothWays {
 protected:
  // Four replicas under load, and a new template for them.
  void BeginRollout() {
    Begin(4, Options());
    old_ = stack_->Revision("shop");
    gets_.emplace(Requests()).Start();
    posts_.emplace(Requests("POST")).Start();
    app_.env["HELLO_TAG"] = "next";
    stack_->Apply(app_);
  }
  void ExpectRolledOut() {
    EXPECT_TRUE(stack_->WaitRolledOut("shop", 4, old_)) << stack_->Inconsistency("shop", 4);
    RunFor(seconds(1));
    ExpectNoFailure(gets_->Stop(), "GET");
    ExpectNoFailure(posts_->Stop(), "POST");
    ExpectConsistent(4, "rollout");
    ExpectNoReload("rollout");
  }

 private:
  std::string old_;
  std::optional<loadgen::Load> gets_;
  std::optional<loadgen::Load> posts_;
};
class ReplicaKilled : public BothWays {};
class BusyMachine : public FaultTest {};

TEST_P(Scaling, TwoToEightToTwoFailsNothing) {
  Begin(2, Options());
  loadgen::Load gets(Requests());
  loadgen::Load posts(Requests("POST"));
  gets.Start();
  posts.Start();
  Scale(8);
  ExpectConsistent(8, "up");
  RunFor(seconds(2));
  Scale(2);
  ExpectConsistent(2, "down");
  RunFor(seconds(1));
  ExpectNoFailure(gets.Stop(), "GET");
  ExpectNoFailure(posts.Stop(), "POST");
  ExpectNoReload("scaling");
}

TEST_P(Scaling, ControllerKilledInTheMiddle) {
  Begin(2, Options());
  loadgen::Load gets(Requests());
  loadgen::Load posts(Requests("POST"));
  gets.Start();
  posts.Start();
  Scale(8);
  ASSERT_TRUE(Eventually([&] { return stack_->Containers("shop").size() >= 4; }, seconds(30)));
  stack_->KillController();
  RunFor(seconds(1));
  stack_->StartController();
  ExpectConsistent(8, "up");
  Scale(2);
  ASSERT_TRUE(Eventually([&] { return stack_->Containers("shop").size() < 8; }, seconds(40)));
  stack_->KillController();
  RunFor(seconds(1));
  stack_->StartController();
  ExpectConsistent(2, "down");
  ExpectNoFailure(gets.Stop(), "GET");
  ExpectNoFailure(posts.Stop(), "POST");
  ExpectNoReload("scaling");
}

// Every connection is late now and then: no reason to take a replica for dead.
TEST_F(BusyMachine, ScalingFailsNothing) {
  Begin(2);
  std::vector<Child> busy(std::thread::hardware_concurrency() + 1);
  for (Child& child : busy) child = Child({"sh", "-c", "while :; do :; done"}, "/dev/null");
  loadgen::Load gets(Requests());
  loadgen::Load posts(Requests("POST"));
  gets.Start();
  posts.Start();
  for (int i = 0; i < 2; ++i) {
    Scale(8);
    ExpectConsistent(8, "up");
    Scale(2);
    ExpectConsistent(2, "down");
  }
  for (Child& child : busy) child.Kill();
  ExpectNoFailure(gets.Stop(), "GET");
  ExpectNoFailure(posts.Stop(), "POST");
}

TEST_P(Rollout, FourReplicasFailNothing) {
  BeginRollout();
  ExpectRolledOut();
}

TEST_P(Rollout, ControllerKilledInTheMiddle) {
  BeginRollout();
  for (int i = 0; i < 3; ++i) {
    RunFor(milliseconds(1200));
    stack_->KillController();
    RunFor(milliseconds(500));
    stack_->StartController();
  }
  ExpectRolledOut();
}

TEST_P(ReplicaKilled, StoppedAndKilledEveryThreeSeconds) {
  Begin(4, Options());
  loadgen::LongLived streams(
      {.port = stack_->port(), .host = "shop.test", .websockets = 25, .event_streams = 25});
  streams.Start();
  loadgen::Load gets(Requests());
  gets.Start();
  std::set<std::string> victims;  // host names: what X-Hello-Id says
  for (int i = 0; i < 4; ++i) {
    RunFor(seconds(3));
    const std::string victim = stack_->Containers("shop").front();
    victims.insert(stack_->Docker({"inspect", "-f", "{{.Config.Hostname}}", victim}).substr(0, 12));
    if (i % 2 == 0) {
      stack_->Docker({"kill", "-s", "KILL", victim});
    } else {
      stack_->Docker({"stop", victim});
    }
  }
  ExpectConsistent(4, "after the kills");
  ExpectNoFailure(gets.Stop(), "GET", kSlowestMs);
  const loadgen::LongLivedReport report = streams.Stop();
  std::printf("%s\n", report.Summary().c_str());
  EXPECT_EQ(report.CutExcept(victims), 0U) << report.Details();
  ExpectNoReload("crashes");
}

TEST_P(ReplicaKilled, WhileTheControllerIsAway) {
  Begin(4, Options());
  loadgen::Load gets(Requests());
  gets.Start();
  for (int i = 0; i < 2; ++i) {
    stack_->KillController();
    RunFor(seconds(1));
    stack_->Docker({"kill", "-s", "KILL", stack_->Containers("shop").front()});
    RunFor(seconds(2));
    stack_->StartController();
    ExpectConsistent(4, "controller is back");
  }
  ExpectNoFailure(gets.Stop(), "GET", kSlowestAwayMs);
  ExpectNoReload("crashes");
}

const auto kModes = testing::Values(Mode::kProcess, Mode::kContainer);
const auto kName = [](const testing::TestParamInfo<Mode>& info) {
  return info.param == Mode::kProcess ? "Process" : "Container";
};
INSTANTIATE_TEST_SUITE_P(Controller, Scaling, kModes, kName);
INSTANTIATE_TEST_SUITE_P(Controller, Rollout, kModes, kName);
INSTANTIATE_TEST_SUITE_P(Controller, ReplicaKilled, kModes, kName);

}  // namespace
}  // namespace ballast::fault
