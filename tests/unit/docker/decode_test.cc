#include "controller/docker/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controller/docker/json.h"

namespace ballast::docker {
namespace {

using reconcilers::ContainerState;
using reconcilers::DockerHealth;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

nlohmann::json J(const char* text) { return *ParseJson(text); }

TEST(DecodeListed, ARunningContainer) {
  const auto info = DecodeListed(J(R"json({"Id":"abc","Names":["/web/alias","/shop-1"],
    "Image":"acme/shop:1","ImageID":"sha256:1","Created":1795257297,
    "Ports":[{"PrivatePort":3000,"Type":"tcp"},{"PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
             {"IP":"::","PrivatePort":80,"PublicPort":8080,"Type":"tcp"},
             {"PrivatePort":53,"Type":"udp"},{"PrivatePort":70000,"Type":"tcp"}],
    "Labels":{"a":"b"},"State":"running","Status":"Up 9 minutes (healthy)",
    "HostConfig":{"NetworkMode":"default"},
    "NetworkSettings":{"Networks":{
      "bridge":{"IPAddress":"172.17.0.2"},"x":{"IPAddress":""}}}})json"));
  EXPECT_EQ(info.id, "abc");
  EXPECT_EQ(info.name, "shop-1");
  EXPECT_EQ(info.image, "acme/shop:1");
  EXPECT_EQ(info.image_id, "sha256:1");
  EXPECT_EQ(info.state, ContainerState::kRunning);
  EXPECT_EQ(info.health, DockerHealth::kHealthy);
  EXPECT_THAT(info.labels, ElementsAre(Pair("a", "b")));
  EXPECT_THAT(info.networks, ElementsAre(Pair("bridge", "172.17.0.2"), Pair("x", "")));
  EXPECT_EQ(info.network_mode, "bridge");
  EXPECT_THAT(info.exposed_ports, ElementsAre(80, 3000));
  EXPECT_EQ(info.created, api::Time(std::chrono::seconds(1795257297)));
}

TEST(DecodeListed, HealthAndExitCodeAreInTheStatusText) {
  const auto with = [](const char* status) {
    return DecodeListed(nlohmann::json{{"Status", status}, {"State", "x"}});
  };
  EXPECT_EQ(with("Up 2 seconds (health: starting)").health, DockerHealth::kStarting);
  EXPECT_EQ(with("Up 2 hours (unhealthy)").health, DockerHealth::kUnhealthy);
  EXPECT_EQ(with("Up 2 hours").health, DockerHealth::kNone);
  EXPECT_EQ(with("Up 3 hours (Paused)").health, DockerHealth::kNone);
  EXPECT_EQ(with("Exited (137) 3 minutes ago").exit_code, 137);
  EXPECT_EQ(with("Exited (rubbish").exit_code, 0);
}

TEST(DecodeListed, NothingIsNeeded) {
  for (const char* text : {"{}", "[]", "null", R"({"Names":{},"Ports":[1,null],"Labels":[],
       "NetworkSettings":{"Networks":{"a":null}},"Created":"yesterday"})"}) {
    const auto info = DecodeListed(J(text));
    EXPECT_EQ(info.name, "");
    EXPECT_EQ(info.created, api::Time{});
  }
}

TEST(DecodeInspected, Everything) {
  const auto info = DecodeInspected(J(R"({"Id":"abc","Name":"/shop-1","Image":"sha256:1",
    "Created":"2026-11-21T10:00:00.5Z",
    "Config":{"Image":"acme/shop:1","Labels":{"a":"b"},"ExposedPorts":{"80/tcp":{},"3000/tcp":{},
      "53/udp":{},"x/tcp":{},"99999/tcp":{}},"StopSignal":"SIGQUIT"},
    "State":{"Status":"exited","ExitCode":137,"OOMKilled":true,"Error":"boom",
      "StartedAt":"2026-11-21T10:00:01Z","FinishedAt":"2026-11-21T11:00:01.25+01:00",
      "Health":{"Status":"healthy"}},
    "HostConfig":{"NetworkMode":"container:def"},"NetworkSettings":{"Networks":{}}})"));
  EXPECT_EQ(info.name, "shop-1");
  EXPECT_EQ(info.image, "acme/shop:1");
  EXPECT_EQ(info.image_id, "sha256:1");
  EXPECT_EQ(info.state, ContainerState::kExited);
  EXPECT_EQ(info.health, DockerHealth::kNone) << "of a container that no longer runs";
  EXPECT_THAT(info.exposed_ports, ElementsAre(80, 3000));
  EXPECT_EQ(info.stop_signal, "SIGQUIT");
  EXPECT_EQ(info.network_mode, "container:def");
  EXPECT_EQ(info.exit_code, 137);
  EXPECT_TRUE(info.oom_killed);
  EXPECT_EQ(info.error, "boom");
  EXPECT_EQ(info.finished_at - info.created, std::chrono::milliseconds(750));
  EXPECT_EQ(info.started_at - info.created, std::chrono::milliseconds(500));
}

TEST(ParseTime, ReadsDockersTimes) {
  using namespace std::chrono_literals;
  EXPECT_EQ(ParseTime("1970-01-01T00:00:01Z"), api::Time(1s));
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00.000000001Z"), api::Time(1ns));
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00.1234567891234Z"), api::Time(123456789ns));
  EXPECT_EQ(ParseTime("1970-01-01T02:30:00+02:30"), api::Time(0s));
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00-00:30"), api::Time(30min));
  for (const char* text : {"0001-01-01T00:00:00Z", "", "2026-13-01T00:00:00Z",
                           "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00",
                           "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00", "yesterday"}) {
    EXPECT_EQ(ParseTime(text), api::Time{}) << text;
  }
}

TEST(DecodeNetwork, TakesTheFirstIPv4Pool) {
  const auto network = DecodeNetwork(J(R"({"Id":"n1","Name":"ballast","Driver":"bridge",
    "IPAM":{"Config":[{"Subnet":"fd00::/64"},{"Subnet":"10.1.0.0/16","Gateway":"10.1.0.1/16"}]},
    "Labels":{"a":"b"},"Containers":{"c1":{"IPv4Address":"10.1.0.7/16"}}})"));
  EXPECT_EQ(network.subnet, "10.1.0.0/16");
  EXPECT_EQ(network.gateway, "10.1.0.1");
  EXPECT_THAT(network.containers, ElementsAre(Pair("c1", "10.1.0.7")));
}

TEST(DecodeImage, PortsAndHealthcheck) {
  const auto image = DecodeImage(J(R"({"Id":"sha256:1","Config":{"ExposedPorts":{"80/tcp":{}},
    "Healthcheck":{"Test":["CMD","true"]}}})"));
  EXPECT_TRUE(image.has_healthcheck);
  EXPECT_THAT(image.exposed_ports, ElementsAre(80));
  EXPECT_FALSE(DecodeImage(J(R"({"Config":{"Healthcheck":{"Test":["NONE"]}}})")).has_healthcheck);
  EXPECT_FALSE(DecodeImage(J(R"({"Config":null})")).has_healthcheck);
}

constexpr char kDie[] =
    R"({"status":"die","id":"c1","Type":"container","Action":"die","Actor":{"ID":"c1",)"
    R"("Attributes":{"exitCode":"137","name":"shop"}},"time":1795257297,"timeNano":1795257297000000001})";
constexpr char kHealth[] =
    R"({"Type":"container","Action":"health_status: unhealthy","Actor":{"ID":"c1","Attributes":{}},"time":5})";

TEST(DecodeEvents, OneALine) {
  const auto events = DecodeEvents(kDie);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->front().type, "container");
  EXPECT_EQ(events->front().action, "die");
  EXPECT_EQ(events->front().id, "c1");
  EXPECT_THAT(events->front().attributes,
              UnorderedElementsAre(Pair("exitCode", "137"), Pair("name", "shop")));
  EXPECT_EQ(events->front().time, api::Time(std::chrono::nanoseconds(1795257297000000001)));
}

TEST(DecodeEvents, HealthIsNormalised) {
  const auto events = DecodeEvents(kHealth);
  ASSERT_TRUE(events);
  EXPECT_EQ(events->front().action, "health_status");
  EXPECT_THAT(events->front().attributes, ElementsAre(Pair("health", "unhealthy")));
  EXPECT_EQ(events->front().time, api::Time(std::chrono::seconds(5)));
}

TEST(DecodeEvents, SeveralInALineAndOthersLeftOut) {
  const auto events = DecodeEvents(std::string(kDie) + kHealth + " " + kDie);
  ASSERT_TRUE(events);
  EXPECT_EQ(events->size(), 3U);
  const auto unwanted =
      DecodeEvents(R"({"Type":"network","Action":"create","Actor":{"ID":"n","Attributes":{}}})");
  ASSERT_TRUE(unwanted);
  EXPECT_THAT(*unwanted, IsEmpty());
}

TEST(DecodeEvents, RubbishIsNoEvent) {
  for (const char* line : {"rubbish", "{", "{}", "[]", "5", "{\"Type\":5}", "{\"a\":1}{\"b\":2}",
                           "{\"Type\":\"container\",\"Action\":\"die\"}"}) {
    EXPECT_FALSE(DecodeEvents(line)) << line;
  }
  EXPECT_FALSE(DecodeEvents(std::string(kDie) + "rubbish"));
  EXPECT_FALSE(DecodeEvents(std::string(100'000, '{')));
}

TEST(DecodeStats, OfBothKindsOfControlGroups) {
  // Of cgroup v1, whose numbers include those of groups below ("total_").
  const auto v1 = DecodeStats(J(R"({"read":"2026-11-21T21:08:17.12199025Z",
      "cpu_stats":{"cpu_usage":{"total_usage":245787833},"online_cpus":2},
      "memory_stats":{"usage":11341824,"limit":25276514304,
        "stats":{"inactive_file":5,"total_inactive_file":1024,"cache":28672}}})"));
  ASSERT_TRUE(v1);
  EXPECT_EQ(v1->cpu_nanoseconds, 245787833);
  EXPECT_EQ(v1->memory, 11341824 - 1024);
  EXPECT_EQ(v1->memory_limit, 25276514304);
  EXPECT_EQ(v1->online_cpus, 2);
  EXPECT_EQ(v1->at, ParseTime("2026-11-21T21:08:17.12199025Z"));

  const auto v2 = DecodeStats(J(R"({"read":"2026-11-21T21:08:17Z",
      "memory_stats":{"usage":5000,"stats":{"inactive_file":3000,"file":4000}}})"));
  ASSERT_TRUE(v2);
  EXPECT_EQ(v2->memory, 2000);

  // More cache than usage: one of them was read a moment later.
  const auto odd = DecodeStats(J(R"({"read":"2026-11-21T21:08:17Z",
      "memory_stats":{"usage":5000,"stats":{"total_inactive_file":6000}}})"));
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->memory, 5000);
}

TEST(DecodeStats, WhatDoesNotRunHasNone) {
  EXPECT_FALSE(DecodeStats(J(R"({"read":"0001-01-01T00:00:00Z","cpu_stats":{},"name":"/x"})")));
  for (const char* text : {"{}", "[]", "null", R"({"read":5})", R"({"read":"yesterday"})"}) {
    EXPECT_FALSE(DecodeStats(J(text))) << text;
  }
  const auto zeros = DecodeStats(J(R"({"read":"2026-11-21T21:08:17Z","cpu_stats":[],
      "memory_stats":{"usage":-1,"stats":7,"limit":1e99}})"));
  ASSERT_TRUE(zeros);
  EXPECT_EQ(zeros->cpu_nanoseconds, 0);
  EXPECT_EQ(zeros->memory_limit, 0);
}

TEST(Negotiate, TakesTheNewestThatBothKnow) {
  const auto with = [](const char* newest, const char* oldest) {
    return Negotiate(nlohmann::json{
        {"Version", "99"}, {"ApiVersion", newest}, {"MinAPIVersion", oldest}, {"Os", "linux"}});
  };
  EXPECT_EQ(with("1.41", "1.12")->api_version, "1.41");
  EXPECT_EQ(with("1.47", "1.24")->api_version, "1.47");
  EXPECT_EQ(with("1.52", "1.44")->api_version, "1.47");
  EXPECT_EQ(with("2.0", "1.44")->api_version, "1.47");
  EXPECT_EQ(with("1.40", "1.12").error(),
            (Status{Code::kFailedPrecondition,
                    "Docker API 1.40 is too old: Ballast needs 1.41 (Docker 20.10) or later; "
                    "upgrade Docker"}));
  EXPECT_EQ(with("1.9", "1.1").error().code, Code::kFailedPrecondition);
  EXPECT_THAT(with("1.60", "1.48").error().message, HasSubstr("upgrade Ballast"));
  for (const char* text : {"", "1", "1.", "x.y", "1.41x"}) {
    EXPECT_EQ(with(text, "1.12").error().code, Code::kFailedPrecondition) << text;
  }
}

TEST(Negotiate, OnlyLinuxAndNotRootless) {
  const auto windows = Negotiate(J(R"({"ApiVersion":"1.41","Os":"windows"})"));
  ASSERT_FALSE(windows);
  EXPECT_THAT(windows.error().message, HasSubstr("windows"));
  const auto info = J(R"({"SecurityOptions":["name=seccomp,profile=default","name=rootless"]})");
  const auto rootless = CheckHost({}, info);
  ASSERT_FALSE(rootless);
  EXPECT_EQ(rootless.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(rootless.error().message, HasSubstr("rootless"));
  const auto fine =
      CheckHost({}, J(R"({"SecurityOptions":["name=apparmor",5],"DockerRootDir":"/d"})"));
  ASSERT_TRUE(fine);
  EXPECT_EQ(fine->data_root, "/d");
}

}  // namespace
}  // namespace ballast::docker
