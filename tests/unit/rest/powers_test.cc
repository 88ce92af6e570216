// What a role in one namespace must not reach: the machine, other apps' volumes, what was taken
// away.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "controller/apiserver/powers.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kApps[] = "/apis/ballast.dev/v1alpha1/namespaces/default/webapps";
constexpr char kMaps[] = "/api/v1/namespaces/default/configmaps";

json WithPowers() {
  json app = App("shop");
  json& spec = app["spec"]["template"]["spec"];
  spec["containers"][0]["securityContext"] = {{"capabilities", {{"add", {"SYS_ADMIN", "CHOWN"}}}}};
  spec["containers"][0]["volumeMounts"] = {{{"name", "data"}, {"mountPath", "/data"}}};
  spec["volumes"] = {{{"name", "data"}, {"dockerVolume", {{"name", "shop-data"}}}}};
  return app;
}

TEST(Powers, AreWhatReachesBeyondTheContainer) {
  json app = WithPowers();
  app["kind"] = "WebApp";
  EXPECT_THAT(PowersOf(app), ElementsAre("capability SYS_ADMIN", "dockerVolume shop-data"));
  app = App("plain");
  app["kind"] = "WebApp";
  EXPECT_THAT(PowersOf(app), IsEmpty());
}

TEST(Powers, TakeAnAdministrator) {
  World world;
  world.user = {.name = "alice", .groups = {"ballast:edit:default"}};
  const Reply refused = world.Post(kApps, WithPowers());
  EXPECT_EQ(refused.status, 403) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("SYS_ADMIN"));
  world.user = {.name = "bob", .groups = {"ballast:admin"}};
  ASSERT_EQ(world.Post(kApps, WithPowers()).status, 201);
  // What asks for no more than before may be changed by those who work there.
  world.user = {.name = "alice", .groups = {"ballast:edit:default"}};
  const std::string shop = std::string(kApps) + "/shop";
  EXPECT_EQ(world.Merge(shop, {{"spec", {{"replicas", 3}}}}).status, 200);
  json more = WithPowers();
  more["spec"]["template"]["spec"]["volumes"][0]["dockerVolume"]["name"] = "other";
  EXPECT_EQ(world.Put(shop, more).status, 403);
}

TEST(Powers, NobodyMountsWhatBallastMadeForAnother) {
  World world;
  json app = WithPowers();
  app["spec"]["template"]["spec"]["volumes"][0]["dockerVolume"]["name"] =
      "default.hello-1c5a7d46-0.0.s";
  const Reply refused = world.Post(kApps, app);
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.text, HasSubstr("Ballast's own"));
}

TEST(Strategy, ChangesWithoutTheDefaultsOfTheOther) {
  World world;
  const std::string shop = std::string(kApps) + "/shop";
  ASSERT_EQ(world.Apply(shop, App("shop"), "me").status, 201);
  json app = App("shop");
  app["spec"]["strategy"] = {{"type", "Recreate"}};
  const Reply applied = world.Apply(shop, app, "me");
  ASSERT_EQ(applied.status, 200) << applied.text;
  EXPECT_EQ(applied.body["spec"]["strategy"], json({{"type", "Recreate"}}));
  EXPECT_EQ(world.Merge(shop, {{"spec", {{"strategy", {{"type", "RollingUpdate"}}}}}}).status, 200);
  EXPECT_EQ(world.Merge(shop, {{"spec", {{"strategy", {{"type", "Recreate"}}}}}}).status, 200);
}

TEST(Refused, WritesAreAudited) {
  World world;
  world.user = {.name = "alice", .groups = {"ballast:edit:default"}};
  EXPECT_EQ(world.Send("POST", "/ballast/v1/tokens", R"({"user":"evil"})").status, 403);
  ASSERT_THAT(world.Audit(), SizeIs(1));
  EXPECT_EQ(world.Audit()[0].user, "alice");
  EXPECT_EQ(world.Audit()[0].code, 403);
  EXPECT_EQ(world.Audit()[0].resource, "/ballast/v1/tokens");
  world.user = {};
  EXPECT_EQ(world.Send("DELETE", std::string(kMaps) + "/a").status, 401);
  EXPECT_THAT(world.Audit(), SizeIs(2));
  EXPECT_EQ(world.Get(std::string(kMaps)).status, 401);
  EXPECT_THAT(world.Audit(), SizeIs(2)) << "reads are not written down";
}

TEST(Refused, AWatchEndsWithItsToken) {
  World world;
  world.user = {.name = "alice", .groups = {"ballast:view"}};
  Watcher watch(world, std::string(kMaps) + "?watch=1");
  ASSERT_EQ(watch.status(), 200);
  EXPECT_THAT(watch.ReadWords(), IsEmpty());
  world.Post(kMaps, ConfigMap("one", {{"a", "b"}}));  // refused: alice only looks
  world.user.groups = {"ballast:edit"};
  world.Post(kMaps, ConfigMap("two", {{"a", "b"}}));
  EXPECT_THAT(watch.ReadWords(), ElementsAre("ADDED two"));
  world.Post(kMaps, ConfigMap("three", {{"a", "b"}}));
  world.user = {};
  EXPECT_THAT(watch.ReadWords(), testing::Not(testing::Contains("ADDED three")));
  EXPECT_TRUE(watch.ended());
}

// What `kubectl apply` and `kubectl patch` send for the kinds that they know.
TEST(StrategicMerge, IsAMergeWhereThereAreOnlyMaps) {
  World world;
  world.Post(kMaps, ConfigMap("one", {{"a", "b"}, {"c", "d"}}));
  const World::Headers type = {{"content-type", "application/strategic-merge-patch+json"}};
  const Reply patched =
      world.Send("PATCH", std::string(kMaps) + "/one", R"({"data":{"a":"x","c":null}})", type);
  ASSERT_EQ(patched.status, 200) << patched.text;
  EXPECT_EQ(patched.body["data"], json({{"a", "x"}}));
  world.Post(kApps, App("shop"));
  EXPECT_EQ(world.Send("PATCH", std::string(kApps) + "/shop", R"({"spec":{}})", type).status, 415);
}

TEST(Collections, OfAllNamespacesAreNotDeletedAtOnce) {
  World world;
  EXPECT_EQ(world.Send("DELETE", "/api/v1/configmaps").status, 400);
}

}  // namespace
}  // namespace ballast::apiserver
