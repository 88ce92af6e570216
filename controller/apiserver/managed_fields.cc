#include "controller/apiserver/managed_fields.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using Path = std::vector<std::string>;

constexpr char kPrefix[] = "f:";
constexpr std::size_t kMaxManagers = 20;  // of plain writes, the oldest ones go

const std::set<std::string>& ServersMetadata() {
  static const std::set<std::string> names = {"name",
                                              "namespace",
                                              "generateName",
                                              "uid",
                                              "selfLink",
                                              "resourceVersion",
                                              "generation",
                                              "creationTimestamp",
                                              "managedFields",
                                              "deletionTimestamp",
                                              "deletionGracePeriodSeconds"};
  return names;
}

json FieldsOfMap(const json& map) {
  json fields = json::object();
  for (const auto& [key, value] : map.items()) {
    fields[kPrefix + key] =
        value.is_object() && !value.empty() ? FieldsOfMap(value) : json::object();
  }
  return fields;
}

// The paths of a set's leaves.
void Leaves(const json& fields, Path& path, std::vector<Path>& out) {
  if (fields.empty() && !path.empty()) out.push_back(path);
  for (const auto& [key, inner] : fields.items()) {
    path.push_back(key.substr(std::string_view(kPrefix).size()));
    Leaves(inner, path, out);
    path.pop_back();
  }
}

std::vector<Path> Leaves(const json& fields) {
  std::vector<Path> out;
  Path path;
  Leaves(fields, path, out);
  return out;
}

// Whether the set has this field, something in it, or all of what it is in.
bool Touches(const json& fields, const Path& path) {
  const json* at = &fields;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i > 0 && at->empty()) return true;
    const auto found = at->find(kPrefix + path[i]);
    if (found == at->end()) return false;
    at = &*found;
  }
  return true;
}

void Erase(json& fields, const Path& path, std::size_t depth = 0) {
  const auto found = fields.find(kPrefix + path[depth]);
  if (found == fields.end()) return;
  if (depth + 1 == path.size()) {
    fields.erase(found);
    return;
  }
  if (found->empty()) {  // it owns the whole map, which is no longer as it left it
    fields.erase(found);
    return;
  }
  Erase(*found, path, depth + 1);
  if (found->empty()) fields.erase(found);
}

void Add(json& fields, const Path& path) {
  json* at = &fields;
  for (const std::string& name : path) at = &(*at)[kPrefix + name];
  if (at->is_null()) *at = json::object();
}

const json* At(const json& object, const Path& path) {
  const json* at = &object;
  for (const std::string& name : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(name);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

bool SameAt(const json& a, const json& b, const Path& path) {
  const json* left = At(a, path);
  const json* right = At(b, path);
  if (left == nullptr || right == nullptr) return left == right;
  return *left == *right;
}

void Remove(json& object, const Path& path, std::size_t depth = 0) {
  const auto found = object.find(path[depth]);
  if (found == object.end()) return;
  if (depth + 1 == path.size()) {
    object.erase(found);
    return;
  }
  if (!found->is_object()) return;
  Remove(*found, path, depth + 1);
  // A map that only held what went; those that must be there stay.
  if (found->empty() && depth > 0) object.erase(found);
}

void Overlay(json& target, const json& config) {
  for (const auto& [key, value] : config.items()) {
    json& slot = target[key];
    if (value.is_object() && !value.empty() && slot.is_object()) {
      Overlay(slot, value);
    } else {
      slot = value;
    }
  }
}

json Entries(const json& object) {
  const json* entries = At(object, {"metadata", "managedFields"});
  return entries != nullptr && entries->is_array() ? *entries : json::array();
}

json& FieldsIn(json& entry) {
  json& fields = entry["fieldsV1"];
  if (!fields.is_object()) fields = json::object();
  return fields;
}

bool IsEntry(const json& entry, const FieldManager& manager, std::string_view operation) {
  return entry.value("manager", "") == manager.name && entry.value("operation", "") == operation &&
         entry.value("subresource", "") == manager.subresource;
}

json* Find(json& entries, const FieldManager& manager, std::string_view operation) {
  for (json& entry : entries) {
    if (IsEntry(entry, manager, operation)) return &entry;
  }
  return nullptr;
}

json& FindOrAdd(json& entries, const FieldManager& manager, std::string_view operation,
                const json& object) {
  if (json* found = Find(entries, manager, operation)) return *found;
  json entry = {{"manager", manager.name},
                {"operation", operation},
                {"apiVersion", object.value("apiVersion", "")},
                {"fieldsType", "FieldsV1"},
                {"fieldsV1", json::object()}};
  if (!manager.subresource.empty()) entry["subresource"] = manager.subresource;
  entries.push_back(std::move(entry));
  return entries.back();
}

void Store(json entries, json& object) {
  json kept = json::array();
  for (json& entry : entries) {
    if (!FieldsIn(entry).empty()) kept.push_back(std::move(entry));
  }
  while (kept.size() > kMaxManagers) kept.erase(kept.begin());
  json& metadata = object["metadata"];
  if (kept.empty()) {
    metadata.erase("managedFields");
  } else {
    metadata["managedFields"] = std::move(kept);
  }
}

// A manager's own earlier plain writes are no conflict: it changed its way of writing, as people do
// who begin to use `kubectl apply --server-side`.
bool IsSamePerson(std::string_view wrote, std::string_view applies) {
  return wrote == applies || (wrote == "kubectl-client-side-apply" && applies == "kubectl");
}

}  // namespace

json FieldsOf(const json& config) {
  json relevant = json::object();
  for (const auto& [key, value] : config.items()) {
    if (key == "apiVersion" || key == "kind") continue;
    if (key != "metadata" || !value.is_object()) {
      relevant[key] = value;
      continue;
    }
    json metadata = json::object();
    for (const auto& [name, inner] : value.items()) {
      if (!ServersMetadata().contains(name)) metadata[name] = inner;
    }
    if (!metadata.empty()) relevant[key] = std::move(metadata);
  }
  return FieldsOfMap(relevant);
}

void OwnChanges(const json& before, json& after, const FieldManager& manager) {
  const json old = before.is_object() ? before : json::object();
  json entries = Entries(old);
  std::vector<Path> changed;
  for (const Path& path : Leaves(FieldsOf(after))) {
    if (!SameAt(old, after, path)) changed.push_back(path);
  }
  std::vector<Path> gone;
  for (const Path& path : Leaves(FieldsOf(old))) {
    if (At(after, path) == nullptr) gone.push_back(path);
  }
  if (!changed.empty() || !gone.empty()) {
    for (json& entry : entries) {
      for (const Path& path : changed) Erase(FieldsIn(entry), path);
      for (const Path& path : gone) Erase(FieldsIn(entry), path);
    }
  }
  if (!changed.empty()) {
    json& own = FindOrAdd(entries, manager, "Update", after);
    for (const Path& path : changed) Add(FieldsIn(own), path);
    own["time"] = manager.time;
  }
  Store(std::move(entries), after);
}

std::vector<FieldConflict> ApplyConfig(const json& live, const json& config,
                                       const FieldManager& manager, bool force, json& result) {
  result = live.is_object() ? live : json::object();
  std::vector<FieldConflict> conflicts;
  const json fields = FieldsOf(config);
  json entries = Entries(live.is_object() ? live : json::object());
  for (json& entry : entries) {
    if (IsEntry(entry, manager, "Apply")) continue;
    for (const Path& path : Leaves(fields)) {
      if (!Touches(FieldsIn(entry), path) || SameAt(live, config, path)) continue;
      if (!force && !IsSamePerson(entry.value("manager", ""), manager.name)) {
        std::string field;
        for (const std::string& name : path) field += "." + name;
        conflicts.push_back({std::move(field), entry.value("manager", "")});
      }
      Erase(FieldsIn(entry), path);
    }
  }
  if (!conflicts.empty()) return conflicts;

  const json* previous = Find(entries, manager, "Apply");
  const std::vector<Path> owned =
      previous == nullptr ? std::vector<Path>() : Leaves(previous->at("fieldsV1"));
  for (const Path& path : owned) {
    if (Touches(fields, path)) continue;
    const bool shared = std::ranges::any_of(entries, [&](json& entry) {
      return !IsEntry(entry, manager, "Apply") && Touches(FieldsIn(entry), path);
    });
    if (!shared) Remove(result, path);
  }
  Overlay(result, config);
  json& own = FindOrAdd(entries, manager, "Apply", config);
  if (own["fieldsV1"] != fields || own.value("time", "").empty() || !live.is_object() ||
      result != live) {
    own["time"] = manager.time;
  }
  own["fieldsV1"] = fields;
  Store(std::move(entries), result);
  return conflicts;
}

std::string OwnerOf(const json& object, const Path& path, const std::string& except) {
  for (json entry : Entries(object)) {
    const std::string manager = entry.value("manager", "");
    if (manager != except && Touches(FieldsIn(entry), path)) return manager;
  }
  return "";
}

}  // namespace ballast::apiserver
