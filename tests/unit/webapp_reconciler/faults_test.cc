// What fails is told, tried again with back-off, and costs no replica that runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "api/labels.h"
#include "tests/unit/webapp_reconciler/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const Status kRefused{Code::kUnavailable, "connect: connection refused"};

class Faults : public WebAppWorld {};

TEST_F(Faults, ADeadReplicaIsOutInThatVeryPassAndReplaced) {
  StartShop(2);
  engine.Kill(Container(0), 137);
  Pass();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("maint " + Replica(0)));
  EXPECT_THAT(jobs->Waiting(), ElementsAre("create/default." + Replica(0)));
  EXPECT_TRUE(events.Has("Died"));
  EXPECT_EQ(metrics.Get("ballast_die_to_out_of_rotation_seconds"), 1);
  EXPECT_EQ(ShopStatus().in_service_replicas, 1);
  EXPECT_EQ(Condition("Available"), "False MinimumReplicasUnavailable");
  jobs->RunAll();
  Settle();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("delete " + Replica(0), "add " + Replica(0)));
  EXPECT_THAT(Running(), ElementsAre(Container(0, 1), Container(1)));
  EXPECT_TRUE(engine.Find(Container(0))) << "the last one that died is kept for its logs";
}

TEST_F(Faults, AReplicaThatDiesAgainWaits) {
  StartShop(2);
  engine.Kill(Container(0), 137);
  Settle();
  engine.Kill(Container(0, 1), 3);
  const Wait wait = Pass();
  ASSERT_TRUE(wait);
  EXPECT_LE(*wait, seconds(1));
  EXPECT_THAT(jobs->Waiting(), Not(Contains(StartsWith("create/"))));
  EXPECT_EQ(Condition("Degraded"), "True CrashLoopBackOff");
  EXPECT_THAT(FindCondition("Degraded").message, HasSubstr("exited with code 3"));
  StepFor(seconds(1), milliseconds(50));
  EXPECT_FALSE(engine.Find(Container(0, 2)));
  Step();
  EXPECT_TRUE(Runs(0, 2));
  EXPECT_EQ(engine.Find(Container(0, 2))->labels.at(api::kLabelFailures), "2");
}

TEST_F(Faults, AnImageThatCannotBePulledChangesNothing) {
  StartShop(2);
  const std::string old = Container(0);
  const std::string old_again = Container(0, 1);
  const std::string old_image = engine.Find(old)->image_id;
  shop.spec.pod_template->containers[0].image = "shop:2";
  Apply();
  StepFor(seconds(10), milliseconds(100));
  EXPECT_EQ(Count("PullImage shop:2"), 4) << "after 0, 1, 3 and 7 s";
  EXPECT_THAT(engine.Writes(), Each("PullImage shop:2"));
  EXPECT_THAT(traffic.TakeChanges(), IsEmpty());
  EXPECT_EQ(Condition("Degraded"), "True ImagePullFailed");
  EXPECT_THAT(FindCondition("Degraded").message, HasSubstr("manifest unknown"));
  EXPECT_EQ(Condition("Available"), "True MinimumReplicasAvailable");
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  EXPECT_EQ(ShopStatus().updated_replicas, 0);
  const auto told = events.Events();
  EXPECT_TRUE(std::ranges::any_of(told, [](const auto& event) {
    return event.type == EventType::kWarning && event.reason == "ImagePullFailed";
  }));

  // What dies meanwhile comes back as it was: its containers say how.
  engine.Kill(old, 1);
  Step();
  Step();
  ASSERT_THAT(Running(), Contains(old_again));
  EXPECT_EQ(engine.Find(old_again)->image_id, old_image);

  engine.AddRemoteImage("shop:2");
  clock.Advance(seconds(60));
  Settle();
  EXPECT_THAT(Running(), ElementsAre(Container(0), Container(1)));
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
}

TEST_F(Faults, AnEngineThatDoesNotAnswerIsAskedAgain) {
  StartShop(2);
  engine.SetDown(kRefused);
  Scale(3);
  StepFor(seconds(10), milliseconds(100));
  EXPECT_EQ(Count("CreateContainer " + Container(2)), 4) << "after 0, 1, 3 and 7 s";
  EXPECT_THAT(engine.Writes(), Each("CreateContainer " + Container(2)));
  EXPECT_THAT(traffic.TakeChanges(), IsEmpty());
  EXPECT_EQ(Condition("Degraded"), "True CreateFailed");
  EXPECT_THAT(FindCondition("Degraded").message, HasSubstr("connection refused"));
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  const Wait wait = Pass();
  ASSERT_TRUE(wait) << "nobody would look again";
  EXPECT_LE(*wait, seconds(5));

  engine.SetDown(std::nullopt);
  Settle();
  EXPECT_EQ(ShopStatus().in_service_replicas, 3);
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
}

TEST_F(Faults, SignalsAndRemovalsAreTriedAgain) {
  StartShop(1);
  engine.FailNext("SignalContainer", kRefused);
  engine.FailNext("RemoveContainer", kRefused);
  Scale(0);
  const auto begin = clock.Now();
  Settle();
  EXPECT_THAT(engine.Containers(), IsEmpty());
  const std::string signal = "SignalContainer " + Container(0) + " SIGTERM";
  const std::string remove = "RemoveContainer " + Container(0);
  EXPECT_THAT(engine.Writes(), ElementsAre(signal, signal, remove, remove));
  EXPECT_GE(clock.Now() - begin, seconds(2)) << "no back-off";
}

TEST_F(Faults, AStartThatFailsLeavesNothingBehind) {
  engine.FailNext("StartContainer", {Code::kFailedPrecondition, "port 80 is taken"});
  Scale(1);
  Step();
  Step();
  EXPECT_EQ(Count("StartContainer " + Container(0)), 1);
  EXPECT_THAT(engine.Containers(), IsEmpty());
  Settle();
  EXPECT_TRUE(Runs(0));
}

TEST_F(Faults, WhatWasHalfMadeIsMadeAnew) {
  engine.FailNext("StartContainer", {Code::kFailedPrecondition, "port 80 is taken"});
  engine.FailNext("RemoveContainer", kRefused);
  Scale(1);
  Step();
  Step();
  ASSERT_EQ(engine.Find(Container(0))->state, ContainerState::kCreated);
  Pass();
  EXPECT_EQ(Condition("Degraded"), "True CreateFailed");
  EXPECT_THAT(FindCondition("Degraded").message, HasSubstr("port 80 is taken"));
  EXPECT_THAT(jobs->Waiting(), ElementsAre("remove/" + Id(0)));
  Settle();
  EXPECT_TRUE(Runs(0));
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
}

// The containers were looked at before it was there, or before it was started.
TEST_F(Faults, OneThatIsMadeWhileThePassGoesOnIsLeftAlone) {
  StartShop(1);
  Scale(2);
  Pass();
  traffic.SetHook([this] { jobs->RunAll(); });
  Pass();
  traffic.SetHook(nullptr);
  Settle();
  EXPECT_EQ(Count("CreateContainer " + Container(1)), 1);
  EXPECT_EQ(Count("RemoveContainer " + Container(1)), 0);
  EXPECT_TRUE(Runs(1));
}

TEST_F(Faults, AFailureThatIsOverIsNotShown) {
  int inspections = 0;
  engine.SetHook([&](const std::string& method, const std::string& name) -> std::optional<Status> {
    const bool asked = method == "InspectContainer" && name == Container(0);
    if (asked && ++inspections == 3) return kRefused;  // after the events "create" and "start"
    return std::nullopt;
  });
  Scale(1);
  Settle();
  ASSERT_TRUE(jobs->LastFailure("create/default." + Replica(0)));
  EXPECT_EQ(ShopStatus().in_service_replicas, 1);
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
}

TEST_F(Faults, ANetworkThatWasPrunedIsMadeAgain) {
  StartShop(1);
  Scale(0);
  Settle();
  ASSERT_TRUE(engine.RemoveNetwork("ballast"));
  Scale(1);
  Settle();
  EXPECT_TRUE(Runs(0));
  EXPECT_EQ(ShopStatus().in_service_replicas, 1);
}

TEST_F(Faults, WithoutHaproxyReplicasAreReplacedAllTheSame) {
  StartShop(2);
  traffic.SetDown(kRefused);
  engine.Kill(Container(0), 137);
  StepFor(seconds(10), milliseconds(100));
  EXPECT_THAT(engine.Writes(), ElementsAre("CreateContainer " + Container(0, 1),
                                           "StartContainer " + Container(0, 1)));
  EXPECT_EQ(Condition("Degraded"), "True TrafficNotApplied");
  traffic.SetDown(std::nullopt);
  Settle();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("delete " + Replica(0), "add " + Replica(0)));
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
}

TEST_F(Faults, AReplicaWhoseProbeFailsIsTakenOutAndReplaced) {
  StartShop(2);
  health.Set(Id(0), {.started = true, .decided = true, .message = "GET /healthz: 503"});
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("maint " + Replica(0)));
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_TRUE(events.Has("Unhealthy"));
  health.Set(Id(0),
             {.started = true, .alive = false, .decided = true, .message = "GET /live: 500"});
  Step();
  EXPECT_THAT(engine.Writes(), ElementsAre("SignalContainer " + Container(0) + " SIGTERM"));
  Settle();
  EXPECT_TRUE(Runs(0, 1));
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
}

}  // namespace
}  // namespace ballast::reconcilers
