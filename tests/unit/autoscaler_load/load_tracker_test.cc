#include "reconcilers/autoscaler/load_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
const api::ObjectKey kBlog{"WebApp", "default", "blog"};

BackendCounters Backend(const api::ObjectKey& app, std::int64_t arrived, int current = 0) {
  return {.app = app,
          .counters = {.arrived = arrived, .ended = arrived, .current = current},
          .active_servers = 2};
}

ServerCounters Server(const std::string& name, std::int64_t arrived, int current = 0) {
  return {name, {.arrived = arrived, .ended = arrived, .current = current}};
}

class LoadTrackerTest : public testing::Test {
 protected:
  LoadReading Reading(std::vector<BackendCounters> backends, std::string process = "1/8/1000/") {
    return {.process = std::move(process), .at = now_, .backends = std::move(backends)};
  }
  // The next second; what is not given does not answer.
  std::map<api::ObjectKey, AppLoad> Add(LoadReadings readings) {
    ++second_;
    return tracker_.Add(second_, now_, std::move(readings));
  }
  // A second later, with one load balancer.
  std::map<api::ObjectKey, AppLoad> Next(std::vector<BackendCounters> backends,
                                         const std::string& process = "1/8/1000/",
                                         milliseconds later = seconds(1)) {
    now_ += later;
    return Add({{"lb", Reading(std::move(backends), process)}});
  }
  std::optional<LoadSample> Shop(std::int64_t arrived, const std::string& process = "1/8/1000/") {
    return Next({Backend(kShop, arrived)}, process)[kShop].sample;
  }

  LoadTracker tracker_;
  Clock::Steady now_{seconds(1000)};
  std::int64_t second_ = 1'800'000'000;
};

TEST_F(LoadTrackerTest, RatesAreDifferences) {
  EXPECT_FALSE(Shop(10'000)) << "nothing to compare with yet";
  BackendCounters shop = Backend(kShop, 10'050, 7);
  shop.counters.ended = 10'040;
  shop.counters.errors = 4;
  shop.counters.queued = 3;
  shop.counters.mean_millis = 80;
  shop.elsewhere = 2;
  shop.servers = {Server("shop-a", 30, 4), Server("shop-b", 20)};
  auto loads = Next({Backend(kBlog, 5), shop}, "1/8/1000/", milliseconds(500));
  const auto sample = loads[kShop].sample;
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->second, second_);
  EXPECT_DOUBLE_EQ(sample->request_rate, 100);
  EXPECT_DOUBLE_EQ(sample->concurrency, 9);
  EXPECT_DOUBLE_EQ(sample->queued, 3);
  EXPECT_DOUBLE_EQ(sample->error_rate, 8);
  EXPECT_GT(sample->response_seconds, 0);
  EXPECT_EQ(sample->in_service, 2);
  EXPECT_DOUBLE_EQ(loads[kShop].replicas.at("shop-a").request_rate, 60);
  EXPECT_DOUBLE_EQ(loads[kShop].replicas.at("shop-a").concurrency, 4);
  EXPECT_DOUBLE_EQ(loads[kShop].replicas.at("shop-b").request_rate, 40);
  EXPECT_FALSE(loads[kBlog].sample) << "another app's first second";
}

TEST_F(LoadTrackerTest, NobodyCameIsAZeroAndIsTold) {
  Shop(10'000);
  const auto sample = Shop(10'000);
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->request_rate, 0);
  EXPECT_EQ(sample->response_seconds, -1);
}

TEST_F(LoadTrackerTest, AReloadDropsASecond) {
  Shop(10'000);
  ASSERT_TRUE(Shop(10'100));
  EXPECT_FALSE(Shop(10'190, "1/12/1060/"));
  const auto sample = Shop(10'290, "1/12/1060/");
  ASSERT_TRUE(sample);
  EXPECT_DOUBLE_EQ(sample->request_rate, 100);
}

TEST_F(LoadTrackerTest, ARestartDropsASecondEvenWhenTheCountersAreHigherThanBefore) {
  Shop(10);
  ASSERT_TRUE(Shop(20));
  EXPECT_FALSE(Shop(400, "1/9/1001/"));
  EXPECT_DOUBLE_EQ(Shop(410, "1/9/1001/").value_or(LoadSample{}).request_rate, 10);
  // Counters that begin anew in a process that seems to be the same.
  EXPECT_FALSE(Shop(3, "1/9/1001/"));
  EXPECT_DOUBLE_EQ(Shop(13, "1/9/1001/").value_or(LoadSample{}).request_rate, 10);
}

TEST_F(LoadTrackerTest, AnotherInstanceDropsASecond) {
  Shop(50'000);
  EXPECT_FALSE(Shop(70, "2/8/1000/"));
  EXPECT_DOUBLE_EQ(Shop(170, "2/8/1000/").value_or(LoadSample{}).request_rate, 100);
}

TEST_F(LoadTrackerTest, ReloadsEverySecondDoNotBlindItAndCrashesDo) {
  for (const bool reloads : {true, false}) {
    int known = 0;
    for (int i = 1; i <= 20; ++i) {
      now_ += seconds(1);
      LoadReading reading =
          Reading({Backend(kShop, 1'000 + 95 * i)}, "1/" + std::to_string(100 + i) + "/1/");
      if (reloads) reading.reloads = i;
      auto loads = Add({{"lb", std::move(reading)}});
      if (!loads[kShop].sample) continue;
      ++known;
      EXPECT_DOUBLE_EQ(loads[kShop].sample->request_rate, 95);
    }
    EXPECT_EQ(known, reloads ? 10 : 0);
    tracker_ = {};
  }
}

TEST_F(LoadTrackerTest, SilenceIsNoZeroAndItsEndNoSpike) {
  Shop(10'000);
  ASSERT_TRUE(Shop(10'100));
  now_ += seconds(1);
  EXPECT_FALSE(Add({{"lb", std::nullopt}})[kShop].sample);
  now_ += seconds(1);
  EXPECT_FALSE(Add({{"lb", std::nullopt}})[kShop].sample);
  // A mean of the three seconds.
  EXPECT_DOUBLE_EQ(Shop(10'400).value_or(LoadSample{}).request_rate, 100);
  now_ += seconds(9);
  EXPECT_FALSE(Shop(11'000)) << "too long ago to be told of the last second";
  EXPECT_DOUBLE_EQ(Shop(11'050).value_or(LoadSample{}).request_rate, 50);
}

TEST_F(LoadTrackerTest, ServersComeAndGo) {
  BackendCounters shop = Backend(kShop, 100);
  shop.servers = {Server("a", 40), Server("b", 60)};
  Next({shop});
  // b was deleted, c added: the backend goes on counting all.
  shop.counters.arrived = shop.counters.ended = 150;
  shop.servers = {Server("a", 60), Server("c", 25)};
  auto loads = Next({shop});
  ASSERT_TRUE(loads[kShop].sample);
  EXPECT_DOUBLE_EQ(loads[kShop].sample->request_rate, 50);
  EXPECT_THAT(loads[kShop].replicas, testing::SizeIs(2));
  EXPECT_DOUBLE_EQ(loads[kShop].replicas.at("c").request_rate, 25);
  // c is another one of the same name.
  shop.counters.arrived = shop.counters.ended = 180;
  shop.servers = {Server("a", 80), Server("c", 8)};
  loads = Next({shop});
  EXPECT_DOUBLE_EQ(loads[kShop].sample->request_rate, 30);
  EXPECT_DOUBLE_EQ(loads[kShop].replicas.at("c").request_rate, 8);
  shop.servers.clear();
  shop.active_servers = 0;
  loads = Next({shop});
  EXPECT_EQ(loads[kShop].sample->in_service, 0);
  EXPECT_TRUE(loads[kShop].replicas.empty());
}

TEST_F(LoadTrackerTest, SeveralLoadBalancersAreSummed) {
  const auto both = [&](std::int64_t a, std::int64_t b, int active_b = 2) {
    now_ += seconds(1);
    BackendCounters first = Backend(kShop, a, 3);
    first.servers = {Server("r", a, 3)};
    BackendCounters second = Backend(kShop, b, 4);
    second.servers = {Server("r", b, 4)};
    second.active_servers = active_b;
    return Add({{"inner", Reading({first})}, {"outer", Reading({second}, "1/7/5/")}});
  };
  EXPECT_FALSE(both(100, 5'000)[kShop].sample);
  auto loads = both(110, 5'020, 1);
  ASSERT_TRUE(loads[kShop].sample);
  EXPECT_DOUBLE_EQ(loads[kShop].sample->request_rate, 30);
  EXPECT_DOUBLE_EQ(loads[kShop].sample->concurrency, 7);
  EXPECT_EQ(loads[kShop].sample->in_service, 1) << "takes traffic where all send it some";
  EXPECT_DOUBLE_EQ(loads[kShop].replicas.at("r").request_rate, 30);
  EXPECT_DOUBLE_EQ(loads[kShop].replicas.at("r").concurrency, 7);
}

TEST_F(LoadTrackerTest, OneOfTwoThatIsSilentIsNoHalfOfTheLoad) {
  const auto turn = [&](std::int64_t a, bool outer) {
    now_ += seconds(1);
    LoadReadings readings{{"inner", Reading({Backend(kShop, a), Backend(kBlog, a)})}};
    readings["outer"] =
        outer ? std::optional(Reading({Backend(kShop, a)}, "1/7/5/")) : std::nullopt;
    std::ranges::sort(readings["inner"]->backends, {}, &BackendCounters::app);
    return Add(std::move(readings));
  };
  turn(100, true);
  ASSERT_TRUE(turn(110, true)[kShop].sample);
  int silent = 0;
  for (int i = 0; i < 14; ++i) {
    auto loads = turn(110 + 10 * (i + 1), false);
    EXPECT_FALSE(loads[kShop].sample) << i;
    EXPECT_TRUE(loads[kBlog].sample) << "the other load balancer has nothing to do with it";
    ++silent;
  }
  // It serves on, for all that anybody knows; the other one tells whether there is more.
  auto loads = turn(110 + 10 * (silent + 1), false);
  ASSERT_TRUE(loads[kShop].sample);
  EXPECT_DOUBLE_EQ(loads[kShop].sample->request_rate, 20);
  loads = turn(110 + 10 * (silent + 1) + 50, false);
  EXPECT_DOUBLE_EQ(loads[kShop].sample->request_rate, 60);
  EXPECT_DOUBLE_EQ(loads[kBlog].sample->request_rate, 50);
  EXPECT_FALSE(turn(400, true)[kShop].sample) << "back: the first reading";
  EXPECT_TRUE(turn(410, true)[kShop].sample);
}

TEST_F(LoadTrackerTest, WhatOnlyASilentOneServesIsUnknownForAsLongAsItTakes) {
  const auto turn = [&](std::int64_t count, bool outer) {
    now_ += seconds(1);
    LoadReadings readings{{"inner", Reading({Backend(kShop, count)})}};
    readings["outer"] =
        outer ? std::optional(Reading({Backend(kBlog, count)}, "1/7/5/")) : std::nullopt;
    return Add(std::move(readings));
  };
  turn(100, true);
  ASSERT_TRUE(turn(110, true)[kBlog].sample);
  for (int i = 0; i < 40; ++i) {
    auto loads = turn(120 + 10 * i, false);
    EXPECT_FALSE(loads[kBlog].sample) << i;
    EXPECT_DOUBLE_EQ(loads[kShop].sample.value().request_rate, 10);
  }
}

TEST_F(LoadTrackerTest, WhatASilentOneServedIsItsUsualNotItsLastSecond) {
  const auto turn = [&](std::int64_t inner, std::optional<std::int64_t> outer) {
    now_ += seconds(1);
    LoadReadings readings{{"inner", Reading({Backend(kShop, inner)})}};
    readings["outer"] =
        outer ? std::optional(Reading({Backend(kShop, *outer)}, "1/7/5/")) : std::nullopt;
    return Add(std::move(readings))[kShop].sample;
  };
  std::int64_t count = 0;
  for (int i = 0; i < 60; ++i) turn(0, count += 100);
  turn(0, count);  // a second in which nobody came
  std::optional<LoadSample> sample;
  for (int i = 0; i < 20; ++i) sample = turn(0, std::nullopt);
  EXPECT_DOUBLE_EQ(sample.value().request_rate, 90);
}

TEST_F(LoadTrackerTest, ALoadBalancerThatIsDeletedIsNotWaitedFor) {
  const auto both = [&](std::int64_t count) {
    now_ += seconds(1);
    return Add({{"inner", Reading({Backend(kShop, count)})},
                {"outer", Reading({Backend(kShop, count)}, "1/7/5/")}});
  };
  both(100);
  ASSERT_TRUE(both(110)[kShop].sample);
  now_ += seconds(1);
  auto loads = Add({{"inner", Reading({Backend(kShop, 120)})}});
  ASSERT_TRUE(loads[kShop].sample);
  EXPECT_DOUBLE_EQ(loads[kShop].sample->request_rate, 10);
}

TEST_F(LoadTrackerTest, HeldRequestsAreToldAtOnce) {
  BackendCounters shop = Backend(kShop, 5, 5);
  shop.active_servers = 0;
  shop.held = 5;
  shop.counters.queued = 5;
  auto loads = Next({shop});
  EXPECT_FALSE(loads[kShop].sample);
  EXPECT_EQ(loads[kShop].held, 5);
  loads = Next({shop});
  ASSERT_TRUE(loads[kShop].sample);
  EXPECT_DOUBLE_EQ(loads[kShop].sample->queued, 5);
  EXPECT_EQ(loads[kShop].sample->in_service, 0);
}

// Whatever happens to the processes, every sample is a rate that really was.
TEST_F(LoadTrackerTest, NoSequenceMakesASpike) {
  constexpr double kRate = 100;
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto chance = [&](double p) {
      return std::uniform_real_distribution<>(0, 1)(random) < p;
    };
    LoadTracker tracker;
    struct Process {
      std::int64_t counted = 0;
      int pid = 1;
      int reloads = 0;
      int away = 0;      // seconds
      int changed = -9;  // when
    };
    std::map<std::string, Process> processes{{"a", {}}, {"b", {}}};
    Clock::Steady now{seconds(50)};
    int known = 0;
    for (int i = 0; i < 200; ++i) {
      const auto passed = milliseconds(chance(0.1) ? 2500 : 1000);
      now += passed;
      LoadReadings readings;
      for (auto& [name, process] : processes) {
        process.counted += static_cast<std::int64_t>(kRate) * passed.count() / 1000;
        if (chance(0.02) && i - process.changed > 5) {  // a restart
          ++process.pid;
          process.counted = 17;
          process.changed = i;
        } else if (chance(0.03) && i - process.changed > 5) {
          process.changed = i;
          ++process.pid;
          ++process.reloads;
        }
        process.away = chance(process.away > 0 ? 0.5 : 0.05) ? process.away + 1 : 0;
        readings[name] =
            process.away > 0
                ? std::nullopt
                : std::optional(LoadReading{.process = std::to_string(process.pid),
                                            .reloads = process.reloads,
                                            .at = now,
                                            .backends = {Backend(kShop, process.counted)}});
      }
      const auto loads = tracker.Add(i + 1, now, std::move(readings));
      const auto it = loads.find(kShop);
      if (it == loads.end() || !it->second.sample) continue;
      ++known;
      ASSERT_LE(it->second.sample->request_rate, 2 * kRate + 0.001) << seed << " " << i;
      const bool given_up = processes["a"].away > 5 || processes["b"].away > 5;
      if (given_up) continue;
      ASSERT_GE(it->second.sample->request_rate, 2 * kRate - 0.001) << seed << " " << i;
    }
    EXPECT_GT(known, 100) << seed;
  }
}

}  // namespace
}  // namespace ballast::reconcilers
