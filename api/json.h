// nlohmann's values <-> trees. Internal to api/.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/status.h"
#include "api/tree.h"

namespace ballast::api {

[[nodiscard]] nlohmann::json ToJson(const Value& node);
// Refuses what ParseYaml refuses: depth, number of values, control characters, invalid UTF-8.
[[nodiscard]] Result<Value> FromJson(const nlohmann::json& json);

}  // namespace ballast::api
