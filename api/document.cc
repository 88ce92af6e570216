#include "api/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "api/schemas.h"

namespace ballast::api {
namespace {

// On objects that nobody wrote: what they were made from. Read back by DecodeStored only.
constexpr char kMadeFrom[] = "ballast.dev/made-from";

const Schema<WebApp>& SchemaOf(const WebApp&) { return WebAppSchema(); }
const Schema<LoadBalancer>& SchemaOf(const LoadBalancer&) { return LoadBalancerSchema(); }
const Schema<Autoscaler>& SchemaOf(const Autoscaler&) { return AutoscalerSchema(); }
const Schema<Namespace>& SchemaOf(const Namespace&) { return NamespaceSchema(); }
const Schema<Secret>& SchemaOf(const Secret&) { return SecretSchema(); }
const Schema<ConfigMap>& SchemaOf(const ConfigMap&) { return ConfigMapSchema(); }

template <typename T>
Object ReadAs(const Cursor& at) {
  T object;
  SchemaOf(object).Read(at, object);
  return object;
}

struct Kind {
  const char* name;
  bool always;  // false: only with DecodeOptions::all_kinds
  Object (*read)(const Cursor& at);
};

constexpr Kind kKinds[] = {
    {"WebApp", true, ReadAs<WebApp>},          {"LoadBalancer", true, ReadAs<LoadBalancer>},
    {"Autoscaler", false, ReadAs<Autoscaler>}, {"Namespace", false, ReadAs<Namespace>},
    {"Secret", false, ReadAs<Secret>},         {"ConfigMap", false, ReadAs<ConfigMap>}};

std::vector<std::string> Names(bool all_kinds) {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) {
    if (kind.always || all_kinds) names.emplace_back(kind.name);
  }
  return names;
}

// "WebApp, LoadBalancer or Secret"
std::string Choices(bool all_kinds) {
  const std::vector<std::string> names = Names(all_kinds);
  std::string out = names.front();
  for (std::size_t i = 1; i < names.size(); ++i) {
    out += (i + 1 < names.size() ? ", " : " or ") + names[i];
  }
  return out;
}

std::string WhyNotThisKind(const std::string& kind, bool all_kinds) {
  const auto is = [&kind](std::initializer_list<std::string_view> kinds) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  };
  if (is({"Deployment", "Service", "Ingress", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod",
          "ReplicationController", "HTTPRoute"})) {
    return kind +
           " is not a kind of Ballast: write a WebApp, which is a Deployment, its Service "
           "and its Ingress in one";
  }
  if (is({"HorizontalPodAutoscaler"}) && all_kinds) {
    return kind + " is not a kind of Ballast: write an Autoscaler, which has the same fields";
  }
  if (is({"Autoscaler", "HorizontalPodAutoscaler"})) {
    return "Autoscaler is not built yet: set spec.replicas of the WebApp";
  }
  if (is({"Secret", "ConfigMap", "Namespace"})) return kind + " is not built yet";
  if (is({"Replica", "Revision", "Event"})) {
    return kind + " is made by Ballast and cannot be written";
  }
  if (is({"List"})) {
    return "List is not allowed: put the documents one after the other, separated by ---";
  }
  const std::string nearest = Nearest(kind, Names(all_kinds));
  return fmt::format("must be {}, got {}{}", Choices(all_kinds), Quote(kind),
                     nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest));
}

const char* MadeFrom(const WebApp& webapp) { return webapp.from_labels ? "labels" : nullptr; }
const char* MadeFrom(const LoadBalancer& balancer) { return balancer.implied ? "routes" : nullptr; }
template <typename T>
const char* MadeFrom(const T&) {
  return nullptr;
}

void SetMadeFrom(WebApp& webapp, const std::string& made_from) {
  webapp.from_labels = made_from == "labels";
}
void SetMadeFrom(LoadBalancer& balancer, const std::string& made_from) {
  balancer.implied = made_from == "routes";
}
template <typename T>
void SetMadeFrom(T&, const std::string&) {}

void AddMadeFrom(Value& metadata, const char* made_from) {
  auto annotations =
      std::find_if(metadata.members.begin(), metadata.members.end(),
                   [](const Member& candidate) { return candidate.key == "annotations"; });
  if (annotations == metadata.members.end()) {
    metadata.Set("annotations", Value::Map());
    annotations = metadata.members.end() - 1;
  }
  annotations->value.Set(kMadeFrom, Value::Text(made_from));
}

// What EncodeDocument adds to a manifest, taken out of the tree again.
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

}  // namespace

std::optional<Object> DecodeDocument(const Value& root, DecodeContext& context) {
  const Cursor at(root, context);
  context.secret = false;
  if (root.bad) return std::nullopt;
  if (root.kind != Value::Kind::kMap) {
    at.ErrorWanted("a map with apiVersion, kind, metadata and spec");
    return std::nullopt;
  }
  const bool all_kinds = context.options.all_kinds;
  const Member* kind = root.Find("kind");
  if (kind == nullptr) {
    context.errors.Add(root.at, "kind", "is required: " + Choices(all_kinds));
    return std::nullopt;
  }
  const Cursor kind_at = at.At(*kind);
  std::string name;
  if (!ReadText(kind_at, Choices(all_kinds), name)) return std::nullopt;
  for (const Kind& known : kKinds) {
    if (name != known.name || (!known.always && !all_kinds)) continue;
    context.secret = name == "Secret";
    return known.read(at);
  }
  kind_at.Error(WhyNotThisKind(name, all_kinds));
  return std::nullopt;
}

Value EncodeDocument(const Object& object) {
  return std::visit(
      [](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        Value root = SchemaOf(value).Write(value, Style::kFull);
        const char* made_from = MadeFrom(value);
        // Kubernetes' core kinds have no generation; one that has been counted is kept all the
        // same.
        const bool counts = !std::is_same_v<decltype(T::spec), NoSpec>;
        for (Member& member : root.members) {
          if (member.key != "metadata") continue;
          if (counts || value.meta.generation != 1) {
            member.value.Set("generation", Value::Int(value.meta.generation));
          }
          if (made_from != nullptr) AddMadeFrom(member.value, made_from);
        }
        return root;
      },
      object);
}

std::optional<Object> DecodeStored(Value root, DecodeContext& context) {
  const Stored stored = TakeStored(root);
  std::optional<Object> object = DecodeDocument(root, context);
  if (!object) return std::nullopt;
  std::visit(
      [&stored](auto& value) {
        value.meta.generation = stored.generation;
        SetMadeFrom(value, stored.made_from);
      },
      *object);
  return object;
}

}  // namespace ballast::api
