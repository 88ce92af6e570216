#include "controller/cli/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <vector>

#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kShortId = 12;

std::string Age(const std::string& from, const std::string& now) {
  const std::int64_t seconds = SecondsBetween(from, now);
  return seconds < 0 ? "-" : FormatAge(seconds);
}

std::string AppName(const json& app) { return Text(app, "namespace") + "/" + Text(app, "name"); }

class Renderer {
 public:
  Renderer(const json& status, const RenderOptions& options)
      : status_(status), options_{options.width, options.color}, now_(Text(status, "now")) {}

  std::string Render(bool with_events) && {
    Controller();
    WebApps();
    Replicas();
    LoadBalancers();
    Problems();
    if (with_events) Events();
    return std::move(text_);
  }

 private:
  void Controller() {
    const json& controller = Field(status_, "controller");
    const std::string docker = Text(controller, "dockerVersion", "");
    text_ +=
        fmt::format("ballast {} (instance {}), up {}, {}, ", Text(controller, "version"),
                    Text(controller, "instance"), FormatAge(Number(controller, "uptimeSeconds")),
                    docker.empty() ? "Docker does not answer" : "Docker " + docker);
    text_ += Flag(controller, "ready") ? Paint("ready", Style::kGood, options_.color)
                                       : Paint("not ready: " + Text(controller, "notReadyReason"),
                                               Style::kBad, options_.color);
    text_ += "\n";
  }

  void WebApps() {
    std::vector<std::vector<Cell>> rows;
    for (const json& app : List(status_, "webapps")) {
      const json& s = Field(app, "status");
      const bool all = Number(s, "inServiceReplicas") >= Number(s, "desiredReplicas");
      rows.push_back({{Text(app, "namespace")},
                      {Text(app, "name")},
                      {Text(s, "desiredReplicas")},
                      {Text(s, "readyReplicas")},
                      {Text(s, "inServiceReplicas"), all ? Style::kPlain : Style::kWarning},
                      {Text(s, "updatedReplicas")},
                      {Text(s, "adoptedReplicas")},
                      AppStatus(app),
                      {Text(s, "url")}});
    }
    if (rows.empty()) {
      text_ += fmt::format("\nno web apps yet: put a manifest into {}\n",
                           Text(Field(status_, "controller"), "manifests"));
      return;
    }
    Add({{"NAMESPACE", false, 4},
         {"NAME"},
         {"DESIRED", true},
         {"READY", true},
         {"IN-SERVICE", true},
         {"UPDATED", true, 3},
         {"ADOPTED", true, 2},
         {"STATUS"},
         {"URL", false, 1}},
        rows);
  }

  void Replicas() {
    std::vector<std::vector<Cell>> rows;
    for (const json& app : List(status_, "webapps")) {
      for (const json& replica : List(app, "replicas")) rows.push_back(ReplicaRow(app, replica));
    }
    if (rows.empty()) return;
    Add({{"WEBAPP", false, 3},
         {"REPLICA"},
         {"STATE"},
         {"SERVER"},
         {"CONNS", true, 4},
         {"RESTARTS", true, 1},
         {"ADDRESS", false, 2},
         {"AGE", true, 5},
         {"MESSAGE"}},
        rows);
  }

  std::vector<Cell> ReplicaRow(const json& app, const json& replica) const {
    const std::string phase = Text(replica, "phase");
    const std::string server = Text(replica, "serverState");
    std::string name = Text(replica, "name");
    if (name == "-") name = Text(replica, "containerID").substr(0, kShortId);
    Style style = Style::kWarning;
    if (phase == "Running") style = Style::kGood;
    if (phase == "Dead" || phase == "BackOff") style = Style::kBad;
    return {{AppName(app)},
            {name},
            {phase + (Flag(replica, "adopted") ? " (adopted)" : ""), style},
            {server, server == "DOWN" ? Style::kBad : Style::kPlain},
            {Number(replica, "connections") < 0 ? "-" : Text(replica, "connections")},
            {Text(replica, "restarts")},
            {Text(replica, "address")},
            {Age(Text(replica, "startTime"), now_)},
            {Text(replica, "message", "")}};
  }

  void LoadBalancers() {
    std::vector<std::vector<Cell>> rows;
    for (const json& balancer : List(status_, "loadBalancers")) {
      const json& s = Field(balancer, "status");
      rows.push_back({{Text(balancer, "name")},
                      {Text(s, "version")},
                      {Text(s, "servers")},
                      {Text(s, "reloads")},
                      BalancerStatus(balancer)});
    }
    if (rows.empty()) return;
    Add({{"LOADBALANCER"},
         {"HAPROXY", false, 1},
         {"SERVERS", true},
         {"RELOADS", true, 2},
         {"STATUS"}},
        rows);
  }

  void Problems() {
    std::vector<std::vector<Cell>> rows;
    const auto add = [&rows](const std::string& about, const std::string& what, Style style) {
      rows.push_back({{about, style}, {what}});
    };
    for (const json& app : List(status_, "webapps")) {
      AddConditions(AppName(app), Field(app, "status"), add);
    }
    for (const json& balancer : List(status_, "loadBalancers")) {
      AddConditions("LoadBalancer/" + Text(balancer, "name"), Field(balancer, "status"), add);
    }
    for (const json& problem : List(status_, "problems")) {
      add(Text(problem, "kind"), Text(problem, "message"), Style::kWarning);
    }
    if (rows.empty()) return;
    // Never cut: this is what people have to read.
    text_ += "\n" + RenderTable({{"PROBLEM"}, {"WHAT"}}, rows, {0, options_.color});
  }

  template <typename Add>
  static void AddConditions(const std::string& about, const json& status, const Add& add) {
    for (const json& condition : List(status, "conditions")) {
      const std::string type = Text(condition, "type");
      const bool bad = Text(condition, "status") == (type == "Degraded" ? "True" : "False");
      if (!bad || (type == "Available" && IsOnItsWay(status))) continue;
      add(about,
          fmt::format("{}: {}", Text(condition, "reason"),
                      Text(condition, "message", "no details")),
          Style::kBad);
    }
  }

  void Events() {
    std::vector<std::vector<Cell>> rows;
    for (const json& event : List(status_, "events")) {
      const bool warning = Text(event, "type") == "Warning";
      const std::int64_t count = Number(event, "count");
      rows.push_back(
          {{Age(Text(event, "lastTimestamp"), now_)},
           {Text(event, "object")},
           {Text(event, "reason"), warning ? Style::kWarning : Style::kPlain},
           {Text(event, "message", "") + (count > 1 ? fmt::format(" (x{})", count) : "")}});
    }
    if (rows.empty()) return;
    Add({{"LAST", true}, {"OBJECT", false, 1}, {"EVENT"}, {"MESSAGE"}}, rows);
  }

  void Add(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows) {
    text_ += "\n" + RenderTable(columns, rows, options_);
  }

  const json& status_;
  const TableOptions options_;
  const std::string now_;
  std::string text_;
};

bool IsCalled(const json& app, std::string_view name) {
  return Text(app, "name") == name || AppName(app) == name;
}

}  // namespace

Result<json> SelectStatus(const json& status, std::string_view name) {
  if (name.empty()) return status;
  json selected = status;
  json apps = json::array();
  std::string names;
  std::vector<std::string> keys;
  for (const json& app : List(status, "webapps")) {
    names += (names.empty() ? "" : ", ") + AppName(app);
    if (!IsCalled(app, name)) continue;
    apps.push_back(app);
    keys.push_back("WebApp/" + AppName(app));
  }
  if (apps.empty()) {
    return Error(Code::kNotFound,
                 fmt::format("no web app is called \"{}\"; there {}", Sanitize(name),
                             names.empty() ? "are none yet" : "are: " + names));
  }
  json events = json::array();
  for (const json& event : List(status, "events")) {
    if (std::find(keys.begin(), keys.end(), Text(event, "object")) != keys.end()) {
      events.push_back(event);
    }
  }
  selected["webapps"] = std::move(apps);
  selected["events"] = std::move(events);
  selected["loadBalancers"] = json::array();
  selected["problems"] = json::array();
  return selected;
}

std::string RenderStatus(const json& status, bool with_events, const RenderOptions& options) {
  return Renderer(status, options).Render(with_events);
}

std::string FormatAge(std::int64_t seconds) {
  const std::int64_t s = std::max(std::int64_t{0}, seconds);
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  const auto two = [](std::int64_t big, const char* unit, std::int64_t small, const char* smaller) {
    return small == 0 ? fmt::format("{}{}", big, unit)
                      : fmt::format("{}{}{}{}", big, unit, small, smaller);
  };
  if (s < 2 * kMinute) return fmt::format("{}s", s);
  if (s < 10 * kMinute) return two(s / kMinute, "m", s % kMinute, "s");
  if (s < 3 * kHour) return fmt::format("{}m", s / kMinute);
  if (s < 8 * kHour) return two(s / kHour, "h", s % kHour / kMinute, "m");
  if (s < 2 * kDay) return fmt::format("{}h", s / kHour);
  if (s < 8 * kDay) return two(s / kDay, "d", s % kDay / kHour, "h");
  return fmt::format("{}d", s / kDay);
}

std::int64_t SecondsBetween(const std::string& from, const std::string& to) {
  const auto parse = [](const std::string& text) -> std::int64_t {
    std::tm time{};
    const char* const end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &time);
    return end == nullptr || *end != '\0' ? -1 : static_cast<std::int64_t>(timegm(&time));
  };
  const std::int64_t a = parse(from);
  const std::int64_t b = parse(to);
  return a < 0 || b < 0 ? -1 : std::max(std::int64_t{0}, b - a);
}

}  // namespace ballast::cli
