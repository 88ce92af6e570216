#include "controller/cli/print_object.h"

#include <nlohmann/json.hpp>

#include "api/yaml_write.h"

namespace ballast::cli {

using nlohmann::json;

std::string JsonText(const json& value) {
  return value.dump(4, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string StructuredText(const json& value, std::string_view format) {
  return format == "yaml" ? api::WriteYaml(value) : JsonText(value);
}

void HideManagedFields(json& object) {
  if (!object.is_object()) return;
  if (const auto metadata = object.find("metadata");
      metadata != object.end() && metadata->is_object()) {
    metadata->erase("managedFields");
  }
  const auto items = object.find("items");
  if (items == object.end() || !items->is_array()) return;
  for (json& item : *items) HideManagedFields(item);
}

}  // namespace ballast::cli
