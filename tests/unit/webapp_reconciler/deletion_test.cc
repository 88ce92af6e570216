// A web app that nobody wants any more: drained, stopped, removed, forgotten; and shown truly
// until then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/unit/webapp_reconciler/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class Deletion : public WebAppWorld {
 public:
  void Delete() { desired.apps.clear(); }
};

TEST_F(Deletion, TakesEverythingAway) {
  shop.spec.pod_template->volumes = {{"scratch", api::EmptyDirVolume{}}};
  shop.spec.pod_template->containers[0].volume_mounts = {{"scratch", "/scratch"}};
  StartShop(2);
  ASSERT_THAT(*engine.ListVolumes("ballast.dev/owner"), SizeIs(2));
  traffic.SetConnections(Replica(0), 1);
  Delete();
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("drain " + Replica(0), "drain " + Replica(1)));
  StepFor(seconds(10), milliseconds(100));
  EXPECT_THAT(Running(), ElementsAre(Container(0)));

  traffic.SetConnections(Replica(0), 0);
  Settle();
  EXPECT_THAT(engine.Containers(), IsEmpty());
  EXPECT_THAT(*engine.ListVolumes("ballast.dev/owner"), IsEmpty());
  EXPECT_EQ(traffic.Wish(shop.Key()), nullptr);
  EXPECT_EQ(traffic.TakeChanges().back(), "withdraw shop");
  EXPECT_THAT(health.Watched(), IsEmpty());
  EXPECT_FALSE(HasStatus());
  EXPECT_THAT(events.Reasons(), Contains("Removed").Times(2));
}

TEST_F(Deletion, IsShownAsItIsWhileItLasts) {
  StartShop(2);
  traffic.SetConnections(Replica(0), 1);
  Delete();
  Step();
  EXPECT_EQ(ShopStatus().desired_replicas, 0);
  EXPECT_EQ(Condition("Available"), "False Terminating");
  EXPECT_EQ(Condition("Progressing"), "True Terminating");
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
  EXPECT_EQ(FindCondition("Available").message, "the web app is deleted; 2 containers are left");
  Step();
  EXPECT_THAT(Rows(), ElementsAre("0 Draining DRAIN", "1 Draining DRAIN"));
  StepFor(seconds(2), milliseconds(100));
  EXPECT_THAT(Rows(), ElementsAre("0 Draining DRAIN"));
  EXPECT_EQ(FindCondition("Available").message, "the web app is deleted; 1 container is left");
  const std::string gauge = "ballast_webapp_replicas_desired{namespace=default,webapp=shop}";
  EXPECT_TRUE(metrics.Has(gauge));
  EXPECT_EQ(metrics.Get(gauge), 0);
}

TEST_F(Deletion, NothingIsRememberedOfIt) {
  StartShop(1);
  const std::weak_ptr<const api::WebApp> object = desired.apps.at(shop.Key());
  Delete();
  Settle();
  EXPECT_TRUE(object.expired());
  for (const char* gauge : {"desired", "ready", "in_service"}) {
    EXPECT_FALSE(metrics.Has(std::string("ballast_webapp_replicas_") + gauge +
                             "{namespace=default,webapp=shop}"));
  }
}

TEST_F(Deletion, AppliedAgainItStartsAfresh) {
  StartShop(1);
  engine.AddImage("shop:previous", {.id = engine.Find(Container(0))->image_id});
  engine.AddImage("shop:1", {.id = "sha256:newer"});  // same name, so the same revision
  Delete();
  Settle();
  clock.Advance(std::chrono::hours(1));
  const api::Time applied = clock.WallNow();
  StartShop(1);
  EXPECT_EQ(engine.Find(Container(0))->image_id, "sha256:newer");
  EXPECT_GE(FindCondition("Progressing").last_transition, applied);
}

TEST_F(Deletion, AppliedAgainItDoesNotWaitForFailuresOfBefore) {
  Scale(1);
  engine.FailNext("CreateContainer", {Code::kFailedPrecondition, "no such device"}, 5);
  StepFor(seconds(20), milliseconds(100));
  EXPECT_EQ(Condition("Degraded"), "True CreateFailed");
  Delete();
  Settle();
  Apply();
  Step();
  Step();
  EXPECT_TRUE(Runs(0));
}

TEST_F(Deletion, DrainsAsLongAsTheAppSaid) {
  shop.spec.traffic.drain_seconds = 60;
  StartShop(1);
  traffic.SetConnections(Replica(0), 1);
  Delete();
  StepFor(seconds(60), milliseconds(200));
  EXPECT_THAT(engine.Writes(), IsEmpty());
  Step();
  EXPECT_THAT(engine.Writes(), ElementsAre("SignalContainer " + Container(0) + " SIGTERM"));
}

// `docker rm -f` at the same time: no pass ever sees its containers dead.
TEST_F(Deletion, OfWhatSomebodyRemovesByHand) {
  StartShop(1);
  Delete();
  engine.RemoveByHand(Container(0));
  Settle();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("withdraw shop"));
  EXPECT_THAT(health.Watched(), IsEmpty());
  EXPECT_FALSE(HasStatus());
}

TEST_F(Deletion, CalledOffInTheMiddle) {
  StartShop(2);
  for (const int slot : {0, 1}) traffic.SetConnections(Replica(slot), 1);
  Delete();
  StepFor(seconds(5), milliseconds(100));
  traffic.TakeChanges();
  Apply();
  Settle();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("ready " + Replica(0), "ready " + Replica(1)));
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_EQ(Condition("Available"), "True MinimumReplicasAvailable");
}

// Only HAProxy knows then which routes it had.
TEST_F(Deletion, WhileTheControllerWasAway) {
  StartShop(2);
  Restart();
  Delete();
  Pass();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("withdraw shop"));
  EXPECT_THAT(engine.Writes(), IsEmpty()) << "stopped before HAProxy was told";
  EXPECT_THAT(jobs->Waiting(), ElementsAre("signal/" + Id(0), "signal/" + Id(1)));
  EXPECT_EQ(Condition("Available"), "False Terminating");
  Settle();
  EXPECT_THAT(engine.Containers(), IsEmpty());
  EXPECT_FALSE(HasStatus());
}

}  // namespace
}  // namespace ballast::reconcilers
