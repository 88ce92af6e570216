// YAML text -> JSON, with the limits and strictness of manifests: for those who look at objects
// before they are decoded (patches, kinds of others). Pure; callable from any thread.
#pragma once

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "api/codec.h"

namespace ballast::api {

// The documents of a text, empty ones left out; all that is wrong otherwise, with positions.
[[nodiscard]] std::expected<std::vector<nlohmann::json>, std::vector<FieldError>> ParseYamlAsJson(
    std::string_view text);

}  // namespace ballast::api
