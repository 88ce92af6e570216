// The threads of ContainerCache over the fake engine. The rules by themselves:
// container_store_test.
#include "controller/runtime/container_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <random>

#include "api/labels.h"
#include "controller/runtime/system_clock.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_engine.h"
#include "tests/fakes/recording_enqueuer.h"
#include "tests/fakes/recording_metrics.h"

namespace ballast::runtime {
namespace {

using reconcilers::ContainerInfo;
using reconcilers::ContainerState;
using reconcilers::EngineEvent;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

const api::ObjectKey kShop{"WebApp", "default", "shop"};

class ContainerCacheTest : public testing::Test {
 protected:
  ContainerCacheTest() { engine_.AddImage("shop:1"); }
  ~ContainerCacheTest() override { cache_.Stop(); }

  static ContainerInfo Container(const std::string& name, const std::string& app = "shop") {
    return {.name = name,
            .image = "shop:1",
            .state = ContainerState::kRunning,
            .labels = {{api::kLabelWebApp, app}},
            .networks = {{"bridge", ""}}};
  }
  void Start() {
    cache_.Start();
    engine_.AwaitStreams(1);
    ASSERT_TRUE(Until([this] { return cache_.Synced() && cache_.Connected(); }));
  }
  bool Until(const std::function<bool()>& condition) { return enqueuer_.WaitUntil(condition); }
  std::vector<reconcilers::ObservedContainer> Shop() { return cache_.ForWebApp("default", "shop"); }
  // Does the cache know of shop's containers what the engine knows?
  bool EqualsEngine() {
    std::vector<ContainerInfo> expected;
    for (const ContainerInfo& info : engine_.Containers()) {
      if (info.labels.contains(api::kLabelWebApp)) expected.push_back(info);
    }
    std::vector<ContainerInfo> known;
    for (const auto& container : Shop()) known.push_back(*container.info);
    return known == expected;
  }

  SystemClock clock_;
  fakes::FakeEngine engine_;
  fakes::RecordingEnqueuer enqueuer_;
  fakes::RecordingMetrics metrics_;
  ContainerCache cache_{engine_,
                        clock_,
                        enqueuer_,
                        metrics_,
                        {.max_reconnect = std::chrono::milliseconds(20),
                         .settle_relist = std::chrono::milliseconds(50)}};
};

TEST_F(ContainerCacheTest, ListsAfterTheStreamIsOpenAndSaysSoOnce) {
  engine_.AddContainer(Container("a"));
  engine_.AddContainer(Container("b", "blog"));
  ContainerInfo foreign = Container("c");
  foreign.labels.clear();
  engine_.AddContainer(foreign);
  std::atomic<int> synced = 0;
  cache_.OnSynced([&] {
    EXPECT_TRUE(cache_.Synced());
    EXPECT_EQ(Shop().size(), 1U);
    ++synced;
  });
  EXPECT_FALSE(cache_.Synced());
  Start();
  EXPECT_TRUE(Until([&] { return synced == 1; }));
  EXPECT_THAT(cache_.WebApps(), ElementsAre(api::ObjectKey{"WebApp", "default", "blog"}, kShop));
  EXPECT_THAT(enqueuer_.Keys(), Contains(kShop));
  engine_.BreakEventStreams();
  EXPECT_TRUE(Until([&] { return metrics_.Get("ballast_docker_resyncs_total") >= 3; }));
  EXPECT_EQ(synced, 1);
}

TEST_F(ContainerCacheTest, FollowsAContainersLife) {
  Start();
  const std::string id = engine_.AddContainer(Container("a"));
  ASSERT_TRUE(Until([&] { return EqualsEngine(); }));
  engine_.Kill("a", 137);
  EXPECT_TRUE(Until([&] { return EqualsEngine(); }));
  EXPECT_EQ(Shop().at(0).info->exit_code, 137);
  engine_.RemoveByHand("a");
  EXPECT_TRUE(Until([&] { return Shop().empty(); }));
}

TEST_F(ContainerCacheTest, DieIsKnownBeforeTheEngineIsAsked) {
  engine_.AddContainer(Container("a"));
  Start();
  engine_.SetHook([](const std::string& method, const std::string&) -> std::optional<Status> {
    if (method == "InspectContainer") return Status{Code::kTimeout, "the engine is busy"};
    return std::nullopt;
  });
  enqueuer_.Take();
  engine_.Kill("a", 1);
  ASSERT_TRUE(Until([&] { return Shop().at(0).info->state == ContainerState::kExited; }));
  EXPECT_TRUE(Until([&] { return !enqueuer_.Keys().empty(); }));
  EXPECT_TRUE(Until([&] { return metrics_.Get("ballast_docker_events_total{action=die}") == 1; }));
  engine_.SetHook(nullptr);
  EXPECT_TRUE(Until([&] { return EqualsEngine(); }));
}

TEST_F(ContainerCacheTest, RefreshReadsNow) {
  Start();
  engine_.SetEventFilter([](const EngineEvent&) { return std::vector<EngineEvent>(); });
  const std::string id = engine_.AddContainer(Container("a"));
  EXPECT_TRUE(Shop().empty());
  ASSERT_TRUE(cache_.Refresh(id));
  EXPECT_EQ(Shop().size(), 1U);
  EXPECT_THAT(enqueuer_.Keys(), Contains(kShop));
  engine_.RemoveByHand("a");
  ASSERT_TRUE(cache_.Refresh(id));
  EXPECT_TRUE(Shop().empty());
  engine_.FailNext("InspectContainer", {Code::kUnavailable, "gone fishing"});
  const Result<void> failed = cache_.Refresh(id);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kUnavailable);
}

TEST_F(ContainerCacheTest, ListThatFailsIsTriedAgain) {
  engine_.AddContainer(Container("a"));
  engine_.FailNext("ListContainers", {Code::kTimeout, "slow"}, 3);
  Start();
  EXPECT_EQ(Shop().size(), 1U);
}

TEST_F(ContainerCacheTest, EngineThatIsAwayChangesNothing) {
  engine_.AddContainer(Container("a"));
  Start();
  engine_.SetDown(Status{Code::kUnavailable, "no socket"});
  ASSERT_TRUE(Until([&] { return !cache_.Connected(); }));
  EXPECT_TRUE(cache_.Synced());
  EXPECT_EQ(Shop().size(), 1U);
  engine_.SetDown(std::nullopt);
  EXPECT_TRUE(Until([&] { return cache_.Connected(); }));
}

TEST_F(ContainerCacheTest, ListsAgainAfterTheStreamBroke) {
  engine_.AddContainer(Container("a"));
  Start();
  engine_.SetEventFilter([](const EngineEvent&) { return std::vector<EngineEvent>(); });
  engine_.Kill("a", 9);
  engine_.AddContainer(Container("b"));
  engine_.SetEventFilter(nullptr);
  engine_.BreakEventStreams();
  EXPECT_TRUE(Until([&] { return EqualsEngine(); }));
}

TEST_F(ContainerCacheTest, EngineRestartIsSurvived) {
  for (const char* name : {"a", "b", "c"}) engine_.AddContainer(Container(name));
  Start();
  engine_.RestartEngine();
  EXPECT_TRUE(Until([&] { return cache_.Connected() && EqualsEngine(); }));
  EXPECT_EQ(Shop().size(), 3U);
}

TEST_F(ContainerCacheTest, StoppingContainerThatLivesOnComesBack) {
  fakes::FakeClock clock;
  ContainerCache cache(engine_, clock, enqueuer_, metrics_);
  clock.OnAdvance([&] { cache.Wake(); });
  engine_.AddContainer(Container("a"));
  engine_.IgnoreSignals("a");
  cache.Start();
  engine_.AwaitStreams(1);
  ASSERT_TRUE(Until([&] { return cache.Synced(); }));
  const auto stopping = [&] { return cache.ForWebApp("default", "shop").at(0).stopping; };
  ASSERT_TRUE(engine_.SignalContainer("a", "SIGTERM"));
  ASSERT_TRUE(Until(stopping));
  enqueuer_.Take();
  clock.Advance(std::chrono::seconds(15));
  EXPECT_TRUE(Until([&] { return !stopping(); }));
  EXPECT_THAT(enqueuer_.Keys(), Contains(kShop));
  cache.Stop();
}

TEST_F(ContainerCacheTest, SettledCostsNothing) {
  engine_.AddContainer(Container("a"));
  Start();
  ASSERT_TRUE(Until([&] { return metrics_.Get("ballast_docker_resyncs_total") >= 2; }));
  ASSERT_TRUE(Until([&] { return EqualsEngine(); }));
  engine_.ClearCalls();
  enqueuer_.Take();
  ContainerInfo foreign = Container("x");
  foreign.labels.clear();
  engine_.AddContainer(foreign);
  engine_.Kill("x", 1);
  engine_.AddContainer(Container("y", "blog"));  // what follows has been seen once this is there
  ASSERT_TRUE(Until([&] { return cache_.WebApps().size() == 2; }));
  EXPECT_THAT(enqueuer_.Keys(), Not(Contains(kShop)));
  EXPECT_TRUE(engine_.Writes().empty());
}

// Threads, an engine in which anything happens, and a stream that loses, doubles and swaps events.
TEST_F(ContainerCacheTest, EqualsTheEngineOnceTheStreamWasOpenedAnew) {
  Start();
  std::mt19937 random(5);
  std::mutex mutex;
  std::mt19937 chaos(6);
  std::optional<EngineEvent> held;
  const auto disturb = [&](const EngineEvent& event) -> std::vector<EngineEvent> {
    const std::lock_guard lock(mutex);
    std::vector<EngineEvent> out;
    switch (chaos() % 5) {
      case 0:
        return {};
      case 1:
        return {event, event};
      case 2:
        held = event;
        return {};
      default:
        out.push_back(event);
        if (held) out.push_back(*held);
        held.reset();
        return out;
    }
  };
  int names = 0;
  for (int round = 0; round < 20; ++round) {
    engine_.SetEventFilter(disturb);
    for (int step = 0; step < 40; ++step) {
      const auto containers = engine_.Containers();
      if (containers.size() < 5) {
        engine_.AddContainer(Container("n" + std::to_string(++names)));
        continue;
      }
      const ContainerInfo& any = containers[random() % containers.size()];
      switch (random() % 6) {
        case 0:
          if (any.state == ContainerState::kRunning) engine_.Kill(any.name, 1);
          break;
        case 1:
          if (any.state == ContainerState::kRunning) engine_.StopByHand(any.name);
          break;
        case 2:
          engine_.RemoveByHand(any.name);
          break;
        case 3:
          EXPECT_TRUE(engine_.StartContainer(any.id));
          break;
        case 4:
          EXPECT_TRUE(cache_.Refresh(any.id));
          break;
        default:
          if (step % 7 == 0) engine_.BreakEventStreams();
      }
    }
    engine_.SetEventFilter(nullptr);
    engine_.BreakEventStreams();
    ASSERT_TRUE(Until([&] { return cache_.Connected() && EqualsEngine(); })) << round;
  }
}

}  // namespace
}  // namespace ballast::runtime
