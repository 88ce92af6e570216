// Fields that wait for a switch: each refused by name until its own is on, and read as meant then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

using ::testing::HasSubstr;

const std::string kPodHead = testing::kWebAppHead +
                             "  template:\n    spec:\n      containers:\n      - name: web\n"
                             "        image: acme/shop\n        ports: [{containerPort: 80}]\n";

struct Gated {
  bool Features::* feature;
  std::string text;
  std::string error;  // a part of it
};

const std::vector<Gated>& AllGated() {
  static const std::string volume = kPodHead +
                                    "        volumeMounts: [{name: v, mountPath: /v}]\n"
                                    "      volumes: [{name: v, ";
  static const std::vector<Gated> all = {
      {&Features::env_references,
       kPodHead + "        env: [{name: A, valueFrom: {secretKeyRef: {name: db, key: a}}}]\n",
       "env[0].valueFrom: is not built yet"},
      {&Features::env_references,
       kPodHead + "        env: [{name: A, valueFrom: {configMapKeyRef: {name: db, key: a}}}]\n",
       "env[0].valueFrom: is not built yet"},
      {&Features::env_references, kPodHead + "        envFrom: [{secretRef: {name: db}}]\n",
       "envFrom: is not built yet"},
      {&Features::object_volumes, volume + "configMap: {name: a}}]\n",
       "volumes[0].configMap: is not built yet"},
      {&Features::object_volumes, volume + "secret: {secretName: a}}]\n",
       "volumes[0].secret: is not built yet"},
      {&Features::image_pull_secrets, kPodHead + "      imagePullSecrets: [{name: a}]\n",
       "imagePullSecrets: is not built yet"},
      {&Features::basic_auth, testing::kWebAppHead + "  traffic: {basicAuthSecret: users}\n",
       "spec.traffic.basicAuthSecret: is not built yet"},
      {&Features::https,
       testing::kLoadBalancerHead +
           "  listeners: [{name: a, port: 443, protocol: HTTPS, tls: {secretNames: [a/b]}}]\n",
       "spec.listeners[0].protocol: HTTPS listeners are not built yet"},
      {&Features::stats_auth, testing::kLoadBalancerHead + "  stats: {auth: a/b}\n",
       "spec.stats.auth: is not built yet"},
  };
  return all;
}

TEST(Features, AreOffByDefault) {
  EXPECT_EQ(DecodeOptions{}.features, Features{});
  for (const Gated& gated : AllGated()) {
    EXPECT_THAT(testing::ErrorsOf(gated.text), HasSubstr(gated.error)) << gated.text;
  }
}

TEST(Features, OneSwitchEach) {
  for (const Gated& gated : AllGated()) {
    SCOPED_TRACE(gated.text);
    DecodeOptions only;
    only.features.*gated.feature = true;
    EXPECT_EQ(testing::ErrorsOf(gated.text, only), "");
    DecodeOptions all_others;
    all_others.features = Features::All();
    all_others.features.*gated.feature = false;
    EXPECT_THAT(testing::ErrorsOf(gated.text, all_others), HasSubstr(gated.error));
  }
}

// What a reader wrote before is read by one that has the switches on, and the other way round.
TEST(Features, UnusedOnesAreNotWritten) {
  LoadBalancer balancer;
  balancer.meta.name = "edge";
  const nlohmann::json json = EncodeObject(balancer);
  EXPECT_TRUE(DecodeObject(json, {}).has_value());
  EXPECT_EQ(json["spec"]["listeners"][0],
            nlohmann::json(
                {{"name", "http"}, {"port", 80}, {"protocol", "HTTP"}, {"acceptProxy", false}}));
  const auto webapp = testing::DecodeOne<WebApp>(kPodHead + "        env: [{name: A}]\n");
  EXPECT_TRUE(DecodeObject(EncodeObject(webapp), {}).has_value());
}

TEST(Features, HarmlessValuesAreLetThrough) {
  EXPECT_EQ(testing::ErrorsOf(testing::kWebAppHead + "  traffic: {basicAuthSecret: \"\"}\n"), "");
  EXPECT_EQ(testing::ErrorsOf(testing::kLoadBalancerHead +
                              "  listeners: [{name: a, redirectToHttps: false}]\n"),
            "");
}

TEST(Features, NothingThatIsOffIsSuggested) {
  const std::string text = kPodHead + "        envFron: []\n";
  EXPECT_THAT(testing::ErrorsOf(text), ::testing::EndsWith("envFron: unknown field\n"));
  EXPECT_THAT(testing::ErrorsOf(text, testing::AllKinds()), HasSubstr("did you mean \"envFrom\"?"));
}

// A container that runs has what it was made with, whatever is allowed now.
TEST(Features, TemplatesOfRunningContainersAreRead) {
  const auto webapp = testing::DecodeOne<WebApp>(
      kPodHead + "        env: [{name: A, valueFrom: {secretKeyRef: {name: db, key: a}}}]\n" +
      "        envFrom: [{configMapRef: {name: all}}]\n" +
      "      imagePullSecrets: [{name: registry}]\n");
  const std::string canonical = CanonicalTemplate(*webapp.spec.pod_template);
  EXPECT_EQ(canonical, R"({"spec":{"containers":[{"env":[{"name":"A","valueFrom":{"secretKeyRef":)"
                       R"({"key":"a","name":"db"}}}],"envFrom":[{"configMapRef":{"name":"all"}}],)"
                       R"("image":"acme/shop","name":"web","ports":[{"containerPort":80}]}],)"
                       R"("imagePullSecrets":[{"name":"registry"}]}})");
  const auto back = ParseCanonicalTemplate(canonical);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, *webapp.spec.pod_template);
}

TEST(EnvReferences, AreReadAsMeant) {
  const auto webapp = testing::DecodeOne<WebApp>(
      kPodHead +
      "        env:\n"
      "        - {name: A, valueFrom: {secretKeyRef: {name: db.users, key: .pass, optional: "
      "true}}}\n"
      "        - {name: B, valueFrom: {configMapKeyRef: {name: settings, key: b_c}}}\n"
      "        - {name: C, value: c}\n"
      "        envFrom: [{prefix: DB_, secretRef: {name: db}}, {configMapRef: {name: a, optional: "
      "true}}]\n");
  const Container& web = webapp.spec.pod_template->containers.front();
  ASSERT_EQ(web.env.size(), 3U);
  EXPECT_EQ(std::get<SecretKeySelector>(web.env[0].value_from),
            (SecretKeySelector{"db.users", ".pass", true}));
  EXPECT_EQ(std::get<ConfigMapKeySelector>(web.env[1].value_from),
            (ConfigMapKeySelector{"settings", "b_c", false}));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(web.env[2].value_from));
  ASSERT_EQ(web.env_from.size(), 2U);
  EXPECT_EQ(web.env_from[0], (EnvFromSource{"DB_", SecretEnvSource{"db", false}}));
  EXPECT_EQ(web.env_from[1], (EnvFromSource{"", ConfigMapEnvSource{"a", true}}));
}

TEST(ObjectVolumes, AreReadAsMeant) {
  const auto webapp = testing::DecodeOne<WebApp>(
      kPodHead +
      "        volumeMounts: [{name: a, mountPath: /a}, {name: b, mountPath: /b}]\n"
      "      volumes:\n"
      "      - {name: a, configMap: {name: x, items: [{key: k, path: d/k.txt}], optional: true}}\n"
      "      - {name: b, secret: {secretName: y, defaultMode: 0o400}}\n");
  const auto& volumes = webapp.spec.pod_template->volumes;
  EXPECT_EQ(std::get<ConfigMapVolume>(volumes[0].source),
            (ConfigMapVolume{"x", {{"k", "d/k.txt"}}, 0644, true}));
  EXPECT_EQ(std::get<SecretVolume>(volumes[1].source), (SecretVolume{"y", {}, 0400, false}));
}

TEST(BasicAuth, NamesASecret) {
  const std::string head = testing::kWebAppHead + "  traffic: {basicAuthSecret: ";
  EXPECT_EQ(testing::DecodeOne<WebApp>(head + "shop.users}\n").spec.traffic.basic_auth_secret,
            "shop.users");
  EXPECT_EQ(testing::DecodeOne<WebApp>(head + "\"\"}\n").spec.traffic.basic_auth_secret, "");
  EXPECT_THAT(testing::ErrorsOf(head + "default/users}\n", testing::AllKinds()),
              HasSubstr("must be a DNS subdomain"));
}

TEST(Https, ListenersAreReadAsMeant) {
  const auto balancer = testing::DecodeOne<LoadBalancer>(
      testing::kLoadBalancerHead +
      "  listeners:\n"
      "  - {name: http, port: 80, redirectToHttps: true}\n"
      "  - {name: https, port: 443, protocol: HTTPS, http2: false, tls: {secretNames: "
      "[shop/tls, default/other.example.com]}}\n"
      "  stats: {auth: ops/stats}\n");
  ASSERT_EQ(balancer.spec.listeners.size(), 2U);
  EXPECT_TRUE(balancer.spec.listeners[0].redirect_to_https);
  const Listener& https = balancer.spec.listeners[1];
  EXPECT_EQ(https.protocol, "HTTPS");
  EXPECT_FALSE(https.http2);
  EXPECT_THAT(https.tls_secrets,
              ::testing::ElementsAre(NamespacedName{"shop", "tls"},
                                     NamespacedName{"default", "other.example.com"}));
  EXPECT_EQ(balancer.spec.stats_auth, (NamespacedName{"ops", "stats"}));
}

}  // namespace
}  // namespace ballast::api
