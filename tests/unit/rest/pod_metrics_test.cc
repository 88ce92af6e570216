// What pods use, from Docker's counters to what `kubectl top pod` reads.
#include "controller/apiserver/pod_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "api/labels.h"
#include "controller/apiserver/published_objects.h"
#include "reconcilers/webapp/container_spec.h"
#include "tests/fakes/fake_container_lister.h"
#include "tests/fakes/fake_engine.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kUse[] = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods";
constexpr char kUseOfAll[] = "/apis/metrics.k8s.io/v1beta1/pods";

// The world's clock, and how often the monitor has looked at it.
class WatchedClock final : public reconcilers::Clock {
 public:
  explicit WatchedClock(const Clock& clock) : clock_(clock) {}
  [[nodiscard]] Steady Now() const override {
    ++looks_;
    return clock_.Now();
  }
  [[nodiscard]] api::Time WallNow() const override { return clock_.WallNow(); }
  [[nodiscard]] std::uint64_t looks() const { return looks_; }

 private:
  const Clock& clock_;
  mutable std::atomic<std::uint64_t> looks_ = 0;
};

class PodMetricsTest : public testing::Test {
 protected:
  PodMetricsTest() {
    world_.pod_metrics = [this](const RequestInfo& info, const HttpRequest& request,
                                const Respond& respond) {
      metrics_.Handle(info, request, respond);
    };
    world_.clock.OnAdvance([this] { monitor_.Wake(); });
  }
  ~PodMetricsTest() override { monitor_.Stop(); }

  // A replica with its pod, which uses so many CPUs and so much memory.
  void Add(const std::string& ns, const std::string& app, const std::string& name, double cpus,
           std::int64_t memory, const std::string& sidecar = "") {
    reconcilers::ContainerInfo info{.state = reconcilers::ContainerState::kRunning};
    info.name = reconcilers::ContainerName("ballast", ns, name, 0);
    info.labels = {{api::kLabelWebApp, app},
                   {api::kLabelNamespace, ns},
                   {api::kLabelOwner, "ballast"},
                   {api::kLabelReplica, name},
                   {api::kLabelAttempt, "0"}};
    if (!sidecar.empty()) {
      info.name += "." + sidecar;
      info.labels[api::kLabelSidecar] = sidecar;
    }
    engine_.AddContainer(info);
    engine_.SetUsage(info.name, cpus, memory);
    containers_.Sync();
    if (sidecar.empty()) AddPod(ns, app, name);
  }
  void AddPod(const std::string& ns, const std::string& app, const std::string& name) {
    api::ReplicaStatus replica;
    replica.name = name;
    replica.phase = "Running";
    json webapp = App(app);
    webapp["spec"]["template"]["metadata"]["labels"] = {{"tier", app == "shop" ? "front" : "back"}};
    json pod = PodObject({"WebApp", ns, app}, replica, webapp);
    ASSERT_TRUE(world_.registry.Write({FindResource("", "v1", "pods"), ns, name},
                                      [&](const json&) { return pod; }));
  }
  // Time goes on while somebody waits, but never past a monitor that was not let onto a CPU: its
  // patience would end before its work began.
  Reply Get(const std::string& target, const World::Headers& headers = {}) {
    const std::jthread time([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        const std::uint64_t looks = clock_.looks();
        world_.clock.Advance(std::chrono::milliseconds(25));
        while (clock_.looks() == looks && !stop.stop_requested()) std::this_thread::yield();
      }
    });
    return world_.Get(target, headers);
  }
  static std::vector<std::string> Names(const json& list) {
    std::vector<std::string> names;
    for (const json& item : list["items"]) {
      names.push_back(item["metadata"]["namespace"].get<std::string>() + "/" +
                      item["metadata"]["name"].get<std::string>());
    }
    return names;
  }

  World world_;
  WatchedClock clock_{world_.clock};
  fakes::FakeEngine engine_{&world_.clock};
  fakes::FakeContainerLister containers_{&engine_};
  runtime::ResourceMonitor monitor_{engine_, containers_, clock_, {.owner = "ballast"}};
  PodMetrics metrics_{world_.registry, monitor_, world_.clock};
};

TEST_F(PodMetricsTest, TheFirstToAskGetsFigures) {
  Add("default", "shop", "shop-r1-0", 0.25, 10 << 20);
  Add("default", "shop", "shop-r1-0", 0.05, 1 << 20, "log");
  monitor_.Start();
  const Reply reply = Get(kUse);
  ASSERT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.body["kind"], "PodMetricsList");
  EXPECT_EQ(reply.body["apiVersion"], "metrics.k8s.io/v1beta1");
  ASSERT_EQ(reply.body["items"].size(), 1U);
  const json& item = reply.body["items"][0];
  EXPECT_EQ(item["kind"], "PodMetrics");
  EXPECT_EQ(item["metadata"]["name"], "shop-r1-0");
  EXPECT_EQ(item["metadata"]["namespace"], "default");
  EXPECT_EQ(item["metadata"]["labels"]["tier"], "front");
  EXPECT_THAT(item["timestamp"].get<std::string>(), HasSubstr("2026-01-01T00:00:"));
  EXPECT_THAT(item["window"].get<std::string>(), testing::EndsWith("s"));
  ASSERT_EQ(item["containers"].size(), 2U);
  EXPECT_EQ(item["containers"][0]["name"], "web") << "as the template calls it";
  EXPECT_EQ(item["containers"][0]["usage"]["memory"], "10240Ki");
  const std::string cpu = item["containers"][0]["usage"]["cpu"];
  EXPECT_TRUE(cpu.ends_with('n'));
  EXPECT_NEAR(std::stod(cpu), 250'000'000, 10'000'000);
  EXPECT_EQ(item["containers"][1]["name"], "log");
}

TEST_F(PodMetricsTest, Selects) {
  Add("default", "shop", "shop-r1-0", 0.25, 1 << 20);
  Add("default", "blog", "blog-r1-0", 0.25, 1 << 20);
  Add("team", "shop", "shop-r2-0", 0.25, 1 << 20);
  AddPod("default", "shop", "shop-r1-1");  // it does not run
  monitor_.Start();
  EXPECT_THAT(Names(Get(kUse).body), ElementsAre("default/blog-r1-0", "default/shop-r1-0"));
  EXPECT_THAT(Names(Get(kUseOfAll).body),
              ElementsAre("default/blog-r1-0", "default/shop-r1-0", "team/shop-r2-0"));
  EXPECT_THAT(Names(Get(std::string(kUse) + "?labelSelector=tier%3Dback").body),
              ElementsAre("default/blog-r1-0"));
  EXPECT_THAT(Names(Get(std::string(kUse) + "?labelSelector=tier%3Dnone").body), IsEmpty());
  EXPECT_THAT(Names(Get(std::string(kUseOfAll) + "?fieldSelector=metadata.name%3Dshop-r2-0").body),
              ElementsAre("team/shop-r2-0"));
  EXPECT_THAT(Names(Get("/apis/metrics.k8s.io/v1beta1/namespaces/empty/pods").body), IsEmpty());
  EXPECT_EQ(Get(std::string(kUse) + "?labelSelector=%3D%3D").status, 400);
}

TEST_F(PodMetricsTest, OnePod) {
  Add("default", "shop", "shop-r1-0", 0.25, 1 << 20);
  AddPod("default", "shop", "shop-r1-1");
  monitor_.Start();
  const Reply found = Get(std::string(kUse) + "/shop-r1-0");
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(found.body["kind"], "PodMetrics");
  const Reply stopped = Get(std::string(kUse) + "/shop-r1-1");
  EXPECT_EQ(stopped.status, 404);
  EXPECT_THAT(stopped.body["message"].get<std::string>(), HasSubstr("it does not run"));
  const Reply missing = Get(std::string(kUse) + "/nothing");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body["message"], "pods \"nothing\" not found");
}

TEST_F(PodMetricsTest, AsATable) {
  Add("default", "shop", "shop-r1-0", 0.5, 3 << 20);
  Add("default", "shop", "shop-r1-0", 0.25, 1 << 20, "log");
  monitor_.Start();
  for (const std::string& target : {std::string(kUse), std::string(kUse) + "/shop-r1-0"}) {
    const json table = Get(target, {{"accept", kTableAccept}}).body;
    EXPECT_EQ(table["kind"], "Table");
    ASSERT_EQ(table["rows"].size(), 1U);
    EXPECT_EQ(table["rows"][0]["cells"][0], "shop-r1-0");
    EXPECT_THAT(table["rows"][0]["cells"][1].get<std::string>(),
                testing::MatchesRegex("[1-9][0-9]*m"));
    EXPECT_EQ(table["rows"][0]["cells"][2], "4Mi");
    EXPECT_EQ(table["columnDefinitions"].size(), 4U);
  }
}

TEST_F(PodMetricsTest, ReadOnlyAndNotWatched) {
  EXPECT_EQ(world_.Get(std::string(kUse) + "?watch=true").status, 405);
  EXPECT_EQ(world_.Delete(std::string(kUse) + "/shop-r1-0").status, 405);
  EXPECT_EQ(world_.Post(kUse, json::object()).status, 405);
  EXPECT_EQ(world_.Get(kUse, {{"accept", "text/plain"}}).status, 406);
  const Reply nodes = world_.Get("/apis/metrics.k8s.io/v1beta1/nodes");
  EXPECT_EQ(nodes.status, 404);
  EXPECT_EQ(nodes.body["message"], "Ballast measures pods only, not nodes: kubectl top pod");
}

TEST_F(PodMetricsTest, WhoMayReadMay) {
  world_.user = {.name = "ann", .groups = {"ballast:view:default"}};
  EXPECT_EQ(world_.Get(kUse).status, 200);
  EXPECT_EQ(world_.Get(kUseOfAll).status, 403);
  world_.user.groups = {"ballast:view"};
  EXPECT_EQ(world_.Get(kUseOfAll).status, 200);
  world_.user.groups = {};
  EXPECT_EQ(world_.Get(kUse).status, 403);
  EXPECT_EQ(world_.Get(kUse).body["message"],
            "pods.metrics.k8s.io is forbidden: User \"ann\" cannot list resource \"pods\" in API "
            "group \"metrics.k8s.io\" in the namespace \"default\"");
}

TEST_F(PodMetricsTest, WithoutTheMonitorTheAnswerIsEmpty) {
  Add("default", "shop", "shop-r1-0", 0.5, 3 << 20);
  EXPECT_THAT(Names(world_.Get(kUse).body), IsEmpty());
}

}  // namespace
}  // namespace ballast::apiserver
