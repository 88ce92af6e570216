// Creating, replacing and patching objects: what is stored, what is refused, and what two writers
// at the same time do to each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kShop = std::string(kApps) + "/shop";

class Writes : public testing::Test {
 protected:
  json MustCreate(const std::string& path, const json& object) {
    const Reply reply = world_.Post(path, object);
    EXPECT_EQ(reply.status, 201) << reply.text;
    return reply.body;
  }
  World world_;
};

TEST_F(Writes, CreateFillsInWhatTheServerKeeps) {
  const json made = MustCreate(kApps, App("shop"));
  const json& meta = made["metadata"];
  EXPECT_EQ(made["kind"], "WebApp");
  EXPECT_EQ(made["apiVersion"], "ballast.dev/v1alpha1");
  EXPECT_EQ(meta["name"], "shop");
  EXPECT_EQ(meta["namespace"], "default");
  EXPECT_FALSE(meta["uid"].get<std::string>().empty());
  EXPECT_EQ(meta["generation"], 1);
  EXPECT_EQ(meta["creationTimestamp"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(meta["finalizers"], json::array({kTeardownFinalizer}));
  EXPECT_EQ(meta["resourceVersion"], std::to_string(world_.durable.Revision()));
  EXPECT_EQ(made["spec"]["revisionHistoryLimit"], 10) << "defaults are shown";
  EXPECT_EQ(world_.Get(kShop).body, made);
  EXPECT_FALSE(world_.Stored("webapps", "default", "shop")["metadata"].contains("resourceVersion"));
}

TEST_F(Writes, WhatTheServerKeepsIsNotTakenFromABody) {
  json app = App("shop");
  app["metadata"]["uid"] = "mine";
  app["metadata"]["generation"] = 77;
  app["metadata"]["creationTimestamp"] = "1999-01-01T00:00:00Z";
  app["metadata"]["deletionTimestamp"] = "1999-01-01T00:00:00Z";
  app["metadata"]["managedFields"] = {{{"manager", "me"}, {"fieldsV1", 5}}};
  app["status"] = {{"replicas", 99}};
  const json made = MustCreate(kApps, app);
  EXPECT_NE(made["metadata"]["uid"], "mine");
  EXPECT_EQ(made["metadata"]["generation"], 1);
  EXPECT_EQ(made["metadata"]["creationTimestamp"], "2026-01-01T00:00:00Z");
  EXPECT_FALSE(made["metadata"].contains("deletionTimestamp"));
  EXPECT_FALSE(made.contains("status"));
}

TEST_F(Writes, ACreateOfWhatIsThereIsAlreadyExists) {
  MustCreate(kApps, App("shop"));
  const Reply again = world_.Post(kApps, App("shop", "other:1"));
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.body["reason"], "AlreadyExists");
  EXPECT_EQ(again.body["message"], "webapps.ballast.dev \"shop\" already exists");
  EXPECT_EQ(again.body["details"]["kind"], "webapps");
}

struct Wrong {
  const char* name;
  json object;
  int status;
  const char* message;
};

class WrongCreate : public Writes, public testing::WithParamInterface<Wrong> {};

json With(json object, const char* pointer, const json& value) {
  object[json::json_pointer(pointer)] = value;
  return object;
}

INSTANTIATE_TEST_SUITE_P(
    Objects, WrongCreate,
    testing::Values(
        Wrong{"Array", json::array(), 400, "must be one object"},
        Wrong{"Kind", With(App("shop"), "/kind", "Secret"), 400, "the path is for"},
        Wrong{"ApiVersion", With(App("shop"), "/apiVersion", "v1"), 400, "the path is for"},
        Wrong{"Namespace", With(App("shop"), "/metadata/namespace", "other"), 400,
              "is not the namespace of the request"},
        Wrong{"Metadata", With(App("shop"), "/metadata", "x"), 400, "metadata must be a map"},
        Wrong{"NoName", With(App("shop"), "/metadata", json::object()), 422,
              "name or generateName is required"},
        Wrong{"NumberAsName", With(App("shop"), "/metadata/name", 5), 422, "metadata.name"},
        Wrong{"BadName", With(App("shop"), "/metadata/name", "No_Name"), 422, "metadata.name"},
        Wrong{"Version", With(App("shop"), "/metadata/resourceVersion", "5"), 400,
              "resourceVersion must not be set"},
        Wrong{"UnknownField", With(App("shop"), "/spec/bogus", 1), 422, "spec.bogus"},
        Wrong{"Range", With(App("shop"), "/spec/replicas", -1), 422, "spec.replicas"},
        Wrong{"Finalizer", With(App("shop"), "/metadata/finalizers", {"plain"}), 422,
              "metadata.finalizers"},
        Wrong{"FinalizerType", With(App("shop"), "/metadata/finalizers", "x"), 422,
              "metadata.finalizers"}),
    [](const auto& info) { return info.param.name; });

TEST_P(WrongCreate, IsRefusedAndNothingIsStored) {
  const Reply reply = world_.Post(kApps, GetParam().object);
  EXPECT_EQ(reply.status, GetParam().status) << reply.text;
  EXPECT_THAT(reply.body["message"].get<std::string>(), HasSubstr(GetParam().message));
  EXPECT_EQ(reply.body["kind"], "Status");
  EXPECT_EQ(reply.body["code"], GetParam().status);
  EXPECT_EQ(world_.durable.Revision(), 0U) << "no namespace either";
}

TEST_F(Writes, AnInvalidObjectNamesEachFieldAsKubectlShowsThem) {
  json app = App("shop");
  app["spec"]["replicas"] = "three";
  app["spec"]["bogus"] = 1;
  const Reply reply = world_.Post(kApps, app);
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.body["reason"], "Invalid");
  EXPECT_EQ(reply.body["details"]["kind"], "WebApp");
  EXPECT_EQ(reply.body["details"]["name"], "shop");
  std::vector<std::string> fields;
  for (const json& cause : reply.body["details"]["causes"]) fields.push_back(cause["field"]);
  EXPECT_THAT(fields, testing::UnorderedElementsAre("spec.replicas", "spec.bogus"));
}

TEST_F(Writes, GenerateNameMakesADifferentNameEachTime) {
  json app = App("");
  app["metadata"] = {{"generateName", "run-"}};
  const std::string first = MustCreate(kApps, app)["metadata"]["name"];
  const std::string second = MustCreate(kApps, app)["metadata"]["name"];
  EXPECT_THAT(first, StartsWith("run-"));
  EXPECT_EQ(first.size(), 9U);
  EXPECT_NE(first, second);
  EXPECT_EQ(world_.Get(std::string(kApps) + "/" + first).status, 200);
  EXPECT_EQ(world_.Audit().back().name, second) << "the log says what was made";
}

TEST_F(Writes, ANameOfTooManyLettersIsCutForGenerateName) {
  json app = App("");
  app["metadata"] = {{"generateName", std::string(60, 'x')}};
  const Reply reply = world_.Post(kApps, app);
  EXPECT_EQ(reply.status, 201) << reply.text;
}

TEST_F(Writes, TheGenerationGrowsWithTheSpecOnly) {
  MustCreate(kApps, App("shop"));
  EXPECT_EQ(world_.Merge(kShop, {{"metadata", {{"labels", {{"tier", "front"}}}}}})
                .body["metadata"]["generation"],
            1);
  EXPECT_EQ(world_.Merge(kShop + "/status", {{"status", {{"replicas", 1}}}})
                .body["metadata"]["generation"],
            1);
  EXPECT_EQ(world_.Merge(kShop, {{"spec", {{"replicas", 5}}}}).body["metadata"]["generation"], 2);
  EXPECT_EQ(world_.Merge(kShop, {{"spec", {{"replicas", 6}}}}).body["metadata"]["generation"], 3);
  EXPECT_EQ(
      world_.Merge(kShop, {{"metadata", {{"generation", 50}}}}).body["metadata"]["generation"], 3);
}

TEST_F(Writes, WhatChangesNothingCostsNoRevision) {
  const json made = MustCreate(kApps, App("shop"));
  const std::uint64_t before = world_.durable.Revision();
  world_.clock.Advance(std::chrono::hours(1));
  EXPECT_EQ(world_.Merge(kShop, {{"spec", {{"replicas", 2}}}}).body, made);
  EXPECT_EQ(world_.Merge(kShop, json::object()).body, made);
  EXPECT_EQ(world_.Put(kShop, App("shop")).body, made);
  EXPECT_EQ(world_.Put(kShop, made).body, made);
  EXPECT_EQ(
      world_.JsonPatch(kShop, {{{"op", "test"}, {"path", "/spec/replicas"}, {"value", 2}}}).body,
      made);
  EXPECT_EQ(world_.Merge(kShop + "/scale", {{"spec", {{"replicas", 2}}}}).status, 200);
  EXPECT_EQ(world_.durable.Revision(), before);
}

TEST_F(Writes, APutReplacesAllThatAPersonWrites) {
  json app = App("shop");
  app["metadata"]["labels"] = {{"a", "1"}};
  MustCreate(kApps, app);
  const Reply reply = world_.Put(kShop, App("shop", "shop:2"));
  EXPECT_EQ(reply.status, 200) << reply.text;
  EXPECT_FALSE(reply.body["metadata"].contains("labels"));
  EXPECT_EQ(reply.body["spec"]["template"]["spec"]["containers"][0]["image"], "shop:2");
}

// Without it the object would go at once when it is deleted, and its containers run for ever.
TEST_F(Writes, NoWriteTakesAwayTheFinalizerThatTearsDown) {
  MustCreate(kApps, App("shop"));
  const auto expect_there = [&](const Reply& reply) {
    EXPECT_EQ(reply.status, 200) << reply.text;
    EXPECT_EQ(reply.body.at("metadata").value("finalizers", json()),
              json::array({kTeardownFinalizer}));
  };
  expect_there(world_.Put(kShop, App("shop", "shop:2")));
  expect_there(world_.Merge(kShop, {{"metadata", nullptr}}));
  expect_there(world_.Merge(kShop, {{"metadata", {{"finalizers", nullptr}}}}));
  expect_there(world_.Merge(kShop, {{"metadata", {{"finalizers", json::array()}}}}));
  expect_there(world_.JsonPatch(kShop, {{{"op", "remove"}, {"path", "/metadata/finalizers"}}}));
  const Reply more = world_.Merge(kShop, {{"metadata", {{"finalizers", {"example.com/x"}}}}});
  EXPECT_EQ(more.body.at("metadata").at("finalizers").size(), 2U);
}

TEST_F(Writes, APutOfAnOldVersionIsAConflict) {
  json old = MustCreate(kApps, App("shop"));
  world_.Merge(kShop, {{"spec", {{"replicas", 3}}}});
  old["spec"]["replicas"] = 9;
  const Reply reply = world_.Put(kShop, old);
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.body["reason"], "Conflict");
  EXPECT_EQ(reply.body["message"],
            "Operation cannot be fulfilled on webapps.ballast.dev \"shop\": the object has been "
            "modified; please apply your changes to the latest version and try again");
  EXPECT_EQ(world_.Get(kShop).body["spec"]["replicas"], 3);
  old["metadata"].erase("resourceVersion");
  EXPECT_EQ(world_.Put(kShop, old).status, 200) << "without one it is unconditional";
}

TEST_F(Writes, APatchMayAskForAVersionAndAUid) {
  const json made = MustCreate(kApps, App("shop"));
  const std::string version = made["metadata"]["resourceVersion"];
  const json patch = {{"metadata", {{"resourceVersion", version}, {"labels", {{"a", "1"}}}}}};
  EXPECT_EQ(world_.Merge(kShop, patch).status, 200);
  const json again = {{"metadata", {{"resourceVersion", version}, {"labels", {{"a", "2"}}}}}};
  EXPECT_EQ(world_.Merge(kShop, again).status, 409);
  EXPECT_EQ(world_
                .JsonPatch(
                    kShop,
                    {{{"op", "replace"}, {"path", "/metadata/resourceVersion"}, {"value", version}},
                     {{"op", "replace"}, {"path", "/metadata/labels/a"}, {"value", "3"}}})
                .status,
            409);
  EXPECT_EQ(world_.Merge(kShop, {{"metadata", {{"uid", "other"}}}}).status, 409);
  EXPECT_EQ(world_.Get(kShop).body["metadata"]["labels"]["a"], "1");
}

TEST_F(Writes, WhatIsNotThereIsNotFound) {
  for (const Reply& reply :
       {world_.Get(kShop), world_.Put(kShop, App("shop")), world_.Merge(kShop, json::object()),
        world_.Get(kShop + "/scale"), world_.Merge(kShop + "/scale", {{"spec", {{"replicas", 1}}}}),
        world_.Merge(kShop + "/status", json::object())}) {
    EXPECT_EQ(reply.status, 404);
    EXPECT_EQ(reply.body["message"], "webapps.ballast.dev \"shop\" not found");
  }
  EXPECT_EQ(world_.Get("/apis/ballast.dev/v1alpha1/namespaces/default/nonsense").status, 404);
}

TEST_F(Writes, AMergePatchRemovesWithNullAndReplacesLists) {
  json app = RoutedApp("shop", "a.test");
  app["metadata"]["labels"] = {{"a", "1"}, {"b", "2"}};
  MustCreate(kApps, app);
  const Reply reply =
      world_.Merge(kShop, {{"metadata", {{"labels", {{"a", nullptr}}}}},
                           {"spec", {{"routes", {{{"host", "b.test"}}, {{"host", "c.test"}}}}}}});
  EXPECT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.body["metadata"]["labels"], (json{{"b", "2"}}));
  ASSERT_EQ(reply.body["spec"]["routes"].size(), 2U);
  EXPECT_EQ(reply.body["spec"]["routes"][1]["host"], "c.test");
}

TEST_F(Writes, AJsonPatchWhoseTestFailsChangesNothing) {
  MustCreate(kApps, App("shop"));
  const Reply reply =
      world_.JsonPatch(kShop, {{{"op", "replace"}, {"path", "/spec/replicas"}, {"value", 7}},
                               {{"op", "test"}, {"path", "/metadata/name"}, {"value", "other"}}});
  EXPECT_EQ(reply.status, 422);
  EXPECT_EQ(reply.body["reason"], "Invalid");
  EXPECT_THAT(reply.body["message"].get<std::string>(), HasSubstr("/metadata/name"));
  EXPECT_EQ(world_.Get(kShop).body["spec"]["replicas"], 2);
}

TEST_F(Writes, AJsonPatchAddsMovesCopiesAndRemoves) {
  MustCreate(kApps, App("shop"));
  const Reply reply = world_.JsonPatch(
      kShop, {{{"op", "add"}, {"path", "/metadata/labels"}, {"value", {{"a", "1"}}}},
              {{"op", "copy"}, {"from", "/metadata/labels/a"}, {"path", "/metadata/labels/b"}},
              {{"op", "move"}, {"from", "/metadata/labels/a"}, {"path", "/metadata/labels/c"}},
              {{"op", "test"}, {"path", "/metadata/labels/b"}, {"value", "1"}},
              {{"op", "remove"}, {"path", "/spec/replicas"}}});
  EXPECT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.body["metadata"]["labels"], (json{{"b", "1"}, {"c", "1"}}));
  EXPECT_EQ(reply.body["spec"]["replicas"], 1) << "the default again";
}

// Each copy may double what there is: thirty of them would fill the memory of the machine.
TEST_F(Writes, AJsonPatchThatGrowsWithoutEndIsRefused) {
  MustCreate(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  const std::string path = std::string(kConfigMaps) + "/c";
  json patch = {{{"op", "add"}, {"path", "/data/x"}, {"value", json::object()}},
                {{"op", "add"}, {"path", "/data/x/y"}, {"value", std::string(1000, 'y')}}};
  for (int i = 0; i < 40; ++i) {
    patch.push_back(
        {{"op", "copy"}, {"from", "/data/x"}, {"path", "/data/x/x" + std::to_string(i)}});
  }
  EXPECT_EQ(world_.JsonPatch(path, patch).status, 413);
  // The same in depth, by moving: no size, but a stack.
  patch = {{{"op", "add"}, {"path", "/data/x"}, {"value", json::object()}}};
  for (int i = 0; i < 200; ++i) {
    patch.push_back({{"op", "add"}, {"path", "/data/y"}, {"value", json::object()}});
    patch.push_back({{"op", "move"}, {"from", "/data/x"}, {"path", "/data/y/x"}});
    patch.push_back({{"op", "move"}, {"from", "/data/y"}, {"path", "/data/x"}});
  }
  EXPECT_EQ(world_.JsonPatch(path, patch).status, 413);
  EXPECT_EQ(world_.Get(path).body["data"], (json{{"a", "1"}}));
  json many = json::array();
  for (int i = 0; i < 10'001; ++i) {
    many.push_back({{"op", "test"}, {"path", "/kind"}, {"value", "ConfigMap"}});
  }
  EXPECT_EQ(world_.JsonPatch(path, many).status, 413);
}

TEST_F(Writes, AJsonPatchThatIsNoneIsRefused) {
  MustCreate(kApps, App("shop"));
  const std::vector<json> wrong = {
      {1},
      {json::object()},
      {{{"op", "add"}, {"path", "/metadata/name/x"}, {"value", 1}}},  // into a text
      {{{"op", "copy"}, {"from", "/spec"}, {"path", "/kind/x"}}},
      {{{"op", "add"}, {"path", "no-slash"}, {"value", 1}}},
      {{{"op", "add"}, {"path", "/spec/replicas"}}},
      {{{"op", "remove"}, {"path", ""}}},
      {{{"op", "remove"}, {"path", "/nothing"}}},
      {{{"op", "replace"}, {"path", "/nothing"}, {"value", 1}}},
      {{{"op", "copy"}, {"from", "/nothing"}, {"path", "/x"}}},
      {{{"op", "explode"}, {"path", "/spec"}}},
      {{{"op", "add"}, {"path", "/spec/template/spec/containers/7"}, {"value", 1}}},
      {{{"op", "add"}, {"path", "/spec/~5"}, {"value", 1}}},
      {{{"op", 5}, {"path", 6}}}};
  for (const json& patch : wrong) {
    const int status = world_.JsonPatch(kShop, patch).status;
    EXPECT_TRUE(status == 422 || status == 400) << patch << status;
  }
  EXPECT_EQ(world_.JsonPatch(kShop, json::object()).status, 400);
  EXPECT_EQ(world_.Merge(kShop, json::array()).status, 400);
  EXPECT_EQ(world_.JsonPatch(kShop, {{{"op", "replace"}, {"path", ""}, {"value", 1}}}).status, 400);
}

TEST_F(Writes, TheNameAndNamespaceOfAnObjectStay) {
  MustCreate(kApps, App("shop"));
  EXPECT_EQ(world_.Merge(kShop, {{"metadata", {{"name", "other"}}}}).status, 400);
  EXPECT_EQ(world_.Merge(kShop, {{"metadata", {{"namespace", "other"}}}}).status, 400);
  EXPECT_EQ(world_.Merge(kShop, {{"kind", "Secret"}}).status, 400);
  EXPECT_EQ(world_.Put(kShop, App("other")).status, 400);
}

TEST_F(Writes, ADryRunShowsAndStoresNothing) {
  const Reply made = world_.Post(std::string(kApps) + "?dryRun=All", App("shop"));
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body["spec"]["revisionHistoryLimit"], 10);
  world_.Settle();
  EXPECT_EQ(world_.durable.Revision(), 2U) << "only Settle's own";
  EXPECT_EQ(world_.Stored("namespaces", "", "default"), nullptr);

  MustCreate(kApps, App("shop"));
  const std::uint64_t before = world_.durable.Revision();
  const Reply patched = world_.Merge(kShop + "?dryRun=All", {{"spec", {{"replicas", 9}}}});
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(patched.body["spec"]["replicas"], 9);
  EXPECT_EQ(world_.Get(kShop).body["spec"]["replicas"], 2);
  EXPECT_EQ(world_.durable.Revision(), before);
  EXPECT_EQ(world_.Merge(kShop + "?dryRun=Some", json::object()).status, 400);
  EXPECT_EQ(world_.Post(std::string(kApps) + "?dryRun=All", App("shop")).status, 409);
  EXPECT_EQ(
      world_.Post(std::string(kApps) + "?dryRun=All", With(App("x"), "/spec/bogus", 1)).status,
      422);
}

TEST_F(Writes, OneWhoIsOvertakenTriesAgainOnTheNewerObject) {
  MustCreate(kApps, App("shop"));
  world_.durable.BeforeNextWrite([this] {
    EXPECT_EQ(world_.Merge(kShop, {{"metadata", {{"labels", {{"other", "first"}}}}}}).status, 200);
  });
  const Reply reply = world_.Merge(kShop, {{"spec", {{"replicas", 4}}}});
  EXPECT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.body["spec"]["replicas"], 4);
  EXPECT_EQ(reply.body["metadata"]["labels"]["other"], "first");
}

TEST_F(Writes, OneWhoAskedForAVersionAndIsOvertakenIsTold) {
  const json made = MustCreate(kApps, App("shop"));
  world_.durable.BeforeNextWrite([this] {
    EXPECT_EQ(world_.Merge(kShop, {{"metadata", {{"labels", {{"other", "first"}}}}}}).status, 200);
  });
  json wanted = made;
  wanted["spec"]["replicas"] = 4;
  EXPECT_EQ(world_.Put(kShop, wanted).status, 409);
  EXPECT_EQ(world_.Get(kShop).body["spec"]["replicas"], 2);
}

TEST_F(Writes, OfTwoCreatesAtTheSameMomentOneIsRefused) {
  MustCreate(kNamespaces, {{"metadata", {{"name", "default"}}}});
  world_.durable.BeforeNextWrite(
      [this] { EXPECT_EQ(world_.Post(kConfigMaps, ConfigMap("d", {{"by", "2"}})).status, 201); });
  const Reply reply = world_.Post(kConfigMaps, ConfigMap("d", {{"by", "1"}}));
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.body["reason"], "AlreadyExists");
}

TEST_F(Writes, TheFirstTwoOfANamespaceBothGetIn) {
  world_.durable.BeforeNextWrite(
      [this] { EXPECT_EQ(world_.Post(kConfigMaps, ConfigMap("c", {{"by", "2"}})).status, 201); });
  MustCreate(kConfigMaps, ConfigMap("d", {{"by", "1"}}));
}

TEST_F(Writes, AChangeOfWhatIsBeingRemovedIsNotFound) {
  MustCreate(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  const std::string path = std::string(kConfigMaps) + "/c";
  world_.durable.BeforeNextWrite([this, path] { EXPECT_EQ(world_.Delete(path).status, 200); });
  EXPECT_EQ(world_.Merge(path, {{"data", {{"a", "2"}}}}).status, 404);
}

TEST_F(Writes, OneWhoIsAlwaysOvertakenGivesUp) {
  MustCreate(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  int others = 0;
  world_.durable.BeforeWrites([this, &others] {
    const auto now = world_.durable.Get({"configmaps", "default", "c"});
    json object = json::parse(*now->value);
    object["data"]["others"] = std::to_string(++others);
    EXPECT_TRUE(world_.durable.inner().Commit(
        {now->key, now->revision, std::make_shared<const std::string>(object.dump())}));
  });
  const Reply reply = world_.Merge(std::string(kConfigMaps) + "/c", {{"data", {{"a", "2"}}}});
  EXPECT_EQ(reply.status, 409) << reply.text;
  EXPECT_LE(others, 200);
}

TEST_F(Writes, NoIncrementOfTwoThreadsIsLost) {
  MustCreate(kConfigMaps, ConfigMap("c", {{"x", "1"}}));
  const auto add = [this](const std::string& who) {
    for (int i = 0; i < 50; ++i) {
      const Reply reply = world_.Merge(std::string(kConfigMaps) + "/c",
                                       {{"data", {{who + std::to_string(i), "1"}}}});
      EXPECT_EQ(reply.status, 200) << reply.text;
    }
  };
  std::thread one(add, "a");
  std::thread two(add, "b");
  one.join();
  two.join();
  EXPECT_EQ(world_.Stored("configmaps", "default", "c")["data"].size(), 101U);
}

TEST_F(Writes, AStoreThatCannotWriteSaysSo) {
  MustCreate(kConfigMaps, ConfigMap("c", {{"x", "1"}}));
  const std::string path = std::string(kConfigMaps) + "/c";
  world_.durable.FailWrites({Code::kFailedPrecondition, "the disk is full"}, 1);
  const Reply full = world_.Merge(path, {{"data", {{"x", "2"}}}});
  EXPECT_EQ(full.status, 507);
  EXPECT_EQ(full.body["message"], "the disk is full");
  world_.durable.FailWrites({Code::kUnavailable, "too many writes wait"}, 1);
  const Reply busy = world_.Merge(path, {{"data", {{"x", "2"}}}});
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.response.headers.at("Retry-After"), "1");
  EXPECT_EQ(world_.Get(path).body["data"]["x"], "1");
}

class Subresources : public Writes {
 protected:
  void SetUp() override { made_ = MustCreate(kApps, App("shop")); }
  json made_;
};

TEST_F(Subresources, StatusChangesNothingButTheStatus) {
  json changed = made_;
  changed["spec"]["replicas"] = 50;
  changed["metadata"]["labels"] = {{"a", "1"}};
  changed["status"] = {{"readyReplicas", 1}};
  const Reply reply = world_.Put(kShop + "/status", changed);
  EXPECT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.body["spec"]["replicas"], 2);
  EXPECT_FALSE(reply.body["metadata"].contains("labels"));
  EXPECT_EQ(reply.body["status"]["readyReplicas"], 1);
  EXPECT_EQ(reply.body["metadata"]["generation"], 1);
  EXPECT_EQ(world_.Put(kShop + "/status", changed).status, 409) << "an old version";
}

TEST_F(Subresources, AWriteOfTheObjectLeavesTheStatus) {
  world_.Merge(kShop + "/status", {{"status", {{"readyReplicas", 1}}}});
  json changed = App("shop", "shop:2");
  changed["status"] = {{"readyReplicas", 9}};
  EXPECT_EQ(world_.Put(kShop, changed).body["status"]["readyReplicas"], 1);
  EXPECT_EQ(world_.Merge(kShop, {{"status", nullptr}}).body["status"]["readyReplicas"], 1);
  EXPECT_EQ(world_.Get(kShop + "/status").body["status"]["readyReplicas"], 1);
}

TEST_F(Subresources, ScaleIsReadAndWritten) {
  const json scale = world_.Get(kShop + "/scale").body;
  EXPECT_EQ(scale["kind"], "Scale");
  EXPECT_EQ(scale["apiVersion"], "autoscaling/v1");
  EXPECT_EQ(scale["spec"]["replicas"], 2);
  EXPECT_EQ(scale["metadata"]["uid"], made_["metadata"]["uid"]);
  EXPECT_EQ(scale["metadata"]["resourceVersion"], made_["metadata"]["resourceVersion"]);
  EXPECT_EQ(scale["status"]["selector"], "ballast.dev/webapp=shop");

  const Reply patched = world_.Merge(kShop + "/scale", {{"spec", {{"replicas", 5}}}});
  EXPECT_EQ(patched.status, 200) << patched.text;
  EXPECT_EQ(patched.body["kind"], "Scale");
  EXPECT_EQ(patched.body["spec"]["replicas"], 5);
  const json after = world_.Get(kShop).body;
  EXPECT_EQ(after["spec"]["replicas"], 5);
  EXPECT_EQ(after["spec"]["template"], made_["spec"]["template"]);
  EXPECT_EQ(after["metadata"]["generation"], 2);

  // kubectl scale --current-replicas: no Content-Type, the old version inside.
  json wanted = scale;
  wanted["spec"]["replicas"] = 7;
  EXPECT_EQ(world_.Send("PUT", kShop + "/scale", wanted.dump()).status, 409);
  wanted["metadata"]["resourceVersion"] = after["metadata"]["resourceVersion"];
  EXPECT_EQ(world_.Send("PUT", kShop + "/scale", wanted.dump()).status, 200);
  EXPECT_EQ(world_.Get(kShop).body["spec"]["replicas"], 7);
}

TEST_F(Subresources, AScaleThatIsNoneIsRefused) {
  for (const json& wrong : {json("x"), json(-1), json(1.5), json(nullptr), json(2'000'000'000'000),
                            json(18'446'744'073'709'551'615U)}) {
    const Reply reply =
        world_.Send("PUT", kShop + "/scale", json{{"spec", {{"replicas", wrong}}}}.dump());
    EXPECT_EQ(reply.status, 422) << wrong << reply.text;
  }
  EXPECT_EQ(world_.Send("PUT", kShop + "/scale", "{}").status, 422);
  EXPECT_EQ(world_.Send("PUT", kShop + "/scale", "[]").status, 400);
  EXPECT_EQ(
      world_.JsonPatch(kShop + "/scale", {{{"op", "replace"}, {"path", ""}, {"value", 1}}}).status,
      422);
  EXPECT_EQ(world_.Get(kShop).body["spec"]["replicas"], 2);
}

// A status may be written by people too: nothing may fall over what stands in it.
TEST_F(Subresources, AnAbsurdStatusBreaksNothing) {
  EXPECT_EQ(world_.Merge(kShop + "/status", {{"status", "x"}}).status, 422);
  const std::vector<json> absurd = {
      {{"replicas", "many"}, {"conditions", 5}},
      {{"replicas", {1}}, {"conditions", {1, 2}}},
      {{"replicas", 1e300}, {"conditions", {{{"type", 5}, {"status", {1}}}}}},
      {{"replicas", 18'446'744'073'709'551'615U}, {"conditions", {{"type", "Available"}}}},
      {{"conditions", {{{"type", "Available"}, {"status", 1}, {"reason", {}}}}}}};
  for (const json& status : absurd) {
    SCOPED_TRACE(status.dump());
    const Reply put = world_.Put(kShop + "/status", {{"status", status}});
    if (put.status == 422) continue;
    EXPECT_EQ(put.status, 200) << put.text;
    EXPECT_EQ(world_.Get(kShop + "/scale").status, 200);
    EXPECT_EQ(world_.Merge(kShop + "/scale", {{"spec", {{"replicas", 3}}}}).status, 200);
    EXPECT_EQ(world_.Merge(kShop + "/scale", {{"spec", {{"replicas", 2}}}}).status, 200);
    EXPECT_EQ(world_.Get(kApps, {{"accept", kTableAccept}}).status, 200);
    EXPECT_EQ(
        world_
            .Send("PATCH", kShop, R"({"metadata":{"labels":{"a":"1"}}})",
                  {{"content-type", "application/merge-patch+json"}, {"accept", kTableAccept}})
            .status,
        200);
  }
}

TEST_F(Subresources, OthersAreNotThere) {
  EXPECT_EQ(world_.Get(kShop + "/nonsense").status, 404);
  EXPECT_EQ(world_.Get(std::string(kConfigMaps) + "/c/scale").status, 404);
  EXPECT_EQ(world_.Delete(kShop + "/status").status, 405);
  EXPECT_EQ(world_.Apply(kShop + "/status", json::object(), "me").status, 415);
}

class Immutable : public Writes {};

TEST_F(Immutable, SecretsAndConfigMapsStayAsTheyAre) {
  const json secret = {{"metadata", {{"name", "s"}}},
                       {"immutable", true},
                       {"stringData", {{"password", "hunter2"}}}};
  MustCreate(kSecrets, secret);
  const std::string path = std::string(kSecrets) + "/s";
  for (const json& patch : {json{{"stringData", {{"password", "other-value"}}}},
                            json{{"data", {{"more", "b3RoZXItdmFsdWU="}}}}, json{{"data", nullptr}},
                            json{{"immutable", false}}, json{{"immutable", nullptr}}}) {
    const Reply reply = world_.Merge(path, patch);
    EXPECT_EQ(reply.status, 422) << reply.text;
    EXPECT_THAT(reply.text, Not(HasSubstr("hunter2")));
    EXPECT_THAT(reply.text, Not(HasSubstr("other-value")));
    EXPECT_THAT(reply.text, Not(HasSubstr("b3RoZXI")));
  }
  EXPECT_EQ(world_.Merge(path, {{"metadata", {{"labels", {{"a", "1"}}}}}}).status, 200);

  json map = ConfigMap("c", {{"a", "1"}});
  map["immutable"] = true;
  MustCreate(kConfigMaps, map);
  EXPECT_EQ(world_.Merge(std::string(kConfigMaps) + "/c", {{"data", {{"a", "2"}}}}).status, 422);
}

TEST_F(Immutable, ATypeOfASecretStays) {
  MustCreate(kSecrets, {{"metadata", {{"name", "s"}}}, {"stringData", {{"a", "1"}}}});
  const Reply reply = world_.Merge(std::string(kSecrets) + "/s", {{"type", "example.com/other"}});
  EXPECT_EQ(reply.status, 422) << reply.text;
  EXPECT_THAT(reply.text, HasSubstr("type"));
}

}  // namespace
}  // namespace ballast::apiserver
