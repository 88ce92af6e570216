// spec.replicas while an Autoscaler decides about it: applying a manifest again takes nothing away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/apiserver/autoscaled.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr char kShop[] = "/apis/ballast.dev/v1alpha1/namespaces/default/webapps/shop";
constexpr char kAutoscalers[] = "/apis/ballast.dev/v1alpha1/namespaces/default/autoscalers";

json ShopWith(int replicas) {
  json app = App("shop");
  app["spec"]["replicas"] = replicas;
  return app;
}

json ShopScaler() {
  return json::parse(R"({"apiVersion": "ballast.dev/v1alpha1", "kind": "Autoscaler",
    "metadata": {"name": "by-rate"}, "spec": {
    "scaleTargetRef": {"kind": "WebApp", "name": "shop"}, "maxReplicas": 40, "metrics":
    [{"type": "RequestRate", "requestRate": {"target": {"averageValue": "50"}}}]}})");
}

std::string Warning(const Reply& reply) {
  const auto found = reply.response.headers.find("Warning");
  return found == reply.response.headers.end() ? "" : found->second;
}

class Autoscaled : public testing::Test {
 protected:
  // As the autoscaler does.
  void Decide(int replicas) {
    const Reply reply =
        world_.Send("PATCH", std::string(kShop) + "/scale?fieldManager=" + kAutoscalerManager,
                    json({{"spec", {{"replicas", replicas}}}}).dump(),
                    {{"content-type", "application/merge-patch+json"}});
    EXPECT_EQ(reply.status, 200) << reply.text;
    EXPECT_EQ(Warning(reply), "");
  }
  json Replicas() { return world_.Stored("webapps", "default", "shop")["spec"]["replicas"]; }

  World world_;
};

TEST_F(Autoscaled, AnApplyKeepsWhatWasDecided) {
  ASSERT_EQ(world_.Apply(kShop, ShopWith(3), "ballast-manifests").status, 201);
  ASSERT_EQ(world_.Post(kAutoscalers, ShopScaler()).status, 201);
  Decide(20);
  json changed = ShopWith(3);
  changed["spec"]["template"]["spec"]["containers"][0]["image"] = "shop:2";
  const Reply reply = world_.Apply(kShop, changed, "ballast-manifests");
  EXPECT_EQ(reply.status, 200) << reply.text;
  EXPECT_THAT(Warning(reply), HasSubstr("spec.replicas stays 20, not 3"));
  EXPECT_THAT(Warning(reply), HasSubstr("autoscaler/by-rate"));
  EXPECT_EQ(Replicas(), 20);
  EXPECT_EQ(reply.body["spec"]["template"]["spec"]["containers"][0]["image"], "shop:2");
}

// Or manifests and autoscaler would write for ever.
TEST_F(Autoscaled, TheSameApplyAgainChangesNothing) {
  ASSERT_EQ(world_.Apply(kShop, ShopWith(3), "ballast-manifests").status, 201);
  ASSERT_EQ(world_.Post(kAutoscalers, ShopScaler()).status, 201);
  Decide(20);
  ASSERT_EQ(world_.Apply(kShop, ShopWith(3), "ballast-manifests").status, 200);
  const json before = world_.Stored("webapps", "default", "shop");
  ASSERT_EQ(world_.Apply(kShop, ShopWith(3), "ballast-manifests").status, 200);
  EXPECT_EQ(world_.Stored("webapps", "default", "shop"), before);
}

TEST_F(Autoscaled, AnApplyThatSaysNothingOfItIsNotWarned) {
  json app = ShopWith(3);
  ASSERT_EQ(world_.Apply(kShop, app, "kubectl").status, 201);
  ASSERT_EQ(world_.Post(kAutoscalers, ShopScaler()).status, 201);
  Decide(7);
  app["spec"].erase("replicas");
  const Reply reply = world_.Apply(kShop, app, "kubectl");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(Warning(reply), "");
  EXPECT_EQ(Replicas(), 7);
}

TEST_F(Autoscaled, PatchAndReplaceKeepItToo) {
  ASSERT_EQ(world_.Post(kApps, ShopWith(3)).status, 201);
  ASSERT_EQ(world_.Post(kAutoscalers, ShopScaler()).status, 201);
  Decide(12);
  const Reply patched = world_.Merge(kShop, {{"spec", {{"replicas", 2}}}});
  EXPECT_EQ(patched.status, 200);
  EXPECT_THAT(Warning(patched), HasSubstr("stays 12, not 2"));
  EXPECT_EQ(Replicas(), 12);
  json whole = ShopWith(1);
  EXPECT_EQ(world_.Put(kShop, whole).status, 200);
  EXPECT_EQ(Replicas(), 12);
  whole["spec"].erase("replicas");
  const Reply replaced = world_.Put(kShop, whole);
  EXPECT_EQ(Warning(replaced), "");
  EXPECT_EQ(Replicas(), 12);
}

TEST_F(Autoscaled, WhatIsWrongIsStillRefused) {
  ASSERT_EQ(world_.Post(kApps, ShopWith(3)).status, 201);
  ASSERT_EQ(world_.Post(kAutoscalers, ShopScaler()).status, 201);
  EXPECT_EQ(world_.Merge(kShop, {{"spec", {{"replicas", "many"}}}}).status, 422);
  EXPECT_EQ(world_.Merge(kShop, {{"spec", nullptr}}).status, 422);
  EXPECT_EQ(world_
                .Apply(kShop,
                       {{"apiVersion", "ballast.dev/v1alpha1"},
                        {"kind", "WebApp"},
                        {"metadata", {{"name", "shop"}}},
                        {"spec", {{"replicas", "x"}}}},
                       "kubectl", true)
                .status,
            422);
}

TEST_F(Autoscaled, ScalingByHandWorksWithAWarning) {
  ASSERT_EQ(world_.Post(kApps, ShopWith(3)).status, 201);
  ASSERT_EQ(world_.Post(kAutoscalers, ShopScaler()).status, 201);
  const Reply scaled = world_.Merge(std::string(kShop) + "/scale", {{"spec", {{"replicas", 5}}}});
  EXPECT_EQ(scaled.status, 200);
  EXPECT_THAT(Warning(scaled), HasSubstr("autoscaler/by-rate decides about webapp/shop"));
  EXPECT_EQ(Replicas(), 5);
}

TEST_F(Autoscaled, WithoutAnAutoscalerEverybodyDecides) {
  ASSERT_EQ(world_.Post(kApps, ShopWith(3)).status, 201);
  ASSERT_EQ(world_.Post(kAutoscalers, ShopScaler()).status, 201);
  ASSERT_EQ(world_.Delete(std::string(kAutoscalers) + "/by-rate").status, 200);
  const Reply patched = world_.Merge(kShop, {{"spec", {{"replicas", 2}}}});
  EXPECT_EQ(Warning(patched), "");
  EXPECT_EQ(Replicas(), 2);
}

}  // namespace
}  // namespace ballast::apiserver
