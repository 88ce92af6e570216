// Whose container is what, where an adopted one is reached, and web apps made from labels.
#include "reconcilers/webapp/observe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec.h"
#include "api/labels.h"
#include "reconcilers/webapp/container_spec.h"
#include "reconcilers/webapp/labelled_apps.h"

namespace ballast::reconcilers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ObservedContainer Make(const std::string& name, std::map<std::string, std::string> labels) {
  auto info = std::make_shared<ContainerInfo>();
  info->id = std::string(64 - name.size(), '0') + name;
  info->name = name;
  info->state = ContainerState::kRunning;
  info->labels = std::move(labels);
  info->networks = {{"bridge", "172.17.0.9"}};
  return {info, false};
}

ObservedContainer Owned(const std::string& owner, const std::string& replica, int attempt,
                        const std::string& sidecar = "") {
  std::map<std::string, std::string> labels{{api::kLabelWebApp, "shop"},
                                            {api::kLabelNamespace, "default"},
                                            {api::kLabelOwner, owner},
                                            {api::kLabelReplica, replica},
                                            {api::kLabelAttempt, std::to_string(attempt)}};
  std::string name = ContainerName("ballast", "default", replica, attempt);
  if (!sidecar.empty()) {
    labels[api::kLabelSidecar] = sidecar;
    name += "." + sidecar;
  }
  return Make(name, labels);
}

TEST(SortContainers, OursAdoptedForeignAndOrphans) {
  const AppContainers sorted =
      SortContainers({Owned("ballast", "shop-r1-0", 0), Owned("ballast", "shop-r1-0", 0, "log"),
                      Owned("ballast", "shop-r1-1", 3, "log"), Owned("other", "shop-r1-2", 0),
                      Make("guest", {{api::kLabelWebApp, "shop"}}),
                      Make("liar", {{api::kLabelWebApp, "shop"}, {api::kLabelOwner, "ballast"}})},
                     "ballast");
  ASSERT_EQ(sorted.replicas.size(), 1U);
  EXPECT_EQ(sorted.replicas[0].main->name, "default.shop-r1-0.0");
  ASSERT_EQ(sorted.replicas[0].sidecars.size(), 1U);
  ASSERT_EQ(sorted.orphaned_sidecars.size(), 1U);
  EXPECT_EQ(sorted.orphaned_sidecars[0]->name, "default.shop-r1-1.3.log");
  ASSERT_EQ(sorted.adopted.size(), 1U);
  EXPECT_EQ(sorted.adopted[0].info->name, "guest");
}

TEST(ResolveAdopted, PortFromLabelExposedOrTemplate) {
  api::WebApp app;
  const auto resolve = [&](const ContainerInfo& info) {
    return ResolveAdopted(info, app, "ballast", {});
  };
  ContainerInfo info = *Make("guest", {{api::kLabelPort, "3000"}}).info;
  EXPECT_EQ(resolve(info).port, 3000);
  EXPECT_EQ(resolve(info).address, "172.17.0.9");
  for (const char* bad : {"0", "65536", "-1", "eighty", "80 80", ""}) {
    info.labels[api::kLabelPort] = bad;
    EXPECT_THAT(resolve(info).problem, testing::Not(IsEmpty())) << bad;
  }
  info.labels.clear();
  info.exposed_ports = {8000};
  EXPECT_EQ(resolve(info).port, 8000);
  info.exposed_ports = {8000, 9000};
  EXPECT_THAT(resolve(info).problem, HasSubstr("ballast.dev/port"));
  app.spec.pod_template.emplace();
  app.spec.pod_template->containers.resize(1);
  app.spec.pod_template->containers[0].ports = {{.container_port = 7000}};
  EXPECT_EQ(resolve(info).port, 7000);
}

TEST(ResolveAdopted, NetworkAndName) {
  const api::WebApp app;
  ContainerInfo info = *Make("guest", {{api::kLabelPort, "80"}}).info;
  info.networks = {{"aaa", "10.0.0.2"}, {"ballast", "172.30.0.4"}, {"none", ""}};
  EXPECT_EQ(ResolveAdopted(info, app, "ballast", {}).address, "172.30.0.4");
  EXPECT_EQ(ResolveAdopted(info, app, "x", {}).address, "10.0.0.2");
  info.network_mode = "host";
  EXPECT_EQ(ResolveAdopted(info, app, "ballast", {}).address, "127.0.0.1");
  EXPECT_EQ(ResolveAdopted(info, app, "ballast", {"guest"}).server,
            "guest." + info.id.substr(0, 6));
  info.network_mode = "none";
  info.networks.clear();
  EXPECT_THAT(ResolveAdopted(info, app, "ballast", {}).problem, HasSubstr("no address"));
}

TEST(ReadTemplates, ParsesATextOnceAndForgetsIt) {
  api::PodTemplate pod_template;
  pod_template.containers.push_back(
      {.name = "web", .image = "shop:1", .ports = {{.container_port = 8080}}});
  pod_template.containers.push_back({.name = "log", .image = "log:1"});
  const std::string text = api::CanonicalTemplate(pod_template);
  const auto replica = [](int slot, const std::string& label) {
    ContainerInfo info = *Owned("ballast", "shop-r1-" + std::to_string(slot), 0).info;
    info.labels[api::kLabelTemplate] = label;
    return AppContainers::Replica{.main = std::make_shared<const ContainerInfo>(info)};
  };
  TemplatesByText known;
  AppContainers first{.replicas = {replica(0, text), replica(1, text), replica(2, "rubbish")}};
  ReadTemplates(first, known);
  const TemplatePtr parsed = first.replicas[0].pod_template;
  ASSERT_NE(parsed, nullptr);
  EXPECT_EQ(first.replicas[1].pod_template, parsed);
  EXPECT_EQ(first.replicas[2].pod_template, nullptr);
  EXPECT_EQ(known.size(), 2U);
  const ReplicaView view = ViewReplica(first.replicas[0], nullptr, {});
  ASSERT_EQ(view.sidecars.size(), 1U);
  EXPECT_EQ(view.sidecars[0].name, "log");

  AppContainers second{.replicas = {replica(3, text)}};
  ReadTemplates(second, known);
  EXPECT_EQ(second.replicas[0].pod_template, parsed);
  EXPECT_EQ(known.size(), 1U);
}

TEST(ViewReplica, ServerOfAnEarlierAttemptIsNotItsOwn) {
  AppContainers::Replica replica{.main = Owned("ballast", "shop-r1-0", 1).info};
  BackendObservation backend;
  backend.servers["shop-r1-0"] = {.server = "shop-r1-0", .container_id = "another", .up = true};
  EXPECT_FALSE(ViewReplica(replica, &backend, {}).server.has_value());
  backend.servers["shop-r1-0"].container_id = replica.main->id;
  EXPECT_TRUE(ViewReplica(replica, &backend, {}).server.has_value());
}

TEST(WebAppFromLabels, RoutesFromHostAndPath) {
  std::vector<std::string> problems;
  const auto app = WebAppFromLabels(
      "default", "solo",
      {Make("a", {{api::kLabelHost, "Solo.Test"}}),
       Make("b", {{api::kLabelHost, "solo.test"}, {api::kLabelPath, "/api"}}),
       Make("c", {{api::kLabelHost, "x; bad"}}),
       Make("d", {{api::kLabelHost, "ok.test"}, {api::kLabelPath, "no-slash"}}), Make("e", {})},
      &problems);
  ASSERT_NE(app, nullptr);
  EXPECT_TRUE(app->from_labels);
  EXPECT_EQ(app->spec.replicas, 0);
  ASSERT_EQ(app->spec.routes.size(), 2U);
  EXPECT_EQ(app->spec.routes[0].host, "solo.test");
  EXPECT_EQ(app->spec.routes[1].path, "/api");
  EXPECT_THAT(problems, ElementsAre(HasSubstr("container c"), HasSubstr("container d")));
  EXPECT_EQ(WebAppFromLabels("default", "solo", {Make("e", {})}, nullptr), nullptr);
  EXPECT_EQ(WebAppFromLabels("de fault", "solo", {Make("a", {{api::kLabelHost, "a.b"}})}, nullptr),
            nullptr);
}

TEST(BuildReplica, EveryFieldReachesTheSpec) {
  api::PodTemplate t;
  t.labels = {{"tier", "front"}};
  t.termination_grace_period_seconds = 7;
  t.networks = {"shop-db"};
  t.volumes = {{"cache", api::EmptyDirVolume{}},
               {"mem", api::EmptyDirVolume{true, 8 << 20}},
               {"host", api::HostPathVolume{"/srv/x"}},
               {"data", api::DockerVolume{"shop-data"}}};
  api::Container web;
  web.name = "web";
  web.image = "acme/shop:1";
  web.command = {"/run"};
  web.args = {"-v"};
  web.working_dir = "/w";
  web.env = {{"A", "b=c\nd"}};
  web.ports = {{.container_port = 3000}};
  web.limits = {500, 256 << 20};
  web.volume_mounts = {{"cache", "/cache"}, {"mem", "/mem"}, {"host", "/h", true}, {"data", "/d"}};
  web.readiness_probe = api::Probe{.action = api::TcpSocketAction{3000}};
  web.security = {.run_as_user = 1000,
                  .run_as_group = 50,
                  .read_only_root_filesystem = true,
                  .privileged_escalation = false,
                  .capabilities_add = {"NET_RAW"},
                  .capabilities_drop = {"ALL"}};
  api::Container log;
  log.name = "log";
  log.image = "acme/log:1";
  log.ports = {{.container_port = 9}};
  t.containers = {web, log};
  const ReplicaSpecs specs =
      BuildReplica({.owner = "ballast",
                    .ns = "default",
                    .app = "shop",
                    .replica = "shop-r1-2",
                    .revision = "r1",
                    .slot = 2,
                    .attempt = 5,
                    .failures = 1,
                    .network = "ballast",
                    .address = "172.30.64.4",
                    .rollout_started = ParseTime("2026-11-21T10:00:00Z")},
                   t, {"sha256:a", "sha256:b"}, ResolveConfig("default", t, {}, {}).values);
  const ContainerSpec& main = specs.main;
  EXPECT_EQ(main.name, "default.shop-r1-2.5");
  EXPECT_EQ(main.image, "sha256:a");
  EXPECT_THAT(main.entrypoint, ElementsAre("/run"));
  EXPECT_THAT(main.cmd, ElementsAre("-v"));
  EXPECT_THAT(main.env, ElementsAre("A=b=c\nd"));
  EXPECT_EQ(main.working_dir, "/w");
  EXPECT_EQ(main.nano_cpus, 500'000'000);
  EXPECT_EQ(main.memory_bytes, 256 << 20);
  EXPECT_EQ(main.user, "1000:50");
  EXPECT_TRUE(main.read_only_root);
  EXPECT_TRUE(main.no_new_privileges);
  EXPECT_TRUE(main.disable_healthcheck);
  EXPECT_THAT(main.cap_add, ElementsAre("NET_RAW"));
  EXPECT_THAT(main.cap_drop, ElementsAre("ALL"));
  EXPECT_EQ(main.network_mode, "ballast");
  EXPECT_EQ(main.ip_address, "172.30.64.4");
  EXPECT_THAT(main.more_networks, ElementsAre("shop-db"));
  EXPECT_EQ(main.log_driver, "json-file");
  EXPECT_EQ(main.restart_policy, "no");
  EXPECT_EQ(main.stop_timeout_seconds, 7);
  ASSERT_EQ(main.mounts.size(), 4U);
  EXPECT_EQ(main.mounts[0].source, "default.shop-r1-2.5.cache");
  EXPECT_EQ(main.mounts[2].type, MountSpec::Type::kBind);
  EXPECT_TRUE(main.mounts[2].read_only);
  EXPECT_EQ(main.mounts[3].source, "shop-data");
  ASSERT_EQ(specs.volumes.size(), 2U);
  EXPECT_EQ(specs.volumes[1].driver_options.at("o"), "mode=0777,size=8388608");
  EXPECT_EQ(main.labels.at("tier"), "front");
  EXPECT_EQ(main.labels.at(api::kLabelFailures), "1");
  EXPECT_EQ(main.labels.at(api::kLabelRollout), "2026-11-21T10:00:00Z");
  const auto kept = api::ParseCanonicalTemplate(main.labels.at(api::kLabelTemplate));
  ASSERT_TRUE(kept.has_value()) << kept.error().message;
  EXPECT_EQ(api::RevisionOf(*kept), api::RevisionOf(t));
  ASSERT_EQ(specs.sidecars.size(), 1U);
  EXPECT_EQ(specs.sidecars[0].name, "default.shop-r1-2.5.log");
  EXPECT_EQ(specs.sidecars[0].image, "sha256:b");
  EXPECT_THAT(specs.sidecars[0].exposed_ports, IsEmpty());
}

TEST(BuildReplica, FilesOfSecretsAreReadOnlyVolumesOfItsOwn) {
  api::PodTemplate t;
  t.volumes = {{"cache", api::EmptyDirVolume{}}, {"tls", api::SecretVolume{.secret_name = "tls"}}};
  t.containers.resize(1);
  t.containers[0].name = "web";
  t.containers[0].volume_mounts = {{"cache", "/cache", false}, {"tls", "/tls", false}};
  const ReplicaConfig values{
      .env = {{"A=1"}}, .files = {{"tls", {{.path = "key", .mode = 0400, .content = "hunter2"}}}}};
  const ReplicaSpecs specs = BuildReplica({.owner = "ballast",
                                           .ns = "default",
                                           .app = "shop",
                                           .replica = "shop-r1-0",
                                           .revision = "r1",
                                           .config = "secret/tls=0123456789abcdef",
                                           .cause = "secret tls changed"},
                                          t, {"sha256:a"}, values);
  EXPECT_THAT(specs.main.env, ElementsAre("A=1"));
  EXPECT_EQ(specs.main.labels.at(api::kLabelConfig), "secret/tls=0123456789abcdef");
  EXPECT_EQ(specs.main.labels.at(api::kLabelCause), "secret tls changed");
  ASSERT_EQ(specs.main.mounts.size(), 2U);
  EXPECT_FALSE(specs.main.mounts[0].read_only);
  EXPECT_TRUE(specs.main.mounts[1].read_only);
  EXPECT_TRUE(specs.main.mounts[1].no_copy);
  EXPECT_EQ(specs.main.mounts[1].source, "default.shop-r1-0.0.tls");
  ASSERT_EQ(specs.volumes.size(), 2U);
  EXPECT_EQ(specs.volumes[1].name, "default.shop-r1-0.0.tls");
  EXPECT_EQ(specs.volumes[1].labels.at(api::kLabelVolumeOf), specs.main.name);
  ASSERT_EQ(specs.opener.mounts.size(), 2U);
  EXPECT_EQ(specs.opener.mounts[1].target, "/v1");
  EXPECT_THAT(specs.opened,
              ElementsAre(FileEntry{.path = "v0", .directory = true, .mode = 0777},
                          FileEntry{.path = "v1", .directory = true, .mode = 0755},
                          FileEntry{.path = "v1/key", .mode = 0400, .content = "hunter2"}));
  for (const auto& [label, text] : specs.main.labels) {
    EXPECT_EQ(text.find("hunter2"), text.npos) << label;
  }
}

TEST(ContainerName, OtherInstancesHaveNamesOfTheirOwn) {
  EXPECT_EQ(ContainerName("ballast", "default", "shop-r1-0", 3), "default.shop-r1-0.3");
  EXPECT_EQ(ContainerName("blue", "default", "shop-r1-0", 3), "blue.default.shop-r1-0.3");
}

TEST(ParseTime, RubbishIsTheEpoch) {
  EXPECT_EQ(ParseTime("yesterday"), api::Time{});
  EXPECT_EQ(FormatTime(ParseTime("2026-11-21T10:00:01Z")), "2026-11-21T10:00:01Z");
}

}  // namespace
}  // namespace ballast::reconcilers
