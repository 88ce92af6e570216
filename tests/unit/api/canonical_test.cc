// The canonical text of a template and its revision are the same for ever: another text would roll
// every app at an upgrade of Ballast. If one of these fails, the code is wrong, not the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

std::string GoldenDirectory() { return testing::SourcePath("tests/golden/templates"); }

std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(GoldenDirectory())) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class GoldenTemplate : public ::testing::TestWithParam<std::string> {};

// <name>.yaml holds spec.template; <name>.json the canonical text, then the revision in line 2.
TEST_P(GoldenTemplate, KeepsItsRevision) {
  const std::string yaml = testing::ReadFile(GoldenDirectory() + "/" + GetParam() + ".yaml");
  const auto webapp = testing::DecodeOne<WebApp>(testing::kWebAppHead + yaml);
  ASSERT_TRUE(webapp.spec.pod_template.has_value());
  const PodTemplate& pod_template = *webapp.spec.pod_template;
  const std::string canonical = CanonicalTemplate(pod_template);
  const std::string golden = canonical + "\n" + RevisionOf(pod_template) + "\n";
  const std::string path = GoldenDirectory() + "/" + GetParam() + ".json";
  if (testing::UpdateGolden() && !std::filesystem::exists(path)) testing::WriteFile(path, golden);
  EXPECT_EQ(golden, testing::ReadFile(path));

  const auto back = ParseCanonicalTemplate(canonical);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, pod_template);
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenTemplate, ::testing::ValuesIn(GoldenNames()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(Canonical, GoldenFilesAreThere) { EXPECT_GE(GoldenNames().size(), 5U); }

PodTemplate Minimal() {
  PodTemplate pod_template;
  Container container;
  container.name = "web";
  container.image = "acme/shop:1.4";
  container.ports = {{.name = "", .container_port = 80}};
  pod_template.containers = {container};
  return pod_template;
}

// In case the golden files should all be changed together by mistake.
TEST(Canonical, KnownRevision) {
  EXPECT_EQ(CanonicalTemplate(Minimal()),
            R"({"spec":{"containers":[{"image":"acme/shop:1.4","name":"web",)"
            R"("ports":[{"containerPort":80}]}]}})");
  EXPECT_EQ(RevisionOf(Minimal()), "db0e22ec");
}

// Of a template that takes from Secrets and ConfigMaps: the digests are mixed in.
TEST(Canonical, KnownRevisionWithConfig) {
  EXPECT_EQ(RevisionOf(Minimal(), ""), "db0e22ec");
  EXPECT_EQ(RevisionOf(Minimal(), "secret/db=0123456789abcdef"), "06c2dac3");
}

TEST(Canonical, WritingADefaultOutChangesNothing) {
  const std::string head = testing::kWebAppHead +
                           "  template:\n    spec:\n      containers:\n      - name: web\n"
                           "        image: a\n        ports: [{containerPort: 80}]\n";
  const auto short_form = testing::DecodeOne<WebApp>(head);
  const auto long_form = testing::DecodeOne<WebApp>(
      head +
      "        imagePullPolicy: IfNotPresent\n        command: []\n        env: []\n"
      "        resources: {limits: {}}\n        securityContext: {capabilities: {}}\n"
      "      volumes: []\n      networks: []\n      terminationGracePeriodSeconds: 30\n"
      "      logging: {driver: json-file, options: {max-file: \"3\", max-size: 10m}}\n"
      "    metadata: {labels: {}}\n");
  EXPECT_EQ(RevisionOf(*short_form.spec.pod_template), RevisionOf(*long_form.spec.pod_template));
}

TEST(Canonical, EveryFieldChangesTheRevision) {
  const std::string revision = RevisionOf(Minimal());
  const auto differs = [&](auto change) {
    PodTemplate changed = Minimal();
    change(changed, changed.containers.front());
    return RevisionOf(changed) != revision;
  };
  EXPECT_TRUE(differs([](auto& pod, auto&) { pod.labels["a"] = "b"; }));
  EXPECT_TRUE(differs([](auto& pod, auto&) { pod.annotations["a"] = "b"; }));
  EXPECT_TRUE(differs([](auto& pod, auto&) { pod.networks = {"a"}; }));
  EXPECT_TRUE(differs([](auto& pod, auto&) { pod.volumes = {{"a", EmptyDirVolume{}}}; }));
  EXPECT_TRUE(differs([](auto& pod, auto&) { pod.logging.options.clear(); }));
  EXPECT_TRUE(differs([](auto& pod, auto&) { pod.logging.driver = "local"; }));
  EXPECT_TRUE(differs([](auto& pod, auto&) { pod.termination_grace_period_seconds = 1; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.name = "b"; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.image = "b"; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.image_pull_policy = PullPolicy::kNever; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.command = {"a"}; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.args = {"a"}; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.working_dir = "/a"; }));
  EXPECT_TRUE(differs([](auto& pod, auto&) { pod.image_pull_secrets = {{"a"}}; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.env = {{"A", ""}}; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.env_from = {{"", SecretEnvSource{"a"}}}; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.ports.front().name = "a"; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.limits.cpu_millis = 1; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.limits.memory_bytes = 1; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.volume_mounts = {{"a", "/a", false}}; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.startup_probe = Probe{}; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.readiness_probe = Probe{}; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.liveness_probe = Probe{}; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.security.run_as_user = 0; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.security.read_only_root_filesystem = true; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.security.privileged_escalation = false; }));
  EXPECT_TRUE(differs([](auto&, auto& web) { web.security.capabilities_drop = {"ALL"}; }));
}

// Labels may hold anything: whoever can write them has Docker's socket, but mistakes happen.
TEST(Canonical, RubbishInALabelIsAnError) {
  for (const char* text :
       {"", "{", "[]", "null", "7", "{\"spec\":{}}", "{\"spec\":{\"containers\":[]}}",
        "{\"spec\":{\"containers\":[{\"name\":\"a\"}]}}", "{\"zebra\":1}",
        R"({"spec":{"containers":[{"image":"a","name":"b","ports":[{"containerPort":70000}]}]}})",
        R"({"spec":{"containers":[{"image":"a","image":"b","name":"b"}]}})"}) {
    const auto parsed = ParseCanonicalTemplate(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, Code::kInvalidArgument);
    EXPECT_NE(parsed.error().message, "");
  }
}

TEST(Canonical, HostPathsOfRunningContainersAreTaken) {
  PodTemplate pod_template = Minimal();
  pod_template.volumes = {{"v", HostPathVolume{"/etc"}}};
  pod_template.containers.front().volume_mounts = {{"v", "/v", true}};
  const auto back = ParseCanonicalTemplate(CanonicalTemplate(pod_template));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, pod_template);
}

}  // namespace
}  // namespace ballast::api
