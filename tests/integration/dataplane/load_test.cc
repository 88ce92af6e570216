// What is measured of a real HAProxy under real requests: across reloads, restarts of HAProxy and
// of the controller.
#include <fmt/format.h>

#include "controller/runtime/load_monitor.h"
#include "controller/store/load_db.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fault/loadgen/load.h"
#include "tests/fault/loadgen/long_lived.h"
#include "tests/integration/dataplane/live.h"

namespace ballast::live {
namespace {

using reconcilers::LoadSample;
using reconcilers::LoadSeries;

constexpr double kRate = 100;
// What a counter that was taken for a difference would exceed by far, and a machine that stops and
// catches up does not.
constexpr double kSpike = 4 * kRate;

class LoadOfHaproxy : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped()) return;
    api::Autoscaler autoscaler;
    autoscaler.meta.name = "shop";
    autoscaler.spec.scale_target_ref = {.kind = "WebApp", .name = "shop"};
    desired.Put(autoscaler);
    StartMonitor();
  }
  void TearDown() override {
    monitor.reset();
    Live::TearDown();
  }
  // Another controller over the same file.
  void StartMonitor() {
    monitor.reset();
    history.reset();
    history = std::make_unique<store::LoadDb>(dir.path("load.db"), clock);
    monitor = std::make_unique<runtime::LoadMonitor>(runtime::LoadMonitorDependencies{
        clock, *manager, desired, *history, enqueuer, metrics, nullptr});
    monitor->Start();
  }
  std::vector<LoadSample> Samples(std::int64_t after = 0) {
    const auto series = monitor->Load(reconcilers::App("shop"));
    return series ? series->Samples(after) : std::vector<LoadSample>{};
  }
  // Until so many more samples are there.
  bool More(std::size_t count) {
    const auto before = Samples();
    const std::int64_t after = before.empty() ? 0 : before.back().second;
    return Until([&] { return Samples(after).size() >= count; });
  }

  TempDir dir;
  std::unique_ptr<store::LoadDb> history;
  std::unique_ptr<runtime::LoadMonitor> monitor;
};

TEST_F(LoadOfHaproxy, IsRightAcrossReloadsAndRestarts) {
  App a("a");
  App b("b");
  static_cast<void>(Publish("shop", {a.endpoint(), b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  loadgen::Load load({.port = spec.listeners.front().port,
                      .host = "shop.test",
                      .path = "/work?ms=30",
                      .rate = kRate});
  load.Start();
  ASSERT_TRUE(More(5));
  const auto steady = Samples();
  const auto mean = monitor->Load(reconcilers::App("shop"))->Mean(steady.back().second, 3);
  EXPECT_NEAR(mean.request_rate, kRate, kRate / 2);
  EXPECT_GT(mean.concurrency, 0);
  EXPECT_GE(mean.response_seconds, 0.025);
  EXPECT_LT(mean.response_seconds, 1);
  EXPECT_EQ(steady.back().in_service, 2);
  EXPECT_EQ(mean.error_rate, 0);
  const auto now = monitor->Now("default");
  ASSERT_EQ(now.size(), 1U);
  ASSERT_EQ(now[0].replicas.size(), 2U);
  EXPECT_NEAR(now[0].replicas.at("a").request_rate + now[0].replicas.at("b").request_rate,
              now[0].load.request_rate, kRate / 10);

  const int reloads = Status().reloads;
  App c("c");
  static_cast<void>(Publish("other", {c.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("other.test"); }));
  ASSERT_TRUE(Until([&] { return Status().reloads > reloads; }));
  ASSERT_TRUE(More(3));

  ASSERT_EQ(Containers().size(), 1U);
  Shell("docker restart -t 0 " + Containers().front());
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  ASSERT_TRUE(More(3));

  const auto before = Samples();
  StartMonitor();
  const auto kept = Samples();
  EXPECT_GE(kept.size(), before.size()) << "what was measured before is known at once";
  ASSERT_TRUE(More(2));
  static_cast<void>(load.Stop());

  // The first second may be half one.
  for (const LoadSample& sample : Samples(steady.front().second)) {
    EXPECT_GT(sample.request_rate, 0) << sample.second;
    EXPECT_LT(sample.request_rate, kSpike) << sample.second;
    EXPECT_GE(sample.concurrency, 0);
    EXPECT_GE(sample.error_rate, 0);
    EXPECT_LT(sample.response_seconds, 5);
  }
}

TEST_F(LoadOfHaproxy, WhatIsInAnOldWorkerIsStillThere) {
  App a("a");
  static_cast<void>(Publish("shop", {a.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  loadgen::LongLived streams({.port = spec.listeners.front().port,
                              .host = "shop.test",
                              .websockets = 6,
                              .event_streams = 4});
  streams.Start();
  ASSERT_EQ(streams.Snapshot().Opened(), 10U);
  const auto concurrency = [&] {
    const auto samples = Samples();
    return samples.empty() ? 0 : samples.back().concurrency;
  };
  ASSERT_TRUE(Until([&] { return concurrency() == 10; }));
  App b("b");
  static_cast<void>(Publish("other", {b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("other.test"); }));
  ASSERT_TRUE(More(2));
  EXPECT_EQ(concurrency(), 10) << "all of it is in the old worker";
  EXPECT_EQ(streams.Stop().Cut(), 0U);
  a.Kill();  // otherwise HAProxy keeps what only one side has closed
  ASSERT_TRUE(Until([&] { return concurrency() == 0; }));
}

}  // namespace
}  // namespace ballast::live
