// Random valid objects of the kinds that are stored: what EncodeObject writes, DecodeObject and
// DecodeManifest read back as it was.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  int Number(int min, int max) { return std::uniform_int_distribution<int>(min, max)(random_); }
  bool Coin() { return Number(0, 1) == 1; }

  std::string Name() {
    std::string name = "n";
    for (int i = Number(0, 20); i > 0; --i) name += "abcxyz019"[Number(0, 8)];
    return name;
  }

  std::string Text() {
    static const char* const kPieces[] = {"a",   "\"",  "\\", "\n", "\t", "\r", "é",  "\x01", "#",
                                          "yes", "010", ": ", "- ", "{}", "*x", "&y", "€",    " "};
    std::string text;
    for (int i = Number(0, 10); i > 0; --i) text += kPieces[Number(0, 17)];
    return text;
  }

  std::string Bytes() {
    std::string bytes;
    for (int i = Number(0, 40); i > 0; --i) bytes += static_cast<char>(Number(0, 255));
    return bytes;
  }

  ObjectMeta Meta(bool long_name) {
    ObjectMeta meta;
    meta.name = long_name && Coin() ? Name() + "." + Name() : Name();
    if (Coin()) meta.ns = Name();
    for (int i = Number(0, 3); i > 0; --i) meta.labels[Name()] = Name();
    for (int i = Number(0, 2); i > 0; --i) meta.annotations[Name()] = Text();
    if (Coin()) meta.generation = Number(1, 1000);
    return meta;
  }

  Namespace MakeNamespace() {
    Namespace ns;
    ns.meta = Meta(false);
    ns.meta.ns = "";
    return ns;
  }

  ConfigMap MakeConfigMap() {
    ConfigMap config;
    config.meta = Meta(true);
    for (int i = Number(0, 5); i > 0; --i) config.data["." + Name()] = Text();
    for (int i = Number(0, 5); i > 0; --i) config.binary_data["B_" + Name()] = Bytes();
    if (Coin()) config.immutable = Coin();
    return config;
  }

  Secret MakeSecret() {
    Secret secret;
    secret.meta = Meta(true);
    for (int i = Number(0, 5); i > 0; --i) secret.data[Name()] = Bytes();
    if (Coin()) secret.immutable = Coin();
    switch (Number(0, 4)) {
      case 0:
        secret.type = kSecretTls;
        secret.data[kTlsCertKey] = Bytes();
        secret.data[kTlsPrivateKeyKey] = Bytes();
        break;
      case 1:
        secret.type = kSecretDockerConfigJson;
        secret.data[kDockerConfigJsonKey] = R"({"auths":{}})";
        break;
      case 2:
        secret.type = kSecretBasicAuth;
        secret.data[Coin() ? kBasicAuthUsernameKey : kBasicAuthPasswordKey] = Text();
        break;
      case 3:
        secret.type = "example.com/" + Name();
        break;
      default:
        break;
    }
    return secret;
  }

  // As they are after reading: Kubernetes' suffixes are a way of writing.
  MetricQuantity Quantity(std::int64_t most) {
    std::int64_t millis = Number(1, 1'000'000'000);
    if (Coin()) millis *= Number(1, 1'000'000);
    MetricQuantity quantity{.millis = std::min(millis, most)};
    if (Coin() && quantity.millis > 1'024'000) {
      quantity.millis -= quantity.millis % 1'024'000;
      quantity.binary = true;
    }
    return quantity;
  }

  Metric MakeMetric(int i) {
    constexpr std::int64_t kMost = 1'000'000'000'000'000'000;
    Metric metric;
    metric.target.quantity = Quantity(kMost);
    switch (i) {
      case 0:
        metric.type = MetricType::kRequestRate;
        break;
      case 1:
        metric.type = MetricType::kConcurrency;
        break;
      case 2:
        metric.type = MetricType::kResponseTime;
        metric.target = {TargetType::kValue, Quantity(3'600'000), 0};
        break;
      case 3:
      case 4:
        metric.type = MetricType::kResource;
        metric.resource = i == 3 ? ResourceName::kCpu : ResourceName::kMemory;
        if (Coin()) metric.target = {TargetType::kUtilization, {}, Number(1, 100)};
        break;
      default:
        metric.type = MetricType::kExternal;
        metric.prometheus = {"http://" + Name() + ":9090/" + Name(),
                             "sum(rate(x{a=\"" + Name() + "\"}[1m]))\n" + std::to_string(i)};
        if (Coin()) metric.target.type = TargetType::kValue;
    }
    return metric;
  }

  ScalingRules MakeRules() {
    ScalingRules rules;
    if (Coin()) rules.stabilization_window_seconds = Number(0, 3600);
    if (Coin()) rules.select_policy = static_cast<SelectPolicy>(Number(0, 2));
    if (Coin()) rules.tolerance = MetricQuantity{Number(0, 100'000)};
    if (Coin()) {
      rules.policies.emplace();
      for (int i = Number(1, 4); i > 0; --i) {
        rules.policies->push_back({static_cast<ScalingPolicyType>(Number(0, 1)),
                                   Number(1, 2'147'483'647), Number(1, 1800)});
      }
    }
    return rules;
  }

  Autoscaler MakeAutoscaler() {
    Autoscaler scaler;
    scaler.meta = Meta(false);
    AutoscalerSpec& spec = scaler.spec;
    spec.scale_target_ref.kind = "WebApp";
    spec.scale_target_ref.name = Name();
    if (Coin()) spec.min_replicas = Number(0, 500);
    spec.max_replicas = Number(500, 1000);
    if (Coin()) spec.cold_start_timeout_seconds = Number(1, 3600);
    for (int i = 0; i < 7; ++i) {
      if (Coin()) spec.metrics.push_back(MakeMetric(i));
    }
    if (spec.metrics.empty()) spec.metrics.push_back(MakeMetric(Number(0, 6)));
    if (Coin()) {
      spec.behavior.emplace();
      if (Coin()) spec.behavior->scale_up = MakeRules();
      if (Coin()) spec.behavior->scale_down = MakeRules();
    }
    if (Coin()) spec.panic = Panic{Number(1, 600), Number(110, 1000)};
    for (int i = Number(0, 3); i > 0; --i) {
      ScalingSchedule schedule;
      schedule.start = std::to_string(i) + " */2 * jan-mar 1-5";
      schedule.duration = Millis{Number(60'000, 100'000'000)};
      if (Coin()) schedule.time_zone = "Europe/Zurich";
      if (Coin()) schedule.max_replicas = Number(500, 1000);
      if (Coin() || !schedule.max_replicas) schedule.min_replicas = Number(0, 500);
      spec.schedules.push_back(schedule);
    }
    return scaler;
  }

 private:
  std::mt19937 random_;
};

class RoundTripKinds : public ::testing::TestWithParam<unsigned> {};

TEST_P(RoundTripKinds, Objects) {
  Generator generator(GetParam());
  for (int i = 0; i < 50; ++i) {
    for (const Object& object :
         {Object(generator.MakeNamespace()), Object(generator.MakeConfigMap()),
          Object(generator.MakeSecret()), Object(generator.MakeAutoscaler())}) {
      const nlohmann::json json = EncodeObject(object);
      const auto back = DecodeJson(json, testing::AllKinds());
      ASSERT_TRUE(back.has_value()) << back.error().front().ToString() << "\n" << json.dump(1);
      ASSERT_TRUE(*back == object) << json.dump(1);
      ASSERT_EQ(EncodeObject(*back), json);
    }
  }
}

// What `-o json` prints is a manifest, once the fields that Ballast writes are gone.
TEST_P(RoundTripKinds, JsonIsAManifest) {
  Generator generator(GetParam() + 2000);
  for (int i = 0; i < 20; ++i) {
    for (Object object : {Object(generator.MakeNamespace()), Object(generator.MakeConfigMap()),
                          Object(generator.MakeSecret()), Object(generator.MakeAutoscaler())}) {
      std::visit([](auto& value) { value.meta.generation = 1; }, object);
      nlohmann::json json = EncodeObject(object);
      json["metadata"].erase("generation");
      const auto objects = DecodeManifest("a.json", json.dump(1), testing::AllKinds());
      ASSERT_TRUE(objects.has_value()) << objects.error().front().ToString() << json.dump(1);
      ASSERT_TRUE(objects->at(0).object == object) << json.dump(1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RoundTripKinds, ::testing::Range(0U, 10U));

}  // namespace
}  // namespace ballast::api
