// The thread of ResourceMonitor over the fake engine. The rules by themselves: resource_table_test.
#include "controller/runtime/resource_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <mutex>
#include <stdexcept>

#include "api/labels.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_container_lister.h"
#include "tests/fakes/fake_engine.h"

namespace ballast::runtime {
namespace {

using reconcilers::ContainerState;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
constexpr std::chrono::seconds kNever{20};

class ResourceMonitorTest : public testing::Test {
 protected:
  ResourceMonitorTest() {
    clock_.OnAdvance([this] { monitor_.Wake(); });
    engine_.SetHook([this](const std::string& method, const std::string&) -> std::optional<Status> {
      if (method != "ContainerStats") return std::nullopt;
      const std::lock_guard lock(mutex_);
      ++looks_;
      looked_.notify_all();
      return std::nullopt;
    });
  }
  ~ResourceMonitorTest() override { monitor_.Stop(); }

  void Add(const std::string& name, double cpus, std::int64_t memory) {
    engine_.AddContainer(
        {.name = name, .state = ContainerState::kRunning, .labels = {{api::kLabelWebApp, "shop"}}});
    engine_.SetUsage(name, cpus, memory);
    containers_.Sync();
  }
  // Once the engine was asked so many times in all.
  void AwaitLooks(int count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(looked_.wait_for(lock, kNever, [&] { return looks_ >= count; }))
        << looks_ << " of " << count;
  }
  std::future<MeasuredReplicas> Measure(milliseconds patience = seconds(2)) {
    auto promise = std::make_shared<std::promise<MeasuredReplicas>>();
    monitor_.WhenMeasured({kShop}, patience, [promise](const ResourceMonitor::Measured& measured) {
      promise->set_value(measured.contains(kShop) ? measured.at(kShop) : MeasuredReplicas());
    });
    return promise->get_future();
  }
  static MeasuredReplicas Await(std::future<MeasuredReplicas> future) {
    if (future.wait_for(kNever) != std::future_status::ready) {
      ADD_FAILURE() << "never called";
      return {};
    }
    return future.get();
  }

  std::mutex mutex_;
  std::condition_variable looked_;
  int looks_ = 0;  // guarded by mutex_
  fakes::FakeClock clock_;
  fakes::FakeEngine engine_{&clock_};
  fakes::FakeContainerLister containers_{&engine_};
  ResourceMonitor monitor_{engine_, containers_, clock_, {.owner = "ballast"}};
};

TEST_F(ResourceMonitorTest, TheFirstToAskGetsFiguresAfterTwoLooks) {
  Add("a", 0.5, 1000);
  Add("b", 2, 3000);
  monitor_.Start();
  auto figures = Measure();
  AwaitLooks(2);
  // The second look is due by the clock of the first, which may not be written down yet.
  while (figures.wait_for(milliseconds(1)) != std::future_status::ready) {
    clock_.Advance(milliseconds(25));
  }
  const MeasuredReplicas replicas = figures.get();
  ASSERT_THAT(replicas, SizeIs(2));
  EXPECT_NEAR(replicas.at("a").total.cpu, 0.5, 1e-6);
  EXPECT_NEAR(replicas.at("b").total.cpu, 2, 1e-6);
  EXPECT_EQ(replicas.at("b").total.memory, 3000);
  // What is known is told at once.
  EXPECT_THAT(Await(Measure()), SizeIs(2));
  const auto samples = monitor_.Resources(kShop);
  ASSERT_THAT(samples, SizeIs(2));
  EXPECT_NEAR(samples.at("a").cpu, 0.5, 1e-6);
}

TEST_F(ResourceMonitorTest, AskingNeverWaitsAndKeepsItGoing) {
  Add("a", 1, 1000);
  std::latch go(1);
  engine_.SetHook([&](const std::string&, const std::string&) -> std::optional<Status> {
    go.wait();
    return std::nullopt;
  });
  monitor_.Start();
  EXPECT_THAT(monitor_.Resources(kShop), IsEmpty());
  EXPECT_THAT(monitor_.Resources(kShop), IsEmpty());
  go.count_down();
  while (monitor_.Resources(kShop).empty()) clock_.Advance(milliseconds(25));
  EXPECT_NEAR(monitor_.Resources(kShop).at("a").cpu, 1, 1e-6);
}

TEST_F(ResourceMonitorTest, LooksEveryFiveSecondsHoweverOftenItIsAsked) {
  Add("a", 1, 1000);
  monitor_.Start();
  EXPECT_THAT(monitor_.Resources(kShop), IsEmpty());
  AwaitLooks(1);
  // Each step is seen: what is due by then is done before the next answer.
  for (int i = 0; i < 40; ++i) {
    clock_.Advance(seconds(1));
    Await(Measure(milliseconds(0)));
  }
  EXPECT_TRUE(monitor_.Stop());
  EXPECT_GE(looks_, 8);
  EXPECT_LE(looks_, 10);
}

TEST_F(ResourceMonitorTest, NobodyAsksNothingIsMeasured) {
  fakes::FakeEngine quiet(&clock_);
  fakes::FakeContainerLister none(&quiet);
  ResourceMonitor idle(quiet, none, clock_, {.owner = "ballast"});
  idle.Start();
  for (int i = 0; i < 10; ++i) clock_.Advance(seconds(5));
  EXPECT_TRUE(idle.Stop());
  EXPECT_THAT(quiet.Calls(), IsEmpty());
}

TEST_F(ResourceMonitorTest, AnErrorIsAnAnswerToo) {
  Add("a", 1, 1000);
  engine_.FailNext("ContainerStats", {Code::kUnavailable, "away"});
  monitor_.Start();
  EXPECT_THAT(Await(Measure(std::chrono::hours(1))), IsEmpty());
}

TEST_F(ResourceMonitorTest, PatienceEnds) {
  Add("a", 1, 1000);
  ResourceMonitor slow(
      engine_, containers_, clock_,
      {.owner = "ballast", .intervals = {.first_interval = std::chrono::hours(1)}});
  slow.Start();
  std::promise<MeasuredReplicas> answer;
  slow.WhenMeasured({kShop}, seconds(2), [&](const ResourceMonitor::Measured& measured) {
    answer.set_value(measured.at(kShop));
  });
  AwaitLooks(1);
  clock_.Advance(seconds(2));
  slow.Wake();
  EXPECT_THAT(Await(answer.get_future()), IsEmpty());
}

TEST_F(ResourceMonitorTest, WithoutItsThreadTheAnswerComesAtOnce) {
  Add("a", 1, 1000);
  EXPECT_THAT(Await(Measure()), IsEmpty());
  monitor_.Start();
  EXPECT_TRUE(monitor_.Stop());
  EXPECT_TRUE(monitor_.Stop());
  EXPECT_THAT(Await(Measure()), IsEmpty());
  EXPECT_THAT(monitor_.Resources(kShop), IsEmpty());
}

TEST_F(ResourceMonitorTest, ThoseWhoWaitAreDroppedAtTheEnd) {
  Add("a", 1, 1000);
  monitor_.Start();
  auto figures = Measure(std::chrono::hours(1));
  AwaitLooks(1);
  EXPECT_TRUE(monitor_.Stop());
  EXPECT_THROW(figures.get(), std::future_error);
}

TEST_F(ResourceMonitorTest, WhatThrowsHarmsNobody) {
  monitor_.Start();
  monitor_.WhenMeasured({kShop}, milliseconds(0),
                        [](const auto&) { throw std::runtime_error("boom"); });
  EXPECT_THAT(Await(Measure(milliseconds(0))), IsEmpty());
}

TEST_F(ResourceMonitorTest, AnEngineThatHangsIsNotWaitedForAtTheEnd) {
  Add("a", 1, 1000);
  std::latch go(1);
  std::latch asked(1);
  engine_.SetHook([&](const std::string&, const std::string&) -> std::optional<Status> {
    asked.count_down();
    go.wait();
    return std::nullopt;
  });
  {
    ResourceMonitor monitor(engine_, containers_, clock_,
                            {.owner = "ballast", .grace = milliseconds(1)});
    monitor.Start();
    EXPECT_THAT(monitor.Resources(kShop), IsEmpty());
    asked.wait();
    EXPECT_FALSE(monitor.Stop());
    go.count_down();
  }
}

TEST_F(ResourceMonitorTest, HundredsAreAskedForInPieces) {
  for (int i = 0; i < 250; ++i) Add("c" + std::to_string(1000 + i), 0.1, 10);
  monitor_.Start();
  auto figures = Measure(std::chrono::hours(1));
  AwaitLooks(250);
  while (figures.wait_for(milliseconds(1)) != std::future_status::ready) {
    clock_.Advance(milliseconds(25));
  }
  EXPECT_THAT(figures.get(), SizeIs(250));
}

}  // namespace
}  // namespace ballast::runtime
