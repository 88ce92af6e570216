#include "controller/apiserver/object.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace ballast::apiserver {
namespace {

using nlohmann::json;

// Kept by the server, whatever a body says.
constexpr std::array kServers = {"uid",
                                 "selfLink",
                                 "resourceVersion",
                                 "generation",
                                 "creationTimestamp",
                                 "deletionTimestamp",
                                 "deletionGracePeriodSeconds",
                                 "managedFields",
                                 "finalizers",
                                 "ownerReferences",
                                 "generateName"};

const json& Metadata(const json& object) {
  static const json none = json::object();
  const auto metadata = object.find("metadata");
  return metadata != object.end() && metadata->is_object() ? *metadata : none;
}

json WithoutTimes(json object) {
  if (!object.is_object() || !object.contains("metadata")) return object;
  json& metadata = object["metadata"];
  metadata.erase("resourceVersion");
  if (metadata.contains("managedFields")) {
    for (json& entry : metadata["managedFields"]) {
      if (entry.is_object()) entry.erase("time");
    }
  }
  return object;
}

// False: it is there and something else.
bool Fill(json& map, const char* key, std::string_view wanted) {
  const auto found = map.find(key);
  if (found == map.end() || found->is_null() || *found == "") {
    map[key] = std::string(wanted);
    return true;
  }
  return *found == wanted;
}

std::string Shown(const json& map, const char* key) {
  const std::string text = map.at(key).dump();
  return text.size() > 60 ? text.substr(0, 60) + "..." : text;
}

}  // namespace

std::string MetaText(const json& object, std::string_view key) {
  const json& metadata = Metadata(object);
  const auto found = metadata.find(key);
  return found != metadata.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t NumberAt(const json& object, const char* pointer) {
  const json::json_pointer path(pointer);
  if (!object.contains(path)) return 0;
  const json& found = object.at(path);
  return found.is_number_integer() ? found.get<std::int64_t>() : 0;
}

bool IsDeleting(const json& object) { return !MetaText(object, "deletionTimestamp").empty(); }

bool HasFinalizer(const json& object, std::string_view finalizer) {
  const json& metadata = Metadata(object);
  const auto found = metadata.find("finalizers");
  return found != metadata.end() && found->is_array() &&
         std::ranges::any_of(*found, [&](const json& name) { return name == finalizer; });
}

bool RemoveFinalizer(json& object, std::string_view finalizer) {
  if (!HasFinalizer(object, finalizer)) return false;
  json& list = object["metadata"]["finalizers"];
  json kept = json::array();
  for (const json& name : list) {
    if (name != finalizer) kept.push_back(name);
  }
  if (kept.empty()) {
    object["metadata"].erase("finalizers");
  } else {
    list = std::move(kept);
  }
  return true;
}

bool SameContent(const json& a, const json& b) {
  const auto content = [](json object) {
    object.erase("metadata");
    object.erase("status");
    return object;
  };
  return content(a) == content(b);
}

bool SameObject(const json& a, const json& b) { return WithoutTimes(a) == WithoutTimes(b); }

json UserPart(const json& object) {
  json part = object;
  part.erase("status");
  if (part.contains("metadata") && part["metadata"].is_object()) {
    for (const char* key : kServers) part["metadata"].erase(key);
  }
  return part;
}

ApiResult<void> MatchPath(const Resource& resource, std::string_view ns, std::string_view name,
                          json& body) {
  if (!body.is_object()) return Refuse(BadRequest("the body must be one object"));
  if (!Fill(body, "apiVersion", resource.ApiVersion()) || !Fill(body, "kind", resource.kind)) {
    return Refuse(BadRequest(fmt::format(
        "the object in the body is {} {}, but the path is for {} {}", Shown(body, "apiVersion"),
        body.contains("kind") ? Shown(body, "kind") : "", resource.ApiVersion(), resource.kind)));
  }
  json& metadata = body["metadata"];
  if (metadata.is_null()) metadata = json::object();
  if (!metadata.is_object()) return Refuse(BadRequest("metadata must be a map"));
  if (resource.namespaced && !Fill(metadata, "namespace", ns)) {
    return Refuse(BadRequest(
        fmt::format("the namespace of the object ({}) is not the namespace of the request ({})",
                    Shown(metadata, "namespace"), ns)));
  }
  if (!name.empty() && !Fill(metadata, "name", name)) {
    return Refuse(
        BadRequest(fmt::format("the name of the object ({}) is not the name of the request ({})",
                               Shown(metadata, "name"), name)));
  }
  return {};
}

std::string DumpJson(const json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace ballast::apiserver
