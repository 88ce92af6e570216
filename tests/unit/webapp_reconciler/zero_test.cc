// Down to no replica and back, under an autoscaler that allows it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/webapp_reconciler/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

class Zero : public WebAppWorld {
 public:
  void Autoscale(int min_replicas, int cold_start_timeout_seconds = 60) {
    api::Autoscaler autoscaler;
    autoscaler.meta.name = "shop";
    autoscaler.spec.scale_target_ref = {.kind = "WebApp", .name = "shop"};
    autoscaler.spec.min_replicas = min_replicas;
    autoscaler.spec.max_replicas = 5;
    autoscaler.spec.cold_start_timeout_seconds = cold_start_timeout_seconds;
    desired.Put(autoscaler);
  }
  int HoldSeconds() {
    const BackendSpec* wish = traffic.Wish(shop.Key());
    return wish == nullptr ? -1 : wish->hold_seconds;
  }
};

TEST_F(Zero, RequestsWaitAsLongAsTheAutoscalerSays) {
  StartShop(1);
  EXPECT_EQ(HoldSeconds(), 0);
  Autoscale(1);
  Settle();
  EXPECT_EQ(HoldSeconds(), 0);
  Autoscale(0, 30);
  Settle();
  EXPECT_EQ(HoldSeconds(), 30);
  desired.autoscalers.clear();
  Settle();
  EXPECT_EQ(HoldSeconds(), 0);
  EXPECT_THAT(traffic.TakeChanges(), IsEmpty());
}

TEST_F(Zero, TheLastReplicaDrainsThenStops) {
  Autoscale(0);
  StartShop(1);
  traffic.SetConnections(Replica(0), 1);
  Scale(0);
  StepFor(seconds(2), milliseconds(100));
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("drain " + Replica(0)));
  EXPECT_TRUE(Runs(0));
  traffic.SetConnections(Replica(0), 0);
  Settle();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("maint " + Replica(0), "delete " + Replica(0)));
  EXPECT_THAT(Running(), IsEmpty());
  EXPECT_EQ(HoldSeconds(), 60);
  EXPECT_EQ(Condition("Available"), "True MinimumReplicasAvailable");
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");

  Scale(1);
  Settle();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("add " + Replica(0)));
  EXPECT_EQ(ShopStatus().in_service_replicas, 1);
}

TEST_F(Zero, OneThatDrainsIsCalledBack) {
  Autoscale(0);
  StartShop(1);
  traffic.SetConnections(Replica(0), 1);
  Scale(0);
  Step();
  Scale(1);
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("drain " + Replica(0), "ready " + Replica(0)));
}

// Its place is not waited for.
TEST_F(Zero, OneThatStopsIsNotWaitedFor) {
  Autoscale(0);
  shop.spec.traffic.drain_seconds = 1;
  StartShop(1);
  engine.IgnoreSignals(Container(0));
  traffic.SetConnections(Replica(0), 1);
  Scale(0);
  StepFor(seconds(2), milliseconds(100));
  traffic.TakeChanges();
  engine.ClearCalls();
  Scale(1);
  Step();
  Step();
  EXPECT_EQ(Count("CreateContainer " + Container(1)), 1);
}

TEST_F(Zero, TheLastReplicaStaysUntilHaproxyHolds) {
  traffic.SetHolds(false);
  Autoscale(0);
  StartShop(2);
  Scale(0);
  StepFor(seconds(5), milliseconds(100));
  EXPECT_TRUE(Runs(0));
  EXPECT_THAT(Running(), testing::SizeIs(1));
  EXPECT_EQ(traffic.Find(Replica(0))->admin, ServerAdmin::kReady);
  traffic.SetHolds(true);
  Settle();
  EXPECT_THAT(Running(), IsEmpty());
}

// Whoever wants none, without an autoscaler, has none.
TEST_F(Zero, ByHandItGoesAtOnce) {
  traffic.SetHolds(false);
  StartShop(1);
  Scale(0);
  Settle();
  EXPECT_THAT(Running(), IsEmpty());
}

TEST_F(Zero, TheImageIsThereBeforeTheFirstRequest) {
  Autoscale(0);
  Scale(0);
  Settle();
  EXPECT_EQ(Count("PullImage shop:1") + Count("InspectImage shop:1"), 1);
}

}  // namespace
}  // namespace ballast::reconcilers
