#include "controller/cli/describe_view.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/yaml_write.h"
#include "controller/cli/describe_webapp.h"
#include "controller/cli/description.h"
#include "controller/cli/event_view.h"
#include "controller/cli/object_table.h"
#include "controller/cli/status_view.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

// {"f:spec": {"f:replicas": {}}} -> "spec.replicas"
void CollectFields(const json& fields, const std::string& path, std::vector<std::string>& out) {
  bool leaf = true;
  if (fields.is_object()) {
    for (const auto& [key, inner] : fields.items()) {
      if (!key.starts_with("f:")) continue;
      leaf = false;
      CollectFields(inner, path + (path.empty() ? "" : ".") + Sanitize(key.substr(2)), out);
    }
  }
  if (leaf && !path.empty()) out.push_back(path);
}

std::string WithAge(const std::string& time, api::Time now) {
  return time.empty() ? "-" : fmt::format("{} ({} ago)", time, AgeOf(time, now));
}

void Metadata(const DescribeInput& input, Description& out) {
  const json& metadata = Field(input.object, "metadata");
  out.Line("Name", Text(metadata, "name"));
  out.Line("Namespace", Text(metadata, "namespace", ""));
  if (Text(input.object, "kind") != "WebApp") out.Line("Kind", Text(input.object, "kind"));
  out.Map("Labels", Field(metadata, "labels"));
  if (Field(metadata, "annotations").is_object()) {
    json annotations = Field(metadata, "annotations");
    // The whole object once more, with the values of a Secret.
    annotations.erase("kubectl.kubernetes.io/last-applied-configuration");
    if (!annotations.empty()) out.Map("Annotations", annotations);
  }
  out.Line("Created", WithAge(Text(metadata, "creationTimestamp", ""), input.now));
  if (const std::string time = Text(metadata, "deletionTimestamp", ""); !time.empty()) {
    out.Line("Deleted", WithAge(time, input.now) + ", it goes when its containers are gone",
             Style::kWarning);
  }
}

// What is secret is not shown: only how much it is.
json WithoutSecrets(const json& object) {
  json shown = object;
  for (const char* part : {"data", "stringData"}) {
    const auto data = shown.find(part);
    if (data == shown.end() || !data->is_object()) continue;
    for (auto& [key, value] : data->items()) {
      std::size_t bytes = value.is_string() ? value.get_ref<const std::string&>().size() : 0;
      if (part == std::string_view("data")) {
        const auto& text = value.is_string() ? value.get_ref<const std::string&>() : "";
        bytes = bytes / 4 * 3 - static_cast<std::size_t>(std::count(text.begin(), text.end(), '='));
      }
      value = fmt::format("{} bytes", bytes);
    }
  }
  return shown;
}

void EveryField(const json& object, Description& out) {
  for (const auto& [key, value] : object.items()) {
    if (key == "apiVersion" || key == "kind" || key == "metadata" ||
        (key == "status" && value.is_object() && value.size() == 1 &&
         value.contains("conditions"))) {
      continue;
    }
    std::string title = Sanitize(key);
    if (!title.empty() && title[0] >= 'a' && title[0] <= 'z') {
      title[0] = static_cast<char>(title[0] - 'a' + 'A');
    }
    if (!value.is_structured()) {
      out.Line(title, Text(object, key.c_str(), value.dump().c_str()));
      continue;
    }
    json shown = value;
    if (key == "status" && value.is_object()) shown.erase("conditions");
    if (!shown.empty()) out.Block(title, api::WriteYaml(shown));
  }
}

}  // namespace

std::vector<FieldOwner> FieldOwners(const json& object) {
  std::vector<FieldOwner> owners;
  for (const json& entry : List(Field(object, "metadata"), "managedFields")) {
    if (Text(entry, "subresource", "") == "status") continue;
    FieldOwner owner{.manager = Text(entry, "manager"),
                     .operation = Text(entry, "operation"),
                     .time = Text(entry, "time", ""),
                     .fields = {}};
    CollectFields(Field(entry, "fieldsV1"), "", owner.fields);
    if (!owner.fields.empty()) owners.push_back(std::move(owner));
  }
  return owners;
}

std::vector<json> EventsOf(const DescribeInput& input) {
  const std::string uid = Text(Field(input.object, "metadata"), "uid", "");
  std::vector<json> events;
  for (const json& event : input.events) {
    const std::string about = Text(Field(event, "involvedObject"), "uid", "");
    if (uid.empty() || about.empty() || uid == about) events.push_back(event);
  }
  SortEvents(events);
  return events;
}

std::string DescribeObject(const DescribeInput& input) {
  Description out(input.color);
  Metadata(input, out);
  const std::string kind = Text(input.object, "kind");
  if (kind == "WebApp") {
    DescribeWebApp(input, out);
  } else {
    EveryField(kind == "Secret" ? WithoutSecrets(input.object) : input.object, out);
  }
  std::vector<std::vector<Cell>> rows;
  for (const json& condition : List(Field(input.object, "status"), "conditions")) {
    const std::string type = Text(condition, "type");
    const std::string status = Text(condition, "status");
    const bool good = status == (type == "Degraded" ? "False" : "True");
    rows.push_back({{type},
                    {status, good                  ? Style::kGood
                             : status == "Unknown" ? Style::kWarning
                                                   : Style::kBad},
                    {Text(condition, "reason")},
                    {AgeOf(Text(condition, "lastTransitionTime", ""), input.now)},
                    {Text(condition, "message", "")}});
  }
  out.Table("Conditions", {"TYPE", "STATUS", "REASON", "SINCE", "MESSAGE"}, rows);
  if (input.pods.is_object()) {
    ObjectTable table({.wide = true, .color = input.color});
    const std::string text = table.Render(input.pods);
    out.Block("Replicas", text.empty() ? "<none>" : text);
  }
  std::vector<json> events = EventsOf(input);
  constexpr std::size_t kShown = 25;
  const std::size_t more = events.size() > kShown ? events.size() - kShown : 0;
  events.erase(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(more));
  EventTable table({.with_object = false, .color = input.color});
  const std::string text = table.Render(events, input.now);
  out.Block(more == 0 ? "Events" : fmt::format("Events (the last {} of {})", kShown, more + kShown),
            text.empty() ? "<none>" : text);
  return std::move(out).Take();
}

}  // namespace ballast::cli
