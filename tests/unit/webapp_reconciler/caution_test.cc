// What the reconciler must not do: act on what it does not know, or touch what is not its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/labels.h"
#include "tests/unit/webapp_reconciler/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class Caution : public WebAppWorld {
 public:
  // One of another controller's on the same engine, as it would label it.
  std::string AddForeign(const std::string& name, const std::string& sidecar = "") {
    ContainerInfo info{.name = name,
                       .labels = {{api::kLabelWebApp, "shop"},
                                  {api::kLabelOwner, "blue"},
                                  {api::kLabelReplica, Replica(0)},
                                  {api::kLabelAttempt, "0"}}};
    if (!sidecar.empty()) info.labels[api::kLabelSidecar] = sidecar;
    return engine.AddContainer(std::move(info));
  }
};

TEST_F(Caution, BeforeTheFirstListNothingIsConcluded) {
  StartShop(2);
  Restart();
  lister.SetSynced(false);
  desired.apps.clear();
  const int wishes = traffic.wishes();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Step(), milliseconds(100));
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_EQ(traffic.wishes(), wishes);
}

TEST_F(Caution, UnknownWishesLeaveEverythingAlone) {
  StartShop(2);
  const auto before = status.webapps;
  desired.apps.clear();
  desired.unknown = true;
  const int wishes = traffic.wishes();
  for (const bool restarted : {false, true}) {
    if (restarted) Restart();
    engine.Kill(Container(restarted ? 1 : 0), 137);
    StepFor(seconds(60), seconds(5));
    EXPECT_THAT(engine.Writes(), IsEmpty());
    EXPECT_EQ(traffic.wishes(), wishes);
    EXPECT_EQ(status.webapps, before);
  }
  health.SetDefault({.started = true, .ready = true, .alive = true, .decided = true});
  desired.unknown = false;
  Apply();
  Settle();
  EXPECT_THAT(Running(), ElementsAre(Container(0, 1), Container(1, 1)));
}

TEST_F(Caution, NothingIsPublishedBeforeHaproxyWasRead) {
  StartShop(2);
  Restart();
  traffic.SetDown(Status{Code::kUnavailable, "no answer"});
  const int wishes = traffic.wishes();
  StepFor(seconds(5), milliseconds(100));
  EXPECT_EQ(traffic.wishes(), wishes);
  EXPECT_EQ(Condition("Degraded"), "True TrafficNotApplied");
  EXPECT_TRUE(Pass()) << "nobody would look again";

  traffic.SetDown(std::nullopt);
  Settle();
  EXPECT_GT(traffic.wishes(), wishes);
  EXPECT_THAT(traffic.TakeChanges(), IsEmpty()) << "replicas in service that were not probed yet";
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  EXPECT_THAT(engine.Writes(), IsEmpty());
}

TEST_F(Caution, ARestartIsNoNews) {
  StartShop(2);
  Restart();
  Settle();
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_THAT(traffic.TakeChanges(), IsEmpty());
  EXPECT_THAT(events.Events(), IsEmpty());
  EXPECT_EQ(Condition("Available"), "True MinimumReplicasAvailable");
}

TEST_F(Caution, AReplicaThatLeavesGoesOnLeavingAfterARestart) {
  StartShop(2);
  traffic.SetConnections(Replica(0), 2);
  traffic.SetConnections(Replica(1), 1);
  Scale(1);
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("drain " + Replica(1)));
  Restart();
  traffic.SetConnections(Replica(0), 0);  // would leave now, if it were chosen anew
  StepFor(seconds(3), milliseconds(100));
  EXPECT_THAT(traffic.TakeChanges(), IsEmpty());
  EXPECT_THAT(engine.Writes(), IsEmpty());
  traffic.SetConnections(Replica(1), 0);
  Settle();
  EXPECT_THAT(Running(), ElementsAre(Container(0)));
}

TEST_F(Caution, ContainersOfOthersAreLeftAlone) {
  AddForeign("blue.a");
  AddForeign("blue.b");
  AddForeign("blue.b.log", "log");
  engine.Kill("blue.b", 1);
  StartShop(1);
  EXPECT_THAT(Rows(), ElementsAre("0 Running UP"));
  EXPECT_EQ(ShopStatus().replicas, 1);
  EXPECT_EQ(ShopStatus().adopted_replicas, 0);
  Scale(0);
  Settle();
  desired.apps.clear();
  Settle();
  EXPECT_FALSE(HasStatus());
  EXPECT_THAT(engine.Containers(), SizeIs(3));
  EXPECT_THAT(Running(), ElementsAre("blue.a", "blue.b.log"));
  EXPECT_THAT(engine.Calls(), Each(Not(HasSubstr("Container blue."))));
}

TEST_F(Caution, ANameThatSomebodyElseHasIsTold) {
  const std::string foreign = AddForeign(Container(0));
  Scale(1);
  StepFor(seconds(5), milliseconds(100));
  EXPECT_EQ(Condition("Degraded"), "True CreateFailed");
  EXPECT_THAT(FindCondition("Degraded").message,
              HasSubstr("is taken by a container that is not ballast's"));
  EXPECT_EQ(Id(0), foreign);
  EXPECT_TRUE(Runs(0));
  engine.RemoveByHand(Container(0));
  Settle();
  EXPECT_NE(Id(0), foreign);
  EXPECT_EQ(ShopStatus().in_service_replicas, 1);
}

}  // namespace
}  // namespace ballast::reconcilers
