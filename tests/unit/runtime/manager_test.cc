#include "controller/runtime/manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <stdexcept>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recording_metrics.h"

namespace ballast::runtime {
namespace {

using reconcilers::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

const api::ObjectKey kShop{"WebApp", "default", "shop"};

class FunctionReconciler final : public reconcilers::Reconciler {
 public:
  std::function<Result<Outcome>(const api::ObjectKey&)> function;
  int calls = 0;
  Result<Outcome> Reconcile(const api::ObjectKey& key) override {
    ++calls;
    return function(key);
  }
};

class ManagerTest : public testing::Test {
 protected:
  ManagerTest() { manager_.Register("WebApp", reconciler_); }
  void Answer(Result<Outcome> outcome) {
    reconciler_.function = [outcome](const api::ObjectKey&) { return outcome; };
  }
  // How long after one reconcile the next one comes; nothing: not within a day.
  std::optional<milliseconds> NextAfter() {
    const auto next = manager_.queue().NextDeadline();
    if (!next) return std::nullopt;
    return std::chrono::duration_cast<milliseconds>(*next - clock_.Now());
  }

  fakes::FakeClock clock_;
  fakes::RecordingMetrics metrics_;
  FunctionReconciler reconciler_;
  Manager manager_{clock_, metrics_};
};

TEST_F(ManagerTest, DoneIsDone) {
  Answer(Outcome{});
  manager_.Enqueue(kShop);
  EXPECT_TRUE(manager_.ProcessOne());
  EXPECT_FALSE(manager_.ProcessOne());
  EXPECT_EQ(NextAfter(), std::nullopt);
  EXPECT_EQ(metrics_.Get("ballast_reconcile_total{kind=WebApp,result=done}"), 1);
  EXPECT_EQ(metrics_.Get("ballast_reconcile_duration_seconds{kind=WebApp}"), 1);
}

TEST_F(ManagerTest, RequeueAfterComesThen) {
  Answer(Outcome{.requeue_after = seconds(3)});
  manager_.Enqueue(kShop);
  EXPECT_TRUE(manager_.ProcessOne());
  EXPECT_EQ(NextAfter(), seconds(3));
  clock_.Advance(seconds(3));
  EXPECT_TRUE(manager_.ProcessOne());
}

TEST_F(ManagerTest, ErrorsBackOffAndSuccessForgetsThem) {
  Answer(Error(Code::kUnavailable, "nobody answers"));
  manager_.Enqueue(kShop);
  for (const int delay : {5, 10, 20, 40}) {
    ASSERT_TRUE(manager_.ProcessOne());
    EXPECT_EQ(NextAfter(), milliseconds(delay));
    clock_.Advance(milliseconds(delay));
  }
  Answer(Outcome{});
  ASSERT_TRUE(manager_.ProcessOne());
  Answer(Error(Code::kConflict, "changed meanwhile"));
  manager_.Enqueue(kShop);
  ASSERT_TRUE(manager_.ProcessOne());
  EXPECT_EQ(NextAfter(), milliseconds(5));
  EXPECT_EQ(metrics_.Get("ballast_reconcile_errors_total{kind=WebApp,code=Unavailable}"), 4);
}

TEST_F(ManagerTest, ErrorsThatRetryingCannotHelpAreRetriedSlowly) {
  Answer(Error(Code::kInvalidArgument, "no such field"));
  manager_.Enqueue(kShop);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(manager_.ProcessOne());
    EXPECT_EQ(NextAfter(), seconds(30));
    clock_.Advance(seconds(30));
  }
  EXPECT_EQ(metrics_.Get("ballast_reconcile_total{kind=WebApp,result=terminal}"), 3);
}

TEST_F(ManagerTest, ExceptionIsAnErrorLikeOthers) {
  reconciler_.function = [](const api::ObjectKey&) -> Result<Outcome> {
    throw std::runtime_error("a\nb");
  };
  manager_.Enqueue(kShop);
  EXPECT_TRUE(manager_.ProcessOne());
  EXPECT_EQ(NextAfter(), milliseconds(5));
  EXPECT_EQ(metrics_.Get("ballast_reconcile_exceptions_total{kind=WebApp}"), 1);
}

TEST_F(ManagerTest, KeyOfUnknownKindIsDropped) {
  manager_.Enqueue({"Teapot", "default", "x"});
  EXPECT_TRUE(manager_.ProcessOne());
  EXPECT_FALSE(manager_.ProcessOne());
  EXPECT_EQ(NextAfter(), std::nullopt);
}

TEST_F(ManagerTest, EventDuringTheReconcileIsNotLost) {
  reconciler_.function = [this](const api::ObjectKey& key) {
    if (reconciler_.calls == 1) manager_.Enqueue(key);
    return Outcome{};
  };
  manager_.Enqueue(kShop);
  while (manager_.ProcessOne()) {
  }
  EXPECT_EQ(reconciler_.calls, 2);
}

TEST_F(ManagerTest, PartsStartInOrderBeforeTheWorkersAndStopInTheOppositeOneAfterThem) {
  std::vector<std::string> log;
  const auto part = [&](const std::string& name) {
    manager_.AddPart(
        name,
        [&log, name]() -> Result<void> {
          log.push_back("start " + name);
          return {};
        },
        [&log, name] { log.push_back("stop " + name); });
  };
  part("jobs");
  part("cache");
  std::mutex mutex;
  std::condition_variable changed;
  bool reconciled = false;
  reconciler_.function = [&](const api::ObjectKey&) {
    const std::lock_guard lock(mutex);
    log.emplace_back("reconcile");
    reconciled = true;
    changed.notify_all();
    return Outcome{};
  };
  manager_.Enqueue(kShop);
  ASSERT_TRUE(manager_.Start());
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return reconciled; });
  }
  EXPECT_TRUE(manager_.Stop());
  EXPECT_TRUE(manager_.Stop());
  EXPECT_THAT(log,
              ElementsAre("start jobs", "start cache", "reconcile", "stop cache", "stop jobs"));
}

TEST_F(ManagerTest, PartThatFailsStopsThoseThatStarted) {
  std::vector<std::string> log;
  manager_.AddPart("jobs", [] { return Result<void>(); }, [&] { log.emplace_back("stop jobs"); });
  manager_.AddPart(
      "cache", []() -> Result<void> { return Error(Code::kUnavailable, "no Docker"); },
      [&] { log.emplace_back("stop cache"); });
  const Result<void> started = manager_.Start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "start cache: no Docker");
  EXPECT_THAT(log, ElementsAre("stop jobs"));
}

TEST(ManagerGrace, StopSaysWhenAReconcileGoesOn) {
  fakes::FakeClock clock;
  fakes::RecordingMetrics metrics;
  FunctionReconciler reconciler;
  std::mutex mutex;
  std::condition_variable changed;
  bool entered = false;
  bool leave = false;
  reconciler.function = [&](const api::ObjectKey&) {
    std::unique_lock lock(mutex);
    entered = true;
    changed.notify_all();
    changed.wait(lock, [&] { return leave; });
    return Outcome{};
  };
  Manager manager(clock, metrics, {.workers = 1, .grace = milliseconds(1)});
  manager.Register("WebApp", reconciler);
  manager.Enqueue(kShop);
  ASSERT_TRUE(manager.Start());
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return entered; });
  }
  EXPECT_FALSE(manager.Stop());
  const std::lock_guard lock(mutex);
  leave = true;
  changed.notify_all();
}

}  // namespace
}  // namespace ballast::runtime
