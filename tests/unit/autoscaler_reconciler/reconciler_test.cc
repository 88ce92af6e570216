// The autoscaler's reconciler over fakes: what it reads, sets, remembers and says.
#include "reconcilers/autoscaler/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "api/reasons.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_desired.h"
#include "tests/fakes/fake_load_reader.h"
#include "tests/fakes/memory_load_history.h"
#include "tests/fakes/recording_event_recorder.h"
#include "tests/fakes/recording_status.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

const api::ObjectKey kKey{"Autoscaler", "default", "shop"};
const api::ObjectKey kApp{"WebApp", "default", "shop"};

class FakeScaler final : public Scaler {
 public:
  explicit FakeScaler(fakes::FakeDesired& desired) : desired_(desired) {}

  Result<void> SetReplicas(const api::ObjectKey& webapp, int from, int to) override {
    if (failure) return std::unexpected(*failure);
    api::WebApp app = *desired_.apps.at(webapp);
    EXPECT_EQ(app.spec.replicas, from);
    app.spec.replicas = to;
    desired_.Put(app);
    set.push_back(to);
    return {};
  }

  std::optional<Status> failure;
  std::vector<int> set;

 private:
  fakes::FakeDesired& desired_;
};

class FakeExternal final : public ExternalMetrics {
 public:
  ExternalReading Read(const api::PrometheusQuery& query) override {
    asked.push_back(query.query);
    return reading;
  }
  ExternalReading reading{.value = std::nullopt, .problem = "not asked yet"};
  std::vector<std::string> asked;
};

class NoZones final : public TimeZones {
 public:
  [[nodiscard]] const api::TimeZone* Find(std::string_view /*name*/) const override {
    return nullptr;
  }
};

class AutoscalerReconcilerTest : public testing::Test {
 protected:
  AutoscalerReconcilerTest() {
    api::WebApp app;
    app.meta.name = "shop";
    app.spec.replicas = 2;
    app.spec.pod_template.emplace();
    app.spec.pod_template->containers.emplace_back();
    desired_.Put(app);
    autoscaler_.meta.name = "shop";
    autoscaler_.spec.scale_target_ref = {.kind = "WebApp", .name = "shop"};
    autoscaler_.spec.min_replicas = 2;
    autoscaler_.spec.max_replicas = 20;
    autoscaler_.spec.metrics = {
        {.type = api::MetricType::kRequestRate, .target = {.quantity = {.millis = 50'000}}}};
    desired_.Put(autoscaler_);
    Start();
  }

  // A controller that knows nothing but what is stored.
  void Start() {
    reconciler_ =
        std::make_unique<AutoscalerReconciler>(AutoscalerDependencies{.desired = desired_,
                                                                      .load = load_,
                                                                      .external = external_,
                                                                      .history = history_,
                                                                      .scaler = scaler_,
                                                                      .status = status_,
                                                                      .events = events_,
                                                                      .metrics = metrics_,
                                                                      .clock = clock_,
                                                                      .zones = zones_});
  }

  // A second passes in which so many requests came, and the replicas that are asked for serve.
  Result<Outcome> Second(double rate) { return Second(rate, Replicas()); }
  Result<Outcome> Second(double rate, int in_service) {
    clock_.Advance(seconds(1));
    load_.loads[kApp].Add({.second = Now(),
                           .request_rate = rate,
                           .concurrency = rate / 50,
                           .response_seconds = 0.02,
                           .in_service = in_service});
    return reconciler_->Reconcile(kKey);
  }
  void Seconds(int count, double rate) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(Second(rate));
  }
  std::int64_t Now() const {
    return std::chrono::duration_cast<seconds>(clock_.WallNow().time_since_epoch()).count();
  }
  int Replicas() const { return desired_.apps.at(kApp)->spec.replicas; }
  const api::AutoscalerStatus& Shown() { return status_.autoscalers.at(kKey); }
  std::string ReasonOf(const std::string& type) {
    for (const api::Condition& condition : Shown().conditions) {
      if (condition.type == type) return condition.reason;
    }
    return "";
  }
  int Count(const std::string& reason) {
    return static_cast<int>(std::ranges::count(events_.Reasons(), reason));
  }
  // Of the last event for that reason.
  std::string Message(const std::string& reason) {
    std::string message;
    for (const auto& event : events_.Events()) {
      if (event.reason == reason) message = event.message;
    }
    return message;
  }
  std::vector<DecisionRow> Rows() { return *history_.Decisions(kKey, 100); }

  fakes::FakeClock clock_;
  fakes::FakeDesired desired_;
  fakes::FakeLoadReader load_;
  fakes::MemoryLoadHistory history_;
  fakes::RecordingStatus status_;
  fakes::RecordingEventRecorder events_;
  NullMetrics metrics_;
  NoZones zones_;
  FakeExternal external_;
  FakeScaler scaler_{desired_};
  api::Autoscaler autoscaler_;
  std::unique_ptr<AutoscalerReconciler> reconciler_;
};

TEST_F(AutoscalerReconcilerTest, ScalesUpAndSaysWhy) {
  Seconds(5, 60);
  EXPECT_TRUE(scaler_.set.empty());
  Seconds(5, 500);
  ASSERT_FALSE(scaler_.set.empty());
  EXPECT_GE(Replicas(), 10);
  EXPECT_EQ(Shown().current_replicas, Replicas());
  EXPECT_EQ(ReasonOf("ScalingActive"), api::reason::kValidMetricFound);
  EXPECT_TRUE(events_.Has(api::reason::kSuccessfulRescale));
}

TEST_F(AutoscalerReconcilerTest, ARestartForgetsNothing) {
  Seconds(5, 60);
  Seconds(10, 500);
  const int peak = Replicas();
  ASSERT_GE(peak, 10);
  // Most of it is kept for a minute after so deep a fall.
  Seconds(15, 60);
  const int kept = Replicas();
  ASSERT_GT(kept, peak / 2);
  Start();
  Seconds(15, 60);
  EXPECT_EQ(Replicas(), kept) << "the new one knows of the peak";
  Seconds(60, 60);
  EXPECT_EQ(Replicas(), 2);
}

TEST_F(AutoscalerReconcilerTest, NothingGoesDownWhileTheHistoryCannotBeRead) {
  Seconds(60, 300);
  const int peak = Replicas();
  const std::string kept = *history_.LoadState(kKey);
  Start();
  history_.fail = Status{Code::kUnavailable, "the disk is gone"};
  Seconds(300, 10);
  EXPECT_EQ(Replicas(), peak);
  EXPECT_EQ(ReasonOf("AbleToScale"), "HistoryNotRead");
  EXPECT_EQ(Count("HistoryNotRead"), 1) << "once, and not each second";
  EXPECT_THAT(Message("HistoryNotRead"), HasSubstr("the disk is gone"));
  Seconds(20, 600);
  EXPECT_GT(Replicas(), peak) << "what is needed is given";
  history_.fail.reset();
  EXPECT_EQ(*history_.LoadState(kKey), kept) << "nobody writes over what was not read";
  Seconds(300, 10);
  EXPECT_EQ(Replicas(), 2);
  EXPECT_NE(ReasonOf("AbleToScale"), "HistoryNotRead");
}

TEST_F(AutoscalerReconcilerTest, WithoutSamplesNothingGoesDown) {
  Seconds(5, 500);
  const int peak = Replicas();
  ASSERT_GT(peak, 2);
  for (int i = 0; i < 400; ++i) {
    clock_.Advance(seconds(1));
    ASSERT_TRUE(reconciler_->Reconcile(kKey));
  }
  EXPECT_EQ(Replicas(), peak);
  EXPECT_EQ(ReasonOf("ScalingActive"), api::reason::kFailedGetMetric);
  EXPECT_EQ(Count(api::reason::kFailedGetMetric), 1) << "said once, not each second";
}

TEST_F(AutoscalerReconcilerTest, ATargetThatIsNotThereIsNamed) {
  desired_.apps.clear();
  const auto outcome = reconciler_->Reconcile(kKey);
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->requeue_after);
  EXPECT_EQ(ReasonOf("AbleToScale"), api::reason::kFailedGetScale);
  EXPECT_THAT(Shown().last_decision, HasSubstr("there is no WebApp shop"));
}

TEST_F(AutoscalerReconcilerTest, SomebodyWhoWasFasterIsNoFailure) {
  Seconds(3, 60);
  scaler_.failure = Status{Code::kConflict, "somebody else scaled it"};
  Seconds(5, 500);
  EXPECT_EQ(ReasonOf("AbleToScale"), api::reason::kFailedUpdateScale);
  scaler_.failure.reset();
  Seconds(1, 500);
  EXPECT_GE(Replicas(), 10);
  EXPECT_EQ(ReasonOf("AbleToScale"), api::reason::kReadyForNewScale);
}

TEST_F(AutoscalerReconcilerTest, ScaleThatCannotBeWrittenIsTriedAgain) {
  Seconds(3, 60);
  scaler_.failure = Status{Code::kFailedPrecondition, "no space left on device"};
  for (int i = 0; i < 5; ++i) static_cast<void>(Second(500));
  EXPECT_FALSE(Second(500));
  EXPECT_TRUE(events_.Has(api::reason::kFailedUpdateScale));
  EXPECT_EQ(Replicas(), 2);
}

TEST_F(AutoscalerReconcilerTest, EqualDecisionsAreOneRowWithACount) {
  Seconds(60, 60);
  const auto rows = Rows();
  ASSERT_FALSE(rows.empty());
  EXPECT_LE(rows.size(), 4U);
  EXPECT_GE(rows.front().count, 20);
  EXPECT_LT(rows.front().first, rows.front().last);
}

TEST_F(AutoscalerReconcilerTest, ASettledOneWritesNoStatus) {
  Seconds(60, 60);
  int written = 0;
  status_.autoscalers.erase(kKey);
  for (int i = 0; i < 120; ++i) {
    ASSERT_TRUE(Second(60));
    written += static_cast<int>(status_.autoscalers.erase(kKey));
  }
  EXPECT_EQ(written, 0);
}

TEST_F(AutoscalerReconcilerTest, LearnsHowLongAStartTakes) {
  Seconds(5, 60);
  ASSERT_TRUE(Second(500));
  for (int i = 0; i < 8 && scaler_.set.empty(); ++i) ASSERT_TRUE(Second(500, 2));
  ASSERT_FALSE(scaler_.set.empty());
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(Second(500, 2));
  ASSERT_TRUE(Second(500));
  Seconds(11, 500);  // until it is written down
  const auto stored = history_.LoadState(kKey);
  ASSERT_TRUE(stored);
  EXPECT_THAT(*stored, HasSubstr("startupSeconds"));
}

TEST_F(AutoscalerReconcilerTest, AsksThePrometheusOfTheSpec) {
  autoscaler_.spec.metrics = {
      {.type = api::MetricType::kExternal,
       .target = {.quantity = {.millis = 10'000}},
       .prometheus = {.url = "http://127.0.0.1:9090", .query = "sum(queue)"}}};
  desired_.Put(autoscaler_);
  Seconds(2, 60);
  EXPECT_EQ(external_.asked.front(), "sum(queue)");
  EXPECT_EQ(Replicas(), 2);
  EXPECT_EQ(Count(api::reason::kFailedGetMetric), 0) << "it has only just been asked";
  Seconds(20, 60);
  EXPECT_THAT(Message(api::reason::kFailedGetMetric), HasSubstr("not asked yet"));
  external_.reading = {.value = 75, .problem = ""};
  Seconds(5, 60);
  EXPECT_EQ(Replicas(), 8);
}

TEST_F(AutoscalerReconcilerTest, WhatIsDeletedIsForgotten) {
  Seconds(15, 60);
  ASSERT_FALSE(Rows().empty());
  desired_.autoscalers.clear();
  ASSERT_TRUE(reconciler_->Reconcile(kKey));
  EXPECT_TRUE(Rows().empty());
  EXPECT_FALSE(status_.autoscalers.contains(kKey));
}

// As HPA does: those that cannot be measured yet keep an overloaded web app from shrinking, and
// from growing without end while replicas start.
TEST_F(AutoscalerReconcilerTest, ReplicasThatAreNotMeasuredAreMissing) {
  api::WebApp app = *desired_.apps.at(kApp);
  app.spec.replicas = 10;
  app.spec.pod_template->containers.front().limits = {.cpu_millis = 500};
  app.spec.pod_template->containers.emplace_back().limits = {.cpu_millis = 500};  // a sidecar
  desired_.Put(app);
  autoscaler_.spec.metrics = {
      {.type = api::MetricType::kResource,
       .target = {.type = api::TargetType::kUtilization, .average_utilization = 50}}};
  autoscaler_.spec.behavior.emplace();
  autoscaler_.spec.behavior->scale_down = {.stabilization_window_seconds = 0};
  desired_.Put(autoscaler_);
  // 75 % of what both containers may use together.
  for (const char* name : {"shop-1", "shop-2", "shop-3", "shop-4"}) {
    load_.resources[kApp][name] = {.cpu = 0.75, .memory = 0, .at = clock_.WallNow()};
  }
  Seconds(3, 60);
  EXPECT_EQ(Replicas(), 10);
}

}  // namespace
}  // namespace ballast::reconcilers
