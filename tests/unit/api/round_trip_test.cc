// Random valid objects: EncodeObject and DecodeObject, CanonicalTemplate and its parser are inverse
// to each other, and what is printed as JSON is a manifest too.
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

  // Any text without NUL: quotes, escapes, newlines, UTF-8, what looks like YAML.
  std::string AnyText() {
    static const char* const kPieces[] = {"a",   "\"",  "\\", "\n", "\t", "\r", "é",  "\x01", "#",
                                          "yes", "010", ": ", "- ", "{}", "*x", "&y", "€",    " "};
    std::string text;
    for (int i = Number(0, 10); i > 0; --i) text += kPieces[Number(0, 17)];
    return text;
  }

  std::vector<std::string> Texts(int max) {
    std::vector<std::string> texts;
    for (int i = Number(0, max); i > 0; --i) texts.push_back(AnyText());
    return texts;
  }

  std::map<std::string, std::string> Labels() {
    std::map<std::string, std::string> labels;
    for (int i = Number(0, 3); i > 0; --i) labels[Name()] = Coin() ? Name() : "";
    return labels;
  }

  Probe MakeProbe(bool once) {
    Probe probe;
    switch (Number(0, 2)) {
      case 0: {
        HttpGetAction http;
        if (Coin()) http.path = "/" + Name() + "?a=%20";
        if (Coin()) http.port = static_cast<std::uint16_t>(Number(1, 65535));
        if (Coin()) http.host = Name() + ":80";
        if (Coin()) http.headers = {{"X-" + Name(), "v " + Name()}};
        probe.action = http;
        break;
      }
      case 1:
        probe.action = TcpSocketAction{static_cast<std::uint16_t>(Number(0, 65535))};
        break;
      default:
        probe.action = ExecAction{{"/bin/" + Name(), AnyText()}};
    }
    if (Coin()) probe.initial_delay_seconds = Number(0, 3600);
    if (Coin()) probe.period_seconds = Number(1, 3600);
    if (Coin()) probe.timeout_seconds = Number(1, 3600);
    if (Coin() && !once) probe.success_threshold = Number(1, 100);
    if (Coin()) probe.failure_threshold = Number(1, 1000);
    return probe;
  }

  std::vector<KeyToPath> Items() {
    std::vector<KeyToPath> items;
    for (int i = Number(0, 2); i > 0; --i) {
      items.push_back({Name(), "d" + std::to_string(i) + "/.." + Name() + " x"});
    }
    return items;
  }

  Container MakeContainer(const std::string& name, int first_port, PodTemplate& pod) {
    Container container;
    container.name = name;
    container.image = "acme/" + Name() + ":" + Name();
    container.image_pull_policy = static_cast<PullPolicy>(Number(0, 2));
    container.command = Texts(3);
    container.args = Texts(3);
    if (Coin()) container.working_dir = "/" + Name();
    for (int i = Number(0, 3); i > 0; --i) {
      container.env.push_back({"E" + std::to_string(i), AnyText()});
    }
    if (Coin()) {
      container.env.push_back({"S", "", SecretKeySelector{Name(), ".a-" + Name(), Coin()}});
      container.env.push_back({"C", "", ConfigMapKeySelector{Name() + ".x", Name(), Coin()}});
    }
    if (Coin()) {
      container.env_from = {{Coin() ? "P_" : "", SecretEnvSource{Name(), Coin()}},
                            {Coin() ? "Q." : "", ConfigMapEnvSource{Name(), Coin()}}};
    }
    for (int i = Number(1, 3); i > 0; --i) {
      container.ports.push_back({Coin() ? "p" + std::to_string(i) : "",
                                 static_cast<std::uint16_t>(first_port + i), "TCP"});
    }
    if (Coin()) container.limits.cpu_millis = Number(10, 100'000);
    if (Coin()) container.limits.memory_bytes = Number(6 << 20, 2'000'000'000);
    for (int i = Number(0, 3); i > 0; --i) {
      Volume volume{name + "-v" + std::to_string(i), EmptyDirVolume{}};
      switch (Number(0, 5)) {
        case 4:
          volume.source = ConfigMapVolume{Name(), Items(), Number(0, 0777), Coin()};
          break;
        case 5:
          volume.source = SecretVolume{Name(), Items(), Coin() ? 0644 : 0400, Coin()};
          break;
        case 0:
          volume.source = EmptyDirVolume{true, Coin() ? Number(4096, 1 << 30) : 0};
          break;
        case 1:
          volume.source = HostPathVolume{"/srv/" + Name()};
          break;
        case 2:
          volume.source = DockerVolume{"d" + Name()};
          break;
        default:
          break;
      }
      container.volume_mounts.push_back({volume.name, "/m" + std::to_string(i), Coin()});
      pod.volumes.push_back(volume);
    }
    if (Coin()) container.startup_probe = MakeProbe(true);
    if (Coin()) container.readiness_probe = MakeProbe(false);
    if (Coin()) container.liveness_probe = MakeProbe(true);
    if (Coin()) {
      container.security.run_as_user = Number(0, 65535);
      if (Coin()) container.security.run_as_group = Number(0, 65535);
    }
    container.security.read_only_root_filesystem = Coin();
    container.security.privileged_escalation = Coin();
    if (Coin()) container.security.capabilities_add = {"NET_ADMIN", "CHOWN"};
    if (Coin()) container.security.capabilities_drop = {"ALL"};
    return container;
  }

  PodTemplate MakeTemplate() {
    PodTemplate pod;
    pod.labels = Labels();
    for (int i = Number(0, 2); i > 0; --i) pod.annotations[Name()] = AnyText();
    for (int i = 0, count = Number(1, 3); i < count; ++i) {
      pod.containers.push_back(MakeContainer("c" + std::to_string(i), 1000 * (i + 1), pod));
    }
    if (Coin()) pod.termination_grace_period_seconds = Number(0, 3600);
    if (Coin()) pod.logging.driver = Coin() ? "syslog" : "local";
    if (Coin()) pod.logging.options.clear();
    if (Coin()) pod.logging.options["a-b"] = Name();
    if (Coin()) pod.networks = {"x", "y"};
    if (Coin()) pod.image_pull_secrets = {{"a.b"}, {Name()}};
    return pod;
  }

  WebApp MakeWebApp() {
    WebApp app;
    app.meta.name = Name();
    if (Coin()) app.meta.ns = Name();
    app.meta.labels = Labels();
    app.meta.generation = Number(1, 1000);
    app.from_labels = Coin();
    WebAppSpec& spec = app.spec;
    spec.paused = Coin();
    if (Coin()) spec.min_ready_seconds = Number(0, 500);
    if (Coin()) spec.progress_deadline_seconds = Number(501, 86'400);
    if (Coin()) spec.revision_history_limit = Number(0, 100);
    if (Coin()) {
      spec.strategy.type = StrategyType::kRecreate;
    } else {
      spec.strategy.max_surge = {Coin(), Number(1, 100)};
      spec.strategy.max_unavailable = {Coin(), Number(0, 100)};
    }
    spec.replicas = 0;
    if (Coin()) {
      spec.pod_template = MakeTemplate();
      spec.replicas = Number(0, 1000);
    }
    for (int i = Number(0, 4); i > 0; --i) {
      spec.routes.push_back({Coin() ? "*." + Name() + ".test" : "", "/" + Name(),
                             static_cast<PathType>(Number(0, 1)), Coin() ? Name() : "default"});
    }
    Traffic& traffic = spec.traffic;
    traffic.protocol = static_cast<AppProtocol>(Number(0, 1));
    traffic.balance = static_cast<Balance>(Number(0, 5));
    if (Coin()) traffic.sticky_session = StickySession{"C!" + Name(), Number(0, 31'536'000)};
    traffic.drain_seconds = Number(0, 3600);
    traffic.retries = Number(0, 10);
    if (Coin()) traffic.retry_on = {404, 503};
    traffic.max_connections_per_replica = Number(0, 1'000'000);
    traffic.max_body_bytes = std::int64_t{Number(0, 1000)} << 20;
    traffic.compression = Coin();
    if (Coin()) traffic.basic_auth_secret = Name();
    traffic.slow_start_seconds = Number(0, 3600);
    traffic.timeouts.connect = Millis(Number(10, 100'000));
    traffic.timeouts.tunnel = Millis(Number(1, 168) * 3'600'000);
    return app;
  }

  LoadBalancer MakeLoadBalancer() {
    LoadBalancer balancer;
    balancer.meta.name = Name();
    balancer.meta.generation = Number(1, 1000);
    balancer.implied = Coin();
    LoadBalancerSpec& spec = balancer.spec;
    if (Coin()) spec.image = "a/" + Name();
    spec.host_network = Coin();
    if (Coin()) {
      spec.listeners.clear();
      for (int i = Number(1, 4); i > 0; --i) {
        Listener listener;
        listener.name = "l" + std::to_string(i);
        listener.port = static_cast<std::uint16_t>(i);
        listener.accept_proxy = Coin();
        if (i == 1) {
          listener.protocol = "HTTPS";
          listener.http2 = Coin();
          listener.tls_secrets = {{"default", Name() + ".com"}, {Name(), "a"}};
        } else {
          listener.redirect_to_https = Coin();
        }
        if (Coin()) listener.trusted_proxies = {"10.0.0.0/8", "fd00::/8"};
        spec.listeners.push_back(listener);
      }
    }
    if (Coin()) spec.stats_auth = NamespacedName{Name(), "x"};
    if (Coin()) spec.stats_port = static_cast<std::uint16_t>(Number(1000, 65535));
    spec.timeouts.client = Millis(Number(10, 10'000'000));
    if (Coin()) spec.snippets.global = {"tune.bufsize 1", "# note: \"x\""};
    if (Coin()) spec.snippets.frontend = {"option httplog"};
    if (Coin()) spec.syslog = Name() + ":514";
    spec.threads = Number(0, 256);
    return balancer;
  }

 private:
  std::mt19937 random_;
};

class RoundTrip : public ::testing::TestWithParam<unsigned> {};

TEST_P(RoundTrip, Objects) {
  Generator generator(GetParam());
  for (int i = 0; i < 50; ++i) {
    for (const Object& object :
         {Object(generator.MakeWebApp()), Object(generator.MakeLoadBalancer())}) {
      const nlohmann::json json = EncodeObject(object);
      const auto back = DecodeObject(json, testing::AllKinds());
      ASSERT_TRUE(back.has_value()) << back.error().message << "\n" << json.dump(1);
      ASSERT_EQ(*back, object) << json.dump(1);
      ASSERT_EQ(EncodeObject(*back), json);
    }
  }
}

TEST_P(RoundTrip, CanonicalTemplates) {
  Generator generator(GetParam() + 1000);
  for (int i = 0; i < 50; ++i) {
    const PodTemplate pod_template = generator.MakeTemplate();
    const std::string text = CanonicalTemplate(pod_template);
    const auto back = ParseCanonicalTemplate(text);
    ASSERT_TRUE(back.has_value()) << back.error().message << "\n" << text;
    ASSERT_EQ(*back, pod_template) << text;
    ASSERT_EQ(CanonicalTemplate(*back), text);
    ASSERT_EQ(RevisionOf(pod_template).size(), 8U);
    // It is JSON in the form that nlohmann writes too: sorted, without white space.
    ASSERT_EQ(nlohmann::json::parse(text).dump(), text);
  }
}

// What `-o json` prints is a manifest, once the fields that Ballast writes are gone.
TEST_P(RoundTrip, JsonIsAManifest) {
  Generator generator(GetParam() + 2000);
  for (int i = 0; i < 20; ++i) {
    WebApp app = generator.MakeWebApp();
    app.from_labels = false;
    app.meta.generation = 1;
    nlohmann::json json = EncodeObject(app);
    json["metadata"].erase("generation");
    const auto objects = DecodeManifest("a.json", json.dump(1), testing::AllKinds());
    ASSERT_TRUE(objects.has_value()) << objects.error().front().ToString() << json.dump(1);
    ASSERT_EQ(std::get<WebApp>(objects->at(0).object), app) << json.dump(1);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RoundTrip, ::testing::Range(0U, 10U));

TEST(RoundTripOfTheStore, OnlyItTakesWhatBallastWrites) {
  WebApp app;
  app.meta.name = "a";
  app.spec.replicas = 0;
  app.from_labels = true;
  app.meta.generation = 7;
  const nlohmann::json json = EncodeObject(app);
  EXPECT_EQ(json["metadata"]["generation"], 7);
  EXPECT_TRUE(DecodeObject(json, {}).has_value());
  EXPECT_FALSE(DecodeManifest("a.json", json.dump(), {}).has_value());
}

}  // namespace
}  // namespace ballast::api
