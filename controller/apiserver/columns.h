// The columns that `kubectl get` shows of each kind. Pure; any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/meta.h"
#include "controller/apiserver/resources.h"

namespace ballast::apiserver {

struct Column {
  std::string name;
  std::string type = "string";
  std::string format;  // "name" for the first one
  std::string description;
  int priority = 0;  // above 0: only with -o wide
};

[[nodiscard]] const std::vector<Column>& ColumnsOf(const Resource& resource);
// One cell a column.
[[nodiscard]] nlohmann::json CellsOf(const Resource& resource, const nlohmann::json& object,
                                     api::Time now);

// "5s", "3m20s", "4h", "12d": as kubectl writes ages. `since` in RFC 3339; "<unknown>" when it is
// none.
[[nodiscard]] std::string Age(const std::string& since, api::Time now);

}  // namespace ballast::apiserver
