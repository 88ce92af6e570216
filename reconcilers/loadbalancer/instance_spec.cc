// The specs of a load balancer's containers. Why each flag is needed: images/haproxy/README.md.
#include <fmt/format.h>

#include "api/labels.h"
#include "reconcilers/loadbalancer/instance_plan.h"

namespace ballast::reconcilers {
namespace {

// Raised when the way a container is run changes, so that instances are replaced without a gap.
constexpr int kSpecVersion = 1;

std::string Hash(const std::string& text) {
  std::uint32_t hash = 2166136261U;  // FNV-1a: stable over versions of Ballast and machines
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return fmt::format("{:08x}", hash);
}

ContainerSpec Common(const InstanceInput& input, const char* role, const std::string& hash) {
  ContainerSpec spec;
  spec.image = input.image_id;
  spec.labels = {{api::kLabelOwner, input.owner},
                 {api::kLabelLoadBalancerName, input.load_balancer},
                 {api::kLabelLoadBalancerRole, role},
                 {api::kLabelSpecHash, hash}};
  spec.read_only_root = true;
  spec.no_new_privileges = true;
  spec.cap_drop = {"ALL"};
  spec.restart_policy = "unless-stopped";
  return spec;
}

}  // namespace

// Sorts before every other network that is likely: joining one that sorts before the first would
// move the default gateway, and with it every connection.
std::string NetworkName(const InstanceInput& input) {
  return fmt::format("0-{}-{}", input.owner, input.load_balancer);
}

ContainerSpec HaproxySpec(const InstanceInput& input, int number, const std::string& pause_id) {
  const bool host = input.spec->host_network;
  ContainerSpec spec =
      Common(input, kRoleHaproxy, Hash(fmt::format("{}/{}", kSpecVersion, host ? "host" : "own")));
  spec.name = fmt::format("{}-lb-{}-{}", input.owner, input.load_balancer, number);
  spec.labels[api::kLabelAttempt] = std::to_string(number);
  spec.network_mode = host ? "host" : "container:" + pause_id;
  if (host) {
    spec.cap_add = {"NET_BIND_SERVICE", "SETGID", "SETUID"};
  } else {
    spec.user = "99:99";
  }
  spec.mounts.push_back({.type = MountSpec::Type::kTmpfs,
                         .target = "/run/s6",
                         .tmpfs_options = "rw,exec,nosuid,nodev,size=1m,mode=700,uid=99,gid=99"});
  return spec;
}

ContainerSpec PauseSpec(const InstanceInput& input) {
  std::string ports;
  std::vector<PortBinding> bindings;
  const auto publish = [&](const char* ip, std::uint16_t port) {
    ports += fmt::format("/{}:{}", ip, port);
    bindings.push_back({.host_ip = ip, .host_port = port, .container_port = port});
  };
  for (const api::Listener& listener : input.spec->listeners) publish("", listener.port);
  // With users the statistics page is for everybody who can reach it.
  if (input.spec->stats_port != 0) {
    publish(input.spec->stats_auth ? "" : "127.0.0.1", input.spec->stats_port);
  }
  ContainerSpec spec = Common(input, kRolePause, Hash(fmt::format("{}{}", kSpecVersion, ports)));
  spec.name = fmt::format("{}-lb-{}-pause", input.owner, input.load_balancer);
  spec.entrypoint = {"sleep", "infinity"};
  spec.user = "99:99";
  spec.network_mode = NetworkName(input);
  spec.port_bindings = std::move(bindings);
  for (const PortBinding& binding : spec.port_bindings) {
    spec.exposed_ports.push_back(binding.container_port);
  }
  spec.stop_timeout_seconds = 1;
  return spec;
}

}  // namespace ballast::reconcilers
