// TrafficManager over a HAProxy in memory: which commands it sends, and what it never does.
#include "api/reasons.h"
#include "tests/unit/loadbalancer/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using TrafficTest = World;

TEST_F(TrafficTest, FirstConfigurationIsOneReload) {
  desired.Add("shop", {{.host = "shop.test"}});
  desired.Add("blog", {{.host = "blog.test"}});
  StartHaproxy();
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1)})));
  Lb().SetSpec(spec);
  clock.Advance(seconds(1));
  // The blog has not spoken yet: nothing structural is done.
  EXPECT_FALSE(Lb().Tick().reload_due);
  EXPECT_TRUE(manager->Publish(Spec("blog", {Ep("x", 9)})));
  Settle();
  EXPECT_EQ(Haproxy().reloads, 1);
  EXPECT_EQ(Server("a"), "ready");
  EXPECT_EQ(Haproxy().Admin("default_blog", "x"), "ready");
  EXPECT_THAT(Haproxy().MapText("/etc/haproxy/maps/prefix.map"),
              AllOf(HasSubstr("shop.test/ default_shop"), HasSubstr("blog.test/ default_blog")));
  EXPECT_TRUE(events.Has(api::reason::kReloaded));
  const auto seen = manager->Observe(App("shop"), true);
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen->known);
  EXPECT_TRUE(seen->settled) << seen->message;
  EXPECT_TRUE(seen->servers.at("a").up);
  EXPECT_EQ(seen->servers.at("a").container_id, "id-a-1");
  EXPECT_EQ(seen->servers.at("a").connections, 0);
}

TEST_F(TrafficTest, AppThatNeverSpeaksDoesNotBlockForEver) {
  desired.Add("shop", {{.host = "shop.test"}});
  desired.Add("broken", {{.host = "broken.test"}});
  StartHaproxy();
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1)})));
  Lb().SetSpec(spec);
  Lb().Tick();
  clock.Advance(LoadBalancerTraffic::kStartGrace);
  EXPECT_TRUE(Lb().Tick().reload_due);
}

TEST_F(TrafficTest, AddingAServerTakesNoReload) {
  StartShop();
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2), Ep("c", 3)})));
  EXPECT_THAT(Haproxy().TakeWrites(),
              ElementsAre(StartsWith("add server default_shop/c 10.0.0.3:8080 "),
                          "enable health default_shop/c", "set server default_shop/c state ready"));
  Settle();
  EXPECT_EQ(Haproxy().reloads, 0);
  EXPECT_THAT(Haproxy().files.at("haproxy.cfg"), HasSubstr("10.0.0.3:8080"));
}

TEST_F(TrafficTest, SettledIsNoWriteAtAll) {
  StartShop();
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2)})));
    clock.Advance(seconds(11));
    Settle();
  }
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
  EXPECT_EQ(Haproxy().published, 0);
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(TrafficTest, DeadServerIsOutAtOnceAndDeletedWhenIdle) {
  StartShop();
  Haproxy().backends["default_shop"]["b"].connections = 2;
  BackendSpec wish = Spec("shop", {Ep("a", 1)});
  wish.dead = {"b"};
  EXPECT_TRUE(manager->Publish(wish));
  EXPECT_THAT(Haproxy().TakeWrites(), ElementsAre("set server default_shop/b state maint"));
  // HAProxy may be about to send these requests elsewhere: they are not cut at once.
  Lb().Tick();
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
  clock.Advance(seconds(2));
  Lb().Tick();
  EXPECT_THAT(Haproxy().TakeWrites(), ElementsAre("shutdown sessions server default_shop/b"));
  Lb().Tick();
  EXPECT_THAT(Haproxy().TakeWrites(), ElementsAre("del server default_shop/b"));
  EXPECT_EQ(Server("b"), "none");
}

TEST_F(TrafficTest, UnnamedServerIsDeletedAfterItsLastRequestInAllWorkers) {
  StartShop();
  auto& b = Haproxy().backends["default_shop"]["b"];
  b.connections = 1;
  b.old_connections = 1;
  Haproxy().old_workers = 1;
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1)})));
  EXPECT_EQ(Server("b"), "maint");
  const auto seen = manager->Observe(App("shop"), true);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->servers.at("b").connections, 2);
  clock.Advance(seconds(60));
  EXPECT_LE(*Lb().Tick().again, milliseconds(250));
  EXPECT_EQ(Server("b"), "maint");
  b.connections = 0;
  Lb().Tick();
  EXPECT_EQ(Server("b"), "maint");  // the old worker still has one
  b.old_connections = 0;
  enqueuer.Take();
  Lb().Tick();
  EXPECT_EQ(Server("b"), "none");
  EXPECT_THAT(enqueuer.Take(), testing::Contains(App("shop")));
}

TEST_F(TrafficTest, DrainAndBack) {
  StartShop();
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2, ServerAdmin::kDrain)})));
  EXPECT_EQ(Server("b"), "drain");
  Settle();
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2)})));
  EXPECT_EQ(Server("b"), "ready");
  Settle();
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(TrafficTest, ReplacedContainerOfTheSameNameIsDeletedThenAdded) {
  StartShop();
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 7)})));
  EXPECT_THAT(Haproxy().TakeWrites(),
              ElementsAre("set server default_shop/b state maint", "del server default_shop/b",
                          StartsWith("add server default_shop/b 10.0.0.7:8080 "),
                          "enable health default_shop/b", "set server default_shop/b state ready"));
  const auto seen = manager->Observe(App("shop"), false);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->servers.at("b").container_id, "id-b-7");
}

TEST_F(TrafficTest, RoutesOfAKnownAppChangeWithoutReload) {
  StartShop();
  BackendSpec wish = Spec("shop", {Ep("a", 1), Ep("b", 2)});
  wish.routes = {{.host = "shop.test", .path = "/v2"}};
  desired.Add("shop", wish.routes);
  EXPECT_TRUE(manager->Publish(wish));
  Settle();
  EXPECT_EQ(Haproxy().reloads, 0);
  EXPECT_EQ(Haproxy().MapText("/etc/haproxy/maps/prefix.map"), "shop.test/v2/ default_shop\n");
}

TEST_F(TrafficTest, RouteMovesBetweenAppsWithoutAGap) {
  StartShop();
  desired.Add("next", {{.host = "next.test"}});
  EXPECT_TRUE(manager->Publish(Spec("next", {Ep("n", 5)})));
  Settle();
  Forget();
  // The manifests change at once, the apps publish one after the other.
  desired.Add("shop", {{.host = "old.test"}});
  desired.Add("next", {{.host = "shop.test"}});
  BackendSpec shop = Spec("shop", {Ep("a", 1), Ep("b", 2)});
  shop.routes = {{.host = "old.test"}};
  EXPECT_TRUE(manager->Publish(shop));
  EXPECT_THAT(Haproxy().MapText("/etc/haproxy/maps/prefix.map"),
              HasSubstr("shop.test/ default_shop"));
  BackendSpec next = Spec("next", {Ep("n", 5)});
  next.routes = {{.host = "shop.test"}};
  EXPECT_TRUE(manager->Publish(next));
  Settle();
  EXPECT_THAT(Haproxy().MapText("/etc/haproxy/maps/prefix.map"),
              AllOf(HasSubstr("old.test/ default_shop\n"), HasSubstr("shop.test/ default_next\n")));
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(TrafficTest, StructureWaitsForAReloadAndServersDoNot) {
  StartShop();
  BackendSpec wish = Spec("shop", {Ep("a", 1), Ep("b", 2), Ep("c", 3)});
  wish.traffic.balance = api::Balance::kRoundrobin;
  EXPECT_TRUE(manager->Publish(wish));
  EXPECT_EQ(Server("c"), "ready");
  const auto before = manager->Observe(App("shop"), false);
  ASSERT_TRUE(before);
  EXPECT_FALSE(before->settled);
  Settle();
  EXPECT_EQ(Haproxy().reloads, 1);
  const auto after = manager->Observe(App("shop"), false);
  ASSERT_TRUE(after);
  EXPECT_TRUE(after->settled) << after->message;
}

TEST_F(TrafficTest, ReloadsAreRateLimited) {
  StartShop();
  for (int i = 0; i < 10; ++i) {
    const std::string name = "app" + std::to_string(i);
    desired.Add(name, {{.host = name + ".test"}});
    EXPECT_TRUE(manager->Publish(Spec(name, {Ep(name, 20 + i)})));
    Lb().Tick();
    clock.Advance(milliseconds(2));
  }
  Settle();
  EXPECT_EQ(Haproxy().reloads, 1);
}

TEST_F(TrafficTest, RefusedReloadKeepsEverythingElseGoing) {
  StartShop();
  const std::string config = Haproxy().files.at("haproxy.cfg");
  spec.snippets.frontend = {"nonsense"};
  Haproxy().check_result = Status{Code::kInvalidArgument, "unknown keyword 'nonsense'"};
  Settle();
  EXPECT_EQ(Haproxy().reloads, 0);
  EXPECT_EQ(Haproxy().files.at("haproxy.cfg"), config);
  EXPECT_TRUE(events.Has(api::reason::kReloadRefused));
  EXPECT_THAT(Lb().Report().refused, HasSubstr("nonsense"));
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("c", 3)})));
  EXPECT_EQ(Server("c"), "ready");
  Settle();
  EXPECT_EQ(Server("b"), "none");
  spec.snippets.frontend.clear();
  Haproxy().check_result.reset();
  Settle();
  EXPECT_EQ(Lb().Report().refused, "");
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(TrafficTest, ReloadRefusedByTheMasterPutsTheOldFilesBack) {
  StartShop();
  const auto files = Haproxy().files;
  Haproxy().reload_result = Status{Code::kInvalidArgument, "cannot bind socket"};
  spec.listeners.push_back({.name = "two", .port = 81});
  Lb().SetSpec(spec);
  clock.Advance(seconds(1));
  ASSERT_TRUE(Lb().Tick().reload_due);
  EXPECT_FALSE(Lb().Reload());
  EXPECT_EQ(Haproxy().files, files);
}

TEST_F(TrafficTest, WithdrawRemovesRoutesAtOnceAndTheBackendLater) {
  StartShop();
  desired.apps.clear();
  EXPECT_TRUE(manager->Withdraw(App("shop")));
  EXPECT_EQ(Haproxy().MapText("/etc/haproxy/maps/prefix.map"), "");
  EXPECT_EQ(Haproxy().reloads, 0);
  Settle();
  EXPECT_TRUE(Haproxy().backends["default_shop"].empty());
  EXPECT_EQ(Haproxy().reloads, 0);
  clock.Advance(LoadBalancerTraffic::kRemovalDelay);
  Settle();
  EXPECT_EQ(Haproxy().reloads, 1);
  EXPECT_FALSE(Haproxy().backends.contains("default_shop"));
  EXPECT_TRUE(Lb().Unused());
}

TEST_F(TrafficTest, DriftIsRepairedAndCounted) {
  StartShop();
  Haproxy().backends["default_shop"]["a"].admin = 1;
  Haproxy().backends["default_shop"].erase("b");
  Haproxy().backends["default_shop"]["stranger"] = {.address = "10.9.9.9", .port = 1};
  Haproxy().maps["/etc/haproxy/maps/prefix.map"].clear();
  clock.Advance(seconds(11));
  Settle();
  EXPECT_EQ(Server("a"), "ready");
  EXPECT_EQ(Server("b"), "ready");
  EXPECT_EQ(Server("stranger"), "none");
  EXPECT_EQ(Haproxy().MapText("/etc/haproxy/maps/prefix.map"), "shop.test/ default_shop\n");
  EXPECT_EQ(Lb().Report().drift_repaired, 4);
  EXPECT_TRUE(events.Has(api::reason::kDriftRepaired));
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(TrafficTest, DownByHaproxysOwnCheckIsNoDrift) {
  StartShop();
  Haproxy().backends["default_shop"]["a"].op = 0;
  clock.Advance(seconds(11));
  Settle();
  EXPECT_EQ(Lb().Report().drift_repaired, 0);
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
  const auto seen = manager->Observe(App("shop"), false);
  ASSERT_TRUE(seen);
  EXPECT_FALSE(seen->servers.at("a").up);
  EXPECT_EQ(seen->servers.at("a").text, "DOWN");
}

TEST_F(TrafficTest, WhatHaproxyFindsOutItselfIsToldWithinASecond) {
  StartShop();
  const auto told = [&](int op) {
    Haproxy().backends["default_shop"]["a"].op = op;
    enqueuer.Take();
    clock.Advance(LoadBalancerTraffic::kStateInterval);
    const TrafficTick tick = Lb().Tick();
    EXPECT_LE(*tick.again, LoadBalancerTraffic::kStateInterval);
    return std::ranges::count(enqueuer.Take(), App("shop"));
  };
  EXPECT_EQ(told(2), 0);
  EXPECT_EQ(told(0), 1);
  EXPECT_EQ(manager->Observe(App("shop"), false)->servers.at("a").text, "DOWN");
  EXPECT_EQ(told(0), 0);
  EXPECT_EQ(told(1), 1);  // slow start
  EXPECT_TRUE(manager->Observe(App("shop"), false)->servers.at("a").up);
  EXPECT_EQ(told(2), 0);
  EXPECT_EQ(Lb().Report().drift_repaired, 0);
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
}

TEST_F(TrafficTest, OneAppsAnswerIsNotAnothers) {
  StartShop();
  desired.Add("blog", {{.host = "blog.test"}});
  EXPECT_TRUE(manager->Publish(Spec("blog", {Ep("x", 9)})));
  Settle();
  clock.Advance(milliseconds(600));
  Haproxy().backends["default_blog"]["x"].op = 0;
  EXPECT_TRUE(manager->Observe(App("shop"), false)->servers.at("a").up);
  EXPECT_FALSE(manager->Observe(App("blog"), false)->servers.at("x").up);
}

TEST_F(TrafficTest, AppThatCannotBeWrittenBlocksNoOther) {
  StartShop();
  desired.Add("bad", {{.host = "bad.test"}});
  desired.Add("blog", {{.host = "blog.test"}});
  BackendSpec bad = Spec("bad", {Ep("x", 8)});
  bad.traffic.sticky_session = api::StickySession{"a'b", 0};
  EXPECT_TRUE(manager->Publish(bad));
  EXPECT_TRUE(manager->Publish(Spec("blog", {Ep("y", 9)})));
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2), Ep("c", 3)})));
  Settle();
  EXPECT_EQ(Haproxy().Admin("default_blog", "y"), "ready");
  EXPECT_EQ(Server("c"), "ready");
  EXPECT_EQ(Haproxy().Admin("default_bad", "x"), "no backend");
  EXPECT_EQ(Haproxy().reloads, 1);
  EXPECT_EQ(Lb().Report().refused, "");
  const auto seen = manager->Observe(App("bad"), false);
  ASSERT_TRUE(seen);
  EXPECT_FALSE(seen->settled);
  EXPECT_THAT(seen->message, HasSubstr("cookie name 'a'b'"));
  EXPECT_THAT(seen->left_out, ElementsAre("x"));
  EXPECT_TRUE(manager->Publish(bad));
  const auto events_of_bad = std::ranges::count(events.Events(), App("bad"),
                                                &fakes::RecordingEventRecorder::Event::object);
  EXPECT_EQ(events_of_bad, 1);
  // Mended.
  EXPECT_TRUE(manager->Publish(Spec("bad", {Ep("x", 8)})));
  Settle();
  EXPECT_EQ(Haproxy().Admin("default_bad", "x"), "ready");
  EXPECT_EQ(manager->Observe(App("bad"), false)->message, "");
}

TEST_F(TrafficTest, AppThatCannotBeWrittenAnyMoreGoesOnAsItWas) {
  StartShop();
  BackendSpec bad = Spec("shop", {Ep("a", 1), Ep("c", 3)});
  bad.traffic.sticky_session = api::StickySession{"a'b", 0};
  bad.routes.push_back({.host = "not a host"});
  EXPECT_TRUE(manager->Publish(bad));
  Settle();
  EXPECT_EQ(Server("a"), "ready");
  EXPECT_EQ(Server("b"), "none");
  EXPECT_EQ(Server("c"), "ready");
  EXPECT_EQ(Haproxy().MapText("/etc/haproxy/maps/prefix.map"), "shop.test/ default_shop\n");
  EXPECT_THAT(manager->Observe(App("shop"), false)->message, HasSubstr("cookie name 'a'b'"));
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(TrafficTest, ServerWhoseNameCannotBeWrittenIsLeftOut) {
  StartShop();
  const std::string longest(300, 'x');  // Docker lets containers be called so
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("c", 3), Ep(longest, 4)})));
  Settle();
  EXPECT_EQ(Server("a"), "ready");
  EXPECT_EQ(Server("c"), "ready");
  EXPECT_EQ(Server(longest), "none");
  const auto seen = manager->Observe(App("shop"), false);
  ASSERT_TRUE(seen);
  EXPECT_THAT(seen->left_out, ElementsAre(longest));
  EXPECT_THAT(seen->message, HasSubstr("is longer than 255 bytes"));
}

TEST_F(TrafficTest, WhatSomebodyElseToldHaproxyBlocksNoReload) {
  StartShop();
  Haproxy().backends["default_shop"]["stranger"] = {
      .address = "fd00::1", .port = 80, .connections = 1};
  clock.Advance(LoadBalancerTraffic::kDriftInterval);
  desired.Add("blog", {{.host = "blog.test"}});
  EXPECT_TRUE(manager->Publish(Spec("blog", {Ep("y", 9)})));
  Settle();
  EXPECT_EQ(Haproxy().Admin("default_blog", "y"), "ready");
  EXPECT_EQ(Server("a"), "ready");
  EXPECT_EQ(Server("stranger"), "none");
}

TEST_F(TrafficTest, BridgedCannotReachTheHostsNetworkAndSaysSoOnce) {
  StartShop();
  Endpoint guest = Ep("guest", 3);
  guest.address = "127.0.0.1";
  guest.network = "";
  const BackendSpec wish = Spec("shop", {Ep("a", 1), Ep("b", 2), guest});
  EXPECT_TRUE(manager->Publish(wish));  // on the host's network it is reached
  Settle();
  EXPECT_EQ(Server("guest"), "ready");
  events.Clear();
  Lb().SetNetworks(std::set<std::string>{"ballast"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(manager->Publish(wish));
    Settle();
  }
  EXPECT_EQ(Server("guest"), "none");
  EXPECT_EQ(Server("b"), "ready");
  const auto seen = manager->Observe(App("shop"), false);
  ASSERT_TRUE(seen);
  EXPECT_THAT(seen->message, HasSubstr("server guest is on the host's network"));
  EXPECT_THAT(seen->left_out, ElementsAre("guest"));
  EXPECT_EQ(events.Reasons(), std::vector<std::string>{"TrafficNotApplied"});
  std::set<std::string> needed;
  EXPECT_TRUE(Lb().NeededNetworks(needed));
  EXPECT_THAT(needed, ElementsAre("ballast"));
  // Back on the host's network.
  Lb().SetNetworks(std::nullopt);
  EXPECT_TRUE(manager->Publish(wish));
  EXPECT_EQ(Server("guest"), "ready");
}

TEST_F(TrafficTest, ControllerRestartWritesNothing) {
  StartShop();
  desired.Add("blog", {{.host = "blog.test"}});
  EXPECT_TRUE(manager->Publish(Spec("blog", {Ep("x", 9)})));
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2, ServerAdmin::kDrain)})));
  Settle();
  Forget();
  Restart();
  // Who is leaving is read before anything is said.
  const auto seen = manager->Observe(App("shop"), false);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->servers.at("b").admin, ServerAdmin::kDrain);
  EXPECT_EQ(seen->servers.at("b").container_id, "");
  EXPECT_EQ(seen->servers.at("b").address, "10.0.0.2");
  Settle();
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2, ServerAdmin::kDrain)})));
  Settle();
  EXPECT_TRUE(manager->Publish(Spec("blog", {Ep("x", 9)})));
  Settle();
  clock.Advance(seconds(30));
  Settle();
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
  EXPECT_EQ(Haproxy().published, 0);
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(TrafficTest, AppDeletedWhileNoControllerWasThere) {
  StartShop();
  Restart();
  desired.apps.clear();
  desired.unknown = true;
  Settle();
  clock.Advance(seconds(30));
  Settle();
  EXPECT_EQ(Server("a"), "ready");  // nobody can say yet
  desired.unknown = false;
  Settle();
  clock.Advance(seconds(10));
  Settle();
  EXPECT_FALSE(Haproxy().backends.contains("default_shop"));
}

TEST_F(TrafficTest, HaproxyRestartComesBackToTheSame) {
  StartShop();
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("b", 2, ServerAdmin::kDrain), Ep("c", 3)})));
  Settle();
  Forget();
  ASSERT_TRUE(Haproxy().Start());
  EXPECT_EQ(Server("a"), "none");
  EXPECT_EQ(Server("b"), "drain");
  EXPECT_EQ(Server("c"), "ready");
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("b", 2), Ep("c", 3), Ep("d", 4)})));
  EXPECT_EQ(Server("b"), "ready");
  EXPECT_EQ(Server("d"), "ready");
  Settle();
  EXPECT_EQ(Haproxy().reloads, 0);
}

TEST_F(TrafficTest, WishesOfTheTimeWithoutHaproxyAreInItsFiles) {
  StartShop();
  Haproxy().Stop();
  EXPECT_FALSE(manager->Publish(Spec("shop", {Ep("c", 3)})));
  EXPECT_THAT(enqueuer.Take(), testing::Contains(api::ObjectKey{"LoadBalancer", "", "default"}));
  EXPECT_FALSE(manager->Observe(App("shop"), true));
  EXPECT_NE(Lb().Tick().away, "");
  ASSERT_TRUE(Haproxy().Start());
  EXPECT_EQ(Server("a"), "none");
  EXPECT_EQ(Server("c"), "ready");
  Forget();
  Settle();
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
  EXPECT_TRUE(manager->Observe(App("shop"), true));
}

TEST_F(TrafficTest, CrashBetweenPublishAndReload) {
  StartShop();
  BackendSpec wish = Spec("shop", {Ep("a", 1), Ep("b", 2)});
  wish.traffic.balance = api::Balance::kFirst;
  EXPECT_TRUE(manager->Publish(wish));
  Haproxy().reload_result = Status{Code::kUnavailable, "kill -9"};
  clock.Advance(seconds(1));
  ASSERT_TRUE(Lb().Tick().reload_due);
  EXPECT_FALSE(Lb().Reload());
  Haproxy().reload_result.reset();
  Restart();  // the file says `first`, HAProxy runs leastconn: the note tells
  EXPECT_TRUE(manager->Publish(wish));
  Settle();
  EXPECT_EQ(Haproxy().reloads, 1);
}

TEST_F(TrafficTest, CrashBetweenAddAndEnableHealth) {
  StartShop();
  Haproxy().Answer("add server default_shop/c 10.0.0.3:8080 check");
  Haproxy().writes.clear();
  Restart();
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2), Ep("c", 3)})));
  EXPECT_EQ(Server("c"), "ready");
  EXPECT_EQ(Haproxy().backends["default_shop"]["c"].check_state & 4, 4);
}

TEST_F(TrafficTest, OldHaproxyIsRefused) {
  StartHaproxy();
  Haproxy().version = "2.8.3-1";
  const auto done = manager->Publish(Spec("shop", {Ep("a", 1)}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
}

TEST_F(TrafficTest, UpgradeHandsOverWithTheStatesOfAll) {
  StartShop();
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2, ServerAdmin::kDrain)})));
  Settle();
  ASSERT_TRUE(host.Prepare("default", 2, Lb().StartFiles(1)));
  // Something changes after the files were written.
  EXPECT_TRUE(
      manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2, ServerAdmin::kDrain), Ep("c", 3)})));
  lister.Put(HaproxyContainer(2, "c2"));
  EXPECT_FALSE(Lb().SwitchTo({"default", 2, "c2"}));  // it does not answer yet
  EXPECT_EQ(Lb().Report().serving, 1);
  ASSERT_TRUE(host.Of(2).Start());
  EXPECT_TRUE(Lb().SwitchTo({"default", 2, "c2"}));
  EXPECT_EQ(Lb().Report().serving, 2);
  EXPECT_EQ(host.Of(2).Admin("default_shop", "a"), "ready");
  EXPECT_EQ(host.Of(2).Admin("default_shop", "b"), "drain");
  EXPECT_EQ(host.Of(2).Admin("default_shop", "c"), "ready");
  // The one before still has requests.
  Haproxy().backends["default_shop"]["b"].connections = 3;
  const auto seen = manager->Observe(App("shop"), true);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->servers.at("b").connections, 3);
  EXPECT_EQ(seen->servers.at("b").container_id, "id-b-2");
  Settle();
  EXPECT_EQ(host.Of(2).reloads, 0);
}

TEST_F(TrafficTest, BridgedServersWaitForTheirNetwork) {
  StartShop();
  Lb().SetNetworks(std::set<std::string>{"ballast"});
  Endpoint far = Ep("c", 3);
  far.network = "shop-net";
  EXPECT_TRUE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2), far})));
  EXPECT_EQ(Server("c"), "none");
  std::set<std::string> needed;
  EXPECT_TRUE(Lb().NeededNetworks(needed));
  EXPECT_THAT(needed, ElementsAre("ballast", "shop-net"));
  Lb().SetNetworks(std::set<std::string>{"ballast", "shop-net"});
  EXPECT_EQ(Server("c"), "ready");
}

// Every command fails once, in every way: the same end state.
class Faults : public World, public testing::WithParamInterface<std::tuple<std::string, int>> {};

TEST_P(Faults, SameEndState) {
  StartShop();
  const auto& [prefix, way] = GetParam();
  if (way == 0) Haproxy().FailNext(prefix, "No such server.\n");
  if (way == 1) Haproxy().CutNext(prefix, false);
  if (way == 2) Haproxy().CutNext(prefix, true);
  if (way == 3) Haproxy().FailNext(prefix, "some text of another version\n");
  BackendSpec wish = Spec("shop", {Ep("a", 1, ServerAdmin::kDrain), Ep("c", 3), Ep("d", 4)});
  wish.dead = {"b"};
  wish.routes = {{.host = "new.test"}};
  desired.Add("shop", wish.routes);
  static_cast<void>(manager->Publish(wish));
  static_cast<void>(manager->Observe(App("shop"), true));
  Settle();
  clock.Advance(seconds(20));
  Settle();
  EXPECT_EQ(Server("a"), "drain");
  EXPECT_EQ(Server("b"), "none");
  EXPECT_EQ(Server("c"), "ready");
  EXPECT_EQ(Server("d"), "ready");
  for (const char* name : {"a", "c", "d"}) {
    EXPECT_EQ(Haproxy().backends["default_shop"][name].check_state & 4, 4) << name;
  }
  EXPECT_EQ(Haproxy().MapText("/etc/haproxy/maps/prefix.map"), "new.test/ default_shop\n");
  const auto seen = manager->Observe(App("shop"), false);
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen->settled) << seen->message;
  EXPECT_EQ(Haproxy().reloads, 0);
  EXPECT_TRUE(Haproxy().faults.empty()) << "was never sent";
  // And the same after a restart of HAProxy.
  ASSERT_TRUE(Haproxy().Start());
  EXPECT_EQ(Server("a"), "drain");
  EXPECT_EQ(Server("b"), "none");
  EXPECT_EQ(Server("c"), "ready");
}

INSTANTIATE_TEST_SUITE_P(
    All, Faults,
    testing::Combine(testing::Values("add server", "enable health", "set server default_shop/c",
                                     "set server default_shop/a", "set server default_shop/b",
                                     "add map", "del map", "del server", "show servers conn"),
                     testing::Values(0, 1, 2, 3)));

TEST_F(TrafficTest, CommandThatIsAlwaysRefusedEndsInAReload) {
  StartShop();
  for (int i = 0; i < 3; ++i) Haproxy().FailNext("add server", "some text of another version\n");
  EXPECT_FALSE(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2), Ep("c", 3)})));
  Settle();
  EXPECT_EQ(Haproxy().reloads, 1);
  EXPECT_EQ(Server("c"), "ready");
  const auto seen = manager->Observe(App("shop"), false);
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen->settled) << seen->message;
}

}  // namespace
}  // namespace ballast::reconcilers
