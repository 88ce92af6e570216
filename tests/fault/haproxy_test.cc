// HAProxy reloaded, upgraded, killed, bridged: what its clients see.
#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

class Haproxy : public BothWays {
 protected:
  void TearDown() override {
    BothWays::TearDown();
    if (upgrade_.empty()) return;
    stack_.reset();  // its containers use the image
    ballast::fault::Run({"docker", "rmi", upgrade_});
  }

  std::string upgrade_;  // an image made by the test
};

TEST_P(Haproxy, StructuralChangeReloadsAndFailsNothing) {
  Begin(3);
  loadgen::LongLived streams(
      {.port = stack_->port(), .host = "shop.test", .websockets = 25, .event_streams = 25});
  streams.Start();
  loadgen::Load gets(Requests());
  loadgen::Load posts(Requests("POST"));
  gets.Start();
  posts.Start();
  RunFor(seconds(1));
  app_.more_spec = "  traffic: {balance: roundrobin, compression: true}\n";
  stack_->Apply(app_);
  EXPECT_TRUE(Eventually([&] { return stack_->Reloads() > reloads_; }, seconds(20)));
  RunFor(seconds(2));
  stack_->Write("other.yaml",
                "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {name: other}\nspec:\n"
                "  routes: [{host: other.test}]\n");
  EXPECT_TRUE(Eventually([&] { return stack_->Reloads() > reloads_ + 1; }, seconds(20)));
  RunFor(seconds(2));
  ExpectNoFailure(gets.Stop(), "GET", kSlowestMs);
  ExpectNoFailure(posts.Stop(), "POST");
  const loadgen::LongLivedReport report = streams.Stop();
  EXPECT_EQ(report.Cut(), 0U) << report.Details();
  ExpectConsistent(3, "reload");
}

TEST_P(Haproxy, RoutesOfAKnownAppChangeWithoutReload) {
  Begin(2);
  loadgen::Load gets(Requests());
  gets.Start();
  app_.more_spec = "";
  app_.path = "/work";
  stack_->Apply(app_);
  EXPECT_TRUE(Eventually(
      [&] {
        return stack_->Haproxy("show map /etc/haproxy/maps/prefix.map").find("shop.test/work/") !=
               std::string::npos;
      },
      seconds(10)));
  RunFor(seconds(1));
  ExpectNoFailure(gets.Stop(), "GET", kSlowestMs);
  ExpectNoReload("route");
}

TEST_P(Haproxy, KilledComesBackWithTheSameServers) {
  Begin(3);
  const auto before = stack_->Servers("shop");
  const std::string container = stack_->HaproxyContainer();
  stack_->Docker({"kill", "-s", "KILL", container});
  EXPECT_TRUE(Eventually([&] { return stack_->Servers("shop") == before; }, seconds(10)));
  ExpectConsistent(3, "HAProxy killed");
  loadgen::Load gets(Requests());
  gets.Start();
  RunFor(seconds(1));
  ExpectNoFailure(gets.Stop(), "GET");
}

TEST_P(Haproxy, UpgradeOnTheHostsNetworkFailsNothing) {
  // Another image of the same HAProxy: what `docker pull` of a newer one looks like.
  const std::string tag = "ballast/haproxy:" + std::string("upgrade-test");
  MustRun({"docker", "tag", "ballast/haproxy:latest", tag});
  upgrade_ = tag;
  Begin(3);
  loadgen::Load gets(Requests());
  auto fresh = Requests("POST");
  fresh.keep_alive = false;
  loadgen::Load posts(fresh);
  gets.Start();
  posts.Start();
  const std::string before = stack_->HaproxyContainer();
  // An image with another id.
  const std::string id = stack_->Docker({"create", "--label", "ballast.dev/owner=none", tag});
  stack_->Docker({"commit", "-m", "upgrade", id.substr(0, 64), tag});
  stack_->Docker({"rm", id.substr(0, 64)});
  stack_->ApplyLoadBalancer("  image: " + tag + "\n");
  EXPECT_TRUE(Eventually(
      [&] {
        const std::string now = stack_->HaproxyContainer();
        return !now.empty() && now != before &&
               stack_->TryDocker({"inspect", before}).exit_code != 0;
      },
      seconds(60)));
  RunFor(seconds(2));
  ExpectNoFailure(gets.Stop(), "GET");
  ExpectNoFailure(posts.Stop(), "POST, a connection each");
  ExpectConsistent(3, "upgrade");
  Scale(4);
  ExpectConsistent(4, "after the upgrade");
}

TEST_P(Haproxy, BridgedJoinsAndLeavesNetworks) {
  Begin(2, Bridged());
  const std::string network = stack_->instance() + "-aaa";  // sorts before most names
  stack_->Docker(
      {"network", "create", "--label", "ballast.dev/owner=" + stack_->instance(), network});
  loadgen::LongLived streams(
      {.port = stack_->port(), .host = "shop.test", .websockets = 25, .event_streams = 25});
  streams.Start();
  loadgen::Load gets(Requests());
  gets.Start();
  const std::string name = stack_->instance() + "-adopted";
  stack_->Docker({"run", "-d", "--name", name, "--network", network, "-l",
                  "ballast.dev/webapp=shop", "-l", "ballast.dev/port=8080",
                  "ballast/hello:latest"});
  EXPECT_TRUE(Eventually([&] { return stack_->Servers("shop").contains(name); }, seconds(20)));
  RunFor(seconds(2));
  stack_->Docker({"stop", name});
  EXPECT_TRUE(Eventually([&] { return !stack_->Servers("shop").contains(name); }, seconds(20)));
  stack_->Docker({"rm", "-f", name});
  EXPECT_TRUE(Eventually(
      [&] {
        return stack_->Docker({"network", "inspect", "-f", "{{len .Containers}}", network}) ==
               "0\n";
      },
      seconds(30)))
      << "the load balancer did not leave " << network;
  RunFor(seconds(1));
  const loadgen::Report report = gets.Stop();
  ExpectNoFailure(report, "GET");
  EXPECT_GE(report.replicas.size(), 3U) << "the adopted container never answered";
  const loadgen::LongLivedReport open = streams.Stop();
  EXPECT_EQ(open.Cut(), 0U) << open.Details();
  ExpectConsistent(2, "bridged");
}

INSTANTIATE_TEST_SUITE_P(Controller, Haproxy, kBothModes, ModeName);

}  // namespace
}  // namespace ballast::fault
