// What `ballast why` asks and prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controller/cli/why_view.h"
#include "tests/unit/cli/sample_answers.h"

namespace ballast::cli {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr char kAutoscalers[] = "/apis/ballast.dev/v1alpha1/namespaces/default/autoscalers";

constexpr char kList[] = R"({"items":[{"kind":"Autoscaler","metadata":{"name":"by-rate"},
    "spec":{"scaleTargetRef":{"kind":"WebApp","name":"shop"}}}]})";

constexpr char kDecisions[] = R"({"kind":"DecisionList","items":[
  {"first":"2026-11-21T10:41:00Z","last":"2026-11-21T10:41:50Z","count":51,"decision":
    {"current":9,"replicas":9,"proposed":2,"limit":"Stabilization","reason":"ScaleDownStabilized",
     "message":"RequestRate: 40/s, 50/s for each; stays at 9: 9 were wanted within the last 120 s",
     "panicking":false,"minReplicas":2,"maxReplicas":12,"inService":9,"held":0,
     "startupSeconds":2.345,"nextChange":"2026-11-21T10:42:41Z",
     "metrics":[{"type":"RequestRate","name":"RequestRate","current":4.44,"stable":40,"panic":39.5,
                 "target":50,"replicas":2}]}},
  {"first":"2026-11-21T10:40:41Z","last":"2026-11-21T10:40:41Z","count":1,"decision":
    {"current":2,"replicas":9,"proposed":9,"limit":"None","reason":"AboveTarget",
     "message":"RequestRate: 400/s; grows from 2 to 9","panicking":true,
     "minReplicas":2,"maxReplicas":12,"inService":2,
     "metrics":[{"type":"RequestRate","name":"RequestRate","current":200,"stable":70,"panic":400,
                 "target":50,"replicas":9}]}}]})";

TEST_F(Commands, WhyExplainsTheLastDecisions) {
  server_.On(std::string("GET ") + kAutoscalers, kList);
  server_.On(std::string("GET ") + kAutoscalers + "/by-rate/decisions?limit=10", kDecisions);
  for (const char* name : {"shop", "webapp/shop", "autoscaler/by-rate", "by-rate"}) {
    const Outcome outcome = Ballast({"why", name});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("autoscaler/by-rate of webapp/shop: RequestRate: 40/s"));
    EXPECT_THAT(outcome.out, HasSubstr("9 replicas asked for, 9 in service; 2 to 12 allowed now"));
    EXPECT_THAT(outcome.out, HasSubstr("from 2026-11-21T10:42:41Z on"));
    EXPECT_THAT(outcome.out, HasSubstr("takes 2.35 s to start"));
    EXPECT_THAT(outcome.out, HasSubstr("RequestRate   4.44       50       40    39.5       2"));
    EXPECT_THAT(outcome.out, HasSubstr("2 -> 9"));
    EXPECT_THAT(outcome.out, HasSubstr("AboveTarget"));
  }
  EXPECT_EQ(Ballast({"why", "shop", "-o", "json"}).out, json::parse(kDecisions).dump(4) + "\n");
}

TEST_F(Commands, WhyOfWhatHasNoAutoscaler) {
  server_.On(std::string("GET ") + kAutoscalers, kList);
  const Outcome outcome = Ballast({"why", "cart"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no autoscaler decides about cart"));
  EXPECT_THAT(outcome.err, HasSubstr("there are some for webapp/shop"));
  server_.On("GET /apis/ballast.dev/v1alpha1/namespaces/other/autoscalers", R"({"items":[]})");
  EXPECT_THAT(Ballast({"why", "cart", "-n", "other"}).err, HasSubstr("docs/autoscaling.md"));
  EXPECT_EQ(Ballast({"why"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"why", "a", "b"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"why", "shop", "--limit", "0"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"why", "lb/default"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"why", "shop", "-o", "wide"}).code, kExitUsage);
}

TEST(Why, NothingDecidedYet) {
  const json autoscaler = {{"metadata", {{"name", "x"}}},
                           {"status", {{"lastDecision", "there is no WebApp \x1b[31mshop"}}}};
  const std::string out = RenderWhy({.autoscaler = autoscaler, .decisions = {}, .now = {}});
  EXPECT_THAT(out, HasSubstr("there is no WebApp"));
  EXPECT_THAT(out, Not(HasSubstr("\x1b")));
}

TEST(Why, WhatKeepsItFromDecidingComesFirst) {
  const json autoscaler = {{"metadata", {{"name", "x"}}},
                           {"status",
                            {{"conditions",
                              {{{"type", "AbleToScale"},
                                {"status", "False"},
                                {"message", "there is no WebApp shop"}}}}}}};
  const json decisions = json::parse(kDecisions)["items"];
  const std::string out = RenderWhy({.autoscaler = autoscaler, .decisions = decisions, .now = {}});
  EXPECT_THAT(out, HasSubstr("now: there is no WebApp shop\n  the last decision: RequestRate"));
}

// Whatever a newer or broken server says.
TEST(Why, RubbishIsShownAsNothing) {
  const json autoscaler = 3;
  const std::vector<json> decisions = {json(nullptr), json({{"decision", "x"}}),
                                       json({{"decision", {{"metrics", {1, "x"}}}}})};
  EXPECT_FALSE(RenderWhy({.autoscaler = autoscaler, .decisions = decisions, .now = {}}).empty());
}

}  // namespace
}  // namespace ballast::cli
