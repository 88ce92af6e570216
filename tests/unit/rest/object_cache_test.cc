// What reconcilers see of the store.
#include "controller/apiserver/object_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/recording_enqueuer.h"
#include "tests/fakes/recording_event_recorder.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using reconcilers::Presence;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const api::ObjectKey kShopKey{"WebApp", "default", "shop"};
const std::string kShop = std::string(kApps) + "/shop";

class Cache : public testing::Test {
 protected:
  Presence Look() { return cache_.GetWebApp(kShopKey, app_); }
  // Until the cache has seen what was written.
  bool Becomes(const std::function<bool()>& what) { return enqueuer_.WaitUntil(what); }
  void Put(const std::string& text) {
    const auto now = world_.durable.Get({"webapps", "default", "shop"});
    ASSERT_TRUE(world_.durable.inner().Commit({{"webapps", "default", "shop"},
                                               now ? now->revision : 0,
                                               std::make_shared<const std::string>(text)}));
  }

  World world_;
  fakes::RecordingEnqueuer enqueuer_;
  fakes::RecordingEventRecorder events_;
  bool waits_ = false;
  std::shared_ptr<const api::WebApp> app_;
  ObjectCache cache_{
      {.store = world_.durable,
       .enqueuer = enqueuer_,
       .events = events_,
       .decode = {.allowed_host_paths = {}, .all_kinds = true, .knows_time_zone = {}},
       .waits_for_more = [this] { return waits_; }}};
};

TEST_F(Cache, WhatIsNotInTheStoreIsUnknown) {
  EXPECT_FALSE(cache_.LookedOnce());
  ASSERT_TRUE(cache_.Load());
  EXPECT_TRUE(cache_.LookedOnce());
  waits_ = true;
  EXPECT_FALSE(cache_.LookedOnce()) << "manifests may know it";
  EXPECT_EQ(Look(), Presence::kUnknown);
  std::shared_ptr<const api::LoadBalancer> balancer;
  EXPECT_EQ(cache_.GetLoadBalancer("default", balancer), Presence::kUnknown);
}

TEST_F(Cache, HoldsWhatWasThereAtTheStart) {
  world_.Post(kApps, App("shop"));
  world_.Merge(kShop, {{"spec", {{"replicas", 7}}}});
  ASSERT_TRUE(cache_.Load());
  EXPECT_EQ(Look(), Presence::kPresent);
  EXPECT_EQ(app_->spec.replicas, 7);
  EXPECT_EQ(app_->meta.generation, 2);
  EXPECT_THAT(cache_.ListWebApps(), SizeIs(1));
}

// How long requests wait is the web app's business.
TEST_F(Cache, AChangedAutoscalerTellsItsWebApp) {
  const std::string path = "/apis/ballast.dev/v1alpha1/namespaces/default/autoscalers";
  const auto autoscaler = [](int least) {
    return json{
        {"apiVersion", "ballast.dev/v1alpha1"},
        {"kind", "Autoscaler"},
        {"metadata", {{"name", "a"}}},
        {"spec",
         {{"scaleTargetRef", {{"kind", "WebApp"}, {"name", "shop"}}},
          {"minReplicas", least},
          {"maxReplicas", 3},
          {"metrics", json::array({{{"type", "Concurrency"},
                                    {"concurrency", {{"target", {{"averageValue", "9"}}}}}}})}}}};
  };
  const auto told = [&] {
    return Becomes([&] { return std::ranges::count(enqueuer_.Keys(), kShopKey) > 0; });
  };
  ASSERT_TRUE(cache_.Load());
  cache_.Start();
  world_.Post(path, autoscaler(1));
  EXPECT_TRUE(told());
  ASSERT_NE(cache_.AutoscalerOf(kShopKey), nullptr);
  enqueuer_.Take();
  world_.Merge(path + "/a", {{"spec", {{"minReplicas", 0}}}});
  EXPECT_TRUE(told());
  EXPECT_EQ(cache_.AutoscalerOf(kShopKey)->spec.min_replicas, 0);
  enqueuer_.Take();
  world_.Delete(path + "/a");
  EXPECT_TRUE(told());
  EXPECT_EQ(cache_.AutoscalerOf(kShopKey), nullptr);
}

TEST_F(Cache, FollowsAndTellsWhoseObjectChanged) {
  ASSERT_TRUE(cache_.Load());
  cache_.Start();
  world_.Post(kApps, App("shop"));
  EXPECT_TRUE(Becomes([&] { return Look() == Presence::kPresent; }));
  world_.Merge(kShop, {{"spec", {{"replicas", 9}}}});
  EXPECT_TRUE(Becomes([&] { return Look() == Presence::kPresent && app_->spec.replicas == 9; }));
  EXPECT_TRUE(Becomes([&] { return enqueuer_.Keys().size() >= 2; }));
  EXPECT_THAT(enqueuer_.Take(), Contains(kShopKey));
  world_.Post(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
}

TEST_F(Cache, WhatIsBeingDeletedCountsAsAbsentUntilItIsGone) {
  world_.Post(kApps, App("shop"));
  world_.Delete(kShop);
  ASSERT_TRUE(cache_.Load());
  EXPECT_EQ(Look(), Presence::kAbsent);
  EXPECT_EQ(app_, nullptr);
  EXPECT_THAT(cache_.ListWebApps(), IsEmpty());
  EXPECT_THAT(cache_.Deleting(), ElementsAre(kShopKey));
  cache_.Start();
  world_.Merge(kShop, {{"metadata", {{"finalizers", nullptr}}}});
  EXPECT_TRUE(Becomes([&] { return Look() == Presence::kUnknown; }));
  EXPECT_THAT(cache_.Deleting(), IsEmpty());
}

TEST_F(Cache, WhatIsNotUnderstoodLeavesWhatWas) {
  world_.Post(kApps, App("shop"));
  ASSERT_TRUE(cache_.Load());
  cache_.Start();
  json newer = world_.Stored("webapps", "default", "shop");
  newer["spec"]["fromTheFuture"] = true;
  for (const std::string& text : {newer.dump(), std::string("no json"), std::string("[]")}) {
    events_.Clear();
    Put(text);
    EXPECT_TRUE(Becomes([&] { return events_.Has("StoredObjectInvalid"); })) << text;
    EXPECT_EQ(Look(), Presence::kPresent);
    EXPECT_EQ(app_->spec.replicas, 2);
  }
  newer["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  Put(newer.dump());
  EXPECT_TRUE(Becomes([&] { return Look() == Presence::kAbsent; })) << "it is clear what to do";
}

TEST_F(Cache, WhatIsNotUnderstoodFromTheStartIsUnknown) {
  Put(R"({"apiVersion":"ballast.dev/v1alpha1","kind":"WebApp","metadata":{"name":"shop"},"x":1})");
  ASSERT_TRUE(cache_.Load());
  EXPECT_EQ(Look(), Presence::kUnknown);
  EXPECT_TRUE(events_.Has("StoredObjectInvalid"));
}

TEST_F(Cache, TellsListenersOfOtherKindsInOrder) {
  std::vector<std::string> told;
  std::mutex mutex;
  cache_.OnChange("configmaps", [&](const reconcilers::StoreChange& change) {
    const std::lock_guard lock(mutex);
    told.push_back(change.key.name + (change.deleted ? " gone" : ""));
  });
  world_.Post(kConfigMaps, ConfigMap("before", {{"a", "1"}}));
  ASSERT_TRUE(cache_.Load());
  cache_.Start();
  world_.Post(kConfigMaps, ConfigMap("a", {{"a", "1"}}));
  world_.Post(kConfigMaps, ConfigMap("b", {{"a", "1"}}));
  world_.Delete(std::string(kConfigMaps) + "/a");
  EXPECT_TRUE(Becomes([&] {
    const std::lock_guard lock(mutex);
    return told.size() == 3;
  }));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(told, ElementsAre("a", "b", "a gone"));
}

TEST(CacheThatSlept, ForgetsWhatWentMeanwhile) {
  World world({.keep_age = std::chrono::milliseconds(1), .keep_changes = 3});
  fakes::RecordingEnqueuer enqueuer;
  fakes::RecordingEventRecorder events;
  ObjectCache cache({.store = world.durable,
                     .enqueuer = enqueuer,
                     .events = events,
                     .decode = {.allowed_host_paths = {}, .all_kinds = true, .knows_time_zone = {}},
                     .waits_for_more = nullptr});
  world.Post(kApps, App("shop"));
  world.Post(kApps, App("stays"));
  ASSERT_TRUE(cache.Load());
  world.Delete(kShop, {{"propagationPolicy", "Orphan"}});
  world.Post(kConfigMaps, ConfigMap("c", {{"k", "1"}}));
  for (int i = 0; i < 20; ++i) {
    world.clock.Advance(std::chrono::minutes(1));
    world.Merge(std::string(kConfigMaps) + "/c", {{"data", {{"k", "v" + std::to_string(i)}}}});
  }
  cache.Start();
  std::shared_ptr<const api::WebApp> app;
  EXPECT_TRUE(enqueuer.WaitUntil(
      [&] { return cache.GetWebApp({"WebApp", "default", "shop"}, app) == Presence::kUnknown; }));
  EXPECT_EQ(cache.GetWebApp({"WebApp", "default", "stays"}, app), Presence::kPresent);
}

}  // namespace
}  // namespace ballast::apiserver
