// History and decisions as they are kept.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "reconcilers/autoscaler/decision_json.h"
#include "reconcilers/autoscaler/history.h"
#include "tests/unit/autoscaler/world.h"

namespace ballast::reconcilers {
namespace {

ScalingHistory Full() {
  ScalingHistory history;
  history.recommendations = {{.second = 10, .replicas = 3}, {.second = 12, .replicas = 0}};
  history.scale_ups = {{.second = 5, .change = 2}};
  history.scale_downs = {{.second = 6, .change = 1}, {.second = 7, .change = 4}};
  history.panic_since = 11;
  history.panic_replicas = 9;
  history.active_at = 12;
  history.last_scale = 7;
  history.last_tick = 13;
  history.startup_seconds = 2.25;
  return history;
}

TEST(HistoryJson, ComesBackAsItWas) {
  for (const ScalingHistory& history : {ScalingHistory{}, Full()}) {
    const auto back = DecodeScalingHistory(EncodeScalingHistory(history));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, history);
  }
}

TEST(HistoryJson, ADecisionGoesOnAsIfNothingHadHappened) {
  World stays(SpecOf(1, 100, {RequestRateOf(50)}), 1);
  World restarts = stays;
  for (int i = 0; i < 600; ++i) {
    const double rate = i < 100 ? 40 : i < 300 ? 700 : 90;
    if (i % 7 == 0) {
      restarts.history = DecodeScalingHistory(EncodeScalingHistory(restarts.history)).value();
    }
    ASSERT_EQ(stays.Second(rate).message, restarts.Second(rate).message);
  }
}

TEST(HistoryJson, RubbishIsAnError) {
  for (const char* text :
       {"", "x", "[]", "{}", "null", R"({"version":2})", R"({"version":"1"})",
        R"({"version":1,"recommendations":7})", R"({"version":1,"recommendations":[[1]]})",
        R"({"version":1,"recommendations":[[1,-1]]})", R"({"version":1,"scaleUps":[[1,0]]})",
        R"({"version":1,"scaleUps":[[1.5,1]]})", R"({"version":1,"panicReplicas":-1})",
        R"({"version":1,"panicReplicas":99999999999})", R"({"version":1,"startupSeconds":-1})",
        R"({"version":1,"activeAt":"now"})", R"({"version":1,"recommendations":[["a","b"]]})"}) {
    const auto history = DecodeScalingHistory(text);
    ASSERT_FALSE(history.has_value()) << text;
    EXPECT_FALSE(history.error().message.empty());
  }
  std::mt19937 random(5);
  const std::string good = EncodeScalingHistory(Full());
  for (int i = 0; i < 5000; ++i) {
    std::string damaged = good;
    damaged[random() % damaged.size()] = static_cast<char>(random() % 128);
    static_cast<void>(DecodeScalingHistory(damaged));
  }
}

TEST(DecisionJson, HoldsWhatWasDecidedAndFromWhat) {
  World world(SpecOf(2, 12, {RequestRateOf(50), MetricOfType(api::MetricType::kExternal, 10)}), 2);
  world.spec.metrics[1].prometheus.query = "jobs \xff";
  world.input.external[1].problem = "the server answered 503";
  const Decision decision = world.Seconds(10, 180);
  const auto json = nlohmann::json::parse(EncodeDecision(world.input, decision));
  EXPECT_EQ(json["current"], 4);
  EXPECT_EQ(json["replicas"], 4);
  EXPECT_EQ(json["limit"], "NoMetrics");
  EXPECT_EQ(json["reason"], "FailedGetMetrics");
  EXPECT_EQ(json["minReplicas"], 2);
  EXPECT_EQ(json["maxReplicas"], 12);
  EXPECT_EQ(json["inService"], 4);
  EXPECT_EQ(json["held"], 0);
  EXPECT_EQ(json["startupSeconds"], 3);
  EXPECT_EQ(json["panicking"], false);
  ASSERT_EQ(json["metrics"].size(), 2U);
  EXPECT_EQ(json["metrics"][0]["type"], "RequestRate");
  EXPECT_EQ(json["metrics"][0]["current"], 45);
  EXPECT_EQ(json["metrics"][0]["stable"], 180);
  EXPECT_EQ(json["metrics"][0]["target"], 50);
  EXPECT_EQ(json["metrics"][0]["replicas"], 4);
  EXPECT_FALSE(json["metrics"][0].contains("problem"));
  EXPECT_EQ(json["metrics"][1]["problem"], "the server answered 503");
  EXPECT_FALSE(json["metrics"][1].contains("replicas"));
}

TEST(DecisionJson, TellsWhenTheLimitEnds) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 10);
  world.Seconds(200, 480);
  const Decision decision = world.Seconds(20, 50);
  const auto json = nlohmann::json::parse(EncodeDecision(world.input, decision));
  ASSERT_TRUE(json.contains("nextChange"));
  EXPECT_EQ(json["nextChange"].get<std::string>().size(), 20U);
  EXPECT_EQ(json["nextChange"].get<std::string>().substr(0, 11), "2023-11-14T");
}

TEST(SameDecision, AQuietDayIsFewRows) {
  World world(SpecOf(2, 100, {RequestRateOf(50)}), 4);
  world.Noisy(300, 175);
  Decision last = world.Noisy(1, 175);
  int rows = 0;
  for (int i = 0; i < 3600; ++i) {
    const Decision decision = world.Noisy(1, 175);
    if (!SameDecision(last, decision)) ++rows;
    last = decision;
  }
  EXPECT_LE(rows, 30);
}

TEST(SameDecision, WhatDiffers) {
  World world(SpecOf(1, 100, {RequestRateOf(50)}), 4);
  const Decision one = world.Seconds(100, 175);
  EXPECT_TRUE(SameDecision(one, one));
  const auto differs = [&](auto change) {
    Decision other = one;
    change(other);
    return !SameDecision(one, other);
  };
  EXPECT_TRUE(differs([](Decision& d) { d.replicas = 5; }));
  EXPECT_TRUE(differs([](Decision& d) { d.current = 5; }));
  EXPECT_TRUE(differs([](Decision& d) { d.limit = ScalingLimit::kPanic; }));
  EXPECT_TRUE(differs([](Decision& d) { d.panicking = true; }));
  EXPECT_TRUE(differs([](Decision& d) { d.max_replicas = 7; }));
  EXPECT_TRUE(differs([](Decision& d) { d.metrics[0].replicas.reset(); }));
  EXPECT_TRUE(differs([](Decision& d) { d.proposed = d.current - 1; }));
  EXPECT_FALSE(differs([](Decision& d) { d.metrics[0].current = 49; }));
  EXPECT_FALSE(differs([](Decision& d) { d.message = "other words"; }));
}

}  // namespace
}  // namespace ballast::reconcilers
