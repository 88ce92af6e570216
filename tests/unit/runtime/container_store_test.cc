#include "controller/runtime/container_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/labels.h"
#include "tests/fakes/fake_clock.h"

namespace ballast::runtime {
namespace {

using reconcilers::ContainerInfo;
using reconcilers::ContainerState;
using reconcilers::DockerHealth;
using reconcilers::EngineEvent;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

const api::ObjectKey kShop{"WebApp", "default", "shop"};

class ContainerStoreTest : public testing::Test {
 protected:
  // A running container of shop, as inspected.
  ContainerInfo Running(const std::string& id) {
    return {.id = id,
            .name = "name-" + id,
            .state = ContainerState::kRunning,
            .labels = {{api::kLabelWebApp, "shop"}},
            .networks = {{"ballast", "10.0.0.5"}},
            .started_at = clock_.WallNow()};
  }
  ContainerInfo Exited(const std::string& id) {
    ContainerInfo info = Running(id);
    info.state = ContainerState::kExited;
    info.networks = {{"ballast", ""}};
    info.finished_at = info.started_at + seconds(1);
    return info;
  }
  // As a list says it.
  static ContainerInfo Listed(ContainerInfo info) {
    info.started_at = info.finished_at = {};
    info.stop_signal.clear();
    return info;
  }
  EngineEvent Event(const std::string& action, const std::string& id,
                    std::map<std::string, std::string> attributes = {}) {
    attributes.emplace(api::kLabelWebApp, "shop");
    return {"container", action, id, std::move(attributes), clock_.WallNow()};
  }
  void Sync(std::vector<ContainerInfo> list) {
    store_.BeginList();
    store_.ApplyList(std::move(list), false);
  }
  StoreChanges Inspect(const std::string& id, std::optional<ContainerInfo> info) {
    return store_.ApplyInspect(store_.BeginInspect(), id, std::move(info));
  }
  reconcilers::ObservedContainer Only() {
    const auto all = store_.ForWebApp("default", "shop");
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? reconcilers::ObservedContainer{std::make_shared<ContainerInfo>(), false}
                       : all[0];
  }

  fakes::FakeClock clock_;
  ContainerStore store_{clock_};
};

TEST_F(ContainerStoreTest, NothingIsKnownBeforeTheFirstList) {
  EXPECT_FALSE(store_.synced());
  Sync({});
  EXPECT_TRUE(store_.synced());
}

TEST_F(ContainerStoreTest, FindsByWebAppAndByLoadBalancerSortedByName) {
  ContainerInfo b = Running("b");
  b.name = "2";
  ContainerInfo a = Running("a");
  a.name = "3";
  ContainerInfo c = Running("c");
  c.name = "1";
  c.labels[api::kLabelNamespace] = "team";
  ContainerInfo lb = Running("lb");
  lb.labels = {{api::kLabelLoadBalancerName, "default"}};
  Sync({a, b, c, lb});
  const auto shop = store_.ForWebApp("default", "shop");
  ASSERT_EQ(shop.size(), 2U);
  EXPECT_EQ(shop[0].info->id, "b");
  EXPECT_EQ(shop[1].info->id, "a");
  EXPECT_EQ(store_.ForWebApp("team", "shop").size(), 1U);
  EXPECT_EQ(store_.ForLoadBalancer("default").size(), 1U);
  EXPECT_THAT(store_.WebApps(), ElementsAre(kShop, api::ObjectKey{"WebApp", "team", "shop"}));
}

TEST_F(ContainerStoreTest, RubbishInLabelsIsCountedAndLeftOut) {
  std::vector<ContainerInfo> list;
  const std::string rubbish[] = {"",        "Shop", "a b", std::string("a\0b", 3),
                                 "a\nb",    "../x", "-x",  std::string(300, 'a'),
                                 "\xff\xfe"};
  for (const std::string& name : rubbish) {
    ContainerInfo info = Running("id-" + std::to_string(list.size()));
    info.labels = {{api::kLabelWebApp, name}};
    list.push_back(info);
  }
  ContainerInfo bad_namespace = Running("ns");
  bad_namespace.labels[api::kLabelNamespace] = "A/B";
  list.push_back(bad_namespace);
  ContainerInfo empty_namespace = Running("ok");
  empty_namespace.labels[api::kLabelNamespace] = "";
  list.push_back(empty_namespace);
  store_.BeginList();
  EXPECT_THAT(store_.ApplyList(list, false).enqueue, ElementsAre(kShop));
  EXPECT_THAT(store_.WebApps(), ElementsAre(kShop));
  EXPECT_EQ(store_.counts().invalid, std::size(rubbish) + 1);
  EXPECT_EQ(store_.counts().webapp, 1U);
  for (const ContainerInfo& info : list) {
    EngineEvent event = Event("die", info.id);
    event.attributes = info.labels;
    store_.ApplyEvent(event);
    store_.ApplyInspect(store_.BeginInspect(), info.id, std::nullopt);
  }
  EXPECT_EQ(store_.counts().invalid, 0U);
  EXPECT_EQ(store_.counts().webapp, 0U);
}

TEST_F(ContainerStoreTest, DieAppliesFromTheEventAlone) {
  Sync({Running("a")});
  clock_.Advance(seconds(10));
  const StoreChanges changes = store_.ApplyEvent(Event("die", "a", {{"exitCode", "137"}}));
  EXPECT_THAT(changes.enqueue, ElementsAre(kShop));
  EXPECT_THAT(changes.refresh, ElementsAre("a"));  // for what only an inspect tells
  EXPECT_EQ(Only().info->state, ContainerState::kExited);
  EXPECT_EQ(Only().info->exit_code, 137);
  EXPECT_EQ(Only().info->finished_at, clock_.WallNow());
}

TEST_F(ContainerStoreTest, InspectFromBeforeADieDoesNotBringItBackToLife) {
  Sync({Running("a")});
  const auto ticket = store_.BeginInspect();
  store_.ApplyEvent(Event("die", "a", {{"exitCode", "1"}}));
  const StoreChanges changes = store_.ApplyInspect(ticket, "a", Running("a"));
  EXPECT_THAT(changes.refresh, ElementsAre("a"));
  EXPECT_EQ(Only().info->state, ContainerState::kExited);
  Inspect("a", Exited("a"));
  EXPECT_EQ(Only().info->exit_code, 0);
}

TEST_F(ContainerStoreTest, ListFromBeforeADieDoesNotBringItBackToLife) {
  Sync({Running("a")});
  store_.BeginList();
  store_.ApplyEvent(Event("die", "a"));
  EXPECT_THAT(store_.ApplyList({Running("a")}, false).refresh, ElementsAre("a"));
  EXPECT_EQ(Only().info->state, ContainerState::kExited);
}

TEST_F(ContainerStoreTest, EventsDuringTheFirstListApplyOnTopOfIt) {
  store_.BeginList();
  store_.ApplyEvent(Event("die", "a", {{"exitCode", "3"}}));
  store_.ApplyEvent(Event("kill", "b", {{"signal", "15"}}));
  EXPECT_TRUE(store_.ForWebApp("default", "shop").empty());
  store_.ApplyList({Running("a"), Running("b")}, true);
  const auto shop = store_.ForWebApp("default", "shop");
  ASSERT_EQ(shop.size(), 2U);
  EXPECT_EQ(shop[0].info->state, ContainerState::kExited);
  EXPECT_EQ(shop[0].info->exit_code, 3);
  EXPECT_TRUE(shop[1].stopping);
}

TEST_F(ContainerStoreTest, OlderAnswerNeverReplacesANewerOne) {
  Sync({Running("a")});
  const auto older = store_.BeginInspect();
  const auto newer = store_.BeginInspect();
  ContainerInfo renamed = Running("a");
  renamed.name = "new";
  store_.ApplyInspect(newer, "a", renamed);
  EXPECT_THAT(store_.ApplyInspect(older, "a", Running("a")).enqueue, IsEmpty());
  EXPECT_EQ(Only().info->name, "new");
}

TEST_F(ContainerStoreTest, DestroyedStaysGone) {
  Sync({Running("a")});
  const auto ticket = store_.BeginInspect();
  store_.BeginList();
  EXPECT_THAT(store_.ApplyEvent(Event("destroy", "a")).enqueue, ElementsAre(kShop));
  store_.ApplyInspect(ticket, "a", Running("a"));
  store_.ApplyList({Running("a")}, false);
  store_.ApplyEvent(Event("die", "a"));
  EXPECT_TRUE(store_.WebApps().empty());
  EXPECT_EQ(store_.counts().webapp, 0U);
}

TEST_F(ContainerStoreTest, ContainerThatAListNoLongerNamesIsGone) {
  Sync({Running("a"), Running("b")});
  const auto ticket = store_.BeginInspect();
  store_.BeginList();
  EXPECT_THAT(store_.ApplyList({Running("b")}, false).enqueue, ElementsAre(kShop));
  EXPECT_EQ(Only().info->id, "b");
  // An answer from before the list does not bring it back either: ask again.
  EXPECT_THAT(store_.ApplyInspect(ticket, "a", Running("a")).refresh, ElementsAre("a"));
  EXPECT_EQ(Only().info->id, "b");
}

TEST_F(ContainerStoreTest, ContainerMadeDuringAListIsKept) {
  Sync({});
  store_.BeginList();
  store_.ApplyEvent(Event("create", "a"));
  Inspect("a", Running("a"));
  EXPECT_THAT(store_.ApplyList({}, false).refresh, ElementsAre("a"));
  EXPECT_EQ(Only().info->id, "a");
}

TEST_F(ContainerStoreTest, NotFoundRemoves) {
  Sync({Running("a")});
  EXPECT_THAT(Inspect("a", std::nullopt).enqueue, ElementsAre(kShop));
  EXPECT_TRUE(store_.WebApps().empty());
  // By name it may only have been renamed: read the one that had it.
  Sync({Running("b")});
  EXPECT_THAT(Inspect("name-b", std::nullopt).refresh, ElementsAre("b"));
  EXPECT_EQ(Only().info->id, "b");
}

TEST_F(ContainerStoreTest, EndingSignalMakesStoppingUntilStartOrFifteenSecondsLater) {
  ContainerInfo info = Running("a");
  info.stop_signal = "SIGUSR1";
  Sync({info});
  store_.ApplyEvent(Event("kill", "a", {{"signal", "1"}}));
  EXPECT_FALSE(Only().stopping);
  EXPECT_THAT(store_.ApplyEvent(Event("kill", "a", {{"signal", "10"}})).enqueue,
              ElementsAre(kShop));
  EXPECT_TRUE(Only().stopping);
  EXPECT_EQ(store_.NextExpiry(), clock_.Now() + seconds(15));
  // A second signal gives it more time, and is no change.
  clock_.Advance(seconds(5));
  EXPECT_THAT(store_.ApplyEvent(Event("kill", "a", {{"signal", "15"}})).enqueue, IsEmpty());
  clock_.Advance(seconds(14));
  EXPECT_THAT(store_.Expire().enqueue, IsEmpty());
  clock_.Advance(seconds(1));
  EXPECT_THAT(store_.Expire().enqueue, ElementsAre(kShop));
  EXPECT_FALSE(Only().stopping);
  EXPECT_EQ(store_.NextExpiry(), std::nullopt);

  store_.ApplyEvent(Event("kill", "a", {{"signal", "9"}}));
  EXPECT_TRUE(Only().stopping);
  store_.ApplyEvent(Event("start", "a"));
  EXPECT_FALSE(Only().stopping);
  store_.ApplyEvent(Event("kill", "a", {{"signal", "9"}}));
  store_.ApplyEvent(Event("die", "a"));
  EXPECT_FALSE(Only().stopping);
  EXPECT_EQ(store_.NextExpiry(), std::nullopt);
}

TEST_F(ContainerStoreTest, StoppingSurvivesAnInspectThatStillSeesItRunning) {
  Sync({Listed(Running("a"))});
  store_.ApplyEvent(Event("kill", "a", {{"signal", "15"}}));
  Inspect("a", Running("a"));
  EXPECT_TRUE(Only().stopping);
}

TEST_F(ContainerStoreTest, PauseUnpauseAndHealthApplyAtOnce) {
  Sync({Running("a")});
  EXPECT_THAT(store_.ApplyEvent(Event("pause", "a")).enqueue, ElementsAre(kShop));
  EXPECT_EQ(Only().info->state, ContainerState::kPaused);
  store_.ApplyEvent(Event("unpause", "a"));
  EXPECT_EQ(Only().info->state, ContainerState::kRunning);
  const StoreChanges changes =
      store_.ApplyEvent(Event("health_status", "a", {{"health", "unhealthy"}}));
  EXPECT_THAT(changes.enqueue, ElementsAre(kShop));
  EXPECT_THAT(changes.refresh, IsEmpty());
  EXPECT_EQ(Only().info->health, DockerHealth::kUnhealthy);
  EXPECT_THAT(store_.ApplyEvent(Event("health_status", "a", {{"health", "weird"}})).refresh,
              ElementsAre("a"));
}

TEST_F(ContainerStoreTest, OthersContainersCostNothing) {
  Sync({Running("a")});
  EngineEvent other = Event("die", "x");
  other.attributes = {{"name", "x"}};
  EngineEvent exec = Event("exec_start", "a");
  EngineEvent network{"network", "connect", "net", {{"container", "x"}}, clock_.WallNow()};
  EngineEvent volume{"volume", "mount", "a", {}, clock_.WallNow()};
  for (const EngineEvent& event : {other, exec, network, volume}) {
    const StoreChanges changes = store_.ApplyEvent(event);
    EXPECT_FALSE(changes.relevant) << event.action;
    EXPECT_THAT(changes.enqueue, IsEmpty());
    EXPECT_THAT(changes.refresh, IsEmpty());
  }
}

TEST_F(ContainerStoreTest, JoiningANetworkReadsTheContainerAgain) {
  Sync({Running("a")});
  const EngineEvent event{"network", "connect", "net", {{"container", "a"}}, clock_.WallNow()};
  EXPECT_THAT(store_.ApplyEvent(event).refresh, ElementsAre("a"));
}

TEST_F(ContainerStoreTest, ListKeepsWhatOnlyInspectsTell) {
  Sync({Running("a"), Exited("b")});
  store_.BeginList();
  const std::vector<ContainerInfo> list{Listed(Running("a")), Listed(Exited("b"))};
  EXPECT_THAT(store_.Incomplete(list), IsEmpty());
  const StoreChanges changes = store_.ApplyList(list, false);
  EXPECT_THAT(changes.enqueue, IsEmpty());
  EXPECT_THAT(changes.refresh, IsEmpty());
  EXPECT_THAT(changes.refresh_later, IsEmpty());
  EXPECT_EQ(*store_.ForWebApp("default", "shop")[1].info, Exited("b"));
  // After a gap they may have ended and begun again, all the same.
  store_.BeginList();
  EXPECT_THAT(store_.ApplyList(list, true).refresh_later, ElementsAre("a", "b"));
}

TEST_F(ContainerStoreTest, ListAsksForWhatItCannotTell) {
  Sync({Running("a"), Running("same")});
  ContainerInfo moved = Listed(Running("a"));
  moved.networks = {{"ballast", "10.0.0.9"}};
  const std::vector<ContainerInfo> list{moved, Listed(Running("same")), Listed(Running("new")),
                                        Listed(Exited("dead"))};
  store_.BeginList();
  EXPECT_THAT(store_.Incomplete(list), ElementsAre("a", "dead"));
  const StoreChanges changes = store_.ApplyList(list, false);
  EXPECT_THAT(changes.refresh_later, ElementsAre("dead", "new"));
  EXPECT_THAT(changes.refresh, ElementsAre("a"));
  EXPECT_EQ(store_.ForWebApp("default", "shop").size(), 4U);
}

TEST_F(ContainerStoreTest, EqualAnswerIsNoChange) {
  Sync({Running("a")});
  EXPECT_THAT(Inspect("a", Running("a")).enqueue, IsEmpty());
  store_.BeginList();
  EXPECT_THAT(store_.ApplyList({Running("a")}, false).enqueue, IsEmpty());
}

TEST_F(ContainerStoreTest, DieOfAnEarlierRunIsNoDeath) {
  EngineEvent late = Event("die", "a");
  clock_.Advance(seconds(60));
  Sync({Running("a")});
  EXPECT_THAT(store_.ApplyEvent(late).refresh, ElementsAre("a"));
  EXPECT_EQ(Only().info->state, ContainerState::kRunning);
}

}  // namespace
}  // namespace ballast::runtime
