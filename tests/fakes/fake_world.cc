#include "tests/fakes/fake_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <utility>

namespace ballast::fakes {
namespace {

using reconcilers::ContainerInfo;
using reconcilers::ContainerSpec;
using reconcilers::ContainerState;
using reconcilers::DockerHealth;

struct Subnet {
  std::uint32_t base = 0;
  std::uint32_t size = 0;
};

std::optional<std::uint32_t> ParseIp(std::string_view text) {
  std::uint32_t out = 0;
  for (int i = 0; i < 4; ++i) {
    unsigned part = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), part);
    if (error != std::errc() || part > 255) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (i < 3) {
      if (!text.starts_with('.')) return std::nullopt;
      text.remove_prefix(1);
    }
    out = (out << 8) | part;
  }
  return text.empty() ? std::optional(out) : std::nullopt;
}

std::string IpText(std::uint32_t ip) {
  return fmt::format("{}.{}.{}.{}", ip >> 24, (ip >> 16) & 255, (ip >> 8) & 255, ip & 255);
}

std::optional<Subnet> ParseCidr(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto ip = ParseIp(std::string_view(text).substr(0, slash));
  unsigned bits = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
  if (!ip || error != std::errc() || stop != end || bits < 8 || bits > 30) return std::nullopt;
  const std::uint32_t size = 1U << (32 - bits);
  return Subnet{*ip & ~(size - 1), size};
}

bool OwnsNetwork(const ContainerInfo& info) {
  return info.network_mode != "host" && info.network_mode != "none" &&
         !info.network_mode.starts_with("container:");
}

bool SamePort(const reconcilers::PortBinding& a, const reconcilers::PortBinding& b) {
  const auto any = [](const std::string& ip) { return ip.empty() || ip == "0.0.0.0"; };
  return a.host_port != 0 && a.host_port == b.host_port &&
         (any(a.host_ip) || any(b.host_ip) || a.host_ip == b.host_ip);
}

}  // namespace

bool IsUp(const ContainerInfo& info) {
  return info.state == ContainerState::kRunning || info.state == ContainerState::kPaused;
}

int SignalNumber(const std::string& name) {
  static const std::map<std::string, int> numbers{
      {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"KILL", SIGKILL},
      {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"WINCH", SIGWINCH},
      {"ABRT", SIGABRT}, {"STOP", SIGSTOP}, {"CONT", SIGCONT}};
  const std::string bare = name.starts_with("SIG") ? name.substr(3) : name;
  if (const auto found = numbers.find(bare); found != numbers.end()) return found->second;
  for (const auto& [unused, number] : numbers) {
    if (bare == std::to_string(number)) return number;
  }
  return 0;
}

std::string WithTag(const std::string& reference) {
  const std::size_t slash = reference.rfind('/');
  const std::size_t from = slash == std::string::npos ? 0 : slash;
  const bool tagged = reference.find_first_of(":@", from) != std::string::npos;
  return tagged ? reference : reference + ":latest";
}

FakeWorld::FakeWorld(const reconcilers::Clock* clock)
    : clock_(clock),
      now_(std::chrono::sys_days(std::chrono::year(2026) / std::chrono::January / 1)) {
  for (const std::string name : {"bridge", "host", "none"}) {
    FakeNetwork network;
    network.info.id = NewId('e');
    network.info.name = name;
    network.info.driver = name == "none" ? "null" : name;
    network.predefined = true;
    if (name == "bridge") {
      network.info.subnet = "172.17.0.0/16";
      network.info.gateway = "172.17.0.1";
      const auto subnet = ParseCidr(network.info.subnet);
      network.first = subnet->base + 2;
      network.last = subnet->base + subnet->size - 2;
    }
    networks.emplace(name, network);
  }
}

api::Time FakeWorld::Now() {
  if (clock_ != nullptr) return clock_->WallNow();
  now_ += std::chrono::milliseconds(1);
  return now_;
}

std::string FakeWorld::NewId(char kind) {
  return fmt::format("{}{:011x}{:0>52}", kind, next_id_++, "");
}

FakeContainer* FakeWorld::FindContainer(const std::string& id) {
  constexpr std::size_t kShortId = 12;
  for (auto& [full, container] : containers) {
    if (container.info.name == id || (id.size() >= kShortId && full.starts_with(id))) {
      return &container;
    }
  }
  return nullptr;
}

FakeNetwork* FakeWorld::FindNetwork(const std::string& id) {
  for (auto& [name, network] : networks) {
    if (name == id || network.info.id == id) return &network;
  }
  return nullptr;
}

const reconcilers::ImageInfo* FakeWorld::FindImage(const std::string& reference) const {
  if (const auto found = images.find(WithTag(reference)); found != images.end()) {
    return &found->second;
  }
  for (const auto& [unused, image] : images) {
    if (image.id == reference) return &image;
  }
  return nullptr;
}

std::string FakeWorld::NameOf(const std::string& id) {
  const FakeContainer* container = FindContainer(id);
  return container == nullptr ? id : container->info.name;
}

Result<std::string> FakeWorld::Create(const ContainerSpec& spec) {
  if (spec.name.empty()) return Error(Code::kInvalidArgument, "a container needs a name");
  const std::string what = "create container " + spec.name;
  const reconcilers::ImageInfo* image = FindImage(spec.image);
  if (image == nullptr) {
    return Error(Code::kNotFound,
                 fmt::format("{}: image {} is not on this engine: pull or build it first", what,
                             spec.image));
  }
  if (FindContainer(spec.name) != nullptr) {
    return Error(Code::kAlreadyExists, what + ": the name is already in use by container");
  }
  for (const std::string& network : spec.more_networks) {
    if (FindNetwork(network) == nullptr) {
      return Error(Code::kNotFound, fmt::format("{}: network {} not found", what, network));
    }
  }
  FakeContainer container{.spec = spec};
  ContainerInfo& info = container.info;
  info.id = NewId('c');
  info.name = spec.name;
  info.image = spec.image;
  info.image_id = image->id;
  info.labels = spec.labels;
  info.network_mode = spec.network_mode.empty() ? "bridge" : spec.network_mode;
  info.exposed_ports = image->exposed_ports;
  if (!info.network_mode.starts_with("container:")) {
    info.exposed_ports.insert(info.exposed_ports.end(), spec.exposed_ports.begin(),
                              spec.exposed_ports.end());
    for (const auto& binding : spec.port_bindings) {
      info.exposed_ports.push_back(binding.container_port);
    }
    info.networks[info.network_mode] = "";
    if (!spec.ip_address.empty()) container.wanted_ips[info.network_mode] = spec.ip_address;
  }
  std::sort(info.exposed_ports.begin(), info.exposed_ports.end());
  info.exposed_ports.erase(std::unique(info.exposed_ports.begin(), info.exposed_ports.end()),
                           info.exposed_ports.end());
  for (const std::string& network : spec.more_networks) info.networks[network] = "";
  info.created = Now();
  for (const reconcilers::MountSpec& mount : spec.mounts) {
    if (mount.type == reconcilers::MountSpec::Type::kVolume && !mount.source.empty()) {
      volumes.try_emplace(mount.source, reconcilers::VolumeInfo{mount.source, {}});
    }
  }
  Emit(container, "create");
  std::string id = info.id;
  containers.emplace(id, std::move(container));
  return id;
}

Result<void> FakeWorld::Start(FakeContainer& container) {
  ContainerInfo& info = container.info;
  if (info.state == ContainerState::kRunning) return {};
  const std::string what = "start container " + info.name;
  if (info.state == ContainerState::kPaused) {
    return Error(Code::kConflict, what + ": cannot start a paused container");
  }
  constexpr std::string_view kJoined = "container:";
  if (info.network_mode.starts_with(kJoined)) {
    const FakeContainer* other = FindContainer(info.network_mode.substr(kJoined.size()));
    if (other == nullptr) {
      return Error(Code::kNotFound, fmt::format("{}: no such {}", what, info.network_mode));
    }
    if (!IsUp(other->info)) {
      return Error(Code::kConflict,
                   fmt::format("{}: cannot join network of a non running container: {}", what,
                               other->info.id));
    }
  }
  for (const auto& [unused, other] : containers) {
    if (!IsUp(other.info)) continue;
    for (const auto& mine : container.spec.port_bindings) {
      for (const auto& theirs : other.spec.port_bindings) {
        if (!SamePort(mine, theirs)) continue;
        return Error(Code::kFailedPrecondition,
                     fmt::format("{}: port {} of this host is taken", what, mine.host_port));
      }
    }
  }
  std::map<std::string, std::string> ips;
  for (const auto& [name, unused] : info.networks) {
    const FakeNetwork* network = FindNetwork(name);
    if (network == nullptr) {
      return Error(Code::kNotFound, fmt::format("{}: network {} not found", what, name));
    }
    auto ip = GiveIp(*network, container.wanted_ips[name]);
    if (!ip) return Wrap(what, ip.error());
    ips[name] = *ip;
  }
  info.networks = ips;
  info.state = ContainerState::kRunning;
  info.started_at = Now();
  container.cpu_nanoseconds = 0;
  container.cpus_since = info.started_at;
  info.exit_code = 0;
  info.oom_killed = false;
  info.error.clear();
  container.stopped_by_hand = false;
  const reconcilers::ImageInfo* image = FindImage(info.image_id);
  if (image != nullptr && image->has_healthcheck && !container.spec.disable_healthcheck) {
    info.health = DockerHealth::kStarting;
  }
  for (const auto& [name, unused] : info.networks) {
    EmitNetwork(networks.at(name), container, "connect");
  }
  Emit(container, "start");
  return {};
}

void FakeWorld::Signal(FakeContainer& container, int number) {
  Emit(container, "kill", {{"signal", std::to_string(number)}});
  const bool ends =
      number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGABRT ||
      (!container.info.stop_signal.empty() && number == SignalNumber(container.info.stop_signal));
  if (number == SIGKILL || (ends && !container.ignores_signals)) {
    container.stopped_by_hand = true;
    Die(container, 128 + number, false);
  }
}

void FakeWorld::Die(FakeContainer& container, int exit_code, bool oom_killed) {
  ContainerInfo& info = container.info;
  if (!IsUp(info)) return;
  if (oom_killed) Emit(container, "oom");
  info.state = ContainerState::kExited;
  info.exit_code = exit_code;
  info.oom_killed = oom_killed;
  info.health = DockerHealth::kNone;
  info.finished_at = Now();
  Emit(container, "die", {{"exitCode", std::to_string(exit_code)}});
  for (auto& [name, ip] : info.networks) {
    ip.clear();
    if (const FakeNetwork* network = FindNetwork(name)) {
      EmitNetwork(*network, container, "disconnect");
    }
  }
}

void FakeWorld::SetUsage(FakeContainer& container, double cpus, std::int64_t memory) {
  const reconcilers::StatsSample until_now = Stats(container);
  container.cpu_nanoseconds = until_now.cpu_nanoseconds;
  container.cpus_since = until_now.at;
  container.cpus = cpus;
  container.memory = memory;
}

reconcilers::StatsSample FakeWorld::Stats(const FakeContainer& container) {
  const api::Time now = Now();
  const std::chrono::duration<double, std::nano> since = now - container.cpus_since;
  return {.cpu_nanoseconds =
              container.cpu_nanoseconds + static_cast<std::int64_t>(container.cpus * since.count()),
          .memory = container.memory,
          .memory_limit =
              container.spec.memory_bytes > 0 ? container.spec.memory_bytes : std::int64_t{8} << 30,
          .online_cpus = 4,
          .at = now};
}

void FakeWorld::MaybeRestart(FakeContainer& container) {
  if (IsUp(container.info) || container.stopped_by_hand) return;
  if (container.spec.restart_policy != "unless-stopped" &&
      container.spec.restart_policy != "always") {
    return;
  }
  if (auto started = Start(container); !started) container.info.error = started.error().message;
}

void FakeWorld::Remove(FakeContainer& container) {
  if (IsUp(container.info)) {
    Emit(container, "kill", {{"signal", "9"}});
    Die(container, 137, false);
  }
  Emit(container, "destroy");
  containers.erase(std::string(container.info.id));
}

std::string FakeWorld::Adopt(ContainerInfo info) {
  if (info.id.empty()) info.id = NewId('a');
  if (info.name.empty()) info.name = "adopted-" + info.id.substr(0, 12);
  if (info.network_mode.empty()) info.network_mode = "bridge";
  if (info.networks.empty() && OwnsNetwork(info)) info.networks[info.network_mode] = "";
  if (info.created == api::Time{}) info.created = Now();
  const bool start =
      info.state == ContainerState::kCreated || info.state == ContainerState::kRunning;
  if (start) info.state = ContainerState::kCreated;
  FakeContainer container{.info = info};
  container.spec.name = info.name;
  container.spec.image = info.image;
  container.spec.labels = info.labels;
  container.spec.network_mode = info.network_mode;
  for (auto& [network, ip] : container.info.networks) {
    if (FindNetwork(network) == nullptr) {
      if (auto made = CreateNetwork({.name = network}); !made) {
        container.info.error = made.error().message;
      }
    }
    if (ip.empty()) continue;
    container.wanted_ips[network] = ip;
    if (start) ip.clear();
  }
  std::string id = info.id;
  FakeContainer& added = containers.insert_or_assign(id, std::move(container)).first->second;
  Emit(added, "create");
  if (start) {
    if (auto started = Start(added); !started) added.info.error = started.error().message;
    if (info.started_at != api::Time{}) added.info.started_at = info.started_at;
    if (info.health != DockerHealth::kNone) added.info.health = info.health;
  }
  return id;
}

Result<std::string> FakeWorld::CreateNetwork(const reconcilers::NetworkSpec& spec) {
  const std::string what = "create network " + spec.name;
  if (networks.contains(spec.name)) {
    return Error(Code::kAlreadyExists, what + ": it already exists");
  }
  const std::string cidr =
      spec.subnet.empty() ? fmt::format("172.{}.0.0/16", next_subnet_++) : spec.subnet;
  const auto subnet = ParseCidr(cidr);
  const auto range = ParseCidr(spec.ip_range.empty() ? cidr : spec.ip_range);
  if (!subnet || !range) return Error(Code::kInvalidArgument, what + ": invalid subnet " + cidr);
  for (const auto& [unused, other] : networks) {
    const auto theirs = ParseCidr(other.info.subnet);
    if (theirs && subnet->base < theirs->base + theirs->size &&
        theirs->base < subnet->base + subnet->size) {
      return Error(Code::kConflict, what + ": the subnet overlaps with one in use");
    }
  }
  FakeNetwork network;
  network.info.id = NewId('d');
  network.info.name = spec.name;
  network.info.driver = "bridge";
  network.info.subnet = cidr;
  network.info.gateway = IpText(subnet->base + 1);
  network.info.labels = spec.labels;
  network.first = std::max(range->base, subnet->base + 2);
  network.last = std::min(range->base + range->size - 1, subnet->base + subnet->size - 2);
  networks.emplace(spec.name, network);
  return network.info.id;
}

Result<void> FakeWorld::RemoveNetwork(const std::string& name) {
  const FakeNetwork* network = FindNetwork(name);
  if (network == nullptr) return {};
  if (network->predefined) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("remove network {}: it is a pre-defined network", name));
  }
  if (!NetworkWithContainers(*network).containers.empty()) {
    return Error(Code::kConflict, fmt::format("remove network {}: it has active endpoints", name));
  }
  networks.erase(std::string(network->info.name));
  return {};
}

Result<void> FakeWorld::Connect(FakeNetwork& network, FakeContainer& container,
                                const std::string& ip) {
  ContainerInfo& info = container.info;
  const std::string what =
      fmt::format("connect container {} to network {}", info.name, network.info.name);
  if (!OwnsNetwork(info)) {
    return Error(Code::kFailedPrecondition,
                 what + ": it shares the network namespace of the host or of another container");
  }
  if (info.networks.contains(network.info.name)) return {};
  std::string given;
  if (IsUp(info)) {
    auto result = GiveIp(network, ip);
    if (!result) return Wrap(what, result.error());
    given = *result;
  }
  container.wanted_ips[network.info.name] = ip;
  info.networks[network.info.name] = given;
  if (IsUp(info)) EmitNetwork(network, container, "connect");
  return {};
}

void FakeWorld::Disconnect(FakeNetwork& network, FakeContainer& container) {
  if (container.info.networks.erase(network.info.name) == 0) return;
  container.wanted_ips.erase(network.info.name);
  if (IsUp(container.info)) EmitNetwork(network, container, "disconnect");
}

reconcilers::NetworkInfo FakeWorld::NetworkWithContainers(const FakeNetwork& network) const {
  reconcilers::NetworkInfo out = network.info;
  for (const auto& [id, container] : containers) {
    const auto at = container.info.networks.find(network.info.name);
    if (IsUp(container.info) && at != container.info.networks.end()) {
      out.containers[id] = at->second;
    }
  }
  return out;
}

void FakeWorld::PutInVolume(const FakeContainer& container, const std::string& directory,
                            const reconcilers::FileEntry& file) {
  const auto lexical = [](const std::string& path) {
    return std::filesystem::path(path).lexically_normal();
  };
  const auto path = lexical(directory + "/" + file.path);
  for (const reconcilers::MountSpec& mount : container.spec.mounts) {
    if (mount.type != reconcilers::MountSpec::Type::kVolume) continue;
    const std::string inside = path.lexically_relative(lexical(mount.target)).string();
    if (!inside.empty() && !inside.starts_with("..")) volume_files[mount.source][inside] = file;
  }
}

bool FakeWorld::VolumeInUse(const std::string& name) const {
  return std::any_of(containers.begin(), containers.end(), [&](const auto& item) {
    const auto& mounts = item.second.spec.mounts;
    return std::any_of(mounts.begin(), mounts.end(), [&](const auto& mount) {
      return mount.type == reconcilers::MountSpec::Type::kVolume && mount.source == name;
    });
  });
}

bool FakeWorld::IpInUse(const std::string& network, const std::string& ip) const {
  return std::any_of(containers.begin(), containers.end(), [&](const auto& item) {
    const auto at = item.second.info.networks.find(network);
    return at != item.second.info.networks.end() && at->second == ip;
  });
}

Result<std::string> FakeWorld::GiveIp(const FakeNetwork& network, const std::string& wanted) const {
  if (network.first == 0) return "";  // host, none
  if (!wanted.empty()) {
    if (IpInUse(network.info.name, wanted)) {
      return Error(Code::kConflict, fmt::format("the IP address {} is taken on network {}", wanted,
                                                network.info.name));
    }
    return wanted;
  }
  for (std::uint32_t ip = network.first; ip <= network.last; ++ip) {
    if (!IpInUse(network.info.name, IpText(ip))) return IpText(ip);
  }
  return Error(Code::kFailedPrecondition, "no free address on network " + network.info.name);
}

void FakeWorld::Emit(const FakeContainer& container, const std::string& action,
                     std::map<std::string, std::string> more) {
  reconcilers::EngineEvent event{.type = "container",
                                 .action = action,
                                 .id = container.info.id,
                                 .attributes = std::move(more)};
  event.attributes["name"] = container.info.name;
  event.attributes["image"] = container.info.image;
  event.attributes.insert(container.info.labels.begin(), container.info.labels.end());
  event.time = Now();
  events_.push_back(std::move(event));
}

void FakeWorld::EmitNetwork(const FakeNetwork& network, const FakeContainer& container,
                            const std::string& action) {
  events_.push_back({.type = "network",
                     .action = action,
                     .id = network.info.id,
                     .attributes = {{"container", container.info.id},
                                    {"name", network.info.name},
                                    {"type", network.info.driver}},
                     .time = Now()});
}

std::vector<reconcilers::EngineEvent> FakeWorld::TakeEvents() { return std::exchange(events_, {}); }

}  // namespace ballast::fakes
