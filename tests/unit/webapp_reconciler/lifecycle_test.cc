// A web app from its first pass to its last one, with nothing going wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/labels.h"
#include "tests/unit/webapp_reconciler/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kInServiceGauge[] =
    "ballast_webapp_replicas_in_service{namespace=default,webapp=shop}";

class Lifecycle : public WebAppWorld {};

TEST_F(Lifecycle, ANewAppServesOnceItsReplicasAreReady) {
  NothingIsReady();
  Apply();
  Step();  // looks for the image
  EXPECT_THAT(engine.Writes(), IsEmpty());
  Step();
  EXPECT_THAT(engine.Writes(),
              ElementsAre("CreateNetwork ballast", "CreateContainer " + Container(0),
                          "StartContainer " + Container(0), "CreateContainer " + Container(1),
                          "StartContainer " + Container(1)));
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("publish shop"));
  EXPECT_EQ(Condition("Available"), "False MinimumReplicasUnavailable");
  EXPECT_EQ(Condition("Progressing"), "True ReplicasUpdated");
  EXPECT_THAT(Rows(), ElementsAre("0 Starting -", "1 Starting -"));
  EXPECT_EQ(status.webapps[shop.Key()].replicas[0].message, "connect: refused");

  SetReady(1);
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("add " + Replica(1)));
  Step();
  EXPECT_THAT(Rows(), ElementsAre("0 Starting -", "1 Running UP"));
  EXPECT_EQ(ShopStatus().ready_replicas, 1);
  EXPECT_EQ(ShopStatus().in_service_replicas, 1);
  EXPECT_EQ(ShopStatus().unavailable_replicas, 1);
  EXPECT_EQ(Condition("Available"), "False MinimumReplicasUnavailable");

  SetReady(0);
  Settle();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("add " + Replica(0)));
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  EXPECT_EQ(ShopStatus().updated_replicas, 2);
  EXPECT_EQ(ShopStatus().url, "http://shop.test/");
  EXPECT_EQ(Condition("Available"), "True MinimumReplicasAvailable");
  EXPECT_EQ(Condition("Progressing"), "True RolloutComplete");
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
  EXPECT_EQ(metrics.Get(kInServiceGauge), 2);
  EXPECT_THAT(events.Reasons(), ElementsAre("Created", "Created", "InService", "InService"));
}

TEST_F(Lifecycle, AServerIsWhereItsContainerIs) {
  StartShop(2);
  for (int slot = 0; slot < 2; ++slot) {
    const auto info = engine.Find(Container(slot));
    ASSERT_TRUE(info);
    const Endpoint* server = traffic.Find(Replica(slot));
    ASSERT_NE(server, nullptr);
    EXPECT_EQ(server->address, info->networks.at("ballast"));
    EXPECT_EQ(server->port, 8080);
    EXPECT_EQ(server->network, "ballast");
    EXPECT_EQ(server->container_id, info->id);
  }
}

TEST_F(Lifecycle, SettledIsNoWrite) {
  StartShop(2);
  const auto before = status.webapps;
  const std::size_t started = jobs->Started().size();
  for (int i = 0; i < 2; ++i) {
    clock.Advance(minutes(1));
    EXPECT_EQ(Step(), std::nullopt) << "an idle web app asks for nothing";
  }
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_THAT(traffic.TakeChanges(), IsEmpty());
  EXPECT_THAT(events.Events(), IsEmpty());
  EXPECT_EQ(jobs->Started().size(), started);
  EXPECT_EQ(status.webapps, before);
}

TEST_F(Lifecycle, ScaledDownOnceItsRequestsAreDone) {
  StartShop(3);
  for (const int slot : {0, 1}) traffic.SetConnections(Replica(slot), 5);
  traffic.SetConnections(Replica(2), 2);
  Scale(2);
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("drain " + Replica(2)));
  StepFor(seconds(10), milliseconds(500));
  EXPECT_THAT(traffic.TakeChanges(), IsEmpty());
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_THAT(Rows(), ElementsAre("0 Running UP", "1 Running UP", "2 Draining DRAIN"));
  EXPECT_EQ(status.webapps[shop.Key()].replicas[2].connections, 2);

  traffic.SetConnections(Replica(2), 0);
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("maint " + Replica(2)));
  EXPECT_THAT(engine.Writes(), IsEmpty()) << "stopped while HAProxy still has it";
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("delete " + Replica(2)));
  EXPECT_THAT(engine.Writes(), ElementsAre("SignalContainer " + Container(2) + " SIGTERM"));
  Settle();
  EXPECT_THAT(engine.Writes(), ElementsAre("SignalContainer " + Container(2) + " SIGTERM",
                                           "RemoveContainer " + Container(2)));
  EXPECT_THAT(traffic.TakeChanges(), IsEmpty());
  EXPECT_THAT(Running(), ElementsAre(Container(0), Container(1)));
  EXPECT_THAT(events.Reasons(), ElementsAre("Draining", "Stopping", "Removed"));
}

TEST_F(Lifecycle, StoppedAnywayWhenTheDrainTimeIsOver) {
  shop.spec.traffic.drain_seconds = 5;
  shop.spec.pod_template->termination_grace_period_seconds = 10;
  StartShop(2);
  traffic.SetConnections(Replica(0), 3);
  traffic.SetConnections(Replica(1), 1);
  engine.IgnoreSignals(Container(1));
  Scale(1);
  StepFor(seconds(5), milliseconds(100));
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("drain " + Replica(1)));
  EXPECT_THAT(engine.Writes(), IsEmpty());
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("maint " + Replica(1)));
  EXPECT_THAT(engine.Writes(), ElementsAre("SignalContainer " + Container(1) + " SIGTERM"));
  engine.ClearCalls();
  StepFor(seconds(10), milliseconds(100));
  EXPECT_THAT(engine.Writes(), IsEmpty());
  Step();
  EXPECT_THAT(engine.Writes(), ElementsAre("SignalContainer " + Container(1) + " SIGKILL"));
  Settle();
  EXPECT_THAT(Running(), ElementsAre(Container(0)));
  EXPECT_THAT(engine.Containers(), SizeIs(1));
  EXPECT_EQ(traffic.Find(Replica(1)), nullptr);
}

TEST_F(Lifecycle, ASidecarLeavesAndComesBackWithItsReplica) {
  engine.AddImage("log:1");
  shop.spec.pod_template->containers.push_back({.name = "log", .image = "log:1"});
  StartShop(1);
  const std::string sidecar = Container(0) + ".log";
  engine.Kill(sidecar, 1);
  Step();
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("maint " + Replica(0)));
  Settle();
  EXPECT_THAT(engine.Writes(),
              ElementsAre("CreateContainer " + sidecar, "StartContainer " + sidecar));
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("ready " + Replica(0)));
  engine.ClearCalls();
  Scale(0);
  Settle();
  EXPECT_THAT(engine.Writes(),
              ElementsAre("SignalContainer " + Container(0) + " SIGTERM",
                          "SignalContainer " + sidecar + " SIGTERM", "RemoveContainer " + sidecar,
                          "RemoveContainer " + Container(0)));
}

TEST_F(Lifecycle, ALabelledContainerMakesItsAppAndTakesItAway) {
  const api::ObjectKey solo{"WebApp", "default", "solo"};
  const std::string id = engine.AddContainer({.name = "guest",
                                              .labels = {{api::kLabelWebApp, "solo"},
                                                         {api::kLabelHost, "solo.test"},
                                                         {api::kLabelPort, "3000"}}});
  SettleAll(solo);
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("publish solo", "add guest"));
  ASSERT_NE(traffic.Wish(solo), nullptr);
  EXPECT_THAT(traffic.Wish(solo)->routes, ElementsAre(api::Route{.host = "solo.test"}));
  EXPECT_EQ(traffic.Find("guest")->port, 3000);
  const auto& shown = status.webapps[solo].status;
  EXPECT_EQ(shown.adopted_replicas, 1);
  EXPECT_EQ(shown.desired_replicas, 0);
  EXPECT_EQ(shown.url, "http://solo.test/");
  EXPECT_THAT(health.Watched(), Contains(testing::Key(id)));

  engine.StopByHand("guest");
  PassOf(solo);
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("maint guest"));
  SettleAll(solo);
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("delete guest"));
  EXPECT_TRUE(status.webapps.contains(solo));

  engine.RemoveByHand("guest");
  SettleAll(solo);
  EXPECT_THAT(traffic.TakeChanges(), ElementsAre("withdraw solo"));
  EXPECT_FALSE(status.webapps.contains(solo));
  EXPECT_THAT(health.Watched(), IsEmpty());
  EXPECT_THAT(engine.Writes(), IsEmpty()) << "what others made was touched";
}

}  // namespace
}  // namespace ballast::reconcilers
