#include "controller/docker/encode.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controller/docker/json.h"

namespace ballast::docker {
namespace {

using nlohmann::json;
using reconcilers::ContainerSpec;
using reconcilers::MountSpec;

json Encoded(const ContainerSpec& spec) { return *ParseJson(EncodeContainer(spec)); }

TEST(EncodeContainer, TheLeast) {
  EXPECT_EQ(Encoded({.name = "a", .image = "shop"}),
            json::parse(R"({"Image":"shop","StopTimeout":10,
                            "HostConfig":{"RestartPolicy":{"Name":"no"}}})"));
}

TEST(EncodeContainer, Everything) {
  const ContainerSpec spec{
      .name = "a",
      .image = "sha256:1",
      .entrypoint = {"/bin/app"},
      .cmd = {"--port", "3000"},
      .working_dir = "/srv",
      .env = {"A=1", "B=two words"},
      .labels = {{"k", "v"}},
      .exposed_ports = {3000},
      .mounts =
          {{.source = "data", .target = "/data"},
           {.source = "tls", .target = "/tls", .read_only = true, .no_copy = true},
           {.type = MountSpec::Type::kBind, .source = "/host", .target = "/h", .read_only = true},
           {.type = MountSpec::Type::kTmpfs, .target = "/t", .tmpfs_size = 1024},
           {.type = MountSpec::Type::kTmpfs,
            .target = "/run",
            .tmpfs_size = 2048,
            .tmpfs_options = "exec,uid=99,mode=755"}},
      .network_mode = "ballast",
      .ip_address = "10.1.2.3",
      .more_networks = {"db"},
      .network_aliases = {"shop"},
      .port_bindings = {{.host_ip = "127.0.0.1", .host_port = 8080, .container_port = 80}},
      .nano_cpus = 500'000'000,
      .memory_bytes = 1 << 20,
      .user = "1000:1000",
      .read_only_root = true,
      .no_new_privileges = true,
      .disable_healthcheck = true,
      .cap_add = {"NET_BIND_SERVICE"},
      .cap_drop = {"ALL"},
      .log_driver = "json-file",
      .log_options = {{"max-size", "10m"}},
      .restart_policy = "unless-stopped",
      .stop_timeout_seconds = 30,
      .ulimits = {{"nofile", 65536}},
      .sysctls = {{"net.core.somaxconn", "1024"}},
  };
  EXPECT_EQ(Encoded(spec), json::parse(R"({
    "Image":"sha256:1","Entrypoint":["/bin/app"],"Cmd":["--port","3000"],"WorkingDir":"/srv",
    "Env":["A=1","B=two words"],"Labels":{"k":"v"},"User":"1000:1000","StopTimeout":30,
    "Healthcheck":{"Test":["NONE"]},"ExposedPorts":{"3000/tcp":{},"80/tcp":{}},
    "NetworkingConfig":{"EndpointsConfig":{"ballast":{
      "IPAMConfig":{"IPv4Address":"10.1.2.3"},"Aliases":["shop"]}}},
    "HostConfig":{
      "RestartPolicy":{"Name":"unless-stopped"},"NetworkMode":"ballast",
      "Mounts":[{"Type":"volume","Source":"data","Target":"/data","ReadOnly":false},
                {"Type":"volume","Source":"tls","Target":"/tls","ReadOnly":true,
                 "VolumeOptions":{"NoCopy":true}},
                {"Type":"bind","Source":"/host","Target":"/h","ReadOnly":true},
                {"Type":"tmpfs","Target":"/t","ReadOnly":false,"TmpfsOptions":{"SizeBytes":1024}}],
      "Tmpfs":{"/run":"exec,uid=99,mode=755,size=2048"},
      "PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]},
      "NanoCpus":500000000,"Memory":1048576,"MemorySwap":1048576,"ReadonlyRootfs":true,
      "SecurityOpt":["no-new-privileges"],"CapAdd":["NET_BIND_SERVICE"],"CapDrop":["ALL"],
      "LogConfig":{"Type":"json-file","Config":{"max-size":"10m"}},
      "Ulimits":[{"Name":"nofile","Soft":65536,"Hard":65536}],
      "Sysctls":{"net.core.somaxconn":"1024"}}})"));
}

TEST(EncodeContainer, AnothersNetworkNamespaceHasNoPortsAndNoEndpoint) {
  for (const char* mode : {"host", "none", "bridge", "default", "container:abc"}) {
    const json body =
        Encoded({.name = "a", .image = "i", .exposed_ports = {80}, .network_mode = mode});
    EXPECT_FALSE(body.contains("NetworkingConfig")) << mode;
    EXPECT_EQ(body.contains("ExposedPorts"), std::string_view(mode) != "container:abc") << mode;
  }
}

TEST(EncodeContainer, WhatIsNoUtf8DoesNotThrow) {
  EXPECT_NE(EncodeContainer({.name = "a", .image = "i", .env = {"A=\xff\xfe"}}), "");
}

TEST(EncodeNetwork, NamesTheGateway) {
  const auto pool = [](const char* subnet) {
    return (*ParseJson(EncodeNetwork({.name = "n", .subnet = subnet})))["IPAM"]["Config"][0];
  };
  EXPECT_EQ(pool("10.1.2.0/24"), json::parse(R"({"Subnet":"10.1.2.0/24","Gateway":"10.1.2.1"})"));
  EXPECT_EQ(pool("10.1.2.77/28")["Gateway"], "10.1.2.65");
  for (const char* bad : {"10.1.2.0", "10.1.2.0/x", "10.1.2.0/33", "fd00::/64", "/8"}) {
    EXPECT_FALSE(pool(bad).contains("Gateway")) << bad;
  }
  EXPECT_FALSE(ParseJson(EncodeNetwork({.name = "n"}))->contains("IPAM"));
}

TEST(EncodeOthers, VolumeAndConnect) {
  EXPECT_EQ(json::parse(EncodeVolume({"v", {{"a", "b"}}, {{"type", "tmpfs"}}})),
            json::parse(R"({"Name":"v","Driver":"local","Labels":{"a":"b"},
                            "DriverOpts":{"type":"tmpfs"}})"));
  EXPECT_EQ(json::parse(EncodeConnect("c", "")), json::parse(R"({"Container":"c"})"));
  EXPECT_EQ(json::parse(EncodeConnect("c", "10.0.0.9")), json::parse(R"({"Container":"c",
                            "EndpointConfig":{"IPAMConfig":{"IPv4Address":"10.0.0.9"}}})"));
}

TEST(Escape, KeepsOnlyUnreserved) {
  EXPECT_EQ(Escape("a-Z_0.~"), "a-Z_0.~");
  EXPECT_EQ(Escape("a/b?c=d e\r\n%"), "a%2Fb%3Fc%3Dd%20e%0D%0A%25");
}

}  // namespace
}  // namespace ballast::docker
