// What the controller finds out, as API clients see it: statuses, replicas, pods, revisions,
// events.
#include "controller/apiserver/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/apiserver/object.h"
#include "controller/apiserver/published_objects.h"
#include "tests/fakes/recording_event_recorder.h"
#include "tests/fakes/recording_status.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kShop = std::string(kApps) + "/shop";
const api::ObjectKey kKey{"WebApp", "default", "shop"};

api::Condition Available(api::ConditionStatus status, int minute) {
  return {.type = "Available",
          .status = status,
          .reason = "R",
          .message = "M",
          .last_transition = api::Time(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)) +
                             std::chrono::minutes(minute)};
}

api::WebAppStatus StatusOf(int ready, const std::string& revision, std::int64_t generation) {
  api::WebAppStatus status;
  status.observed_generation = generation;
  status.replicas = 2;
  status.ready_replicas = ready;
  status.update_revision = revision;
  status.conditions = {Available(api::ConditionStatus::kTrue, 0)};
  return status;
}

api::ReplicaStatus Replica(const std::string& name, const std::string& phase = "Running") {
  api::ReplicaStatus replica;
  replica.name = name;
  replica.container_id = "0123456789ab";
  replica.address = "172.30.0.5:8080";
  replica.revision = "aaaa";
  replica.phase = phase;
  replica.ready = phase == "Running";
  replica.started = api::Time(std::chrono::sys_days(std::chrono::year(2025) / 12 / 31));
  return replica;
}

class Publishes : public testing::Test {
 protected:
  void Set(int ready, const std::string& revision, std::vector<api::ReplicaStatus> replicas) {
    const json app = world_.Get(kShop).body;
    const std::int64_t generation =
        app.contains("spec") ? app["metadata"]["generation"].get<std::int64_t>() : 1;
    publisher_.SetWebApp(kKey, StatusOf(ready, revision, generation), std::move(replicas));
    EXPECT_TRUE(publisher_.RunOnce());
  }
  std::vector<json> Items(const std::string& path) {
    const json list = world_.Get(path).body;
    return {list["items"].begin(), list["items"].end()};
  }
  std::vector<json> Revisions() {
    auto items = Items("/apis/ballast.dev/v1alpha1/namespaces/default/revisions");
    std::ranges::sort(items, {}, [](const json& item) { return item["revision"].get<int>(); });
    return items;
  }
  std::vector<std::string> RevisionNames() {
    std::vector<std::string> names;
    for (const json& item : Revisions()) names.push_back(item["metadata"]["name"]);
    return names;
  }
  void SetImage(const std::string& image) {
    json app = world_.Get(kShop).body;
    app["spec"]["template"]["spec"]["containers"][0]["image"] = image;
    EXPECT_EQ(world_.Put(kShop, app).status, 200);
  }

  World world_;
  fakes::RecordingStatus table_;
  fakes::RecordingEventRecorder log_;
  Publisher publisher_{{.registry = world_.registry,
                        .clock = world_.clock,
                        .table = table_,
                        .log = log_,
                        .instance = "test"}};
};

TEST_F(Publishes, AStatusGoesIntoTheObjectAndNothingElseChanges) {
  const json before = world_.Post(kApps, App("shop")).body;
  Set(1, "aaaa", {});
  const json after = world_.Get(kShop).body;
  EXPECT_EQ(after["status"]["readyReplicas"], 1);
  EXPECT_EQ(after["status"]["observedGeneration"], 1);
  EXPECT_EQ(after["status"]["conditions"][0]["type"], "Available");
  EXPECT_EQ(after["status"]["conditions"][0]["status"], "True");
  EXPECT_EQ(after["spec"], before["spec"]);
  EXPECT_EQ(after["metadata"]["generation"], 1);
  EXPECT_EQ(table_.webapps.at(kKey).status.ready_replicas, 1) << "told at once too";
}

TEST_F(Publishes, TheSameStatusCostsNothing) {
  world_.Post(kApps, App("shop"));
  Set(1, "aaaa", {Replica("shop-1")});
  const auto before = std::pair(world_.durable.Revision(), world_.transient.Revision());
  Set(1, "aaaa", {Replica("shop-1")});
  EXPECT_EQ(std::pair(world_.durable.Revision(), world_.transient.Revision()), before);
}

TEST_F(Publishes, ATransitionKeepsItsTimeWhenNothingTurned) {
  world_.Post(kApps, App("shop"));
  auto status = StatusOf(1, "aaaa", 1);
  publisher_.SetWebApp(kKey, status, {});
  EXPECT_TRUE(publisher_.RunOnce());
  status.conditions = {Available(api::ConditionStatus::kTrue, 5)};
  publisher_.SetWebApp(kKey, status, {});
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_EQ(world_.Get(kShop).body["status"]["conditions"][0]["lastTransitionTime"],
            "2026-01-01T00:00:00Z");
  status.conditions = {Available(api::ConditionStatus::kFalse, 7)};
  publisher_.SetWebApp(kKey, status, {});
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_EQ(world_.Get(kShop).body["status"]["conditions"][0]["lastTransitionTime"],
            "2026-01-01T00:07:00Z");
}

TEST_F(Publishes, AnAbsurdStatusInTheStoreIsReplaced) {
  world_.Post(kApps, App("shop"));
  for (const json& absurd :
       {json(5), json{{"conditions", 5}}, json{{"conditions", {{{"type", 5}, {"status", {}}}}}},
        json{{"conditions",
              {{{"type", "Available"}, {"status", "True"}, {"lastTransitionTime", 7}}}}}}) {
    ASSERT_TRUE(world_.registry.Write(
        {FindResource(kGroup, kVersion, "webapps"), "default", "shop"}, [&](const json& current) {
          json wanted = current;
          wanted["status"] = absurd;
          return wanted;
        }));
    Set(1, "aaaa", {});
    EXPECT_EQ(world_.Get(kShop).body["status"]["readyReplicas"], 1);
  }
}

TEST_F(Publishes, ReplicasAreObjectsAndPods) {
  const json app = world_.Post(kApps, App("shop")).body;
  Set(1, "aaaa", {Replica("shop-1"), Replica("shop-2", "Draining")});
  const auto replicas = Items("/apis/ballast.dev/v1alpha1/namespaces/default/replicas");
  const auto pods = Items("/api/v1/namespaces/default/pods");
  ASSERT_THAT(replicas, SizeIs(2));
  ASSERT_THAT(pods, SizeIs(2));
  EXPECT_EQ(replicas[0]["kind"], "Replica");
  EXPECT_EQ(replicas[0]["status"]["phase"], "Running");
  EXPECT_EQ(replicas[0]["metadata"]["labels"]["ballast.dev/webapp"], "shop");
  EXPECT_EQ(replicas[0]["metadata"]["ownerReferences"][0]["uid"], app["metadata"]["uid"]);
  EXPECT_EQ(replicas[0]["metadata"]["creationTimestamp"], "2025-12-31T00:00:00Z");
  EXPECT_EQ(pods[0]["status"]["phase"], "Running");
  EXPECT_EQ(pods[0]["status"]["podIP"], "172.30.0.5");
  EXPECT_EQ(pods[0]["spec"]["containers"][0]["name"], "web");
  EXPECT_EQ(pods[1]["status"]["reason"], "Draining");

  const std::string uid = pods[0]["metadata"]["uid"];
  Set(1, "aaaa", {Replica("shop-1", "Dead")});
  const auto later = Items("/api/v1/namespaces/default/pods");
  ASSERT_THAT(later, SizeIs(1));
  EXPECT_EQ(later[0]["metadata"]["uid"], uid) << "the same pod";
  EXPECT_EQ(later[0]["status"]["phase"], "Failed");
  EXPECT_THAT(Items("/apis/ballast.dev/v1alpha1/namespaces/default/replicas"), SizeIs(1));
  EXPECT_EQ(world_.Stored("pods", "default", "shop-1"), nullptr) << "not in the lasting store";
}

TEST_F(Publishes, AnAppMadeOfLabelsHasReplicasToo) {
  Set(1, "", {Replica("shop-1")});
  EXPECT_THAT(Items("/api/v1/namespaces/default/pods"), SizeIs(1));
  EXPECT_EQ(world_.Get(kShop).status, 404) << "nobody stored it";
}

TEST_F(Publishes, RevisionsTellWhatChanged) {
  world_.Post(kApps, App("shop"));
  Set(2, "aaaa", {});
  SetImage("shop:2");
  Set(2, "bbbb", {});
  const auto revisions = Revisions();
  ASSERT_THAT(revisions, SizeIs(2));
  EXPECT_EQ(revisions[0]["metadata"]["name"], "shop-aaaa");
  EXPECT_EQ(revisions[0]["revision"], 1);
  EXPECT_EQ(revisions[0]["cause"], "created");
  EXPECT_EQ(revisions[1]["revision"], 2);
  EXPECT_THAT(revisions[1]["cause"].get<std::string>(), HasSubstr("shop:1 -> shop:2"));
  EXPECT_EQ(revisions[1]["template"]["spec"]["containers"][0]["image"], "shop:2");
}

TEST_F(Publishes, GoingBackMakesTheOldOneTheNewestAgain) {
  world_.Post(kApps, App("shop"));
  Set(2, "aaaa", {});
  SetImage("shop:2");
  Set(2, "bbbb", {});
  SetImage("shop:1");
  Set(2, "aaaa", {});
  EXPECT_THAT(RevisionNames(), ElementsAre("shop-bbbb", "shop-aaaa"));
  EXPECT_EQ(Revisions()[1]["revision"], 3);
}

TEST_F(Publishes, OldRevisionsGoBeyondTheLimit) {
  json app = App("shop");
  app["spec"]["revisionHistoryLimit"] = 2;
  world_.Post(kApps, app);
  for (const char* revision : {"a1", "a2", "a3", "a4", "a5"}) {
    SetImage(std::string("shop:") + revision);
    Set(2, revision, {});
  }
  EXPECT_THAT(RevisionNames(), ElementsAre("shop-a3", "shop-a4", "shop-a5"))
      << "two, and the one that is";
  world_.Merge(kShop, {{"spec", {{"revisionHistoryLimit", 0}}}});
  SetImage("shop:a6");
  Set(2, "a6", {});
  EXPECT_THAT(RevisionNames(), ElementsAre("shop-a6"));
}

TEST_F(Publishes, ARevisionIsOfTheTemplateThatTheReconcilerSaw) {
  world_.Post(kApps, App("shop"));
  SetImage("shop:2");
  publisher_.SetWebApp(kKey, StatusOf(2, "aaaa", 1), {});  // it has not seen the change yet
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_THAT(Revisions(), IsEmpty());
  Set(2, "bbbb", {});
  EXPECT_THAT(RevisionNames(), ElementsAre("shop-bbbb"));
}

TEST_F(Publishes, AnotherPublisherGoesOnWithTheSameRevisions) {
  world_.Post(kApps, App("shop"));
  Set(2, "aaaa", {});
  const std::uint64_t before = world_.durable.Revision();
  Publisher other({.registry = world_.registry,
                   .clock = world_.clock,
                   .table = table_,
                   .log = log_,
                   .instance = "test"});
  other.SetWebApp(kKey, StatusOf(2, "aaaa", 1), {});
  EXPECT_TRUE(other.RunOnce());
  EXPECT_EQ(world_.durable.Revision(), before);
  EXPECT_THAT(Revisions(), SizeIs(1));
}

TEST_F(Publishes, WhatIsTakenDownLeavesNothing) {
  world_.Post(kApps, App("shop"));
  world_.Post(kApps, App("other"));
  Set(2, "aaaa", {Replica("shop-1")});
  world_.Delete(kShop);
  publisher_.Remove(kKey);
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_EQ(world_.Get(kShop).status, 404);
  EXPECT_THAT(Items("/api/v1/namespaces/default/pods"), IsEmpty());
  EXPECT_THAT(Items("/apis/ballast.dev/v1alpha1/namespaces/default/replicas"), IsEmpty());
  EXPECT_THAT(Revisions(), IsEmpty());
  EXPECT_EQ(world_.Get(std::string(kApps) + "/other").status, 200);
}

TEST_F(Publishes, WhatNobodyDeletedStays) {
  world_.Post(kApps, App("shop"));
  Set(2, "aaaa", {Replica("shop-1")});
  publisher_.Remove(kKey);
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_EQ(world_.Get(kShop).status, 200);
  EXPECT_EQ(world_.Get(kShop).body["metadata"]["finalizers"], json::array({kTeardownFinalizer}));
  EXPECT_THAT(Revisions(), SizeIs(1));
}

TEST_F(Publishes, ALoadBalancersStatusToo) {
  world_.Post(
      kBalancers,
      {{"metadata", {{"name", "default"}}},
       {"spec", {{"listeners", {{{"name", "http"}, {"port", 80}, {"protocol", "HTTP"}}}}}}});
  api::LoadBalancerStatus status;
  status.version = "3.0";
  publisher_.SetLoadBalancer({"LoadBalancer", "", "default"}, status);
  publisher_.SetLoadBalancer({"LoadBalancer", "", "implied"}, status);
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_EQ(world_.Get(std::string(kBalancers) + "/default").body["status"]["version"], "3.0");
  EXPECT_EQ(world_.Get(std::string(kBalancers) + "/implied").status, 404);
}

// `default` deleted while routes need it: it goes on as the implied one, and the object goes.
TEST_F(Publishes, ADeletedLoadBalancerGivesWayToTheImpliedOne) {
  world_.Post(
      kBalancers,
      {{"metadata", {{"name", "default"}}},
       {"spec", {{"listeners", {{{"name", "http"}, {"port", 81}, {"protocol", "HTTP"}}}}}}});
  const std::string path = std::string(kBalancers) + "/default";
  world_.Delete(path);
  ASSERT_EQ(world_.Get(path).status, 200) << "its containers are still there";
  api::LoadBalancerStatus status;
  status.observed_generation = 1;  // from before somebody looked
  publisher_.SetLoadBalancer({"LoadBalancer", "", "default"}, status);
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_EQ(world_.Get(path).status, 200);
  status.observed_generation = 0;
  publisher_.SetLoadBalancer({"LoadBalancer", "", "default"}, status);
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_EQ(world_.Get(path).status, 404);
}

TEST_F(Publishes, WhatCouldNotBeWrittenIsTriedAgainUnlessThereIsNewer) {
  world_.Post(kApps, App("shop"));
  world_.durable.FailWrites({Code::kFailedPrecondition, "full"}, 1);
  publisher_.SetWebApp(kKey, StatusOf(1, "", 1), {});
  EXPECT_FALSE(publisher_.RunOnce());
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_EQ(world_.Get(kShop).body["status"]["readyReplicas"], 1);
  world_.durable.FailWrites({Code::kFailedPrecondition, "full"}, 1);
  publisher_.SetWebApp(kKey, StatusOf(2, "", 1), {});
  EXPECT_FALSE(publisher_.RunOnce());
  publisher_.SetWebApp(kKey, StatusOf(3, "", 1), {});
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_EQ(world_.Get(kShop).body["status"]["readyReplicas"], 3);
}

class Events : public Publishes {
 protected:
  void Record(const std::string& reason, const std::string& message = "m",
              const api::ObjectKey& object = kKey) {
    publisher_.Record(object, reconcilers::EventType::kWarning, reason, message);
  }
  std::vector<json> All() { return Items("/api/v1/events"); }
};

TEST_F(Events, AreObjectsThatSayWhatTheyAreAbout) {
  const json app = world_.Post(kApps, App("shop")).body;
  Record("Died", "exit code 1");
  EXPECT_TRUE(publisher_.RunOnce());
  ASSERT_THAT(All(), SizeIs(1));
  const json event = All()[0];
  EXPECT_EQ(event["kind"], "Event");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "Died");
  EXPECT_EQ(event["message"], "exit code 1");
  EXPECT_EQ(event["count"], 1);
  EXPECT_EQ(event["involvedObject"]["kind"], "WebApp");
  EXPECT_EQ(event["involvedObject"]["name"], "shop");
  EXPECT_EQ(event["involvedObject"]["uid"], app["metadata"]["uid"]);
  EXPECT_EQ(event["metadata"]["namespace"], "default");
  EXPECT_THAT(Items("/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dshop,"
                    "involvedObject.kind%3DWebApp,involvedObject.namespace%3Ddefault,"
                    "involvedObject.uid%3D" +
                    app["metadata"]["uid"].get<std::string>()),
              SizeIs(1))
      << "as kubectl describe asks";
  EXPECT_THAT(log_.Reasons(), ElementsAre("Died"));
}

TEST_F(Events, EqualOnesAreCounted) {
  Record("Died");
  Record("Died");
  Record("Died", "other");
  EXPECT_TRUE(publisher_.RunOnce());
  world_.clock.Advance(std::chrono::minutes(5));
  Record("Died");
  EXPECT_TRUE(publisher_.RunOnce());
  ASSERT_THAT(All(), SizeIs(2));
  for (const json& event : All()) {
    if (event["message"] != "m") continue;
    EXPECT_EQ(event["count"], 3);
    EXPECT_EQ(event["firstTimestamp"], "2026-01-01T00:00:00Z");
    EXPECT_EQ(event["lastTimestamp"], "2026-01-01T00:05:00Z");
  }
}

TEST_F(Events, OldOnesGo) {
  Record("Old");
  EXPECT_TRUE(publisher_.RunOnce());
  world_.clock.Advance(std::chrono::minutes(40));
  Record("Newer");
  EXPECT_TRUE(publisher_.RunOnce());
  world_.clock.Advance(std::chrono::minutes(21));
  EXPECT_TRUE(publisher_.RunOnce());
  ASSERT_THAT(All(), SizeIs(1));
  EXPECT_EQ(All()[0]["reason"], "Newer");
}

TEST_F(Events, OfWhatIsInNoNamespaceAreInDefault) {
  Record("Reloaded", "m", {"LoadBalancer", "", "default"});
  Record("ManifestInvalid", "m", {"Manifest", "", "Shop App/ä.yaml"});
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_THAT(Items("/api/v1/namespaces/default/events"), SizeIs(2));
}

TEST_F(Events, TooManyAreNotKept) {
  for (int i = 0; i < 3'000; ++i) Record("Flood", std::to_string(i));
  EXPECT_TRUE(publisher_.RunOnce());
  EXPECT_LE(All().size(), Publisher::kMaxPendingEvents);
}

TEST_F(Events, TheThreadWritesThem) {
  Watcher watcher(world_, "/api/v1/events?watch=true");
  static_cast<void>(watcher.AwaitWake());
  static_cast<void>(watcher.Read());
  publisher_.Start();
  Record("Started");
  EXPECT_TRUE(watcher.AwaitWake());
  EXPECT_THAT(watcher.Read(), SizeIs(1));
  publisher_.Stop();
}

TEST(EventNames, AreNamesOfObjects) {
  EXPECT_EQ(EventName(kKey, "R", "m"), EventName(kKey, "R", "m"));
  EXPECT_NE(EventName(kKey, "R", "m"), EventName(kKey, "R", "n"));
  EXPECT_NE(EventName(kKey, "Rm", ""), EventName(kKey, "R", "m"));
  const std::string odd = EventName({"Manifest", "", "../Shop App.yaml"}, "R", "m");
  EXPECT_EQ(odd.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-."), std::string::npos);
  EXPECT_LE(EventName({"X", "", std::string(5000, 'x')}, "R", "m").size(), 253U);
}

TEST(Changes, AreDescribedForAPerson) {
  const auto with = [](const std::string& image, const json& more = json::object()) {
    json spec = {{"containers", {{{"name", "web"}, {"image", image}}}}};
    spec.update(more);
    return json{{"spec", spec}};
  };
  EXPECT_EQ(DescribeChange(nullptr, with("a")), "created");
  EXPECT_EQ(DescribeChange(with("a"), with("b")), "containers[0].image a -> b");
  EXPECT_EQ(DescribeChange(with("a"), with("a")), "");
  EXPECT_THAT(DescribeChange(with("a"), with("a", {{"x", 1}, {"y", 2}, {"z", 3}, {"w", 4}})),
              HasSubstr("; and 1 more"));
  EXPECT_THAT(DescribeChange(with("a", {{"x", 1}}), with("a")), HasSubstr("x 1 -> nothing"));
  EXPECT_LT(DescribeChange(with("a"), with(std::string(10'000, 'x'))).size(), 300U);
}

}  // namespace
}  // namespace ballast::apiserver
