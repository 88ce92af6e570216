#include "controller/cli/status_view.h"

#include <nlohmann/json.hpp>

namespace ballast::cli {

using nlohmann::json;

const json& Field(const json& object, const char* field) {
  static const json none;
  if (!object.is_object()) return none;
  const auto found = object.find(field);
  return found == object.end() ? none : *found;
}

std::string Text(const json& object, const char* field, const char* otherwise) {
  const json& value = Field(object, field);
  if (value.is_string() && !value.get_ref<const std::string&>().empty()) {
    return Sanitize(value.get_ref<const std::string&>());
  }
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  return otherwise;
}

std::int64_t Number(const json& object, const char* field) {
  const json& value = Field(object, field);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

bool Flag(const json& object, const char* field) {
  const json& value = Field(object, field);
  return value.is_boolean() && value.get<bool>();
}

const std::vector<json>& List(const json& object, const char* field) {
  static const std::vector<json> none;
  const json& value = Field(object, field);
  return value.is_array() ? value.get_ref<const std::vector<json>&>() : none;
}

const json& Condition(const json& status, std::string_view type) {
  static const json none;
  for (const json& condition : List(status, "conditions")) {
    if (Text(condition, "type") == type) return condition;
  }
  return none;
}

bool IsOnItsWay(const json& status) {
  return Text(Condition(status, "Progressing"), "status") == "True" &&
         Text(Condition(status, "Degraded"), "status") != "True";
}

Cell AppStatus(const json& app) {
  const json& status = Field(app, "status");
  const json& degraded = Condition(status, "Degraded");
  const json& progressing = Condition(status, "Progressing");
  const json& available = Condition(status, "Available");
  if (Field(app, "desired").is_boolean() && !Flag(app, "desired")) return {"Removing", Style::kDim};
  if (Text(available, "status") == "False") {
    if (IsOnItsWay(status)) {
      return {Number(status, "inServiceReplicas") > 0 ? "Progressing" : "Starting",
              Style::kWarning};
    }
    return {"Unavailable", Style::kBad};
  }
  if (Text(progressing, "status") == "False") return {"RolloutStuck", Style::kBad};
  if (Text(degraded, "status") == "True") return {"Degraded", Style::kWarning};
  if (Text(progressing, "reason") == "RolloutPaused") return {"Paused", Style::kWarning};
  if (Text(progressing, "reason") == "ReplicasUpdated") return {"RollingOut", Style::kWarning};
  if (Text(available, "status") == "True") return {"Available", Style::kGood};
  return {"Unknown", Style::kWarning};
}

Cell BalancerStatus(const json& balancer) {
  const json& status = Field(balancer, "status");
  for (const json& condition : List(status, "conditions")) {
    const std::string type = Text(condition, "type");
    const bool good = Text(condition, "status") == (type == "Degraded" ? "False" : "True");
    if (!good && Text(condition, "status") != "Unknown") {
      return {type == "Degraded" ? "Degraded" : Text(condition, "reason"), Style::kBad};
    }
  }
  if (Text(Condition(status, "Available"), "status") == "True") return {"Available", Style::kGood};
  return {"Unknown", Style::kWarning};
}

}  // namespace ballast::cli
