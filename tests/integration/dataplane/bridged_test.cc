// A bridged load balancer: the pause container owns the published ports, joins the networks that
// servers are on, and HAProxy is replaced in its network namespace.
#include <fmt/format.h>

#include "tests/fault/loadgen/load.h"
#include "tests/integration/dataplane/live.h"

namespace ballast::live {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

class Bridged : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped()) return;
    spec.host_network = false;
  }
  // A container on a network of its own that answers 200; HAProxy itself plays the app.
  reconcilers::Endpoint Container(const std::string& name, const std::string& network) {
    const std::string full = owner + "-" + name;
    static_cast<void>(engine->CreateNetwork({.name = network}));
    const auto id = engine->CreateContainer(
        {.name = full,
         .image = kImage,
         .entrypoint = {"sh", "-c"},
         .cmd =
             {"printf 'defaults\\n mode http\\n timeout client 5s\\nfrontend f\\n bind *:8080\\n "
              "http-request return status 200\\n' > /tmp/c && exec haproxy -db -f /tmp/c"},
         .labels = {{api::kLabelOwner, owner}},
         .network_mode = network});
    EXPECT_TRUE(id) << id.error().message;
    EXPECT_TRUE(engine->StartContainer(*id));
    const auto info = engine->InspectContainer(*id);
    EXPECT_TRUE(info);
    return {.server = name,
            .container_id = *id,
            .address = info->networks.at(network),
            .port = 8080,
            .network = network};
  }
  std::vector<std::string> PauseNetworks() {
    const auto pause = engine->InspectContainer(owner + "-lb-lb-pause");
    std::vector<std::string> names;
    if (pause) {
      for (const auto& [name, address] : pause->networks) names.push_back(name);
    }
    return names;
  }
};

TEST_F(Bridged, JoinsAndLeavesNetworksWithoutAGap) {
  const std::string one = owner + "-one";
  const std::string two = owner + "-two";
  const std::string own = "0-" + owner + "-lb";
  const auto a = Container("a", one);
  const auto b = Container("b", two);
  static_cast<void>(Publish("shop", {a}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  EXPECT_THAT(PauseNetworks(), ElementsAre(own, one));
  Settle();
  const int reloads = Status().reloads;
  loadgen::Load load({.port = spec.listeners.front().port, .host = "shop.test", .rate = 100});
  load.Start();
  ASSERT_TRUE(Publish("shop", {a, b}));
  ASSERT_TRUE(Until([&] {
    static_cast<void>(Publish("shop", {a, b}));
    const auto seen = manager->Observe(reconcilers::App("shop"), false);
    return seen && seen->servers.contains("b") && seen->servers.at("b").up;
  }));
  EXPECT_THAT(PauseNetworks(), ElementsAre(own, one, two));
  ASSERT_TRUE(Publish("shop", {b}));
  ASSERT_TRUE(Until([&] { return PauseNetworks() == std::vector<std::string>{own, two}; }));
  const loadgen::Report report = load.Stop();
  EXPECT_EQ(report.failed, 0U) << report.Details();
  EXPECT_EQ(Status().reloads, reloads);
}

TEST_F(Bridged, KillsAndChangedPorts) {
  const auto a = Container("a", owner + "-one");
  static_cast<void>(Publish("shop", {a}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  Settle();
  Shell("docker kill " + owner + "-lb-lb-1");
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); }));
  // The pause container: with it goes the network namespace of HAProxy.
  Shell("docker rm -f " + owner + "-lb-lb-pause");
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  Settle();
  spec.listeners.front().port = FreePort();
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  EXPECT_EQ(Status().servers, 1);
  // Gone with everything.
  desired.apps.clear();
  ASSERT_TRUE(manager->Withdraw(reconcilers::App("shop")));
  const api::ObjectKey key{"LoadBalancer", "", "lb"};
  const auto deadline = clock.Now() + std::chrono::seconds(30);
  bool gone = false;
  while (!gone && clock.Now() < deadline) {
    desired.load_balancers.clear();
    lister->Sync();
    ASSERT_TRUE(reconciler->Reconcile(key));
    RunJobs();
    gone = lister->ForLoadBalancer("lb").empty() && !engine->InspectNetwork("0-" + owner + "-lb");
  }
  EXPECT_TRUE(gone);
}

}  // namespace
}  // namespace ballast::live
