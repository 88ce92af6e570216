// Reads the JSON of GET /status without ever throwing, whatever it is, and says in one word how
// something is. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controller/cli/table.h"

namespace ballast::cli {

// A field of an object; null when there is none.
[[nodiscard]] const nlohmann::json& Field(const nlohmann::json& object, const char* field);
// Text or a number, fit for a terminal; `otherwise` when there is none or it is empty.
[[nodiscard]] std::string Text(const nlohmann::json& object, const char* field,
                               const char* otherwise = "-");
[[nodiscard]] std::int64_t Number(const nlohmann::json& object, const char* field);
[[nodiscard]] bool Flag(const nlohmann::json& object, const char* field);
[[nodiscard]] const std::vector<nlohmann::json>& List(const nlohmann::json& object,
                                                      const char* field);
[[nodiscard]] const nlohmann::json& Condition(const nlohmann::json& status, std::string_view type);

// Not as it should be yet, but nothing is wrong.
[[nodiscard]] bool IsOnItsWay(const nlohmann::json& status);
// One word for a web app, the worst news first.
[[nodiscard]] Cell AppStatus(const nlohmann::json& app);
[[nodiscard]] Cell BalancerStatus(const nlohmann::json& balancer);

}  // namespace ballast::cli
