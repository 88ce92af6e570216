#include "controller/docker/encode.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/docker/json.h"

namespace ballast::docker {
namespace {

using Json = nlohmann::json;
using reconcilers::ContainerSpec;
using reconcilers::MountSpec;

std::string TcpPort(std::uint16_t port) { return fmt::format("{}/tcp", port); }

Json Strings(const std::map<std::string, std::string>& map) {
  Json out = Json::object();
  for (const auto& [key, value] : map) out[key] = value;
  return out;
}

std::string TmpfsOptions(const MountSpec& mount) {
  std::string out = mount.tmpfs_options;
  const auto add = [&out](const std::string& option) {
    if (!out.empty()) out += ',';
    out += option;
  };
  if (mount.tmpfs_size > 0) add(fmt::format("size={}", mount.tmpfs_size));
  if (mount.read_only) add("ro");
  return out;
}

Json EncodeMount(const MountSpec& mount) {
  Json out{{"Target", mount.target}, {"ReadOnly", mount.read_only}};
  switch (mount.type) {
    case MountSpec::Type::kVolume:
      out["Type"] = "volume";
      out["Source"] = mount.source;
      if (mount.no_copy) out["VolumeOptions"] = Json{{"NoCopy", true}};
      break;
    case MountSpec::Type::kBind:
      out["Type"] = "bind";
      out["Source"] = mount.source;
      break;
    case MountSpec::Type::kTmpfs:
      out["Type"] = "tmpfs";
      if (mount.tmpfs_size > 0) out["TmpfsOptions"] = Json{{"SizeBytes", mount.tmpfs_size}};
      break;
  }
  return out;
}

Json EncodeHostConfig(const ContainerSpec& spec) {
  Json host{{"RestartPolicy", Json{{"Name", spec.restart_policy}}}};
  if (!spec.network_mode.empty()) host["NetworkMode"] = spec.network_mode;
  for (const MountSpec& mount : spec.mounts) {
    // Only the older form takes options such as exec or uid.
    if (mount.type == MountSpec::Type::kTmpfs && !mount.tmpfs_options.empty()) {
      host["Tmpfs"][mount.target] = TmpfsOptions(mount);
    } else {
      host["Mounts"].push_back(EncodeMount(mount));
    }
  }
  for (const auto& binding : spec.port_bindings) {
    host["PortBindings"][TcpPort(binding.container_port)].push_back(
        Json{{"HostIp", binding.host_ip}, {"HostPort", fmt::format("{}", binding.host_port)}});
  }
  if (spec.nano_cpus > 0) host["NanoCpus"] = spec.nano_cpus;
  if (spec.memory_bytes > 0) {
    host["Memory"] = spec.memory_bytes;
    host["MemorySwap"] = spec.memory_bytes;  // a limit is a limit: no swap beyond it
  }
  if (spec.read_only_root) host["ReadonlyRootfs"] = true;
  if (spec.no_new_privileges) host["SecurityOpt"] = Json::array({"no-new-privileges"});
  if (!spec.cap_add.empty()) host["CapAdd"] = spec.cap_add;
  if (!spec.cap_drop.empty()) host["CapDrop"] = spec.cap_drop;
  if (!spec.log_driver.empty() || !spec.log_options.empty()) {
    host["LogConfig"] = Json{{"Type", spec.log_driver}, {"Config", Strings(spec.log_options)}};
  }
  for (const auto& [name, limit] : spec.ulimits) {
    host["Ulimits"].push_back(Json{{"Name", name}, {"Soft", limit}, {"Hard", limit}});
  }
  if (!spec.sysctls.empty()) host["Sysctls"] = Strings(spec.sysctls);
  return host;
}

// The first address of "10.1.2.0/24"; "" if that is no IPv4 subnet, which Docker will say then.
std::string FirstAddress(const std::string& subnet) {
  const std::size_t slash = subnet.find('/');
  unsigned bits = 0;
  in_addr address{};
  const char* const end = subnet.data() + subnet.size();
  if (slash == std::string::npos ||
      inet_pton(AF_INET, subnet.substr(0, slash).c_str(), &address) != 1 ||
      std::from_chars(subnet.data() + slash + 1, end, bits).ptr != end || bits < 1 || bits > 30) {
    return "";
  }
  const std::uint32_t mask = ~std::uint32_t{0} << (32 - bits);
  const std::uint32_t first = (ntohl(address.s_addr) & mask) + 1;
  return fmt::format("{}.{}.{}.{}", first >> 24, (first >> 16) & 255, (first >> 8) & 255,
                     first & 255);
}

}  // namespace

bool IsUserNetwork(std::string_view network_mode) {
  return !network_mode.empty() && network_mode != "default" && network_mode != "bridge" &&
         network_mode != "host" && network_mode != "none" &&
         !network_mode.starts_with("container:");
}

std::string EncodeContainer(const ContainerSpec& spec) {
  Json out{{"Image", spec.image}, {"HostConfig", EncodeHostConfig(spec)}};
  if (!spec.entrypoint.empty()) out["Entrypoint"] = spec.entrypoint;
  if (!spec.cmd.empty()) out["Cmd"] = spec.cmd;
  if (!spec.working_dir.empty()) out["WorkingDir"] = spec.working_dir;
  if (!spec.env.empty()) out["Env"] = spec.env;
  if (!spec.labels.empty()) out["Labels"] = Strings(spec.labels);
  if (!spec.user.empty()) out["User"] = spec.user;
  out["StopTimeout"] = spec.stop_timeout_seconds;
  if (spec.disable_healthcheck) out["Healthcheck"] = Json{{"Test", Json::array({"NONE"})}};

  // Docker refuses exposed ports in another container's namespace, where they mean nothing.
  if (!spec.network_mode.starts_with("container:")) {
    for (const std::uint16_t port : spec.exposed_ports) {
      out["ExposedPorts"][TcpPort(port)] = Json::object();
    }
    for (const auto& binding : spec.port_bindings) {
      out["ExposedPorts"][TcpPort(binding.container_port)] = Json::object();
    }
  }
  if (IsUserNetwork(spec.network_mode)) {
    Json endpoint = Json::object();
    if (!spec.ip_address.empty()) endpoint["IPAMConfig"] = Json{{"IPv4Address", spec.ip_address}};
    if (!spec.network_aliases.empty()) endpoint["Aliases"] = spec.network_aliases;
    out["NetworkingConfig"] = Json{{"EndpointsConfig", Json{{spec.network_mode, endpoint}}}};
  }
  return DumpJson(out);
}

std::string EncodeNetwork(const reconcilers::NetworkSpec& spec) {
  Json out{{"Name", spec.name},
           {"CheckDuplicate", true},
           {"Driver", "bridge"},
           {"Labels", Strings(spec.labels)}};
  if (!spec.subnet.empty()) {
    Json pool{{"Subnet", spec.subnet}};
    if (!spec.ip_range.empty()) pool["IPRange"] = spec.ip_range;
    // Docker would take it out of the range, and not say so in `docker network inspect`.
    if (std::string gateway = FirstAddress(spec.subnet); !gateway.empty()) {
      pool["Gateway"] = std::move(gateway);
    }
    out["IPAM"] = Json{{"Driver", "default"}, {"Config", Json::array({pool})}};
  }
  return DumpJson(out);
}

std::string EncodeVolume(const reconcilers::VolumeSpec& spec) {
  return DumpJson(Json{{"Name", spec.name},
                       {"Driver", "local"},
                       {"DriverOpts", Strings(spec.driver_options)},
                       {"Labels", Strings(spec.labels)}});
}

std::string EncodeConnect(std::string_view container, std::string_view ip) {
  Json out{{"Container", container}};
  if (!ip.empty()) {
    out["EndpointConfig"] = Json{{"IPAMConfig", Json{{"IPv4Address", ip}}}};
  }
  return DumpJson(out);
}

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace ballast::docker
