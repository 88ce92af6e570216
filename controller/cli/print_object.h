// Objects as `-o json|yaml|name` print them. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace ballast::cli {

[[nodiscard]] std::string JsonText(const nlohmann::json& value);
// "json" or "yaml".
[[nodiscard]] std::string StructuredText(const nlohmann::json& value, std::string_view format);

// Takes out who owns which field, of an object or of the items of a list.
void HideManagedFields(nlohmann::json& object);

}  // namespace ballast::cli
