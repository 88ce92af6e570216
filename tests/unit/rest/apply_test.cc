// Server-side apply: who owns what, what goes, what is a conflict.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/apiserver/managed_fields.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kShop = std::string(kApps) + "/shop";
const std::string kMap = std::string(kConfigMaps) + "/c";

class Applies : public testing::Test {
 protected:
  Reply MustApply(const std::string& path, const json& config, const std::string& manager,
                  bool force = false) {
    Reply reply = world_.Apply(path, config, manager, force);
    EXPECT_TRUE(reply.status == 200 || reply.status == 201) << reply.text;
    return reply;
  }
  static json Map(const json& data) { return {{"data", data}}; }
  static json Entry(const json& object, const std::string& manager, const std::string& operation) {
    for (const json& entry : object.at("metadata").value("managedFields", json::array())) {
      if (entry["manager"] == manager && entry["operation"] == operation) return entry;
    }
    return nullptr;
  }
  World world_;
};

TEST_F(Applies, CreatesWhatIsNotThere) {
  const Reply reply = world_.Apply(kShop, App("shop"), "kubectl");
  EXPECT_EQ(reply.status, 201) << reply.text;
  EXPECT_EQ(reply.body["metadata"]["finalizers"], json::array({kTeardownFinalizer}));
  const json entry = Entry(reply.body, "kubectl", "Apply");
  EXPECT_EQ(entry["apiVersion"], "ballast.dev/v1alpha1");
  EXPECT_EQ(entry["fieldsType"], "FieldsV1");
  EXPECT_EQ(entry["time"], "2026-01-01T00:00:00Z");
  EXPECT_EQ(entry["fieldsV1"]["f:spec"]["f:replicas"], json::object());
  EXPECT_EQ(entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"], json::object())
      << "lists are one field";
  EXPECT_FALSE(entry["fieldsV1"]["f:spec"].contains("f:paused")) << "a default is nobody's";
  EXPECT_FALSE(entry["fieldsV1"].contains("f:metadata"));
}

TEST_F(Applies, TheSameAgainCostsNothing) {
  const json first = MustApply(kShop, App("shop"), "kubectl").body;
  const std::uint64_t before = world_.durable.Revision();
  world_.clock.Advance(std::chrono::hours(1));
  EXPECT_EQ(MustApply(kShop, App("shop"), "kubectl").body, first);
  EXPECT_EQ(world_.durable.Revision(), before);
}

TEST_F(Applies, WhatIsNoLongerAppliedGoes) {
  MustApply(kMap, Map({{"a", "1"}, {"b", "2"}}), "me");
  const Reply reply = MustApply(kMap, Map({{"b", "3"}}), "me");
  EXPECT_EQ(reply.body["data"], (json{{"b", "3"}}));
  MustApply(kShop, App("shop"), "me");
  json less = App("shop");
  less["spec"].erase("replicas");
  EXPECT_EQ(MustApply(kShop, less, "me").body["spec"]["replicas"], 1) << "the default again";
}

TEST_F(Applies, OthersFieldsStay) {
  MustApply(kMap, Map({{"a", "1"}}), "one");
  MustApply(kMap, Map({{"b", "2"}}), "two");
  world_.Merge(kMap + "?fieldManager=edit", Map({{"c", "3"}}));
  const Reply reply = MustApply(kMap, Map({{"d", "4"}}), "one");
  EXPECT_EQ(reply.body["data"], (json{{"b", "2"}, {"c", "3"}, {"d", "4"}}));
}

TEST_F(Applies, AnothersValueIsAConflict) {
  MustApply(kMap, Map({{"a", "1"}, {"b", "1"}}), "one");
  const Reply reply = world_.Apply(kMap, Map({{"a", "2"}, {"b", "1"}, {"c", "1"}}), "two");
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.body["reason"], "Conflict");
  ASSERT_EQ(reply.body["details"]["causes"].size(), 1U) << reply.text;
  const json& cause = reply.body["details"]["causes"][0];
  EXPECT_EQ(cause["reason"], "FieldManagerConflict");
  EXPECT_EQ(cause["field"], ".data.a");
  EXPECT_THAT(cause["message"].get<std::string>(), HasSubstr("conflict with \"one\""));
  EXPECT_THAT(reply.body["message"].get<std::string>(), HasSubstr("Apply failed with 1 conflict"));
  EXPECT_EQ(world_.Get(kMap).body["data"], (json{{"a", "1"}, {"b", "1"}})) << "nothing was done";
}

TEST_F(Applies, ForceTakesTheFieldAway) {
  MustApply(kMap, Map({{"a", "1"}}), "one");
  const Reply reply = MustApply(kMap, Map({{"a", "2"}}), "two", true);
  EXPECT_EQ(reply.body["data"]["a"], "2");
  EXPECT_EQ(Entry(reply.body, "one", "Apply"), nullptr) << "it owns nothing any more";
  // The one who lost it may leave it out without removing it, and conflicts when it does not.
  EXPECT_EQ(world_.Apply(kMap, Map({{"a", "1"}}), "one").status, 409);
  EXPECT_EQ(MustApply(kMap, Map({{"z", "1"}}), "one").body["data"]["a"], "2");
}

TEST_F(Applies, ThoseWhoWantTheSameOwnItTogether) {
  MustApply(kMap, Map({{"a", "1"}, {"b", "1"}}), "one");
  const Reply both = MustApply(kMap, Map({{"a", "1"}}), "two");
  EXPECT_TRUE(Entry(both.body, "one", "Apply")["fieldsV1"]["f:data"].contains("f:a"));
  EXPECT_TRUE(Entry(both.body, "two", "Apply")["fieldsV1"]["f:data"].contains("f:a"));
  EXPECT_EQ(MustApply(kMap, Map({{"b", "1"}}), "one").body["data"], (json{{"a", "1"}, {"b", "1"}}))
      << "two wants it still";
  EXPECT_EQ(MustApply(kMap, Map({{"x", "1"}}), "two").body["data"], (json{{"b", "1"}, {"x", "1"}}));
}

TEST_F(Applies, APlainWriteTakesOwnership) {
  MustApply(kShop, App("shop"), "gitops");
  const Reply scaled =
      world_.Merge(kShop + "/scale?fieldManager=kubectl-scale", {{"spec", {{"replicas", 9}}}});
  EXPECT_EQ(scaled.status, 200);
  const json now = world_.Get(kShop).body;
  EXPECT_FALSE(Entry(now, "gitops", "Apply")["fieldsV1"]["f:spec"].contains("f:replicas"));
  EXPECT_TRUE(Entry(now, "kubectl-scale", "Update")["fieldsV1"]["f:spec"].contains("f:replicas"));
  const Reply again = world_.Apply(kShop, App("shop"), "gitops");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.body["details"]["causes"][0]["field"], ".spec.replicas");
  json without = App("shop");
  without["spec"].erase("replicas");
  EXPECT_EQ(MustApply(kShop, without, "gitops").body["spec"]["replicas"], 9);
}

TEST_F(Applies, AManagersOwnPlainWritesAreNoConflict) {
  world_.Post(std::string(kConfigMaps) + "?fieldManager=me", ConfigMap("c", {{"a", "1"}}));
  EXPECT_EQ(MustApply(kMap, Map({{"a", "2"}}), "me").body["data"]["a"], "2");
}

TEST_F(Applies, AListIsOneField) {
  MustApply(kShop, RoutedApp("shop", "a.test"), "one");
  json two = {{"spec", {{"routes", {{{"host", "b.test"}, {"path", "/"}}}}}}};
  const Reply reply = world_.Apply(kShop, two, "two");
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.body["details"]["causes"][0]["field"], ".spec.routes");
  two["spec"]["routes"] = {{{"host", "a.test"}, {"path", "/"}}};
  EXPECT_EQ(world_.Apply(kShop, two, "two").status, 200) << "the same with its defaults";
}

TEST_F(Applies, LabelsAreFieldsOfTheirOwn) {
  json app = App("shop");
  app["metadata"]["labels"] = {{"a", "1"}, {"b", "1"}};
  MustApply(kShop, app, "one");
  world_.Merge(kShop + "?fieldManager=kubectl-label", {{"metadata", {{"labels", {{"c", "1"}}}}}});
  app["metadata"]["labels"] = {{"a", "1"}};
  EXPECT_EQ(MustApply(kShop, app, "one").body["metadata"]["labels"],
            (json{{"a", "1"}, {"c", "1"}}));
}

TEST_F(Applies, NeedAManagerAndNoManagedFields) {
  EXPECT_EQ(world_
                .Send("PATCH", kMap, Map({{"a", "1"}}).dump(),
                      {{"content-type", "application/apply-patch+yaml"}})
                .status,
            400);
  EXPECT_EQ(world_
                .Send("PATCH", kMap, Map({{"a", "1"}}).dump(),
                      {{"content-type", "application/apply-patch+yaml"},
                       {"user-agent", "terraform/1.0 (linux)"}})
                .status,
            201)
      << "who it is, says its name";
  EXPECT_FALSE(Entry(world_.Get(kMap).body, "terraform", "Apply").is_null());
  const json with = {{"metadata", {{"managedFields", json::array()}}}, {"data", {{"a", "1"}}}};
  EXPECT_EQ(world_.Apply(kMap, with, "me").status, 400);
  EXPECT_EQ(world_.Apply(kMap, Map({{"a", "1"}}), std::string(129, 'x')).status, 400);
  EXPECT_EQ(world_.Apply(kMap, json::array(), "me").status, 400);
}

TEST_F(Applies, TakeYaml) {
  const Reply reply =
      world_.Send("PATCH", kMap + "?fieldManager=me", "kind: ConfigMap\ndata:\n  a: \"1\"\n",
                  {{"content-type", "application/apply-patch+yaml"}});
  EXPECT_EQ(reply.status, 201) << reply.text;
  EXPECT_EQ(reply.body["data"]["a"], "1");
}

TEST_F(Applies, AVersionOrUidOfWhatIsNotThereIsNotFound) {
  const json config = {{"metadata", {{"uid", "u"}}}, {"data", {{"a", "1"}}}};
  EXPECT_EQ(world_.Apply(kMap, config, "me").status, 404);
  MustApply(kMap, Map({{"a", "1"}}), "me");
  EXPECT_EQ(world_.Apply(kMap, config, "me").status, 409);
}

TEST_F(Applies, ADryRunShowsWhatWouldBe) {
  MustApply(kMap, Map({{"a", "1"}}), "me");
  const std::uint64_t before = world_.durable.Revision();
  EXPECT_EQ(MustApply(kMap + "?dryRun=All", Map({{"b", "1"}}), "me").body["data"],
            (json{{"b", "1"}}));
  EXPECT_EQ(world_.durable.Revision(), before);
}

TEST_F(Applies, TwoAtTheSameMomentBothCount) {
  MustApply(kMap, Map({{"z", "1"}}), "zero");
  world_.durable.BeforeNextWrite([this] { MustApply(kMap, Map({{"b", "2"}}), "two"); });
  const Reply reply = MustApply(kMap, Map({{"a", "1"}}), "one");
  EXPECT_EQ(reply.body["data"], (json{{"a", "1"}, {"b", "2"}, {"z", "1"}}));
}

TEST_F(Applies, AnInvalidResultIsRefused) {
  json app = App("shop");
  app["spec"]["bogus"] = 1;
  EXPECT_EQ(world_.Apply(kShop, app, "me").status, 422);
  MustApply(kShop, App("shop"), "me");
  EXPECT_EQ(world_.Apply(kShop, {{"spec", {{"replicas", -1}}}}, "other", true).status, 422);
}

// From `kubectl apply` to `kubectl apply --server-side`: the same person.
TEST_F(Applies, WhatKubectlAppliedByItselfBeforeIsNoConflict) {
  world_.Post(std::string(kConfigMaps) + "?fieldManager=kubectl-client-side-apply",
              ConfigMap("c", {{"a", "1"}}));
  EXPECT_EQ(MustApply(kMap, Map({{"a", "2"}}), "kubectl").body["data"]["a"], "2");
  EXPECT_EQ(world_.Apply(kMap, Map({{"a", "3"}}), "other").status, 409);
}

TEST_F(Applies, StringDataIsOwnedAsData) {
  const std::string path = std::string(kSecrets) + "/s";
  const auto texts = [](const json& data) { return json{{"stringData", data}}; };
  MustApply(path, texts({{"a", "1"}, {"b", "2"}}), "one");
  const Reply other = world_.Apply(path, texts({{"a", "other"}}), "two");
  EXPECT_EQ(other.status, 409);
  EXPECT_EQ(other.body["details"]["causes"][0]["field"], ".data.a");
  EXPECT_EQ(MustApply(path, texts({{"a", "1"}}), "one").body["data"], (json{{"a", "MQ=="}}));
  EXPECT_EQ(world_.Apply(path, {{"stringData", {{"a", 5}}}}, "one").status, 422);
}

TEST(ManagedFields, AreSetsOfPaths) {
  const json fields = FieldsOf({{"apiVersion", "v1"},
                                {"kind", "X"},
                                {"metadata", {{"name", "n"}, {"labels", {{"a", "1"}}}}},
                                {"spec", {{"list", {1, 2}}, {"empty", json::object()}}}});
  EXPECT_EQ(fields, json::parse(R"({"f:metadata":{"f:labels":{"f:a":{}}},
                                   "f:spec":{"f:list":{},"f:empty":{}}})"));
}

TEST(ManagedFields, KnowOwners) {
  json object = {{"spec", {{"replicas", 1}}}};
  OwnChanges(nullptr, object, {.name = "one", .subresource = "", .time = "t"});
  EXPECT_EQ(OwnerOf(object, {"spec", "replicas"}, ""), "one");
  EXPECT_EQ(OwnerOf(object, {"spec", "replicas"}, "one"), "");
  EXPECT_EQ(OwnerOf(object, {"spec", "other"}, ""), "");
}

TEST(ManagedFields, NeverHoldMoreThanAFewManagers) {
  json object = {{"data", json::object()}};
  for (int i = 0; i < 100; ++i) {
    const json before = object;
    object["data"]["k" + std::to_string(i)] = "1";
    OwnChanges(before, object, {.name = "m" + std::to_string(i), .subresource = "", .time = "t"});
  }
  EXPECT_LE(object["metadata"]["managedFields"].size(), 20U);
}

TEST(ManagedFields, AMapThatBecomesAValueAndBack) {
  json live = {{"spec", {{"a", {{"b", 1}}}}}};
  OwnChanges(nullptr, live, {.name = "one", .subresource = "", .time = "t"});
  json result;
  const auto conflicts =
      ApplyConfig(live, {{"spec", {{"a", "text"}}}},
                  {.name = "two", .subresource = "", .time = "t"}, false, result);
  ASSERT_EQ(conflicts.size(), 1U) << "what is in it belongs to another";
  EXPECT_THAT(ApplyConfig(live, {{"spec", {{"a", "text"}}}},
                          {.name = "two", .subresource = "", .time = "t"}, true, result),
              IsEmpty());
  EXPECT_EQ(result["spec"]["a"], "text");
}

}  // namespace
}  // namespace ballast::apiserver
