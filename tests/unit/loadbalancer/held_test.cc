// Requests that wait for a server: which commands and reloads it takes, and what becomes of those
// that wait when HAProxy is reloaded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/reasons.h"
#include "tests/unit/loadbalancer/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kHoldMap[] = "/etc/haproxy/maps/hold.map";

class Held : public World {
 public:
  static BackendSpec Holding(const std::string& name, std::vector<Endpoint> endpoints,
                             int seconds = 60) {
    BackendSpec spec = Spec(name, std::move(endpoints));
    spec.hold_seconds = seconds;
    return spec;
  }
  bool Holds(const std::string& name) {
    const auto seen = manager->Observe(App(name), false);
    return seen && seen->holds;
  }
  // A shop whose requests wait, with these servers; counted from here.
  void StartHolding(std::vector<Endpoint> endpoints) {
    StartShop();
    static_cast<void>(manager->Publish(Holding("shop", std::move(endpoints))));
    Settle();
    ASSERT_TRUE(Holds("shop"));
    clock.Advance(seconds(1));
    Settle();
    Forget();
  }
  // What a reload is needed for.
  void AddBlog() {
    desired.Add("blog", {{.host = "blog.test"}});
    static_cast<void>(manager->Publish(Spec("blog", {Ep("x", 9)})));
  }
};

TEST_F(Held, NothingOfItIsThereBeforeItIsNeeded) {
  StartShop();
  EXPECT_FALSE(Holds("shop"));
  EXPECT_FALSE(Haproxy().files.contains("lua/hold.lua"));
  EXPECT_THAT(Haproxy().files.at("haproxy.cfg"), testing::Not(HasSubstr("lua")));
}

TEST_F(Held, TheFirstOneIsAReloadAndFurtherOnesAreCommands) {
  StartShop();
  AddBlog();
  Settle();
  Forget();
  ASSERT_TRUE(manager->Publish(Holding("shop", {Ep("a", 1), Ep("b", 2)})));
  EXPECT_FALSE(Holds("shop"));
  EXPECT_FALSE(manager->Observe(App("shop"), false)->settled);
  Settle();
  EXPECT_EQ(Haproxy().reloads, 1);
  EXPECT_TRUE(Holds("shop"));
  EXPECT_TRUE(manager->Observe(App("shop"), false)->settled);
  EXPECT_EQ(Haproxy().MapText(kHoldMap), "default_shop 60\n");
  EXPECT_TRUE(Haproxy().files.contains("lua/hold.lua"));

  Forget();
  BackendSpec blog = Holding("blog", {Ep("x", 9)}, 5);
  ASSERT_TRUE(manager->Publish(blog));
  EXPECT_TRUE(Holds("blog"));
  EXPECT_THAT(Haproxy().TakeWrites(),
              ElementsAre("add map /etc/haproxy/maps/hold.map default_blog 5"));
  ASSERT_TRUE(manager->Publish(Holding("shop", {Ep("a", 1), Ep("b", 2)}, 30)));
  EXPECT_THAT(Haproxy().TakeWrites(),
              ElementsAre("set map /etc/haproxy/maps/hold.map default_shop 30"));
  ASSERT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2)})));
  EXPECT_THAT(Haproxy().TakeWrites(),
              ElementsAre("del map /etc/haproxy/maps/hold.map default_shop"));
  EXPECT_FALSE(Holds("shop"));
  ASSERT_TRUE(manager->Publish(Spec("blog", {Ep("x", 9)})));
  clock.Advance(seconds(20));
  Settle();
  EXPECT_EQ(Haproxy().reloads, 0);
  EXPECT_EQ(Haproxy().files.at("maps/hold.map"), "# Written by Ballast.\n");
}

TEST_F(Held, RequestsWaitBeforeTheLastServerGoes) {
  StartHolding({Ep("a", 1)});
  ASSERT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1)})));
  Forget();
  ASSERT_TRUE(manager->Publish(Holding("shop", {Ep("a", 1, ServerAdmin::kDrain)})));
  EXPECT_THAT(Haproxy().TakeWrites(),
              ElementsAre("add map /etc/haproxy/maps/hold.map default_shop 60",
                          "set server default_shop/a state drain"));
}

TEST_F(Held, AnotherControllerFindsItAsItWas) {
  StartHolding({Ep("a", 1)});
  Restart();
  ASSERT_TRUE(manager->Publish(Holding("shop", {Ep("a", 1)})));
  Settle();
  EXPECT_TRUE(Holds("shop"));
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(Held, TheMapIsRepaired) {
  StartHolding({Ep("a", 1)});
  Haproxy().maps[kHoldMap] = {{"default_shop", "1"}, {"default_stranger", "9"}};
  clock.Advance(seconds(11));
  Settle();
  EXPECT_EQ(Haproxy().MapText(kHoldMap), "default_shop 60\n");
  EXPECT_EQ(Lb().Report().drift_repaired, 3);
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(Held, AReloadWaitsForRequestsThatWait) {
  StartHolding({});
  Haproxy().held["default_shop"] = 3;
  AddBlog();
  for (int i = 0; i < 20; ++i) {
    clock.Advance(milliseconds(100));
    EXPECT_FALSE(Lb().Tick().reload_due);
    EXPECT_TRUE(Lb().Reload());  // one that was on its way already
  }
  EXPECT_EQ(Haproxy().reloads, 0);
  EXPECT_THAT(events.Reasons(), ElementsAre(api::reason::kReloadPutOff));
  EXPECT_THAT(events.Events().front().message, HasSubstr("default_shop"));

  ASSERT_TRUE(manager->Publish(Holding("shop", {Ep("a", 1)})));
  Haproxy().held.clear();
  Settle();
  EXPECT_EQ(Haproxy().reloads, 1);
}

TEST_F(Held, ButNotForLong) {
  StartHolding({});
  Haproxy().held["default_shop"] = 3;
  AddBlog();
  clock.Advance(seconds(1));
  EXPECT_FALSE(Lb().Tick().reload_due);
  clock.Advance(LoadBalancerTraffic::kHeldPatience);
  EXPECT_TRUE(Lb().Tick().reload_due);
  EXPECT_TRUE(Lb().Reload());
  EXPECT_EQ(Haproxy().reloads, 1);
}

TEST_F(Held, RequestsInProgressAreNotRequestsThatWait) {
  StartHolding({Ep("a", 1, ServerAdmin::kDrain)});
  Haproxy().backends["default_shop"]["a"].connections = 5;
  AddBlog();
  Settle();
  EXPECT_EQ(Haproxy().reloads, 1);
}

TEST_F(Held, AReloadThatMendsSomethingDoesNotWait) {
  StartHolding({});
  Haproxy().held["default_shop"] = 3;
  Haproxy().FailNext("add server default_shop/a", "no such thing\n");
  Haproxy().FailNext("add server default_shop/a", "no such thing\n");
  EXPECT_FALSE(manager->Publish(Holding("shop", {Ep("a", 1)})));
  Settle();
  EXPECT_EQ(Haproxy().reloads, 1);
  EXPECT_EQ(Server("a"), "ready");
}

TEST_F(Held, RequestsThatAReloadLeftBehindGetAServerToo) {
  StartHolding({});
  // They came in the moment between the last look and the reload.
  Haproxy().old_workers = 1;
  Haproxy().old_held["default_shop"] = 2;
  AddBlog();
  Settle();
  ASSERT_EQ(Haproxy().reloads, 1);
  Lb().Tick();
  EXPECT_THAT(Haproxy().old_servers, IsEmpty());
  ASSERT_TRUE(manager->Publish(Holding("shop", {Ep("a", 1)})));
  ASSERT_EQ(Haproxy().old_servers.size(), 1U);
  EXPECT_THAT(Haproxy().old_servers.front(),
              testing::StartsWith("add server default_shop/a:late 10.0.0.1:8080 guid "));
  // Once is enough.
  const TrafficTick tick = Lb().Tick();
  EXPECT_LE(*tick.again, LoadBalancerTraffic::kLateInterval);
  Lb().Tick();
  EXPECT_EQ(Haproxy().old_servers.size(), 1U);
  // Nobody waits any more.
  Haproxy().old_workers = 0;
  Lb().Tick();
  EXPECT_GT(*Lb().Tick().again, LoadBalancerTraffic::kLateInterval);
}

TEST_F(Held, AServerThatServesThemIsNotIdle) {
  StartHolding({Ep("a", 1)});
  AddBlog();
  Settle();
  Haproxy().old_workers = 1;
  Haproxy().backends["default_shop"]["a:late"] = {
      .address = "10.0.0.1", .port = 8080, .old_connections = 2};
  const auto seen = manager->Observe(App("shop"), true);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->servers.at("a").connections, 2);
}

}  // namespace
}  // namespace ballast::reconcilers
