#include "controller/runtime/load_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_desired.h"
#include "tests/fakes/memory_load_history.h"
#include "tests/fakes/recording_enqueuer.h"
#include "tests/fakes/recording_metrics.h"

namespace ballast::runtime {
namespace {

using reconcilers::BackendCounters;
using reconcilers::LoadReading;
using reconcilers::LoadSample;
using reconcilers::LoadSeries;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
const api::ObjectKey kBlog{"WebApp", "other", "blog"};
const api::ObjectKey kScaler{"Autoscaler", "default", "shop-scaler"};

// A HAProxy that counts what the test says.
class FakeSource final : public reconcilers::LoadSource {
 public:
  explicit FakeSource(const reconcilers::Clock& clock) : clock_(clock) {}
  std::map<std::string, Result<LoadReading>> ReadLoad() override {
    const std::lock_guard lock(mutex);
    ++reads;
    std::map<std::string, Result<LoadReading>> readings;
    if (away) {
      readings.emplace("lb", Error(Code::kUnavailable, "connection refused"));
      return readings;
    }
    LoadReading reading{.process = process, .at = clock_.Now(), .backends = {}};
    for (const auto& [app, backend] : backends) reading.backends.push_back(backend);
    readings.emplace("lb", std::move(reading));
    return readings;
  }
  BackendCounters& Of(const api::ObjectKey& app) {
    BackendCounters& backend = backends[app];
    backend.app = app;
    return backend;
  }

  std::mutex mutex;
  std::map<api::ObjectKey, BackendCounters> backends;
  std::string process = "1/8/1000/";
  bool away = false;
  int reads = 0;

 private:
  const reconcilers::Clock& clock_;
};

class LoadMonitorTest : public testing::Test {
 protected:
  LoadMonitorTest() {
    clock_.Advance(milliseconds(10));
    AddApp(kShop);
    Make();
  }
  void AddApp(const api::ObjectKey& key) {
    api::WebApp app;
    app.meta.ns = key.ns;
    app.meta.name = key.name;
    desired_.Put(app);
    source_.Of(key).active_servers = 2;
  }
  void AddAutoscaler() {
    api::Autoscaler autoscaler;
    autoscaler.meta.name = kScaler.name;
    autoscaler.spec.scale_target_ref = {.kind = "WebApp", .name = "shop"};
    desired_.Put(autoscaler);
  }
  // Another controller over the same history.
  void Make() {
    monitor_ = std::make_unique<LoadMonitor>(
        LoadMonitorDependencies{clock_, source_, desired_, history_, enqueuer_, metrics_,
                                [this](const api::ObjectKey& app) {
                                  asked_.push_back(app);
                                  return resources_;
                                }});
  }
  // So many seconds, in each of which `rate` requests come to the shop.
  void Run(int count, int rate = 0) {
    for (int i = 0; i < count; ++i) {
      clock_.Advance(seconds(1));
      BackendCounters& shop = source_.Of(kShop);
      shop.counters.arrived += rate;
      shop.counters.ended += rate;
      monitor_->Sample();
    }
  }
  std::int64_t Second() const {
    return std::chrono::floor<seconds>(clock_.WallNow()).time_since_epoch().count();
  }
  double Gauge(const std::string& name, const std::string& app = "shop") {
    return metrics_.Get("ballast_webapp_" + name + "{namespace=default,webapp=" + app + "}");
  }

  fakes::FakeClock clock_;
  FakeSource source_{clock_};
  fakes::FakeDesired desired_;
  fakes::MemoryLoadHistory history_;
  fakes::RecordingEnqueuer enqueuer_;
  fakes::RecordingMetrics metrics_;
  std::map<std::string, reconcilers::ResourceSample> resources_;
  std::vector<api::ObjectKey> asked_;
  std::unique_ptr<LoadMonitor> monitor_;
};

TEST_F(LoadMonitorTest, NothingIsKnownAtFirst) {
  EXPECT_FALSE(monitor_->Load(kShop));
  EXPECT_EQ(monitor_->Held(kShop), 0);
  EXPECT_THAT(monitor_->Now(""), IsEmpty());
  AddAutoscaler();
  Run(1);
  EXPECT_FALSE(monitor_->Load(kShop)) << "one reading is none";
}

TEST_F(LoadMonitorTest, ASampleASecondForTheAutoscaler) {
  AddAutoscaler();
  Run(1);
  Run(10, 30);
  const auto series = monitor_->Load(kShop);
  ASSERT_TRUE(series);
  ASSERT_NE(series->Last(), nullptr);
  EXPECT_EQ(series->Last()->second, Second());
  EXPECT_DOUBLE_EQ(series->Last()->request_rate, 30);
  EXPECT_EQ(series->Mean(Second(), 10).seconds, 10);
  EXPECT_EQ(series->Last()->in_service, 2);
  // One key for each sample, also for the one that told nothing: no metrics is to be said.
  EXPECT_THAT(enqueuer_.Keys(), SizeIs(11));
  EXPECT_THAT(enqueuer_.Keys(), testing::Each(kScaler));
  EXPECT_DOUBLE_EQ(Gauge("request_rate"), 30);
}

TEST_F(LoadMonitorTest, WithoutAnAutoscalerItGoesOnAndIsAskedForNothing) {
  Run(1);
  Run(20, 7);
  EXPECT_THAT(enqueuer_.Keys(), IsEmpty());
  const auto series = monitor_->Load(kShop);
  ASSERT_TRUE(series);
  EXPECT_EQ(series->Mean(Second(), 20).seconds, 20);
  EXPECT_EQ(series->Mean(Second(), 20).request_rate, 7);
  EXPECT_EQ(history_.appends, 2);
}

TEST_F(LoadMonitorTest, AnAutoscalerThatComesLaterKnowsWhatWasBefore) {
  Run(1);
  Run(100, 5);
  AddAutoscaler();
  Run(1, 5);
  EXPECT_EQ(monitor_->Load(kShop)->Mean(Second(), 101).seconds, 101);
  desired_.autoscalers.clear();
  Run(1, 5);
  EXPECT_EQ(monitor_->Load(kShop)->Mean(Second(), 102).seconds, 102);
}

TEST_F(LoadMonitorTest, ARestartForgetsNothing) {
  AddAutoscaler();
  Run(1);
  Run(300, 12);
  monitor_->Start();
  monitor_->Stop();  // writes what is left
  Make();
  // HAProxy has not answered yet.
  source_.away = true;
  monitor_->Start();
  monitor_->Stop();
  ASSERT_TRUE(monitor_->Load(kShop));
  EXPECT_EQ(monitor_->Load(kShop)->Mean(Second(), 300).seconds, 300);
  source_.away = false;
  Run(1, 12);
  Run(5, 12);
  const auto window = monitor_->Load(kShop)->Mean(Second(), 306);
  EXPECT_EQ(window.seconds, 305) << "the first reading after it is no sample";
  EXPECT_DOUBLE_EQ(window.request_rate, 12);
}

TEST_F(LoadMonitorTest, AKillLosesTenSecondsAtMost) {
  AddAutoscaler();
  Run(1);
  Run(125, 12);
  Make();
  Run(1, 12);
  const int known = monitor_->Load(kShop)->Mean(Second(), 126).seconds;
  EXPECT_GE(known, 115);
  // Minutes are whole: what was written of the one that was cut is summed with the rest of it.
  Run(120, 12);
  const auto minutes = history_.Minutes(kShop, 0);
  ASSERT_THAT(*minutes, SizeIs(4));
  for (const LoadSample& minute : *minutes) {
    EXPECT_DOUBLE_EQ(minute.request_rate, 12);
    EXPECT_EQ(minute.second % 60, 0);
  }
}

TEST_F(LoadMonitorTest, ReloadsAndSilenceAreGaps) {
  AddAutoscaler();
  Run(1);
  Run(10, 100);
  source_.process = "1/12/1010/";
  Run(1, 100);
  EXPECT_EQ(monitor_->Load(kShop)->At(Second()), nullptr);
  Run(5, 100);
  source_.away = true;
  Run(3, 100);
  source_.away = false;
  source_.process = "1/9/1030/";
  source_.Of(kShop).counters = {};
  Run(5, 100);
  for (const LoadSample& sample : monitor_->Load(kShop)->Samples(0)) {
    EXPECT_DOUBLE_EQ(sample.request_rate, 100) << sample.second;
  }
}

TEST_F(LoadMonitorTest, HeldRequestsAreSeenBetweenTwoSeconds) {
  AddAutoscaler();
  Run(2);
  enqueuer_.Take();
  BackendCounters& shop = source_.Of(kShop);
  shop.active_servers = 0;
  shop.held = 3;
  shop.counters = {.arrived = 3, .current = 3, .queued = 3};
  clock_.Advance(milliseconds(200));
  monitor_->SampleHeld();
  EXPECT_EQ(monitor_->Held(kShop), 3);
  EXPECT_THAT(enqueuer_.Take(), ElementsAre(kScaler));
  clock_.Advance(milliseconds(800));
  monitor_->Sample();
  EXPECT_DOUBLE_EQ(monitor_->Load(kShop)->Last()->request_rate, 3) << "over the whole second";
  source_.away = true;
  Run(1);
  EXPECT_EQ(monitor_->Held(kShop), 0);
}

TEST_F(LoadMonitorTest, AWakeIsHeardByTheThread) {
  AddAutoscaler();
  monitor_->Start();
  source_.mutex.lock();
  source_.Of(kShop).held = 1;
  source_.mutex.unlock();
  monitor_->SampleSoon();
  monitor_->SampleSoon();
  EXPECT_TRUE(enqueuer_.WaitUntil([&] { return monitor_->Held(kShop) == 1; }));
  monitor_->Stop();
  EXPECT_THAT(enqueuer_.Keys(), Contains(kScaler));
}

TEST_F(LoadMonitorTest, WebAppsThatAreGoneAreForgotten) {
  AddApp(kBlog);
  Run(1);
  Run(20, 4);
  ASSERT_THAT(*history_.Seconds(kShop, 0), testing::Not(IsEmpty()));
  EXPECT_THAT(monitor_->Now(""), SizeIs(2));
  desired_.apps.erase(kShop);
  desired_.unknown = true;
  Run(30, 4);
  EXPECT_THAT(monitor_->Now(""), SizeIs(2)) << "what is not known to be gone stays";
  desired_.unknown = false;
  Run(30, 4);  // HAProxy has it still
  EXPECT_THAT(monitor_->Now(""), SizeIs(1));
  EXPECT_THAT(*history_.Seconds(kShop, 0), IsEmpty());
  EXPECT_FALSE(metrics_.Has("ballast_webapp_request_rate{namespace=default,webapp=shop}"));
  EXPECT_FALSE(monitor_->Load(kShop));
}

TEST_F(LoadMonitorTest, GaugesGoWithTheFigures) {
  Run(1);
  source_.Of(kShop).counters.mean_millis = 40;
  Run(2, 10);
  EXPECT_TRUE(metrics_.Has("ballast_webapp_response_seconds{namespace=default,webapp=shop}"));
  Run(1, 0);
  EXPECT_FALSE(metrics_.Has("ballast_webapp_response_seconds{namespace=default,webapp=shop}"));
  EXPECT_TRUE(metrics_.Has("ballast_webapp_request_rate{namespace=default,webapp=shop}"));
  source_.away = true;
  Run(9);
  EXPECT_TRUE(metrics_.Has("ballast_webapp_concurrency{namespace=default,webapp=shop}"));
  Run(10);
  for (const char* name : {"request_rate", "concurrency", "queued", "error_rate"}) {
    EXPECT_FALSE(
        metrics_.Has(std::string("ballast_webapp_") + name + "{namespace=default,webapp=shop}"))
        << name;
  }
}

TEST_F(LoadMonitorTest, NowIsTheMeanOfTheLastSeconds) {
  AddApp(kBlog);
  BackendCounters& shop = source_.Of(kShop);
  shop.servers = {{"shop-a", {}}, {"shop-b", {}}};
  Run(1);
  for (int i = 0; i < 10; ++i) {
    shop.servers[0].counters.arrived += 20;
    shop.servers[0].counters.current = 6;
    shop.counters.current = 6;
    Run(1, i < 5 ? 500 : 20);
  }
  const std::vector<AppLoadNow> now = monitor_->Now("default");
  ASSERT_THAT(now, SizeIs(1));
  EXPECT_EQ(now[0].app, kShop);
  EXPECT_TRUE(now[0].load.known);
  EXPECT_DOUBLE_EQ(now[0].load.request_rate, 20);
  EXPECT_DOUBLE_EQ(now[0].load.concurrency, 6);
  EXPECT_EQ(now[0].in_service, 2);
  ASSERT_THAT(now[0].replicas, SizeIs(2));
  EXPECT_DOUBLE_EQ(now[0].replicas.at("shop-a").request_rate, 20);
  EXPECT_DOUBLE_EQ(now[0].replicas.at("shop-a").concurrency, 6);
  EXPECT_DOUBLE_EQ(now[0].replicas.at("shop-b").request_rate, 0);
  EXPECT_THAT(monitor_->Now(""), SizeIs(2));
  source_.away = true;
  Run(6);
  EXPECT_FALSE(monitor_->Now("default")[0].load.known);
  EXPECT_FALSE(monitor_->Now("default")[0].replicas.at("shop-a").known);
}

TEST_F(LoadMonitorTest, WhatCannotBeWrittenIsKeptAndWrittenLater) {
  Run(1);
  history_.fail = Status{Code::kFailedPrecondition, "the disk is full"};
  Run(200, 3);
  EXPECT_THAT(*monitor_->Seconds(kShop, 0), SizeIs(200));
  history_.fail.reset();
  Run(10, 3);
  EXPECT_THAT(*history_.Seconds(kShop, 0), SizeIs(testing::Ge(200U)));
  history_.fail = Status{Code::kFailedPrecondition, "the disk is full"};
  Run(2000, 3);
  EXPECT_THAT(*monitor_->Seconds(kShop, 0), SizeIs(testing::Le(900U))) << "bounded";
}

TEST_F(LoadMonitorTest, AClockThatIsSet) {
  AddAutoscaler();
  Run(1);
  Run(30, 9);
  // A little back: that second was told already.
  clock_.StepWall(-seconds(1));
  Run(10, 9);
  EXPECT_EQ(monitor_->Load(kShop)->Last()->second, Second());
  // Back: it is measured on at once, and nothing is forgotten.
  for (const seconds back : {seconds(20), seconds(3600)}) {
    const std::size_t before = monitor_->Load(kShop)->Samples(0).size();
    clock_.StepWall(-back);
    Run(1, 9);
    EXPECT_EQ(monitor_->Load(kShop)->Last()->second, Second());
    Run(9, 9);
    EXPECT_EQ(monitor_->Load(kShop)->Last()->second, Second());
    EXPECT_EQ(monitor_->Load(kShop)->Samples(0).size(), before + 10);
  }
  // Forward.
  clock_.StepWall(seconds(7200));
  Run(10, 9);
  EXPECT_EQ(monitor_->Load(kShop)->Last()->second, Second());
  for (const LoadSample& sample : monitor_->Load(kShop)->Samples(0)) {
    EXPECT_LE(sample.request_rate, 9.1);
  }
}

TEST_F(LoadMonitorTest, ASecondThatWasJustMeasuredIsNotMeasuredAgain) {
  AddAutoscaler();
  Run(2, 50);
  const int reads = source_.reads;
  clock_.Advance(milliseconds(100));
  monitor_->Sample();
  EXPECT_EQ(source_.reads, reads);
}

TEST_F(LoadMonitorTest, ResourcesComeFromElsewhere) {
  resources_["shop-a"] = {.cpu = 0.5, .memory = 1e6, .at = clock_.WallNow()};
  EXPECT_THAT(monitor_->Resources(kShop), SizeIs(1));
  EXPECT_THAT(asked_, ElementsAre(kShop));
  LoadMonitor without({clock_, source_, desired_, history_, enqueuer_, metrics_, nullptr});
  EXPECT_THAT(without.Resources(kShop), IsEmpty());
}

}  // namespace
}  // namespace ballast::runtime
