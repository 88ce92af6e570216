#include "controller/apiserver/autoscaled.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ballast::apiserver {
namespace {

using nlohmann::json;

const json* Replicas(const json& object) {
  const auto spec = object.find("spec");
  if (spec == object.end() || !spec->is_object()) return nullptr;
  const auto replicas = spec->find("replicas");
  return replicas == spec->end() ? nullptr : &*replicas;
}

std::string Kept(const std::string& autoscaler, const json& kept, const json& wanted) {
  return fmt::format(
      "spec.replicas stays {}, not {}: autoscaler/{} decides about it; change its minReplicas and "
      "maxReplicas, or scale by hand",
      kept.dump(), wanted.dump(), autoscaler);
}

bool OthersOwnReplicas(const json& object, const std::string& manager) {
  const json managers = object.value("/metadata/managedFields"_json_pointer, json::array());
  return managers.is_array() && std::ranges::any_of(managers, [&](const json& entry) {
           return entry.is_object() && entry.value("manager", "") != manager &&
                  entry.contains("/fieldsV1/f:spec/f:replicas"_json_pointer);
         });
}

}  // namespace

std::string KeepReplicas(const std::string& autoscaler, const json& current, json& candidate) {
  const json* kept = Replicas(current);
  if (kept == nullptr || !candidate.is_object()) return "";
  json& spec = candidate["spec"];
  if (!spec.is_object()) return "";  // told by whoever decodes it
  const json* wanted = Replicas(candidate);
  std::string said;
  if (wanted != nullptr && *wanted != *kept) {
    if (!wanted->is_number_integer()) return "";
    said = Kept(autoscaler, *kept, *wanted);
  }
  spec["replicas"] = *kept;
  return said;
}

std::string KeepAppliedReplicas(const std::string& autoscaler, const json& current,
                                const std::string& manager, json& config) {
  const json* kept = Replicas(current);
  const json* wanted = config.is_object() ? Replicas(config) : nullptr;
  if (kept == nullptr || wanted == nullptr || !wanted->is_number_integer()) return "";
  std::string said;
  if (*wanted != *kept) said = Kept(autoscaler, *kept, *wanted);
  if (OthersOwnReplicas(current, manager)) {
    config["spec"].erase("replicas");
  } else {
    config["spec"]["replicas"] = *kept;
  }
  return said;
}

std::string ScaledByHand(const std::string& autoscaler, const std::string& webapp) {
  return fmt::format(
      "autoscaler/{} decides about webapp/{} and may set another number soon; to keep yours, "
      "change "
      "its minReplicas and maxReplicas, or delete it",
      autoscaler, webapp);
}

}  // namespace ballast::apiserver
