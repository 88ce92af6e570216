// LoadBalancerReconciler over engine, HAProxy and jobs in memory.
#include "reconcilers/loadbalancer/reconciler.h"

#include "api/reasons.h"
#include "tests/fakes/fake_engine.h"
#include "tests/fakes/fake_jobs.h"
#include "tests/fakes/recording_status.h"
#include "tests/unit/loadbalancer/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ReconcilerTest : public testing::Test {
 public:
  ReconcilerTest() {
    engine.AddImage("ballast/haproxy:latest");
    Restart();
  }

  void Restart() {
    jobs = std::make_unique<fakes::FakeJobs>(clock, &enqueuer);
    manager = std::make_unique<TrafficManager>(
        TrafficDependencies{clock, desired, lister, host, enqueuer, events, metrics}, "ballast");
    reconciler = std::make_unique<LoadBalancerReconciler>(
        LoadBalancerDependencies{desired, lister, engine, *manager, host, *jobs, status, events,
                                 clock},
        "ballast");
  }
  // HAProxy runs where its container does.
  void Follow() {
    for (const auto& info : engine.Containers()) {
      const auto role = info.labels.find(api::kLabelLoadBalancerRole);
      if (role == info.labels.end() || role->second != "haproxy") continue;
      fakes::FakeHaproxy& haproxy = host.Of(std::stoi(info.labels.at(api::kLabelAttempt)),
                                            info.labels.at(api::kLabelLoadBalancerName));
      const bool runs = info.state == ContainerState::kRunning;
      if (runs && !haproxy.running && serves) haproxy.Start();
      if (!runs) haproxy.Stop();
    }
  }
  void Step(const std::string& name = "default") {
    lister.Sync();
    Follow();
    const auto outcome = reconciler->Reconcile({"LoadBalancer", "", name});
    ASSERT_TRUE(outcome);
    for (auto waiting = jobs->Waiting(); !waiting.empty(); waiting = jobs->Waiting()) {
      jobs->Run(waiting.front());
    }
    Follow();
    clock.Advance(outcome->requeue_after ? std::min(*outcome->requeue_after, milliseconds(50))
                                         : milliseconds(10));
  }
  void Steps(int count, const std::string& name = "default") {
    for (int i = 0; i < count; ++i) Step(name);
  }
  std::vector<std::string> Running() {
    std::vector<std::string> names;
    for (const auto& info : engine.Containers()) {
      if (info.state == ContainerState::kRunning) names.push_back(info.name);
    }
    return names;
  }
  std::string Condition(const std::string& type, const std::string& name = "default") {
    for (const auto& condition : status.load_balancers[name].conditions) {
      if (condition.type == type) return condition.message;
    }
    return "none";
  }
  void Define(const std::string& name, const api::LoadBalancerSpec& spec) {
    auto object = std::make_shared<api::LoadBalancer>();
    object->meta.name = name;
    object->spec = spec;
    desired.load_balancers[name] = object;
  }
  void StartShop() {
    desired.Add("shop", {{.host = "shop.test"}});
    static_cast<void>(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2)})));
    Steps(60);
    ASSERT_EQ(host.Of(1).Admin("default_shop", "a"), "ready");
  }

  fakes::FakeClock clock;
  fakes::FakeEngine engine{&clock};
  fakes::FakeDesired desired;
  fakes::FakeContainerLister lister{&engine};
  fakes::FakeHaproxyHost host;
  fakes::RecordingEnqueuer enqueuer;
  fakes::RecordingEventRecorder events;
  fakes::RecordingMetrics metrics;
  fakes::RecordingStatus status;
  bool serves = true;
  std::unique_ptr<fakes::FakeJobs> jobs;
  std::unique_ptr<TrafficManager> manager;
  std::unique_ptr<LoadBalancerReconciler> reconciler;
};

TEST_F(ReconcilerTest, DefaultIsImpliedByARouteAndGoesWithIt) {
  Steps(3);
  EXPECT_THAT(Running(), IsEmpty());
  StartShop();
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1"));
  const auto spec = engine.SpecOf("ballast-lb-default-1");
  EXPECT_EQ(spec->network_mode, "host");
  EXPECT_EQ(spec->restart_policy, "unless-stopped");
  EXPECT_TRUE(spec->read_only_root);
  EXPECT_EQ(Condition("Available"), "");
  EXPECT_EQ(status.load_balancers["default"].servers, 2);
  EXPECT_EQ(status.load_balancers["default"].reloads, 1);
  // Replicas still drain: the load balancer stays.
  desired.apps.clear();
  Steps(10);
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1"));
  EXPECT_TRUE(manager->Withdraw(App("shop")));
  clock.Advance(seconds(6));
  Steps(40);
  EXPECT_THAT(Running(), IsEmpty());
  EXPECT_FALSE(status.load_balancers.contains("default"));
}

TEST_F(ReconcilerTest, SettledIsNoWrite) {
  StartShop();
  engine.ClearCalls();
  host.Of(1).writes.clear();
  host.Of(1).published = 0;
  for (int i = 0; i < 5; ++i) {
    clock.Advance(seconds(11));
    Steps(2);
  }
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_THAT(host.Of(1).TakeWrites(), IsEmpty());
  EXPECT_EQ(host.Of(1).published, 0);
}

TEST_F(ReconcilerTest, UnknownWishesLeaveEverythingAlone) {
  StartShop();
  Restart();
  desired.apps.clear();
  desired.unknown = true;
  engine.ClearCalls();
  Steps(10);
  EXPECT_THAT(engine.Writes(), IsEmpty());
}

// A broken manifest may hide a LoadBalancer called default: the apps that can be read are served.
TEST_F(ReconcilerTest, UnknownDefaultIsImpliedOnceEverythingWasLookedAt) {
  desired.unknown = true;
  desired.looked = false;
  desired.Add("shop", {{.host = "shop.test"}});
  Steps(10);
  EXPECT_THAT(Running(), IsEmpty());
  desired.looked = true;
  Steps(10);
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1"));
}

TEST_F(ReconcilerTest, KilledAndRemovedContainersComeBack) {
  StartShop();
  engine.Kill("ballast-lb-default-1", 137);
  engine.StopByHand("ballast-lb-default-1");
  Steps(5);
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1"));
  engine.RemoveByHand("ballast-lb-default-1");
  host.Of(1).Stop();
  Restart();  // nobody remembers: its files do
  Steps(5);
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1"));
  EXPECT_EQ(host.Of(1).Admin("default_shop", "a"), "ready");
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2)})));
  Steps(60);
  EXPECT_EQ(host.Of(1).reloads, 1);  // the first one
}

TEST_F(ReconcilerTest, UpgradeToANewImage) {
  StartShop();
  engine.AddImage("ballast/haproxy:latest", {.id = "sha256:new"});
  clock.Advance(seconds(11));
  serves = false;
  Steps(5);
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1", "ballast-lb-default-2"));
  EXPECT_EQ(manager->Of("default").Report().serving, 1);
  serves = true;
  engine.ClearCalls();
  Steps(10);
  EXPECT_THAT(engine.Writes(), ElementsAre("UpdateRestartPolicy ballast-lb-default-1 no",
                                           "SignalContainer ballast-lb-default-1 SIGUSR1"));
  engine.Kill("ballast-lb-default-1", 0);  // its last connection is done
  Steps(10);
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-2"));
  EXPECT_FALSE(engine.Find("ballast-lb-default-1"));
  EXPECT_EQ(host.Of(2).Admin("default_shop", "b"), "ready");
  EXPECT_EQ(host.Of(2).reloads, 0);
  EXPECT_TRUE(events.Has(api::reason::kLoadBalancerUpgraded));
}

TEST_F(ReconcilerTest, KillOfTheControllerAnywhereInAnUpgrade) {
  for (int crash = 0; crash < 12; ++crash) {
    SCOPED_TRACE(crash);
    StartShop();
    const std::string id = "sha256:v" + std::to_string(crash);
    engine.AddImage("ballast/haproxy:latest", {.id = id});
    clock.Advance(seconds(11));
    Steps(crash);
    jobs->Crash();
    Restart();
    const auto before = manager->Observe(App("shop"), false);
    EXPECT_TRUE(before);
    static_cast<void>(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2)})));
    clock.Advance(seconds(11));
    for (int i = 0; i < 60; ++i) {
      Step();
      const int serving = manager->Of("default").Report().serving.value_or(0);
      for (const auto& info : engine.Containers()) {
        const int number = std::stoi(info.labels.at(api::kLabelAttempt));
        if (number < serving && info.state == ContainerState::kRunning) engine.Kill(info.name, 0);
      }
    }
    ASSERT_EQ(Running().size(), 1U);
    EXPECT_EQ(engine.Find(Running().front())->image_id, id);
    EXPECT_EQ(engine.Containers().size(), 1U);
    const auto seen = manager->Observe(App("shop"), false);
    ASSERT_TRUE(seen);
    EXPECT_TRUE(seen->servers.at("a").up);
    // Start the next round from nothing.
    desired.apps.clear();
    EXPECT_TRUE(manager->Withdraw(App("shop")));
    clock.Advance(seconds(6));
    Steps(60);
    ASSERT_THAT(Running(), IsEmpty());
    host = {};
    Restart();
  }
}

TEST_F(ReconcilerTest, MissingImageIsAConditionAndDisturbsNothing) {
  engine.RemoveImage("ballast/haproxy:latest");
  desired.Add("shop", {{.host = "shop.test"}});
  Steps(5);
  EXPECT_THAT(Condition("Available"), HasSubstr("ballast/haproxy:latest"));
  engine.AddImage("ballast/haproxy:latest");
  clock.Advance(seconds(60));
  StartShop();
  engine.RemoveImage("ballast/haproxy:latest");
  clock.Advance(seconds(11));
  Steps(5);
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1"));
  EXPECT_EQ(Condition("Available"), "");
}

TEST_F(ReconcilerTest, OurOwnImageIsNeverPulled) {
  engine.RemoveImage("ballast/haproxy:latest");
  engine.AddRemoteImage("ballast/haproxy:latest");  // whoever has that name on Docker Hub
  desired.Add("shop", {{.host = "shop.test"}});
  Steps(5);
  EXPECT_THAT(Condition("Available"), HasSubstr("`hack/images haproxy`"));
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_THAT(Running(), IsEmpty());
  // Those of users are.
  engine.AddRemoteImage("registry.example.com/x/haproxy:3");
  api::LoadBalancerSpec spec;
  spec.image = "registry.example.com/x/haproxy:3";
  Define("default", spec);
  Steps(5);
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1"));
}

TEST_F(ReconcilerTest, NamesThatSomebodyElseHas) {
  const auto stranger = engine.CreateContainer({.name = "ballast-lb-default-1",
                                                .image = "ballast/haproxy:latest",
                                                .labels = {{api::kLabelOwner, "other"}}});
  ASSERT_TRUE(stranger);
  engine.ClearCalls();
  desired.Add("shop", {{.host = "shop.test"}});
  Steps(5);
  EXPECT_THAT(Running(), IsEmpty());
  EXPECT_THAT(engine.Writes(), testing::Not(testing::Contains(HasSubstr("Start"))));
  EXPECT_THAT(Condition("Available"), HasSubstr("the name ballast-lb-default-1 is taken"));
  engine.RemoveByHand("ballast-lb-default-1");
  clock.Advance(seconds(60));
  Steps(5);
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1"));
}

TEST_F(ReconcilerTest, NetworkNameThatSomebodyElseHas) {
  ASSERT_TRUE(engine.CreateNetwork({.name = "0-ballast-default"}));
  api::LoadBalancerSpec spec;
  spec.host_network = false;
  Define("default", spec);
  Steps(5);
  EXPECT_THAT(Running(), IsEmpty());
  EXPECT_THAT(Condition("Available"), HasSubstr("docker network rm 0-ballast-default"));
}

TEST_F(ReconcilerTest, ContainerOfACallThatSeemedToFailIsStarted) {
  desired.Add("shop", {{.host = "shop.test"}});
  bool made = false;
  engine.SetHook([&](const std::string& method, const std::string&) -> std::optional<Status> {
    if (method == "CreateContainer" && !std::exchange(made, true)) {
      EXPECT_TRUE(engine.CreateContainer({.name = "ballast-lb-default-1",
                                          .image = "ballast/haproxy:latest",
                                          .labels = HaproxyContainer(1, "").labels}));
    }
    return std::nullopt;
  });
  Steps(2);
  EXPECT_TRUE(made);
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1"));
  EXPECT_EQ(Condition("Degraded"), "");
}

TEST_F(ReconcilerTest, HaproxyThatIsTooOldIsToldByItsVersion) {
  serves = false;
  engine.SetExec([](const std::string&, const std::vector<std::string>& command) {
    EXPECT_THAT(command, ElementsAre("haproxy", "-v"));
    return ExecResult{.exit_code = 0,
                      .output =
                          "HAProxy version 2.6.12-1+deb12u2 2025/04/28 - https://haproxy.org/"
                          "\nStatus: long-term supported branch\n"};
  });
  desired.Add("shop", {{.host = "shop.test"}});
  Steps(5);
  clock.Advance(seconds(4));
  Steps(3);
  EXPECT_THAT(Condition("Available"),
              testing::AllOf(HasSubstr("HAProxy 2.6.12-1+deb12u2 in image ballast/haproxy:latest "
                                       "is too old: 3.0 or later is needed"),
                             HasSubstr("`hack/images haproxy`")));
}

TEST_F(ReconcilerTest, SilentHaproxyIsAskedWhy) {
  serves = false;
  desired.Add("shop", {{.host = "shop.test"}});
  Steps(5);
  engine.SetLogs("ballast-lb-default-1",
                 "[ALERT]    (8) : Binding [/etc/haproxy/haproxy.cfg:40] for frontend http: cannot "
                 "bind socket (Address already in use) for [0.0.0.0:80]\n");
  clock.Advance(seconds(4));
  Steps(3);
  EXPECT_THAT(Condition("Available"),
              HasSubstr("port 80 is in use by another program (`ss -ltnp` shows it)"));
  EXPECT_TRUE(events.Has(api::reason::kLoadBalancerFailed));
}

TEST_F(ReconcilerTest, TwoLoadBalancersOnOnePort) {
  Define("default", {});
  api::LoadBalancerSpec other;
  other.stats_port = 1937;
  Define("other", other);
  Steps(5);
  Steps(5, "other");
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1"));
  EXPECT_THAT(Condition("Available", "other"),
              HasSubstr("port 80 is LoadBalancer/default's already"));
}

TEST_F(ReconcilerTest, Bridged) {
  ASSERT_TRUE(engine.CreateNetwork({.name = "ballast"}));
  api::LoadBalancerSpec spec;
  spec.host_network = false;
  Define("default", spec);
  StartShop();
  EXPECT_THAT(Running(), ElementsAre("ballast-lb-default-1", "ballast-lb-default-pause"));
  EXPECT_THAT(engine.Find("ballast-lb-default-pause")->networks,
              testing::ElementsAre(testing::Key("0-ballast-default"), testing::Key("ballast")));
  EXPECT_EQ(engine.SpecOf("ballast-lb-default-1")->user, "99:99");
  desired.load_balancers.clear();
  desired.apps.clear();
  EXPECT_TRUE(manager->Withdraw(App("shop")));
  clock.Advance(seconds(6));
  Steps(60);
  EXPECT_THAT(engine.Containers(), IsEmpty());
  EXPECT_FALSE(engine.InspectNetwork("0-ballast-default"));
}

}  // namespace
}  // namespace ballast::reconcilers
