#include "controller/docker/decode.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "controller/docker/json.h"

namespace ballast::docker {
namespace {

using Json = nlohmann::json;
using reconcilers::ContainerInfo;
using reconcilers::ContainerState;
using reconcilers::DockerHealth;
using reconcilers::EngineEvent;

template <typename Int>
bool ParseInt(std::string_view text, Int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

ContainerState ParseState(std::string_view text) {
  if (text == "running") return ContainerState::kRunning;
  if (text == "paused") return ContainerState::kPaused;
  if (text == "restarting") return ContainerState::kRestarting;
  if (text == "removing") return ContainerState::kRemoving;
  if (text == "exited") return ContainerState::kExited;
  if (text == "dead") return ContainerState::kDead;
  return ContainerState::kCreated;
}

DockerHealth ParseHealth(std::string_view text) {
  if (text == "starting") return DockerHealth::kStarting;
  if (text == "healthy") return DockerHealth::kHealthy;
  if (text == "unhealthy") return DockerHealth::kUnhealthy;
  return DockerHealth::kNone;
}

// "Up 5 minutes (healthy)", "Up 2 seconds (health: starting)", "Up 3 hours (Paused)".
DockerHealth HealthInStatus(std::string_view status) {
  if (status.ends_with("(healthy)")) return DockerHealth::kHealthy;
  if (status.ends_with("(unhealthy)")) return DockerHealth::kUnhealthy;
  if (status.ends_with("(health: starting)")) return DockerHealth::kStarting;
  return DockerHealth::kNone;
}

// "Exited (137) 3 minutes ago".
int ExitCodeInStatus(std::string_view status) {
  constexpr std::string_view kPrefix = "Exited (";
  int code = 0;
  if (!status.starts_with(kPrefix)) return 0;
  status.remove_prefix(kPrefix.size());
  return ParseInt(status.substr(0, status.find(')')), code) ? code : 0;
}

std::string NetworkMode(const Json& json) {
  std::string mode = GetString(json, {"HostConfig", "NetworkMode"});
  return mode == "default" || mode.empty() ? "bridge" : mode;
}

std::map<std::string, std::string> Networks(const Json& json) {
  std::map<std::string, std::string> out;
  const Json* networks = Find(json, {"NetworkSettings", "Networks"});
  if (networks == nullptr || !networks->is_object()) return out;
  for (const auto& [name, network] : networks->items()) {
    out[name] = GetString(network, {"IPAddress"});
  }
  return out;
}

void SortUnique(std::vector<std::uint16_t>& ports) {
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
}

std::vector<std::uint16_t> ListedPorts(const Json& json) {
  std::vector<std::uint16_t> out;
  const Json* ports = Find(json, {"Ports"});
  if (ports == nullptr || !ports->is_array()) return out;
  for (const Json& port : *ports) {
    const std::int64_t number = GetInt(port, {"PrivatePort"});
    if (GetString(port, {"Type"}) == "tcp" && number > 0 &&
        number <= std::numeric_limits<std::uint16_t>::max()) {
      out.push_back(static_cast<std::uint16_t>(number));
    }
  }
  SortUnique(out);
  return out;
}

// {"80/tcp": {}, "53/udp": {}}
std::vector<std::uint16_t> ExposedPorts(const Json& json) {
  std::vector<std::uint16_t> out;
  const Json* ports = Find(json, {"Config", "ExposedPorts"});
  if (ports == nullptr || !ports->is_object()) return out;
  for (const auto& [name, unused] : ports->items()) {
    const std::size_t slash = name.find('/');
    std::uint16_t number = 0;
    if (slash != std::string::npos && name.substr(slash) == "/tcp" &&
        ParseInt(std::string_view(name).substr(0, slash), number) && number > 0) {
      out.push_back(number);
    }
  }
  SortUnique(out);
  return out;
}

bool HasHealthcheck(const Json& json) {
  const Json* test = Find(json, {"Config", "Healthcheck", "Test"});
  return test != nullptr && test->is_array() && !test->empty() && test->front() != "NONE";
}

std::string WithoutSlash(std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  return name;
}

std::string WithoutMask(const std::string& address) { return address.substr(0, address.find('/')); }

bool Contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Appends the event of one JSON object, if somebody asked for its kind. False: it is no event.
bool AppendEvent(const Json& json, std::vector<EngineEvent>& out) {
  EngineEvent event;
  event.type = GetString(json, {"Type"});
  event.action = GetString(json, {"Action"});
  event.id = GetString(json, {"Actor", "ID"});
  if (event.type.empty() || event.action.empty() || event.id.empty()) return false;
  event.attributes = GetStringMap(json, {"Actor", "Attributes"});
  constexpr std::string_view kHealth = "health_status";
  if (event.action.starts_with(kHealth)) {
    if (const std::size_t colon = event.action.find(": "); colon != std::string::npos) {
      event.attributes["health"] = event.action.substr(colon + 2);
    }
    event.action = kHealth;
  }
  event.time = api::Time(std::chrono::nanoseconds(GetInt(json, {"timeNano"})));
  if (event.time == api::Time{}) event.time += std::chrono::seconds(GetInt(json, {"time"}));
  const bool wanted = (event.type == "container" && Contains(ContainerActions(), event.action)) ||
                      (event.type == "network" && Contains(NetworkActions(), event.action));
  if (wanted) out.push_back(std::move(event));
  return true;
}

}  // namespace

ContainerInfo DecodeListed(const Json& json) {
  ContainerInfo out;
  out.id = GetString(json, {"Id"});
  // "/shop" is its name, "/web/db" one that a legacy link gave it.
  if (const Json* names = Find(json, {"Names"}); names != nullptr && names->is_array()) {
    for (const Json& name : *names) {
      if (!name.is_string()) continue;
      const std::string text = WithoutSlash(name.get<std::string>());
      if (out.name.empty() || text.find('/') == std::string::npos) out.name = text;
    }
  }
  const std::string status = GetString(json, {"Status"});
  out.image = GetString(json, {"Image"});
  out.image_id = GetString(json, {"ImageID"});
  out.state = ParseState(GetString(json, {"State"}));
  out.health = HealthInStatus(status);
  out.labels = GetStringMap(json, {"Labels"});
  out.networks = Networks(json);
  out.network_mode = NetworkMode(json);
  out.exposed_ports = ListedPorts(json);
  out.created += std::chrono::seconds(GetInt(json, {"Created"}));
  out.exit_code = ExitCodeInStatus(status);
  return out;
}

ContainerInfo DecodeInspected(const Json& json) {
  ContainerInfo out;
  out.id = GetString(json, {"Id"});
  out.name = WithoutSlash(GetString(json, {"Name"}));
  out.image = GetString(json, {"Config", "Image"});
  out.image_id = GetString(json, {"Image"});
  out.state = ParseState(GetString(json, {"State", "Status"}));
  // A stopped container keeps what its last check said; it means nothing any more.
  const bool runs = out.state == ContainerState::kRunning || out.state == ContainerState::kPaused;
  if (runs) out.health = ParseHealth(GetString(json, {"State", "Health", "Status"}));
  out.labels = GetStringMap(json, {"Config", "Labels"});
  out.networks = Networks(json);
  out.network_mode = NetworkMode(json);
  out.exposed_ports = ExposedPorts(json);
  out.stop_signal = GetString(json, {"Config", "StopSignal"});
  out.created = ParseTime(GetString(json, {"Created"}));
  out.started_at = ParseTime(GetString(json, {"State", "StartedAt"}));
  out.finished_at = ParseTime(GetString(json, {"State", "FinishedAt"}));
  const std::int64_t exit_code = GetInt(json, {"State", "ExitCode"});
  out.exit_code = static_cast<int>(std::clamp<std::int64_t>(exit_code, -1, 1 << 20));
  out.oom_killed = GetBool(json, {"State", "OOMKilled"});
  out.error = GetString(json, {"State", "Error"});
  return out;
}

reconcilers::ImageInfo DecodeImage(const Json& json) {
  return {.id = GetString(json, {"Id"}),
          .exposed_ports = ExposedPorts(json),
          .has_healthcheck = HasHealthcheck(json)};
}

reconcilers::NetworkInfo DecodeNetwork(const Json& json) {
  reconcilers::NetworkInfo out;
  out.id = GetString(json, {"Id"});
  out.name = GetString(json, {"Name"});
  out.driver = GetString(json, {"Driver"});
  out.labels = GetStringMap(json, {"Labels"});
  if (const Json* pools = Find(json, {"IPAM", "Config"}); pools != nullptr && pools->is_array()) {
    for (const Json& pool : *pools) {
      const std::string subnet = GetString(pool, {"Subnet"});
      if (subnet.empty() || subnet.find(':') != std::string::npos) continue;
      out.subnet = subnet;
      out.gateway = WithoutMask(GetString(pool, {"Gateway"}));
      break;
    }
  }
  const Json* containers = Find(json, {"Containers"});
  if (containers != nullptr && containers->is_object()) {
    for (const auto& [id, endpoint] : containers->items()) {
      out.containers[id] = WithoutMask(GetString(endpoint, {"IPv4Address"}));
    }
  }
  return out;
}

std::vector<reconcilers::VolumeInfo> DecodeVolumes(const Json& json) {
  std::vector<reconcilers::VolumeInfo> out;
  const Json* volumes = Find(json, {"Volumes"});
  if (volumes == nullptr || !volumes->is_array()) return out;
  for (const Json& volume : *volumes) {
    out.push_back({GetString(volume, {"Name"}), GetStringMap(volume, {"Labels"})});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

// Docker answers for a container that does not run as well: with zeros, read in its year 1.
std::optional<reconcilers::StatsSample> DecodeStats(const Json& json) {
  reconcilers::StatsSample out{.at = ParseTime(GetString(json, {"read"}))};
  if (out.at == api::Time{}) return std::nullopt;
  out.cpu_nanoseconds = GetInt(json, {"cpu_stats", "cpu_usage", "total_usage"});
  out.memory = GetInt(json, {"memory_stats", "usage"});
  // The page cache that nobody uses, of cgroup v1 (which has the other name too) or v2.
  for (const char* name : {"total_inactive_file", "inactive_file"}) {
    const Json* cache = Find(json, {"memory_stats", "stats", name});
    if (cache == nullptr) continue;
    const std::int64_t bytes = GetInt(json, {"memory_stats", "stats", name});
    if (bytes >= 0 && bytes < out.memory) {
      out.memory -= bytes;
      break;
    }
  }
  out.memory_limit = GetInt(json, {"memory_stats", "limit"});
  constexpr std::int64_t kMostCpus = 1 << 16;
  out.online_cpus = static_cast<int>(
      std::clamp<std::int64_t>(GetInt(json, {"cpu_stats", "online_cpus"}), 0, kMostCpus));
  return out;
}

const std::vector<std::string>& ContainerActions() {
  static const std::vector<std::string> actions{"create",        "start", "die",     "destroy",
                                                "kill",          "pause", "unpause", "rename",
                                                "health_status", "oom"};
  return actions;
}

const std::vector<std::string>& NetworkActions() {
  static const std::vector<std::string> actions{"connect", "disconnect"};
  return actions;
}

std::optional<std::vector<EngineEvent>> DecodeEvents(std::string_view line) {
  std::vector<EngineEvent> out;
  if (const auto json = ParseJson(line)) {
    if (!AppendEvent(*json, out)) return std::nullopt;
    return out;
  }
  // Several objects in one line: an array without its brackets.
  bool all_events = true;
  ArraySplitter splitter([&](std::string_view element) -> Result<void> {
    const auto json = ParseJson(element);
    all_events = all_events && json && AppendEvent(*json, out);
    return {};
  });
  const bool whole = splitter.Feed("[") && splitter.Feed(line) && splitter.Feed("]") &&
                     splitter.Finish() && all_events;
  if (!whole) return std::nullopt;
  return out;
}

api::Time ParseTime(std::string_view text) {
  // YYYY-MM-DDTHH:MM:SS[.fraction](Z|+HH:MM|-HH:MM)
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  constexpr std::size_t kFixed = 19;
  const bool fixed = text.size() > kFixed && ParseInt(text.substr(0, 4), year) && text[4] == '-' &&
                     ParseInt(text.substr(5, 2), month) && text[7] == '-' &&
                     ParseInt(text.substr(8, 2), day) && text[10] == 'T' &&
                     ParseInt(text.substr(11, 2), hour) && text[13] == ':' &&
                     ParseInt(text.substr(14, 2), minute) && text[16] == ':' &&
                     ParseInt(text.substr(17, 2), second);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  constexpr int kFirstYear = 1970;
  if (!fixed || !date.ok() || year < kFirstYear || hour > 23 || minute > 59 || second > 60) {
    return {};
  }
  text.remove_prefix(kFixed);
  std::int64_t nanoseconds = 0;
  if (text.front() == '.') {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
    std::string digits(text.substr(1, std::min<std::size_t>(end - 1, 9)));
    digits.resize(9, '0');
    if (end == 1 || !ParseInt(std::string_view(digits), nanoseconds)) return {};
    text.remove_prefix(end);
  }
  std::chrono::minutes offset{0};
  if (text != "Z") {
    int hours = 0;
    int minutes = 0;
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
        !ParseInt(text.substr(1, 2), hours) || !ParseInt(text.substr(4, 2), minutes)) {
      return {};
    }
    offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    if (text[0] == '-') offset = -offset;
  }
  const auto since_epoch = std::chrono::sys_days(date).time_since_epoch() +
                           std::chrono::hours(hour) + std::chrono::minutes(minute) +
                           std::chrono::seconds(second) - offset +
                           std::chrono::nanoseconds(nanoseconds);
  return api::Time(std::chrono::duration_cast<api::Time::duration>(since_epoch));
}

}  // namespace ballast::docker
