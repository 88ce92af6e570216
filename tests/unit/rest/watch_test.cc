// Watches: what they tell, from where, for how long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string kWatch = std::string(kConfigMaps) + "?watch=true";

class Watches : public testing::Test {
 protected:
  void Add(const std::string& name, const json& labels = json::object(),
           const std::string& ns = "default") {
    ASSERT_EQ(
        world_
            .Post("/api/v1/namespaces/" + ns + "/configmaps", ConfigMap(name, {{"k", "1"}}, labels))
            .status,
        201);
  }
  void Change(const std::string& name, const std::string& value) {
    ASSERT_EQ(
        world_.Merge(std::string(kConfigMaps) + "/" + name, {{"data", {{"k", value}}}}).status,
        200);
  }
  void Label(const std::string& name, const json& labels) {
    ASSERT_EQ(
        world_.Merge(std::string(kConfigMaps) + "/" + name, {{"metadata", {{"labels", labels}}}})
            .status,
        200);
  }
  void Remove(const std::string& name) {
    ASSERT_EQ(world_.Delete(std::string(kConfigMaps) + "/" + name).status, 200);
  }
  std::string From(std::uint64_t revision) {
    return kWatch + "&resourceVersion=" + std::to_string(revision);
  }
  World world_;
};

TEST_F(Watches, TellWhatIsThereAndThenWhatChanges) {
  Add("a");
  Add("b");
  Watcher watcher(world_, kWatch);
  EXPECT_EQ(watcher.status(), 200);
  EXPECT_THAT(watcher.ReadWords(), ElementsAre("ADDED a", "ADDED b"));
  EXPECT_THAT(watcher.Read(), IsEmpty());
  Change("a", "2");
  Remove("b");
  Add("c");
  EXPECT_TRUE(watcher.AwaitWake());
  EXPECT_THAT(watcher.ReadWords(), ElementsAre("MODIFIED a", "DELETED b", "ADDED c"));
  EXPECT_FALSE(watcher.ended());
}

TEST_F(Watches, GoOnFromAVersion) {
  Add("a");
  const std::uint64_t listed = world_.durable.Revision();
  Change("a", "2");
  Change("a", "3");
  Watcher watcher(world_, From(listed));
  const auto events = watcher.Read();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["type"], "MODIFIED");
  EXPECT_EQ(events[0]["object"]["data"]["k"], "2") << "each state, not only the last";
  EXPECT_EQ(events[0]["object"]["metadata"]["resourceVersion"], std::to_string(listed + 1));
  EXPECT_EQ(events[1]["object"]["data"]["k"], "3");
  EXPECT_EQ(events[1]["object"], world_.Get(std::string(kConfigMaps) + "/a").body);
}

TEST_F(Watches, AListAndAWatchFromItMissNothing) {
  Add("a");
  const json list = world_.Get(kConfigMaps).body;
  Change("a", "2");
  Watcher watcher(world_, kWatch + "&resourceVersion=" +
                              list["metadata"]["resourceVersion"].get<std::string>());
  EXPECT_THAT(watcher.ReadWords(), ElementsAre("MODIFIED a"));
}

TEST_F(Watches, VersionZeroBeginsWithWhatIsThere) {
  Add("a");
  Change("a", "2");
  Watcher watcher(world_, kWatch + "&resourceVersion=0");
  EXPECT_THAT(watcher.ReadWords(), ElementsAre("ADDED a"));
}

TEST_F(Watches, ADeletedObjectIsToldAsItWasLastWithANewVersion) {
  Add("a");
  Change("a", "last");
  const std::uint64_t before = world_.durable.Revision();
  Watcher watcher(world_, From(before));
  Remove("a");
  const auto events = watcher.Read();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["type"], "DELETED");
  EXPECT_EQ(events[0]["object"]["data"]["k"], "last");
  EXPECT_EQ(events[0]["object"]["metadata"]["resourceVersion"], std::to_string(before + 1));
}

TEST_F(Watches, OfANamespaceTellNothingOfOthers) {
  Add("a");
  Watcher watcher(world_, From(world_.durable.Revision()));
  Watcher all(world_, "/api/v1/configmaps?watch=true&resourceVersion=" +
                          std::to_string(world_.durable.Revision()));
  Add("b", json::object(), "other");
  Add("c");
  EXPECT_THAT(watcher.ReadWords(), ElementsAre("ADDED c"));
  EXPECT_THAT(all.ReadWords(), ElementsAre("ADDED b", "ADDED c"));
}

TEST_F(Watches, ASelectorLetsInAndOut) {
  Add("a");
  const std::string selector = "&labelSelector=app%3Dweb";
  Watcher watcher(world_, From(world_.durable.Revision()) + selector);
  Change("a", "unseen");
  Label("a", {{"app", "web"}});
  Change("a", "seen");
  Label("a", {{"app", "db"}});
  Change("a", "unseen again");
  Remove("a");
  const auto events = watcher.Read();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0]["type"], "ADDED");
  EXPECT_EQ(events[1]["type"], "MODIFIED");
  EXPECT_EQ(events[2]["type"], "DELETED");
  EXPECT_EQ(events[2]["object"]["data"]["k"], "seen") << "as it was while it was selected";
  EXPECT_GT(std::stoul(events[2]["object"]["metadata"]["resourceVersion"].get<std::string>()),
            std::stoul(events[1]["object"]["metadata"]["resourceVersion"].get<std::string>()));
}

TEST_F(Watches, OfOneObjectByNameTellOnlyOfIt) {
  Add("a");
  Watcher by_field(world_, kWatch + "&fieldSelector=metadata.name%3Da");
  Watcher by_path(world_, std::string(kConfigMaps) + "/a?watch=true");
  EXPECT_THAT(by_field.ReadWords(), ElementsAre("ADDED a"));
  EXPECT_THAT(by_path.ReadWords(), ElementsAre("ADDED a"));
  Add("b");
  Change("a", "2");
  EXPECT_THAT(by_field.ReadWords(), ElementsAre("MODIFIED a"));
  EXPECT_THAT(by_path.ReadWords(), ElementsAre("MODIFIED a"));
}

TEST_F(Watches, BookmarksComeOnlyIfAllowedAndAlsoWhenNothingHappens) {
  Add("a");
  Watcher without(world_, From(world_.durable.Revision()));
  Watcher with(world_, From(world_.durable.Revision()) + "&allowWatchBookmarks=true");
  EXPECT_THAT(with.Read(), IsEmpty());
  EXPECT_THAT(without.Read(), IsEmpty());
  world_.clock.Advance(std::chrono::seconds(61));
  // Something else happens: this watch has nothing to tell but how far it is.
  ASSERT_EQ(world_.Post(kApps, App("shop")).status, 201);
  EXPECT_TRUE(with.AwaitWake());
  const auto events = with.Read();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["type"], "BOOKMARK");
  EXPECT_EQ(events[0]["object"]["kind"], "ConfigMap");
  EXPECT_EQ(events[0]["object"]["metadata"]["resourceVersion"],
            std::to_string(world_.durable.Revision()));
  EXPECT_THAT(without.Read(), IsEmpty());
  EXPECT_THAT(with.Read(), IsEmpty()) << "once a minute";
}

TEST_F(Watches, InitialEventsEndWithABookmarkWhereAsked) {
  Add("a");
  Watcher watcher(world_, kWatch +
                              "&sendInitialEvents=true&allowWatchBookmarks=true"
                              "&resourceVersionMatch=NotOlderThan");
  const auto events = watcher.Read();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1]["type"], "BOOKMARK");
  EXPECT_EQ(events[1]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

TEST_F(Watches, EndWhenTheirTimeIsOver) {
  Add("a");
  Watcher watcher(world_, From(world_.durable.Revision()) + "&timeoutSeconds=5");
  EXPECT_THAT(watcher.Read(), IsEmpty());
  EXPECT_FALSE(watcher.ended());
  world_.clock.Advance(std::chrono::seconds(5));
  Add("b");
  EXPECT_TRUE(watcher.AwaitWake());
  EXPECT_THAT(watcher.ReadWords(), ElementsAre("ADDED b"));
  EXPECT_TRUE(watcher.ended());
  EXPECT_EQ(world_.Get(kWatch + "&timeoutSeconds=x").status, 400);
  EXPECT_EQ(world_.Get(kWatch + "&timeoutSeconds=-1").status, 400);
}

TEST_F(Watches, TheHubWakesThoseWhoseTimeIsOverByItself) {
  Watcher watcher(world_, kWatch + "&timeoutSeconds=5");
  EXPECT_TRUE(watcher.AwaitWake()) << "the first of its resource";
  EXPECT_THAT(watcher.Read(), IsEmpty());
  world_.clock.Advance(std::chrono::seconds(6));
  EXPECT_TRUE(watcher.AwaitWake());
  EXPECT_THAT(watcher.Read(), IsEmpty());
  EXPECT_TRUE(watcher.ended());
}

TEST_F(Watches, AVersionFromTheFutureIsGone) {
  Add("a");
  Watcher watcher(world_, From(1'000'000));
  const auto events = watcher.Read();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["type"], "ERROR");
  EXPECT_EQ(events[0]["object"]["code"], 410);
  EXPECT_EQ(events[0]["object"]["reason"], "Expired");
  EXPECT_TRUE(watcher.ended());
}

TEST(Expiry, AVersionThatIsNoLongerKeptIs410) {
  World world({.keep_age = std::chrono::milliseconds(1), .keep_changes = 5});
  ASSERT_EQ(
      world.Post(kSecrets, {{"metadata", {{"name", "s"}}}, {"stringData", {{"k", "v"}}}}).status,
      201);
  ASSERT_EQ(world.Post(kConfigMaps, ConfigMap("a", {{"k", "1"}})).status, 201);
  const std::uint64_t early = world.durable.Revision();
  for (int i = 0; i < 40; ++i) {
    world.clock.Advance(std::chrono::minutes(1));
    ASSERT_EQ(
        world
            .Merge(std::string(kSecrets) + "/s", {{"stringData", {{"k", "v" + std::to_string(i)}}}})
            .status,
        200);
  }
  Watcher watcher(world, kWatch + "&resourceVersion=" + std::to_string(early));
  const auto events = watcher.Read();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["object"]["code"], 410);
}

// Others write; a watch of what never changes must not find its place forgotten when it does.
TEST(Expiry, AQuietWatchKeepsItsPlace) {
  World world({.keep_age = std::chrono::minutes(2), .keep_changes = 5});
  ASSERT_EQ(
      world.Post(kSecrets, {{"metadata", {{"name", "s"}}}, {"stringData", {{"k", "v"}}}}).status,
      201);
  ASSERT_EQ(world.Post(kConfigMaps, ConfigMap("a", {{"k", "1"}})).status, 201);
  Watcher watcher(world, kWatch + "&resourceVersion=" + std::to_string(world.durable.Revision()));
  EXPECT_TRUE(watcher.AwaitWake());
  EXPECT_THAT(watcher.Read(), IsEmpty());
  for (int i = 0; i < 40; ++i) {
    world.clock.Advance(std::chrono::minutes(1));
    ASSERT_EQ(
        world
            .Merge(std::string(kSecrets) + "/s", {{"stringData", {{"k", "v" + std::to_string(i)}}}})
            .status,
        200);
    ASSERT_TRUE(watcher.AwaitWake());
    EXPECT_THAT(watcher.Read(), IsEmpty());
  }
  ASSERT_EQ(world.Merge(std::string(kConfigMaps) + "/a", {{"data", {{"k", "2"}}}}).status, 200);
  EXPECT_THAT(watcher.ReadWords(), ElementsAre("MODIFIED a"));
}

TEST_F(Watches, TablesCarryColumnsInTheFirstEventOnly) {
  Add("a");
  Watcher watcher(world_, kWatch, {{"accept", kTableAccept}});
  auto events = watcher.Read();
  Change("a", "2");
  for (json& event : watcher.Read()) events.push_back(std::move(event));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["object"]["kind"], "Table");
  EXPECT_FALSE(events[0]["object"]["columnDefinitions"].empty());
  EXPECT_EQ(events[0]["object"]["rows"][0]["cells"][0], "a");
  EXPECT_TRUE(events[1]["object"]["columnDefinitions"].empty());
  EXPECT_EQ(events[1]["object"]["rows"][0]["object"]["metadata"]["name"], "a");
}

TEST_F(Watches, ReadManyObjectsInPieces) {
  const std::string big(20'000, 'x');
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(world_.Post(kConfigMaps, ConfigMap("c" + std::to_string(i), {{"k", big}})).status,
              201);
  }
  Watcher first(world_, kWatch);
  EXPECT_EQ(first.Read().size(), 30U);
  Watcher later(world_, From(1));
  EXPECT_EQ(later.Read().size(), 30U);
}

TEST_F(Watches, EndedOnesAreNotWokenAnyMore) {
  {
    Watcher watcher(world_, kWatch);
    Watcher other(world_, std::string(kApps) + "?watch=true");
    EXPECT_EQ(world_.hub.size(), 2U);
  }
  EXPECT_EQ(world_.hub.size(), 0U);
  Add("a");
}

// A look at the history is bounded: the change may be behind many of other resources.
TEST_F(Watches, AreWokenHoweverMuchElseHappened) {
  ASSERT_EQ(world_.Post(kApps, App("shop")).status, 201);
  Watcher maps(world_, kWatch);
  EXPECT_TRUE(maps.AwaitWake());
  EXPECT_THAT(maps.Read(), IsEmpty());
  world_.hub.Stop();
  for (int i = 3; i < 9; ++i) {
    ASSERT_EQ(world_.Merge(std::string(kApps) + "/shop", {{"spec", {{"replicas", i}}}}).status,
              200);
  }
  Add("a");
  world_.durable.LookAt(2);
  world_.hub.Start({&world_.durable, &world_.transient});
  EXPECT_TRUE(maps.AwaitWake());
  EXPECT_THAT(maps.ReadWords(), ElementsAre("ADDED a"));
}

TEST_F(Watches, OnlyThoseOfTheResourceAreWoken) {
  Watcher apps(world_, std::string(kApps) + "?watch=true");
  Watcher maps(world_, kWatch);
  EXPECT_TRUE(apps.AwaitWake());
  EXPECT_TRUE(maps.AwaitWake());
  static_cast<void>(apps.Read());
  static_cast<void>(maps.Read());
  Add("a");
  EXPECT_TRUE(maps.AwaitWake());
  EXPECT_THAT(maps.ReadWords(), ElementsAre("ADDED a"));
}

}  // namespace
}  // namespace ballast::apiserver
