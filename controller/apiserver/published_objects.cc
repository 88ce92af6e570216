#include "controller/apiserver/published_objects.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "api/labels.h"
#include "controller/apiserver/object.h"
#include "controller/apiserver/object_status.h"
#include "controller/apiserver/resources.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDifferences = 3;
constexpr std::size_t kMaxShownBytes = 80;

json Owners(const json& webapp) {
  if (!webapp.is_object()) return json::array();
  return json::array({{{"apiVersion", webapp.value("apiVersion", "")},
                       {"kind", "WebApp"},
                       {"name", MetaText(webapp, "name")},
                       {"uid", MetaText(webapp, "uid")},
                       {"controller", true},
                       {"blockOwnerDeletion", true}}});
}

json MetadataOf(const api::ObjectKey& app, const std::string& name, const json& webapp,
                const std::string& revision) {
  json labels = webapp.is_object()
                    ? webapp.value("/spec/template/metadata/labels"_json_pointer, json::object())
                    : json::object();
  if (!labels.is_object()) labels = json::object();
  labels[api::kLabelWebApp] = app.name;
  if (!revision.empty()) labels[api::kLabelRevision] = revision;
  json metadata = {{"name", name}, {"namespace", app.ns}, {"labels", std::move(labels)}};
  if (json owners = Owners(webapp); !owners.empty()) {
    metadata["ownerReferences"] = std::move(owners);
  }
  return metadata;
}

// Kubernetes' phase, and its reason where the phase alone misleads.
std::pair<std::string, std::string> PodPhase(const api::ReplicaStatus& replica) {
  if (replica.phase == "Running") return {"Running", ""};
  if (replica.phase == "Draining" || replica.phase == "Stopping") {
    return {"Running", replica.phase};
  }
  if (replica.phase == "Dead") return {"Failed", "Error"};
  if (replica.phase == "BackOff") return {"Pending", "CrashLoopBackOff"};
  return {"Pending", replica.phase == "Pending" ? "" : replica.phase};
}

void Compare(const json& before, const json& after, const std::string& path,
             std::vector<std::string>& out) {
  if (before == after) return;
  if ((before.is_object() && after.is_object())) {
    for (const auto& [key, value] : after.items()) {
      Compare(before.value(key, json()), value, path.empty() ? key : path + "." + key, out);
    }
    for (const auto& [key, value] : before.items()) {
      if (!after.contains(key)) Compare(value, nullptr, path.empty() ? key : path + "." + key, out);
    }
    return;
  }
  if (before.is_array() && after.is_array() && before.size() == after.size()) {
    for (std::size_t i = 0; i < after.size(); ++i) {
      Compare(before[i], after[i], fmt::format("{}[{}]", path, i), out);
    }
    return;
  }
  const auto shown = [](const json& value) {
    if (value.is_null()) return std::string("nothing");
    std::string text = value.is_string() ? value.get<std::string>() : DumpJson(value);
    if (text.size() > kMaxShownBytes) text = text.substr(0, kMaxShownBytes) + "...";
    return text;
  };
  out.push_back(fmt::format("{} {} -> {}", path, shown(before), shown(after)));
}

}  // namespace

json ReplicaObject(const api::ObjectKey& app, const api::ReplicaStatus& replica,
                   const json& webapp) {
  return {{"apiVersion", std::string(kGroup) + "/" + kVersion},
          {"kind", "Replica"},
          {"metadata", MetadataOf(app, replica.name, webapp, replica.revision)},
          {"status", EncodeObjectStatus(replica)}};
}

json PodObject(const api::ObjectKey& app, const api::ReplicaStatus& replica, const json& webapp) {
  const auto [phase, reason] = PodPhase(replica);
  json containers = json::array();
  json statuses = json::array();
  const json templated =
      webapp.is_object() && !replica.adopted
          ? webapp.value("/spec/template/spec/containers"_json_pointer, json::array())
          : json::array();
  const auto add = [&](const std::string& name, const std::string& image) {
    containers.push_back({{"name", name}, {"image", image}});
    statuses.push_back({{"name", name},
                        {"image", image},
                        {"ready", replica.ready},
                        {"restartCount", replica.restarts},
                        {"containerID", "docker://" + replica.container_id}});
  };
  for (const json& container : templated) {
    if (container.is_object()) add(container.value("name", ""), container.value("image", ""));
  }
  if (containers.empty()) add(replica.name, "");
  json status = {
      {"phase", phase},
      {"podIP", replica.address.substr(0, replica.address.find(':'))},
      {"conditions", {{{"type", "Ready"}, {"status", replica.ready ? "True" : "False"}}}},
      {"containerStatuses", std::move(statuses)}};
  if (!reason.empty()) status["reason"] = reason;
  if (!replica.message.empty()) status["message"] = replica.message;
  if (replica.started != api::Time{}) {
    status["startTime"] = EncodeObjectStatus(replica)["startTime"];
  }
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", MetadataOf(app, replica.name, webapp, replica.revision)},
          {"spec", {{"nodeName", replica.node}, {"containers", std::move(containers)}}},
          {"status", std::move(status)}};
}

json RevisionObject(const api::ObjectKey& app, const std::string& revision, std::int64_t number,
                    const std::string& cause, const json& webapp) {
  json metadata = MetadataOf(app, app.name + "-" + revision, webapp, revision);
  return {{"apiVersion", std::string(kGroup) + "/" + kVersion},
          {"kind", "Revision"},
          {"metadata", std::move(metadata)},
          {"webapp", app.name},
          {"revision", number},
          {"cause", cause},
          {"template", webapp.value("/spec/template"_json_pointer, json::object())}};
}

std::string DescribeChange(const json& before, const json& after) {
  if (!before.is_object()) return "created";
  std::vector<std::string> differences;
  Compare(before.value("spec", json::object()), after.value("spec", json::object()), "",
          differences);
  Compare(before.value("metadata", json::object()), after.value("metadata", json::object()),
          "metadata", differences);
  std::string text;
  for (std::size_t i = 0; i < differences.size() && i < kMaxDifferences; ++i) {
    text += (i == 0 ? "" : "; ") + differences[i];
  }
  if (differences.size() > kMaxDifferences) {
    text += fmt::format("; and {} more", differences.size() - kMaxDifferences);
  }
  return text;
}

// Equal events are one object, also after a restart: its name is a hash of what makes them equal.
std::string EventName(const api::ObjectKey& object, std::string_view reason,
                      std::string_view message) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    }
    hash = (hash ^ 0xff) * 0x100000001b3;
  };
  for (const std::string_view part : {std::string_view(object.kind), std::string_view(object.ns),
                                      std::string_view(object.name), reason, message}) {
    add(part);
  }
  // Files are named in events too; names of objects have no such letters.
  std::string name;
  for (const char c : object.name.substr(0, 200)) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    name += fine ? c : '-';
  }
  while (!name.empty() && (name.front() == '-' || name.front() == '.')) name.erase(0, 1);
  if (name.empty()) name = "ballast";
  return fmt::format("{}.{:016x}", name, hash);
}

}  // namespace ballast::apiserver
