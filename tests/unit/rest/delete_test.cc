// The end of objects: finalizers, preconditions, propagation, collections, and namespaces that go
// with all that is in them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/apiserver/namespace_reaper.h"
#include "controller/apiserver/object.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kShop = std::string(kApps) + "/shop";
const std::string kMap = std::string(kConfigMaps) + "/c";

class Deletes : public testing::Test {
 protected:
  json MustCreate(const std::string& path, const json& object) {
    const Reply reply = world_.Post(path, object);
    EXPECT_EQ(reply.status, 201) << reply.text;
    return reply.body;
  }
  World world_;
};

TEST_F(Deletes, WhatHasNoFinalizerGoesAtOnce) {
  const json made = MustCreate(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  const Reply reply = world_.Delete(kMap);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body["kind"], "Status");
  EXPECT_EQ(reply.body["status"], "Success");
  EXPECT_EQ(reply.body["details"]["uid"], made["metadata"]["uid"]);
  EXPECT_EQ(reply.body["details"]["name"], "c");
  EXPECT_EQ(world_.Get(kMap).status, 404);
  EXPECT_EQ(world_.Delete(kMap).status, 404);
}

TEST_F(Deletes, WhatHasFinalizersStaysUntilTheLastIsGone) {
  MustCreate(kApps, App("shop"));
  world_.Merge(kShop, {{"metadata", {{"finalizers", {kTeardownFinalizer, "example.com/x"}}}}});
  const Reply reply = world_.Delete(kShop, {{"propagationPolicy", "Background"}});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body["kind"], "WebApp") << "the object, as kubectl expects it";
  EXPECT_EQ(reply.body["metadata"]["deletionTimestamp"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(reply.body["metadata"]["generation"], 1);

  world_.clock.Advance(std::chrono::seconds(5));
  const std::uint64_t before = world_.durable.Revision();
  EXPECT_EQ(world_.Delete(kShop).body["metadata"]["deletionTimestamp"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(world_.durable.Revision(), before) << "once";

  const Reply one = world_.Merge(kShop, {{"metadata", {{"finalizers", {"example.com/x"}}}}});
  EXPECT_EQ(one.status, 200) << one.text;
  EXPECT_EQ(one.body["metadata"]["finalizers"], json::array({"example.com/x"}));
  const Reply last = world_.Merge(kShop, {{"metadata", {{"finalizers", nullptr}}}});
  EXPECT_EQ(last.status, 200) << last.text;
  EXPECT_EQ(world_.Get(kShop).status, 404);
}

TEST_F(Deletes, WhatIsBeingDeletedTakesNoNewFinalizers) {
  MustCreate(kApps, App("shop"));
  world_.Delete(kShop);
  const Reply reply = world_.Merge(
      kShop, {{"metadata", {{"finalizers", {kTeardownFinalizer, "example.com/late"}}}}});
  EXPECT_EQ(reply.status, 422);
  EXPECT_THAT(reply.text, HasSubstr("takes no new finalizers"));
  EXPECT_EQ(world_.Merge(kShop, {{"metadata", {{"deletionTimestamp", nullptr}}}})
                .body["metadata"]["deletionTimestamp"],
            "2026-01-01T00:00:00Z")
      << "there is no way back";
}

TEST_F(Deletes, OrphanLeavesTheContainers) {
  MustCreate(kApps, App("shop"));
  EXPECT_EQ(world_.Delete(kShop, {{"propagationPolicy", "Orphan"}}).body["status"], "Success");
  EXPECT_EQ(world_.Get(kShop).status, 404);
  MustCreate(kApps, App("shop"));
  EXPECT_EQ(world_.Delete(kShop + "?propagationPolicy=Foreground").body["kind"], "WebApp");
  EXPECT_EQ(world_.Delete(kShop + "?propagationPolicy=Orphan").body["status"], "Success")
      << "it may be said later too";
  MustCreate(kApps, App("shop"));
  EXPECT_EQ(world_.Delete(kShop, {{"propagationPolicy", "Sideways"}}).status, 400);
}

TEST_F(Deletes, PreconditionsMustHold) {
  const json made = MustCreate(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  EXPECT_EQ(world_.Delete(kMap, {{"preconditions", {{"uid", "other"}}}}).status, 409);
  EXPECT_EQ(world_.Delete(kMap, {{"preconditions", {{"resourceVersion", "1"}}}}).status, 409);
  EXPECT_EQ(world_.Delete(kMap, {{"preconditions", {{"resourceVersion", "x"}}}}).status, 400);
  EXPECT_EQ(world_.Delete(kMap, json::array()).status, 400);
  EXPECT_EQ(world_
                .Delete(kMap, {{"preconditions",
                                {{"uid", made["metadata"]["uid"]},
                                 {"resourceVersion", made["metadata"]["resourceVersion"]}}}})
                .status,
            200);
}

TEST_F(Deletes, APreconditionIsLookedAtAgainWhenAnotherComesFirst) {
  const json made = MustCreate(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  world_.durable.BeforeNextWrite(
      [this] { EXPECT_EQ(world_.Merge(kMap, {{"data", {{"a", "2"}}}}).status, 200); });
  EXPECT_EQ(world_
                .Delete(kMap, {{"preconditions",
                                {{"resourceVersion", made["metadata"]["resourceVersion"]}}}})
                .status,
            409);
  EXPECT_EQ(world_.Get(kMap).body["data"]["a"], "2");
}

TEST_F(Deletes, ADryRunDeletesNothing) {
  MustCreate(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  MustCreate(kApps, App("shop"));
  const std::uint64_t before = world_.durable.Revision();
  EXPECT_EQ(world_.Delete(kMap + "?dryRun=All").status, 200);
  EXPECT_EQ(world_.Delete(kShop, {{"dryRun", {"All"}}}).status, 200);
  EXPECT_EQ(world_.Delete(kMap, {{"dryRun", {"Some"}}}).status, 400);
  EXPECT_EQ(world_.Delete(kConfigMaps, {{"dryRun", {"All"}}}).status, 200);
  EXPECT_EQ(world_.durable.Revision(), before);
}

TEST_F(Deletes, ACollectionGoesByItsSelector) {
  MustCreate(kConfigMaps, ConfigMap("a", {{"x", "1"}}, {{"app", "web"}}));
  MustCreate(kConfigMaps, ConfigMap("b", {{"x", "1"}}, {{"app", "db"}}));
  MustCreate("/api/v1/namespaces/other/configmaps", ConfigMap("a", {{"x", "1"}}, {{"app", "web"}}));
  const Reply reply = world_.Delete(std::string(kConfigMaps) + "?labelSelector=app%3Dweb");
  EXPECT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(world_.Get(std::string(kConfigMaps) + "/a").status, 404);
  EXPECT_EQ(world_.Get(std::string(kConfigMaps) + "/b").status, 200);
  EXPECT_EQ(world_.Get("/api/v1/namespaces/other/configmaps/a").status, 200);
  EXPECT_EQ(world_.Delete(kConfigMaps).status, 200);
  EXPECT_EQ(world_.Get(kConfigMaps).body["items"].size(), 0U);
  EXPECT_EQ(world_.Delete(kConfigMaps).status, 200) << "nothing to delete is fine";
}

class Namespaces : public Deletes {
 protected:
  Result<reconcilers::Outcome> Reap(const std::string& name) {
    auto outcome = reaper_.Reconcile({"Namespace", "", name});
    world_.Settle();
    return outcome;
  }
  NamespaceReaper reaper_{world_.registry};
};

TEST_F(Namespaces, ComeToBeWithTheFirstObjectInThem) {
  MustCreate("/api/v1/namespaces/team/configmaps", ConfigMap("c", {{"a", "1"}}));
  const json made = world_.Get(std::string(kNamespaces) + "/team").body;
  EXPECT_EQ(made["kind"], "Namespace");
  EXPECT_EQ(made["metadata"]["finalizers"], json::array({kNamespaceFinalizer}));
  const std::uint64_t before = world_.durable.Revision();
  MustCreate("/api/v1/namespaces/team/configmaps", ConfigMap("d", {{"a", "1"}}));
  EXPECT_EQ(world_.durable.Revision(), before + 1) << "not again";
}

TEST_F(Namespaces, ANameThatIsNoneMakesNone) {
  EXPECT_EQ(
      world_.Post("/api/v1/namespaces/No_Name/configmaps", ConfigMap("c", {{"a", "1"}})).status,
      422);
  EXPECT_EQ(world_.durable.Revision(), 0U);
}

TEST_F(Namespaces, GoWithEverythingInThem) {
  MustCreate("/apis/ballast.dev/v1alpha1/namespaces/team/webapps", App("shop"));
  MustCreate("/api/v1/namespaces/team/configmaps", ConfigMap("c", {{"a", "1"}}));
  MustCreate(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  const ObjectRef event{FindResource("", "v1", "events"), "team", "e"};
  ASSERT_TRUE(world_.registry.Write(
      event, [](const json&) { return json{{"metadata", {{"name", "e"}}}}; }));

  EXPECT_FALSE(Reap("team")->requeue_after.has_value()) << "nobody asked for its end";
  const Reply reply = world_.Delete(std::string(kNamespaces) + "/team");
  EXPECT_EQ(reply.body["kind"], "Namespace") << reply.text;
  EXPECT_EQ(world_.Post("/api/v1/namespaces/team/configmaps", ConfigMap("d", {{"a", "1"}})).status,
            403);
  EXPECT_EQ(world_.Merge("/api/v1/namespaces/team/configmaps/c", {{"data", {{"a", "2"}}}}).status,
            200)
      << "what is there may still be changed";

  EXPECT_TRUE(Reap("team")->requeue_after.has_value());
  EXPECT_EQ(world_.Stored("configmaps", "team", "c"), nullptr);
  EXPECT_EQ(world_.Stored("events", "team", "e"), nullptr);
  EXPECT_TRUE(IsDeleting(world_.Stored("webapps", "team", "shop"))) << "its containers go first";
  EXPECT_TRUE(Reap("team")->requeue_after.has_value());

  world_.Merge("/apis/ballast.dev/v1alpha1/namespaces/team/webapps/shop",
               {{"metadata", {{"finalizers", nullptr}}}});
  EXPECT_FALSE(Reap("team")->requeue_after.has_value());
  EXPECT_EQ(world_.Get(std::string(kNamespaces) + "/team").status, 404);
  EXPECT_EQ(world_.Get(kMap).status, 200) << "others stay";
}

TEST_F(Namespaces, TheDefaultOneStays) {
  MustCreate(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  EXPECT_EQ(world_.Delete(std::string(kNamespaces) + "/default").status, 403);
}

}  // namespace
}  // namespace ballast::apiserver
