#include "controller/apiserver/columns.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "api/reasons.h"
#include "controller/apiserver/object.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

constexpr char kNone[] = "<none>";

// What a status says may have been written by anybody.
std::string TextOf(const json& map, const char* key) {
  const auto found = map.is_object() ? map.find(key) : map.end();
  return map.is_object() && found != map.end() && found->is_string() ? found->get<std::string>()
                                                                     : "";
}

struct Row {
  const json& object;
  api::Time now;

  [[nodiscard]] const json* At(const char* pointer) const {
    const json::json_pointer path(pointer);
    return object.contains(path) ? &object.at(path) : nullptr;
  }
  [[nodiscard]] std::string Text(const char* pointer, const char* otherwise = "") const {
    const json* found = At(pointer);
    if (found == nullptr || found->is_null()) return otherwise;
    if (!found->is_string()) return found->dump();
    const auto& text = found->get_ref<const std::string&>();
    return text.empty() ? otherwise : text;
  }
  [[nodiscard]] std::int64_t Number(const char* pointer) const { return NumberAt(object, pointer); }
  [[nodiscard]] std::string Age() const {
    return apiserver::Age(MetaText(object, "creationTimestamp"), now);
  }
  [[nodiscard]] std::string Condition(const char* type, const char* what = "status") const {
    const json* conditions = At("/status/conditions");
    if (conditions == nullptr || !conditions->is_array()) return "";
    for (const json& condition : *conditions) {
      if (TextOf(condition, "type") == type) return TextOf(condition, what);
    }
    return "";
  }
};

struct Shown {
  Column column;
  std::function<json(const Row&)> cell;
};

Shown Name() {
  return {{.name = "Name", .format = "name", .description = "The object's name"},
          [](const Row& row) { return MetaText(row.object, "name"); }};
}
Shown AgeColumn() {
  return {{.name = "Age", .description = "Since it was made"},
          [](const Row& row) { return row.Age(); }};
}
Shown Text(std::string name, std::string description, const char* pointer, int priority = 0,
           const char* otherwise = "") {
  return {{.name = std::move(name),
           .format = "",
           .description = std::move(description),
           .priority = priority},
          [pointer, otherwise](const Row& row) { return row.Text(pointer, otherwise); }};
}
Shown Count(std::string name, std::string description, const char* pointer, int priority = 0) {
  return {{.name = std::move(name),
           .type = "integer",
           .format = "",
           .description = std::move(description),
           .priority = priority},
          [pointer](const Row& row) { return row.Number(pointer); }};
}
Shown Computed(std::string name, std::string description, std::function<json(const Row&)> cell,
               int priority = 0) {
  return {{.name = std::move(name),
           .format = "",
           .description = std::move(description),
           .priority = priority},
          std::move(cell)};
}

json AppState(const Row& row) {
  if (IsDeleting(row.object)) return "Terminating";
  if (row.Condition("Available").empty()) return "Pending";  // nobody has looked at it yet
  if (row.Condition("Degraded") == "True") return "Degraded";
  const std::string progress = row.Condition("Progressing", "reason");
  if (progress == api::reason::kRolloutPaused) return "Paused";
  if (row.Condition("Progressing") == "True" && progress != api::reason::kRolloutComplete) {
    return "Progressing";
  }
  return row.Condition("Available") == "True" ? "Available" : "Unavailable";
}

// As kubectl shows those of an HPA: "44.4/50, 71/80"; "?" for what is not known.
json Targets(const Row& row) {
  const json* metrics = row.At("/status/currentMetrics");
  if (metrics == nullptr || !metrics->is_array()) return kNone;
  const auto figure = [](const json& metric, const char* field) -> std::string {
    const auto found = metric.is_object() ? metric.find(field) : metric.end();
    if (!metric.is_object() || found == metric.end() || !found->is_number()) return "?";
    return fmt::format("{:.3g}", found->get<double>());
  };
  std::string text;
  for (const json& metric : *metrics) {
    text += (text.empty() ? "" : ", ") + figure(metric, "current") + "/" + figure(metric, "target");
  }
  return text.empty() ? std::string(kNone) : text;
}

std::string ReplicaState(const Row& row) {
  if (IsDeleting(row.object)) return "Terminating";
  return row.Text("/status/phase");
}

std::string Size(const json* map) {
  return std::to_string(map != nullptr && map->is_object() ? map->size() : 0);
}

using Table = std::map<std::string, std::vector<Shown>>;

Table MakeTable() {
  Table table;
  table["WebApp"] = {
      Name(),
      Computed("Ready", "In service, of those that are wanted",
               [](const Row& row) {
                 return fmt::format("{}/{}", row.Number("/status/inServiceReplicas"),
                                    row.At("/status/desiredReplicas") != nullptr
                                        ? row.Number("/status/desiredReplicas")
                                        : row.Number("/spec/replicas"));
               }),
      Count("Up-to-date", "Of the newest revision", "/status/updatedReplicas"),
      Computed("Status", "What is the matter with it", AppState),
      Text("URL", "Where it answers", "/status/url", 0, kNone),
      AgeColumn(),
      Text("Image", "The first container's", "/spec/template/spec/containers/0/image", 1, kNone),
      Text("Revision", "The one that is wanted", "/status/updateRevision", 1),
      Count("Adopted", "Containers that somebody else started", "/status/adoptedReplicas", 1)};
  table["LoadBalancer"] = {Name(),
                           Computed("Ports", "What it listens on",
                                    [](const Row& row) {
                                      std::string ports;
                                      const json* listeners = row.At("/spec/listeners");
                                      if (listeners == nullptr || !listeners->is_array())
                                        return ports;
                                      for (const json& listener : *listeners) {
                                        ports += fmt::format("{}{}/{}", ports.empty() ? "" : ",",
                                                             listener.value("port", 0),
                                                             listener.value("protocol", ""));
                                      }
                                      return ports;
                                    }),
                           Computed("Ready", "Whether HAProxy runs as wanted",
                                    [](const Row& row) { return row.Condition("Available"); }),
                           Count("Servers", "In all pools", "/status/servers"),
                           Count("Reloads", "Since the controller started", "/status/reloads"),
                           AgeColumn(),
                           Text("Version", "HAProxy's", "/status/version", 1),
                           Text("Image", "Its image", "/spec/image", 1)};
  table["Autoscaler"] = {Name(),
                         Computed("Reference", "What it scales",
                                  [](const Row& row) {
                                    return fmt::format("{}/{}",
                                                       row.Text("/spec/scaleTargetRef/kind"),
                                                       row.Text("/spec/scaleTargetRef/name"));
                                  }),
                         Count("Min", "Never fewer", "/spec/minReplicas"),
                         Count("Max", "Never more", "/spec/maxReplicas"),
                         Computed("Targets", "What is, of what each replica shall have", Targets),
                         Count("Replicas", "As decided last", "/status/desiredReplicas"),
                         AgeColumn(),
                         Text("Decision", "The last one", "/status/lastDecision", 1, kNone)};
  table["Replica"] = {Name(),
                      Computed("Ready", "Whether it answers its probes",
                               [](const Row& row) {
                                 const json* ready = row.At("/status/ready");
                                 return ready != nullptr && *ready == true ? "true" : "false";
                               }),
                      Computed("Status", "What it is doing", ReplicaState),
                      Text("Server", "As HAProxy sees it", "/status/serverState"),
                      Count("Restarts", "How often it was replaced", "/status/restarts"),
                      Text("Revision", "Of its template", "/status/revision"),
                      AgeColumn(),
                      Text("Address", "Where HAProxy finds it", "/status/address", 1, kNone),
                      Text("Node", "Where it runs", "/status/node", 1),
                      Text("Container", "Docker's id", "/status/containerID", 1, kNone)};
  table["Pod"] = {
      Name(),
      Computed("Ready", "Containers that are ready",
               [](const Row& row) {
                 const json* all = row.At("/status/containerStatuses");
                 std::size_t ready = 0;
                 if (all == nullptr || !all->is_array()) return std::string("0/0");
                 for (const json& one : *all) ready += one.value("ready", false) ? 1 : 0;
                 return fmt::format("{}/{}", ready, all->size());
               }),
      Computed("Status", "What it is doing",
               [](const Row& row) -> json {
                 if (IsDeleting(row.object)) return "Terminating";
                 return row.Text("/status/reason").empty() ? row.Text("/status/phase")
                                                           : row.Text("/status/reason");
               }),
      Count("Restarts", "How often it was replaced", "/status/containerStatuses/0/restartCount"),
      AgeColumn(),
      Text("IP", "Its address", "/status/podIP", 1, kNone),
      Text("Node", "Where it runs", "/spec/nodeName", 1, kNone)};
  const auto sum = [](const char* what) {
    return [what](const Row& row) {
      std::int64_t all = 0;
      const json* containers = row.At("/containers");
      if (containers == nullptr || !containers->is_array()) return all;
      for (const json& container : *containers) {
        // A whole number and its unit: "1234567n", "2048Ki".
        all += std::atoll(container["usage"].value(what, "").c_str());
      }
      return all;
    };
  };
  table["PodMetrics"] = {
      Name(),
      Computed("CPU", "Of all its containers",
               [sum](const Row& row) {
                 return fmt::format("{}m", (sum("cpu")(row) + 999'999) / 1'000'000);
               }),
      Computed("Memory", "Without the page cache",
               [sum](const Row& row) { return fmt::format("{}Mi", sum("memory")(row) / 1024); }),
      Text("Window", "That the CPU is the mean of", "/window")};
  table["Revision"] = {
      Name(),
      Text("WebApp", "Whose it is", "/webapp"),
      Count("Revision", "Its number", "/revision"),
      Text("Cause", "Why it was made", "/cause", 0, kNone),
      AgeColumn(),
      Text("Image", "The first container's", "/template/spec/containers/0/image", 1, kNone)};
  table["Secret"] = {
      Name(), Text("Type", "What it is for", "/type"),
      Computed("Data", "How many values", [](const Row& row) { return Size(row.At("/data")); }),
      AgeColumn()};
  table["ConfigMap"] = {
      Name(),
      Computed("Data", "How many values", [](const Row& row) { return Size(row.At("/data")); }),
      AgeColumn()};
  table["Namespace"] = {
      Name(),
      Computed("Status", "Whether it takes objects",
               [](const Row& row) { return IsDeleting(row.object) ? "Terminating" : "Active"; }),
      AgeColumn()};
  table["Event"] = {
      Computed("Last Seen", "How long ago",
               [](const Row& row) { return Age(row.Text("/lastTimestamp"), row.now); }),
      Text("Type", "Normal or Warning", "/type"),
      Text("Reason", "In one word", "/reason"),
      Computed("Object", "What it is about",
               [](const Row& row) {
                 std::string kind = row.Text("/involvedObject/kind");
                 for (char& c : kind) c = static_cast<char>(std::tolower(c));
                 return kind + "/" + row.Text("/involvedObject/name");
               }),
      Text("Message", "In words", "/message"),
      Count("Count", "How often", "/count", 1),
      Text("Name", "Of the event", "/metadata/name", 1)};
  return table;
}

const std::vector<Shown>& ShownOf(const Resource& resource) {
  static const Table table = MakeTable();
  static const std::vector<Shown> plain = {Name(), AgeColumn()};
  const auto found = table.find(resource.kind);
  return found == table.end() ? plain : found->second;
}

}  // namespace

const std::vector<Column>& ColumnsOf(const Resource& resource) {
  static const auto columns = [] {
    std::map<std::string, std::vector<Column>> by_kind;
    const auto add = [&by_kind](const Resource& resource) {
      for (const Shown& shown : ShownOf(resource)) by_kind[resource.kind].push_back(shown.column);
    };
    for (const Resource& each : AllResources()) add(each);
    add(PodMetricsResource());
    return by_kind;
  }();
  return columns.at(resource.kind);
}

json CellsOf(const Resource& resource, const json& object, api::Time now) {
  json cells = json::array();
  const Row row{object, now};
  for (const Shown& shown : ShownOf(resource)) cells.push_back(shown.cell(row));
  return cells;
}

// Source: k8s.io/apimachinery/pkg/util/duration, HumanDuration.
std::string Age(const std::string& since, api::Time now) {
  std::istringstream in(since);
  std::tm parts{};
  in >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%SZ");
  if (in.fail()) return "<unknown>";
  const auto then = std::chrono::system_clock::from_time_t(timegm(&parts));
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  if (age < 0) return "0s";
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  constexpr std::int64_t kYear = 365 * kDay;
  const auto two = [](std::int64_t first, const char* unit, std::int64_t second,
                      const char* other) {
    return second == 0 ? fmt::format("{}{}", first, unit)
                       : fmt::format("{}{}{}{}", first, unit, second, other);
  };
  if (age < 2 * kMinute) return fmt::format("{}s", age);
  if (age < 10 * kMinute) return two(age / kMinute, "m", age % kMinute, "s");
  if (age < 3 * kHour) return fmt::format("{}m", age / kMinute);
  if (age < 8 * kHour) return two(age / kHour, "h", age % kHour / kMinute, "m");
  if (age < 2 * kDay) return fmt::format("{}h", age / kHour);
  if (age < 8 * kDay) return two(age / kDay, "d", age % kDay / kHour, "h");
  if (age < 2 * kYear) return fmt::format("{}d", age / kDay);
  if (age < 8 * kYear) return two(age / kYear, "y", age % kYear / kDay, "d");
  return fmt::format("{}y", age / kYear);
}

}  // namespace ballast::apiserver
