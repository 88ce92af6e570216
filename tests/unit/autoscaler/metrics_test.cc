// The other types of metrics, and several at once.
#include <gtest/gtest.h>

#include "tests/unit/autoscaler/world.h"

namespace ballast::reconcilers {
namespace {

using api::MetricType;
using api::TargetType;

LoadSample Answers(double rate, double seconds, double errors = 0) {
  LoadSample sample;
  sample.request_rate = rate;
  sample.response_seconds = seconds;
  sample.error_rate = errors;
  sample.concurrency = rate * seconds;
  return sample;
}

Decision Sustain(World& world, int seconds, const LoadSample& sample) {
  Decision decision;
  for (int i = 0; i < seconds; ++i) decision = world.Second(sample);
  return decision;
}

TEST(Concurrency, CountsWhatIsInFlightAndWaits) {
  World world(SpecOf(1, 100, {MetricOfType(MetricType::kConcurrency, 20)}), 1);
  LoadSample sample;
  sample.concurrency = 95;
  sample.request_rate = 10;
  Sustain(world, 10, sample);
  EXPECT_EQ(world.current, 5);
}

TEST(Concurrency, WhatPilesUpWhileReplicasStartAsksForNoMore) {
  World world(SpecOf(1, 100, {MetricOfType(MetricType::kConcurrency, 20)}), 1, 30);
  LoadSample sample;
  sample.concurrency = 15;
  Sustain(world, 60, sample);
  sample.concurrency = 100;
  Sustain(world, 5, sample);
  EXPECT_EQ(world.current, 5);
  for (int i = 0; i < 20; ++i) {
    sample.concurrency += 50;
    world.Second(sample);
  }
  // Followed for some seconds only: 18 for the 350 that there were then, 55 for the 1100 now.
  EXPECT_LE(world.current, 18);
}

World Slow(int replicas) {
  return World(SpecOf(1, 100, {MetricOfType(MetricType::kResponseTime, 0.2, TargetType::kValue)}),
               replicas);
}

TEST(ResponseTime, GrowsByTheRatioUpToTwice) {
  World world = Slow(4);
  world.carry_out = false;
  EXPECT_EQ(Sustain(world, 40, Answers(100, 0.3)).replicas, 6);
  EXPECT_EQ(Sustain(world, 40, Answers(100, 5)).replicas, 8);
  EXPECT_EQ(Sustain(world, 40, Answers(100, 0.21)).reason, "WithinTolerance");
}

TEST(ResponseTime, WaitsForTheReplicasOnTheirWay) {
  World world = Slow(2);
  world.startup = 20;
  world.input.startup_seconds = 20;
  Sustain(world, 60, Answers(100, 0.2));
  Sustain(world, 5, Answers(100, 2));
  const int asked = world.current;
  EXPECT_EQ(asked, 3) << "as soon as it was out of tolerance";
  Sustain(world, 12, Answers(100, 2));
  EXPECT_EQ(world.current, asked);
  Sustain(world, 20, Answers(100, 2));
  EXPECT_GT(world.current, asked);
}

TEST(ResponseTime, ShrinksStepByStep) {
  World world = Slow(10);
  Sustain(world, 115, Answers(100, 0.01));
  EXPECT_EQ(world.current, 10);
  Sustain(world, 15, Answers(100, 0.01));
  EXPECT_EQ(world.current, 8);
}

TEST(ResponseTime, ErrorsSayNothing) {
  World world = Slow(4);
  Sustain(world, 60, Answers(100, 0.2));
  // Fails fast: not a reason to shrink. Fails slowly: not a reason to grow.
  Decision decision = Sustain(world, 300, Answers(100, 0.001, 80));
  EXPECT_EQ(world.current, 4);
  EXPECT_EQ(decision.limit, ScalingLimit::kNoMetrics);
  decision = Sustain(world, 300, Answers(100, 30, 80));
  EXPECT_EQ(world.current, 4);
  EXPECT_EQ(decision.metrics[0].problem,
            "too many answers are errors (5xx) for their time to tell anything");
}

TEST(ResponseTime, FewRequestsAreNoReasonToGrow) {
  World world = Slow(4);
  for (int i = 0; i < 600; ++i) world.Second(i % 20 == 0 ? Answers(1, 4) : Answers(0, -1));
  EXPECT_EQ(world.current, 4);
}

TEST(ResponseTime, RequestsWithoutAnswersAreNoReasonToShrink) {
  World world = Slow(4);
  LoadSample hangs;
  hangs.request_rate = 10;
  hangs.concurrency = 500;
  const Decision decision = Sustain(world, 300, hangs);
  EXPECT_EQ(world.current, 4);
  EXPECT_EQ(decision.metrics[0].problem, "requests came, and none was answered");
}

TEST(ResponseTime, NobodyThereShrinks) {
  World world = Slow(4);
  Sustain(world, 200, Answers(0, -1));
  EXPECT_EQ(world.current, 1);
}

World Hot(double cpu, int replicas) {
  World world(SpecOf(1, 20, {MetricOfType(MetricType::kResource, 0, TargetType::kUtilization)}),
              replicas);
  world.spec.metrics[0].target.average_utilization = 50;
  for (int i = 0; i < replicas; ++i) {
    ReplicaUsage usage;
    usage.replica = std::to_string(i);
    usage.ready = true;
    usage.started = At(kEpoch - 3600);
    usage.cpu = cpu;
    usage.cpu_limit = 2;
    world.input.usage.push_back(usage);
  }
  return world;
}

TEST(Resource, PercentOfTheLimit) {
  World world = Hot(1.6, 3);
  const Decision decision = world.Seconds(1, 10);
  EXPECT_EQ(decision.replicas, 5);  // 80 % of 50 %
  EXPECT_EQ(decision.metrics[0].name, "cpu");
  EXPECT_DOUBLE_EQ(decision.metrics[0].current, 80);
}

TEST(Resource, AnAverageInCpus) {
  World world = Hot(1.6, 3);
  world.spec.metrics[0].target.type = TargetType::kAverageValue;
  world.spec.metrics[0].target.quantity.millis = 800;
  EXPECT_EQ(world.Seconds(1, 10).replicas, 6);
}

TEST(Resource, ReplicasThatStartCountAsIdle) {
  World world = Hot(1.6, 3);
  world.current = world.ready = 6;
  for (int i = 0; i < 3; ++i) {
    world.input.usage.push_back(world.input.usage[0]);
    world.input.usage.back().ready = false;
    world.input.usage.back().started = At(world.now - 5);
  }
  EXPECT_EQ(world.Seconds(1, 10).replicas, 6) << "80 % of three is 40 % of six: enough";
}

TEST(Resource, WithoutALimitThereIsNoPercentage) {
  World world = Hot(1.6, 3);
  world.input.usage[1].cpu_limit = 0;
  const Decision decision = world.Seconds(1, 10);
  EXPECT_EQ(decision.replicas, 3);
  EXPECT_EQ(decision.metrics[0].problem,
            "a replica has no limit to take percents of: set resources.limits");
}

TEST(Resource, WithoutAnySampleNothingHappens) {
  World world = Hot(0.01, 3);
  for (ReplicaUsage& usage : world.input.usage) usage.cpu.reset();
  const Decision decision = world.Seconds(300, 10);
  EXPECT_EQ(world.current, 3);
  EXPECT_EQ(decision.metrics[0].problem, "no replica that counts has a sample");
}

TEST(External, AnAverageAndATotal) {
  World world(SpecOf(1, 100, {MetricOfType(MetricType::kExternal, 10)}), 2);
  world.spec.metrics[0].prometheus = {.url = "http://prometheus:9090", .query = "queue_length"};
  world.carry_out = false;
  world.input.external[0] = {.value = 73, .problem = ""};
  const Decision decision = world.Seconds(1, 0);
  EXPECT_EQ(decision.replicas, 8);
  EXPECT_EQ(decision.message, "queue_length: 36.5 of 10, 8 replicas; grows from 2 to 8");
  world.spec.metrics[0].target.type = TargetType::kValue;
  world.input.external[0].value = 25;
  EXPECT_EQ(world.Seconds(1, 0).replicas, 5);
  world.ready = 1;  // the other is on its way
  EXPECT_EQ(world.Seconds(1, 0).replicas, 3);
}

TEST(External, NoAnswerIsNoZero) {
  World world(SpecOf(1, 100, {MetricOfType(MetricType::kExternal, 10)}), 5);
  world.input.external[0] = {.value = std::nullopt, .problem = "the server answered 503"};
  const Decision decision = world.Seconds(600, 0);
  EXPECT_EQ(world.current, 5);
  EXPECT_EQ(decision.metrics[0].problem, "the server answered 503");
  for (const double bad : {-1.0, 0.0 / 0.0, 1.0 / 0.0}) {
    world.input.external[0].value = bad;
    world.Seconds(300, 0);
    EXPECT_EQ(world.current, 5);
  }
}

TEST(Several, TheLargestCountsAndAMissingOneOnlyStopsShrinking) {
  World world(SpecOf(1, 100, {RequestRateOf(50), MetricOfType(MetricType::kExternal, 10)}), 4);
  world.input.external[1] = {.value = 70, .problem = ""};
  world.Seconds(5, 190);
  EXPECT_EQ(world.current, 7);
  world.input.external[1] = {.value = std::nullopt, .problem = "timeout"};
  Decision decision = world.Seconds(600, 190);
  EXPECT_EQ(world.current, 7);
  EXPECT_EQ(decision.limit, ScalingLimit::kNoMetrics);
  decision = world.Seconds(5, 400);
  EXPECT_EQ(world.current, 8) << "what is known may still grow";
}

}  // namespace
}  // namespace ballast::reconcilers
