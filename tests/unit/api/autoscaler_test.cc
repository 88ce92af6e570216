// Kind Autoscaler: the sample of the design, what is told apart, defaults, time zones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

using ::testing::HasSubstr;

const std::string kAll = testing::kAutoscalerHead + R"YAML(
  scaleTargetRef: {kind: WebApp, name: shop}
  minReplicas: 2
  maxReplicas: 40
  coldStartTimeoutSeconds: 60
  metrics:
  - {type: RequestRate, requestRate: {target: {averageValue: "50"}}}
  - {type: Concurrency, concurrency: {target: {averageValue: "20"}}}
  - {type: ResponseTime, responseTime: {target: {value: 200m}}}
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}
  - {type: Resource, resource: {name: memory, target: {averageValue: 1.5Gi}}}
  - type: External
    external:
      prometheus: {url: "http://prometheus:9090", query: "sum(q)"}
      target: {averageValue: "10"}
  - type: External
    external:
      prometheus: {url: "https://[::1]:9090/p", query: "up"}
      target: {type: Value, value: 7}
  behavior:
    scaleUp:
      stabilizationWindowSeconds: 0
      selectPolicy: Max
      policies: [{type: Pods, value: 4, periodSeconds: 15}]
    scaleDown: {tolerance: 0.05}
  panic: {windowSeconds: 6, thresholdPercent: 200}
  schedules: [{start: "0 8 * * 1-5", duration: 10h, timeZone: Europe/Zurich, minReplicas: 6}]
)YAML";

const std::string kLeast = testing::kAutoscalerHead +
                           "  scaleTargetRef: {kind: WebApp, name: shop}\n"
                           "  maxReplicas: 3\n"
                           "  metrics: [{type: Concurrency, concurrency: {target: {averageValue: "
                           "20}}}]\n";

TEST(Autoscaler, EveryField) {
  const auto scaler = testing::DecodeOne<Autoscaler>(kAll);
  EXPECT_EQ(scaler.Key().ToString(), "Autoscaler/default/shop");
  const AutoscalerSpec& spec = scaler.spec;
  EXPECT_EQ(spec.scale_target_ref, (ScaleTargetRef{kApiVersion, "WebApp", "shop"}));
  EXPECT_EQ(spec.min_replicas, 2);
  EXPECT_EQ(spec.max_replicas, 40);
  ASSERT_EQ(spec.metrics.size(), 7U);
  EXPECT_EQ(spec.metrics[0].type, MetricType::kRequestRate);
  EXPECT_EQ(spec.metrics[0].target,
            (MetricTarget{TargetType::kAverageValue, {.millis = 50'000}, 0}));
  EXPECT_EQ(spec.metrics[2].target, (MetricTarget{TargetType::kValue, {.millis = 200}, 0}));
  EXPECT_EQ(spec.metrics[3].target, (MetricTarget{TargetType::kUtilization, {}, 70}));
  EXPECT_EQ(spec.metrics[4].resource, ResourceName::kMemory);
  EXPECT_EQ(spec.metrics[4].target.type, TargetType::kAverageValue);
  EXPECT_EQ(spec.metrics[4].target.quantity, (MetricQuantity{1'610'612'736'000, true}));
  EXPECT_EQ(spec.metrics[5].prometheus, (PrometheusQuery{"http://prometheus:9090", "sum(q)"}));
  EXPECT_EQ(spec.metrics[6].target.type, TargetType::kValue);
  ASSERT_TRUE(spec.behavior && spec.behavior->scale_up && spec.behavior->scale_down);
  const ScalingRules& up = *spec.behavior->scale_up;
  EXPECT_EQ(up.stabilization_window_seconds, 0);
  EXPECT_EQ(up.select_policy, SelectPolicy::kMax);
  ASSERT_TRUE(up.policies.has_value());
  EXPECT_EQ(up.policies->at(0), (ScalingPolicy{ScalingPolicyType::kPods, 4, 15}));
  EXPECT_FALSE(up.tolerance.has_value());
  const ScalingRules& down = *spec.behavior->scale_down;
  EXPECT_EQ(down, (ScalingRules{.tolerance = MetricQuantity{50}}));
  EXPECT_EQ(spec.panic, Panic{});
  ASSERT_EQ(spec.schedules.size(), 1U);
  EXPECT_EQ(spec.schedules[0].duration, Millis{36'000'000});
  EXPECT_EQ(spec.schedules[0].time_zone, "Europe/Zurich");
  EXPECT_EQ(spec.schedules[0].min_replicas, 6);
  EXPECT_FALSE(spec.schedules[0].max_replicas.has_value());
}

TEST(Autoscaler, ComesBackFromJson) {
  for (const std::string& text : {kAll, kLeast}) {
    const auto scaler = testing::DecodeOne<Autoscaler>(text);
    const nlohmann::json json = EncodeObject(scaler);
    const auto back = DecodeJson(json, testing::AllKinds());
    ASSERT_TRUE(back.has_value()) << back.error().front().ToString();
    EXPECT_EQ(std::get<Autoscaler>(*back), scaler);
    EXPECT_EQ(EncodeObject(*back), json);
  }
}

TEST(Autoscaler, ShowsDefaultsButNotWhatHpaDecides) {
  const nlohmann::json spec = EncodeObject(testing::DecodeOne<Autoscaler>(kLeast))["spec"];
  EXPECT_EQ(
      spec.dump(),
      R"({"coldStartTimeoutSeconds":60,"maxReplicas":3,)"
      R"("metrics":[{"concurrency":{"target":{"averageValue":"20","type":"AverageValue"}},)"
      R"("type":"Concurrency"}],"minReplicas":1,)"
      R"("scaleTargetRef":{"apiVersion":"ballast.dev/v1alpha1","kind":"WebApp","name":"shop"}})");
}

TEST(Autoscaler, LeftOutAndGivenAreToldApart) {
  const auto behavior = [](const std::string& text) {
    return testing::DecodeOne<Autoscaler>(kLeast + text).spec.behavior;
  };
  EXPECT_FALSE(behavior("").has_value());
  EXPECT_EQ(behavior("  behavior: {}\n"), ScalingBehavior{});
  EXPECT_EQ(behavior("  behavior: {scaleUp: {}}\n"), (ScalingBehavior{.scale_up = ScalingRules{}}));
  EXPECT_EQ(behavior("  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}\n")
                ->scale_down->stabilization_window_seconds,
            0);
  EXPECT_EQ(behavior("  behavior: {scaleDown: {tolerance: 0}}\n")->scale_down->tolerance,
            MetricQuantity{});
  for (const char* text :
       {"  behavior: {}\n", "  behavior: {scaleUp: {}}\n",
        "  behavior: {scaleDown: {tolerance: 0, selectPolicy: Disabled}}\n", "  panic: {}\n"}) {
    const auto scaler = testing::DecodeOne<Autoscaler>(kLeast + text);
    const auto back = DecodeJson(EncodeObject(scaler), testing::AllKinds());
    ASSERT_TRUE(back.has_value()) << text;
    EXPECT_EQ(std::get<Autoscaler>(*back), scaler) << text;
  }
  EXPECT_FALSE(testing::DecodeOne<Autoscaler>(kLeast).spec.panic.has_value());
}

TEST(Autoscaler, ScaleToZeroAndSchedulesOfTheirOwn) {
  const std::string zero = kLeast + "  minReplicas: 0\n";
  EXPECT_EQ(testing::DecodeOne<Autoscaler>(zero).spec.min_replicas, 0);
  const auto scaler =
      testing::DecodeOne<Autoscaler>(kLeast +
                                     "  schedules:\n  - {start: 0 0 24 nov fri, duration: 72h, "
                                     "minReplicas: 8, maxReplicas: 90}\n"
                                     "  - {start: 0 22 * * *, duration: 8h, minReplicas: 0}\n");
  EXPECT_EQ(scaler.spec.schedules[0].time_zone, "UTC");
  EXPECT_EQ(scaler.spec.schedules[0].max_replicas, 90);
  EXPECT_EQ(scaler.spec.schedules[1].min_replicas, 0);
}

TEST(Autoscaler, TimeZonesThatTheMachineKnows) {
  const std::string text =
      kLeast +
      "  schedules: [{start: 0 8 * * *, duration: 1h, timeZone: Europe/Zurch, minReplicas: 2}]\n";
  EXPECT_EQ(testing::ErrorsOf(text, testing::AllKinds()), "");
  DecodeOptions options = testing::AllKinds();
  options.knows_time_zone = [](std::string_view name) { return name != "Europe/Zurch"; };
  EXPECT_THAT(
      testing::ErrorsOf(text, options),
      HasSubstr("must be a time zone that this machine knows, such as Europe/Zurich or UTC, "
                "got \"Europe/Zurch\""));
}

}  // namespace
}  // namespace ballast::api
