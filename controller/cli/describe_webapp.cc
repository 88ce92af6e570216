#include "controller/cli/describe_webapp.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "controller/cli/event_view.h"
#include "controller/cli/status_view.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

// Numbers and words alike: maxSurge is "25%" or 1.
std::string Value(const json& object, const char* field, const char* otherwise = "-") {
  const json& value = Field(object, field);
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  return Text(object, field, otherwise);
}

std::string Replicas(const json& app) {
  const json& status = Field(app, "status");
  const json& spec = Field(app, "spec");
  if (!Field(spec, "template").is_object()) {
    return fmt::format("{} labelled containers that somebody else started",
                       Number(status, "adoptedReplicas"));
  }
  const std::int64_t wanted = Field(status, "desiredReplicas").is_number_integer()
                                  ? Number(status, "desiredReplicas")
                                  : Number(spec, "replicas");
  std::string text =
      fmt::format("{} wanted, {} in service, {} ready, {} of the newest revision, {} in all",
                  wanted, Number(status, "inServiceReplicas"), Number(status, "readyReplicas"),
                  Number(status, "updatedReplicas"), Number(status, "replicas"));
  if (const auto adopted = Number(status, "adoptedReplicas"); adopted > 0) {
    text += fmt::format(", and {} adopted", adopted);
  }
  return text;
}

std::string Rollout(const json& app) {
  const json& status = Field(app, "status");
  const std::string newest = Text(status, "updateRevision", "");
  const std::string current = Text(status, "currentRevision", "");
  std::string text = newest;
  if (!current.empty() && current != newest) text = fmt::format("{} -> {}", current, newest);
  const std::string message = Text(Condition(status, "Progressing"), "message", "");
  if (!message.empty()) text += (text.empty() ? "" : ", ") + message;
  return text;
}

std::string Strategy(const json& spec) {
  const json& strategy = Field(spec, "strategy");
  const std::string type = Text(strategy, "type", "RollingUpdate");
  if (type != "RollingUpdate") return type;
  const json& rolling = Field(strategy, "rollingUpdate");
  return fmt::format("{}, maxSurge {}, maxUnavailable {}", type, Value(rolling, "maxSurge", "25%"),
                     Value(rolling, "maxUnavailable", "0"));
}

std::string Probes(const json& container) {
  std::string text;
  for (const auto& [field, name] :
       {std::pair{"startupProbe", "startup"}, std::pair{"readinessProbe", "readiness"},
        std::pair{"livenessProbe", "liveness"}}) {
    const json& probe = Field(container, field);
    if (!probe.is_object()) continue;
    const char* const how = probe.contains("httpGet")     ? "http"
                            : probe.contains("tcpSocket") ? "tcp"
                                                          : "exec";
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, how);
    if (const std::string path = Text(Field(probe, "httpGet"), "path", ""); !path.empty()) {
      text += " " + path;
    }
  }
  return text.empty() ? "-" : text;
}

std::string Limits(const json& container) {
  const json& limits = Field(Field(container, "resources"), "limits");
  const std::string cpu = Value(limits, "cpu", "");
  const std::string memory = Value(limits, "memory", "");
  if (cpu.empty() && memory.empty()) return "-";
  return (cpu.empty() ? "" : "cpu " + cpu) + (cpu.empty() || memory.empty() ? "" : ", ") +
         (memory.empty() ? "" : "memory " + memory);
}

std::string Ports(const json& container) {
  std::string text;
  for (const json& port : List(container, "ports")) {
    text += (text.empty() ? "" : ",") + Text(port, "containerPort");
  }
  return text.empty() ? "-" : text;
}

void Containers(const json& spec, Description& out) {
  std::vector<std::vector<Cell>> rows;
  for (const json& container : List(Field(Field(spec, "template"), "spec"), "containers")) {
    rows.push_back({{Text(container, "name")},
                    {Text(container, "image")},
                    {Ports(container)},
                    {Limits(container)},
                    {Probes(container)}});
  }
  out.Table("Containers", {"NAME", "IMAGE", "PORTS", "LIMITS", "PROBES"}, rows);
}

void Routes(const json& spec, Description& out) {
  std::vector<std::vector<Cell>> rows;
  for (const json& route : List(spec, "routes")) {
    rows.push_back({{Text(route, "host", "*")},
                    {Text(route, "path", "/")},
                    {Text(route, "pathType", "Prefix")},
                    {Text(route, "loadBalancer", "default")}});
  }
  out.Table("Routes", {"HOST", "PATH", "TYPE", "LOADBALANCER"}, rows);
}

// Who set which field: a manifest here, somebody's hand there is what drift comes from.
void Owners(const DescribeInput& input, Description& out) {
  constexpr std::size_t kShown = 6;
  std::vector<std::vector<Cell>> rows;
  const auto owners = FieldOwners(input.object);
  for (const FieldOwner& owner : owners) {
    std::string fields;
    for (std::size_t i = 0; i < owner.fields.size() && i < kShown; ++i) {
      fields += (i == 0 ? "" : ", ") + owner.fields[i];
    }
    if (owner.fields.size() > kShown) {
      fields += fmt::format(" and {} more", owner.fields.size() - kShown);
    }
    rows.push_back({{owner.manager},
                    {owner.operation == "Apply" ? "applied" : "changed by hand"},
                    {AgeOf(owner.time, input.now)},
                    {fields}});
  }
  if (owners.size() > 1) out.Table("Field owners", {"WHO", "HOW", "AGE", "FIELDS"}, rows);
}

// What was found to be other than wanted, and put back.
void Drift(const DescribeInput& input, Description& out) {
  std::string last;
  std::int64_t count = 0;
  for (const json& event : EventsOf(input)) {
    if (Text(event, "reason").find("Drift") == std::string::npos) continue;
    count += std::max(std::int64_t{1}, Number(event, "count"));
    last = fmt::format("{} ({} ago)", Text(event, "message", ""),
                       AgeOf(Text(event, "lastTimestamp", ""), input.now));
  }
  out.Line("Drift", count == 0 ? "none known" : fmt::format("{} times; last: {}", count, last),
           count == 0 ? Style::kPlain : Style::kWarning);
}

std::string Scaler(const json& autoscaler) {
  const json& spec = Field(autoscaler, "spec");
  return fmt::format("{}, {} to {} replicas", Text(Field(autoscaler, "metadata"), "name"),
                     Number(spec, "minReplicas"), Number(spec, "maxReplicas"));
}

}  // namespace

void DescribeWebApp(const DescribeInput& input, Description& out) {
  const json& spec = Field(input.object, "spec");
  const json& status = Field(input.object, "status");
  const Cell state = AppStatus(input.object);
  out.Line("Status", state.text, state.style);
  out.Line("URL", Text(status, "url", "<none>"));
  out.Line("Replicas", Replicas(input.object));
  if (Number(status, "observedGeneration") <
      Number(Field(input.object, "metadata"), "generation")) {
    out.Line("Note", "the controller has not seen the last change yet", Style::kWarning);
  }
  out.Line("Autoscaler", input.autoscaler.is_object() ? Scaler(input.autoscaler) : "<none>");
  out.Line("Rollout", Rollout(input.object));
  out.Line("Strategy", Strategy(spec));
  if (Flag(spec, "paused")) out.Line("Paused", "true", Style::kWarning);
  Drift(input, out);
  Containers(spec, out);
  Routes(spec, out);
  Owners(input, out);
}

}  // namespace ballast::cli
