#include "api/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "api/json.h"
#include "api/schemas.h"
#include "api/yaml.h"

namespace ballast::api {
namespace {

// On objects that nobody wrote: what they were made from. Read back by DecodeObject only.
constexpr char kMadeFrom[] = "ballast.dev/made-from";

std::string WhyNotThisKind(const std::string& kind) {
  const auto is = [&kind](std::initializer_list<std::string_view> kinds) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  };
  if (is({"Deployment", "Service", "Ingress", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod",
          "ReplicationController", "HTTPRoute"})) {
    return kind +
           " is not a kind of Ballast: write a WebApp, which is a Deployment, its Service "
           "and its Ingress in one";
  }
  if (is({"Autoscaler", "HorizontalPodAutoscaler"})) {
    return "Autoscaler is not built yet: set spec.replicas of the WebApp";
  }
  if (is({"Secret", "ConfigMap", "Namespace"})) return kind + " is not built yet";
  if (is({"Replica", "Revision", "Event"})) {
    return kind + " is made by Ballast and cannot be written";
  }
  if (is({"List"}))
    return "List is not allowed: put the documents one after the other, "
           "separated by ---";
  const std::string nearest = Nearest(kind, {"WebApp", "LoadBalancer"});
  return fmt::format("must be WebApp or LoadBalancer, got {}{}", Quote(kind),
                     nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest));
}

// Nothing when the document is too wrong to be read; the errors are in the context.
std::optional<Object> DecodeDocument(const Value& root, DecodeContext& context) {
  const Cursor at(root, context);
  if (root.bad) return std::nullopt;
  if (root.kind != Value::Kind::kMap) {
    at.ErrorWanted("a map with apiVersion, kind, metadata and spec");
    return std::nullopt;
  }
  const Member* kind = root.Find("kind");
  if (kind == nullptr) {
    context.errors.Add(root.at, "kind", "is required: WebApp or LoadBalancer");
    return std::nullopt;
  }
  const Cursor kind_at = at.At(*kind);
  std::string name;
  if (!ReadText(kind_at, "WebApp or LoadBalancer", name)) return std::nullopt;
  if (name == "WebApp") {
    WebApp webapp;
    WebAppSchema().Read(at, webapp);
    return webapp;
  }
  if (name == "LoadBalancer") {
    LoadBalancer load_balancer;
    LoadBalancerSchema().Read(at, load_balancer);
    return load_balancer;
  }
  kind_at.Error(WhyNotThisKind(name));
  return std::nullopt;
}

std::vector<std::pair<int, int>> RouteMarks(const Value& root) {
  std::vector<std::pair<int, int>> marks;
  const Member* spec = root.Find("spec");
  const Member* routes = spec == nullptr ? nullptr : spec->value.Find("routes");
  if (routes == nullptr) return marks;
  for (const Value& item : routes->value.items) marks.emplace_back(item.at.line, item.at.column);
  return marks;
}

Value EncodeNode(const Object& object) {
  Value root;
  const ObjectMeta* meta = nullptr;
  const char* made_from = nullptr;
  if (const auto* webapp = std::get_if<WebApp>(&object)) {
    root = WebAppSchema().Write(*webapp, Style::kFull);
    meta = &webapp->meta;
    if (webapp->from_labels) made_from = "labels";
  } else {
    const auto& load_balancer = std::get<LoadBalancer>(object);
    root = LoadBalancerSchema().Write(load_balancer, Style::kFull);
    meta = &load_balancer.meta;
    if (load_balancer.implied) made_from = "routes";
  }
  for (Member& member : root.members) {
    if (member.key != "metadata") continue;
    Value& metadata = member.value;
    metadata.Set("generation", Value::Int(meta->generation));
    if (made_from == nullptr) continue;
    auto annotations =
        std::find_if(metadata.members.begin(), metadata.members.end(),
                     [](const Member& candidate) { return candidate.key == "annotations"; });
    if (annotations == metadata.members.end()) {
      metadata.Set("annotations", Value::Map());
      annotations = metadata.members.end() - 1;
    }
    annotations->value.Set(kMadeFrom, Value::Text(made_from));
  }
  return root;
}

// What EncodeObject adds to a manifest, taken out of the tree again.
struct Stored {
  std::int64_t generation = 1;
  std::string made_from;
};

void Erase(Value& map, std::string_view key) {
  std::erase_if(map.members, [key](const Member& member) { return member.key == key; });
}

Stored TakeStored(Value& root) {
  Stored stored;
  for (Member& member : root.members) {
    if (member.key != "metadata") continue;
    if (const Member* generation = member.value.Find("generation");
        generation != nullptr && generation->value.kind == Value::Kind::kInt &&
        !generation->value.too_big && generation->value.integer >= 1) {
      stored.generation = generation->value.integer;
      Erase(member.value, "generation");
    }
    for (Member& inner : member.value.members) {
      if (inner.key != "annotations") continue;
      if (const Member* made_from = inner.value.Find(kMadeFrom)) {
        stored.made_from = made_from->value.text;
        Erase(inner.value, kMadeFrom);
      }
    }
  }
  return stored;
}

// The first errors in one line, for callers that have no list to give.
Status Summary(std::vector<FieldError> errors) {
  constexpr std::size_t kShown = 5;
  std::string message;
  for (std::size_t i = 0; i < std::min(kShown, errors.size()); ++i) {
    errors[i].file.clear();
    message += (i == 0 ? "" : "; ") + errors[i].ToString();
  }
  if (errors.size() > kShown) message += fmt::format("; and {} more", errors.size() - kShown);
  return {Code::kInvalidArgument, std::move(message)};
}

}  // namespace

std::expected<std::vector<DecodedObject>, std::vector<FieldError>> DecodeManifest(
    const std::string& file, std::string_view text, const DecodeOptions& options) {
  ErrorList errors(file);
  DecodeContext context{errors, options};
  std::vector<DecodedObject> objects;
  for (const Value& document : ParseYaml(text, errors)) {
    auto object = DecodeDocument(document, context);
    if (!object) continue;
    objects.push_back({.object = std::move(*object),
                       .file = file,
                       .line = document.at.line,
                       .column = document.at.column,
                       .route_marks = RouteMarks(document)});
  }
  if (!errors.empty()) return std::unexpected(std::move(errors).Take());
  return objects;
}

nlohmann::json EncodeObject(const Object& object) { return ToJson(EncodeNode(object)); }

Result<Object> DecodeObject(const nlohmann::json& json, const DecodeOptions& options) {
  auto root = FromJson(json);
  if (!root) return std::unexpected(root.error());
  const Stored stored = TakeStored(*root);
  ErrorList errors("");
  DecodeContext context{errors, options};
  auto object = DecodeDocument(*root, context);
  if (!errors.empty()) return std::unexpected(Summary(std::move(errors).Take()));
  if (!object) return Error(Code::kInvalidArgument, "not an object of Ballast");
  if (auto* webapp = std::get_if<WebApp>(&*object)) {
    webapp->meta.generation = stored.generation;
    webapp->from_labels = stored.made_from == "labels";
  } else {
    auto& load_balancer = std::get<LoadBalancer>(*object);
    load_balancer.meta.generation = stored.generation;
    load_balancer.implied = stored.made_from == "routes";
  }
  return std::move(*object);
}

std::string CanonicalTemplate(const PodTemplate& pod_template) {
  return ToJsonText(PodTemplateSchema().Write(pod_template, Style::kCanonical));
}

Result<PodTemplate> ParseCanonicalTemplate(std::string_view text) {
  const auto json = ParseJsonStrict(text, kMaxManifestBytes, kMaxManifestDepth);
  if (!json) return std::unexpected(json.error());
  const auto root = FromJson(*json);
  if (!root) return std::unexpected(root.error());
  // The container runs already; whether its paths are allowed was decided when it was made.
  DecodeOptions options;
  options.allowed_host_paths = {"/"};
  ErrorList errors("");
  DecodeContext context{errors, options};
  PodTemplate pod_template;
  PodTemplateSchema().Read(Cursor(*root, context, "template"), pod_template);
  if (!errors.empty()) return std::unexpected(Summary(std::move(errors).Take()));
  return pod_template;
}

// FNV-1a with 64 bits over the canonical text, folded to 32 bits by exclusive-or of the upper and
// the lower half, as eight hex digits in lower case. Never to be changed: the revision is in the
// names and labels of running containers, and another hash would roll every app at an upgrade.
std::string RevisionOf(const PodTemplate& pod_template) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : CanonicalTemplate(pod_template)) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return fmt::format("{:08x}", static_cast<std::uint32_t>((hash >> 32) ^ (hash & 0xFFFFFFFFULL)));
}

}  // namespace ballast::api
