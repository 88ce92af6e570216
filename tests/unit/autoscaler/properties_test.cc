// What holds for every spec, load and history.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "reconcilers/autoscaler/tuning.h"
#include "tests/unit/autoscaler/world.h"

namespace ballast::reconcilers {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  int Roll(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  bool Chance(int percent) { return Roll(1, 100) <= percent; }
  // Anything at all.
  double Wild() {
    const double all[] = {0,   1,     -1,   kNan,  kInfinity, -kInfinity, 1e-300,
                          1e9, 1e300, 12.5, 0.001, -0.0,      5e8,        double(Roll(0, 5000))};
    return all[Roll(0, static_cast<int>(std::size(all)) - 1)];
  }

 private:
  std::mt19937 random_;
};

api::ScalingRules Rules(Dice& dice) {
  api::ScalingRules rules;
  if (dice.Chance(50)) rules.stabilization_window_seconds = dice.Roll(0, 400);
  if (dice.Chance(50)) rules.select_policy = static_cast<api::SelectPolicy>(dice.Roll(0, 2));
  if (dice.Chance(50)) {
    rules.policies.emplace();
    for (int i = dice.Roll(1, 3); i > 0; --i) {
      rules.policies->push_back(
          {.type = static_cast<api::ScalingPolicyType>(dice.Roll(0, 1)),
           .value = dice.Chance(10) ? std::numeric_limits<int>::max() : dice.Roll(1, 200),
           .period_seconds = dice.Roll(1, 1800)});
    }
  }
  if (dice.Chance(50)) rules.tolerance = {.millis = dice.Roll(0, 2000)};
  return rules;
}

api::AutoscalerSpec Spec(Dice& dice) {
  std::vector<api::Metric> metrics;
  for (int i = dice.Roll(1, 4); i > 0; --i) {
    const auto type = static_cast<api::MetricType>(dice.Roll(0, 4));
    api::Metric metric = MetricOfType(type, dice.Chance(10) ? 0.001 : dice.Roll(1, 300));
    if (type == api::MetricType::kResponseTime) {
      metric.target.type = api::TargetType::kValue;
      metric.target.quantity.millis = dice.Roll(1, 3000);
    } else if (type == api::MetricType::kResource && dice.Chance(50)) {
      metric.target.type = api::TargetType::kUtilization;
      metric.target.average_utilization = dice.Roll(1, 300);
    } else if (type == api::MetricType::kExternal && dice.Chance(50)) {
      metric.target.type = api::TargetType::kValue;
    }
    metric.resource = static_cast<api::ResourceName>(dice.Roll(0, 1));
    metrics.push_back(metric);
  }
  const int min = dice.Roll(0, 5);
  api::AutoscalerSpec spec = SpecOf(min, min + dice.Roll(1, 100), metrics);
  if (dice.Chance(50)) {
    spec.behavior.emplace();
    if (dice.Chance(60)) spec.behavior->scale_up = Rules(dice);
    if (dice.Chance(60)) spec.behavior->scale_down = Rules(dice);
  }
  if (dice.Chance(30)) {
    spec.panic = {.window_seconds = dice.Roll(1, 600), .threshold_percent = dice.Roll(110, 1000)};
  }
  if (dice.Chance(30)) {
    spec.schedules.push_back({.start = "*/10 * * * *",
                              .duration = std::chrono::minutes(dice.Roll(1, 20)),
                              .time_zone = "UTC",
                              .min_replicas = dice.Roll(min, spec.max_replicas),
                              .max_replicas = std::nullopt});
  }
  return spec;
}

void Fill(Dice& dice, World& world, bool wild) {
  const auto number = [&] { return wild ? dice.Wild() : double(dice.Roll(0, 100)) / 10; };
  world.input.held = dice.Chance(5) ? dice.Roll(0, 500) : 0;
  world.input.startup_seconds = wild ? dice.Wild() : dice.Roll(0, 60);
  world.input.usage.clear();
  for (int i = 0; i < world.current && i < 20; ++i) {
    ReplicaUsage usage;
    usage.replica = std::to_string(i);
    usage.ready = dice.Chance(80);
    usage.started = At(world.now - dice.Roll(0, 1000));
    if (dice.Chance(80)) usage.cpu = number();
    if (dice.Chance(80)) usage.memory = number() * 1e8;
    usage.cpu_limit = dice.Chance(80) ? 1 : number();
    usage.memory_limit = dice.Chance(80) ? 1e9 : number();
    world.input.usage.push_back(usage);
  }
  world.input.external.clear();
  for (std::size_t i = 0; i < world.spec.metrics.size(); ++i) {
    if (dice.Chance(90)) world.input.external[i] = {.value = number(), .problem = ""};
  }
}

LoadSample Sample(Dice& dice, bool wild, double level) {
  LoadSample sample;
  const auto number = [&](double usual) { return wild && dice.Chance(30) ? dice.Wild() : usual; };
  sample.request_rate = number(dice.Chance(20) ? 0 : level * dice.Roll(50, 150) / 100);
  sample.concurrency = number(level / 10);
  sample.queued = number(0);
  sample.response_seconds = number(dice.Chance(20) ? -1 : dice.Roll(1, 900) / 1000.0);
  sample.error_rate = number(dice.Chance(10) ? level / 3 : 0);
  return sample;
}

TEST(Properties, WhateverComesTheNumberStaysWithinItsBounds) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    Dice dice(seed);
    const bool wild = seed % 2 == 0;
    World world(Spec(dice), dice.Roll(0, 120), dice.Roll(1, 30));
    world.input.policy = seed % 10 == 8   ? ScalingPolicyKind::kHpa
                         : seed % 10 == 9 ? ScalingPolicyKind::kKpa
                                          : ScalingPolicyKind::kBallast;
    double level = 100;
    for (int i = 0; i < 300; ++i) {
      if (dice.Chance(3)) level = dice.Roll(0, 5000);
      if (dice.Chance(2)) world.now += dice.Roll(1, 100);
      if (dice.Chance(1)) world.now -= dice.Roll(1, 300);
      world.count = dice.Chance(90);
      Fill(dice, world, wild);
      const int before = world.current;
      const ScalingHistory history = world.history;
      const Decision decision = world.Second(Sample(dice, wild, level));
      const std::string shown = "seed " + std::to_string(seed) + ", second " + std::to_string(i) +
                                ": " + decision.message;
      ASSERT_EQ(decision.current, before) << shown;
      if (world.input.policy == ScalingPolicyKind::kBallast) {
        ASSERT_GE(decision.replicas, decision.min_replicas) << shown;
        ASSERT_LE(decision.replicas, decision.max_replicas) << shown;
      } else {
        ASSERT_GE(decision.replicas, 0) << shown;
      }
      ASSERT_FALSE(decision.reason.empty()) << shown;
      ASSERT_FALSE(decision.message.empty()) << shown;
      ASSERT_EQ(decision.metrics.size(), world.spec.metrics.size()) << shown;
      if (decision.next_change) {
        ASSERT_GE(*decision.next_change, world.input.now) << shown;
      }
      // Panic and missing metrics never shrink what is within the bounds.
      const bool kept = decision.limit == ScalingLimit::kNoMetrics ||
                        (decision.panicking && before <= decision.max_replicas);
      if (kept && world.input.policy == ScalingPolicyKind::kBallast) {
        ASSERT_GE(decision.replicas, before) << shown;
      }
      if (before > 0 && world.input.held > 0 && before <= decision.max_replicas) {
        ASSERT_GE(decision.replicas, 1) << shown;
      }
      // The same once more is the same.
      ScalingHistory again = history;
      DecideInput input = world.input;
      input.current = before;
      if (before == world.current) {
        const Decision same = Decide(input, again);
        ASSERT_EQ(same.replicas, decision.replicas) << shown;
        ASSERT_EQ(same.message, decision.message);
        ASSERT_EQ(again, world.history);
      }
    }
  }
}

TEST(Properties, TheOrderOfMetricsAndReplicasIsOfNoConsequence) {
  for (unsigned seed = 0; seed < 50; ++seed) {
    Dice dice(seed);
    World world(Spec(dice), dice.Roll(1, 20));
    std::erase_if(world.spec.metrics, [](const api::Metric& metric) {
      return metric.type == api::MetricType::kExternal;  // theirs are told apart by their index
    });
    if (world.spec.metrics.empty()) continue;
    World mirrored = world;
    std::reverse(mirrored.spec.metrics.begin(), mirrored.spec.metrics.end());
    for (int i = 0; i < 200; ++i) {
      Fill(dice, world, false);
      mirrored.input.usage = world.input.usage;
      std::reverse(mirrored.input.usage.begin(), mirrored.input.usage.end());
      mirrored.input.held = world.input.held;
      mirrored.input.startup_seconds = world.input.startup_seconds;
      const LoadSample sample = Sample(dice, false, 200);
      ASSERT_EQ(world.Second(sample).replicas, mirrored.Second(sample).replicas) << seed;
      ASSERT_EQ(world.history, mirrored.history);
    }
  }
}

// Visitors come by chance; the number of replicas does not follow them. Only a level at the edge
// between two numbers may, once in a long while, and back.
TEST(Properties, ConstantNoisyLoadChangesNothing) {
  int changes = 0;
  int levels = 0;
  for (double level = 60; level < 2000; level *= 1.07) {
    World world(SpecOf(1, 100, {RequestRateOf(50)}), 1);
    world.random.seed(static_cast<unsigned>(level));
    world.Noisy(900, level);
    world.scalings = 0;
    world.Noisy(600, level);
    EXPECT_LE(world.scalings, 2) << level;
    changes += world.scalings;
    ++levels;
  }
  EXPECT_LE(changes, levels / 10);
  // In the middle between two numbers there is none at all.
  for (unsigned seed = 0; seed < 20; ++seed) {
    for (const double level : {75.0, 120.0, 225.0, 425.0}) {
      World world(SpecOf(1, 100, {RequestRateOf(50)}), static_cast<int>(std::ceil(level / 50)));
      world.random.seed(seed);
      world.Noisy(180, level);
      world.scalings = 0;
      world.Noisy(600, level);
      EXPECT_EQ(world.scalings, 0) << level << " " << seed;
    }
  }
}

TEST(Properties, AGapNeverShrinks) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    Dice dice(seed);
    World world(SpecOf(1, 100, {RequestRateOf(50)}), 1);
    world.Noisy(200, 100 + 10 * (seed % 40));
    const int before = world.current;
    world.count = false;
    world.Seconds(dice.Roll(1, 900), 0);
    if (dice.Chance(30)) world.now += dice.Roll(1, 5000);
    if (dice.Chance(30)) world.series = {};
    ASSERT_EQ(world.current, before);
    world.count = true;
    // A new window begins, and most is kept for longer, as after a deep fall.
    world.Seconds(kTuning.rate_down_seconds - 1, 5);
    ASSERT_GE(world.current, before) << seed;
    world.Seconds(kTuning.fall_seconds - kTuning.rate_down_seconds - 1, 5);
    ASSERT_GE(world.current, kTuning.fall_keeps * before) << seed;
  }
}

}  // namespace
}  // namespace ballast::reconcilers
