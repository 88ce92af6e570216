// What `ballast status` prints: the JSON of GET /status -> text. Pure, golden-tested.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::cli {

struct RenderOptions {
  std::size_t width = 0;  // of the terminal; 0: not a terminal
  bool color = false;
};

// Only the web app called `name` ("shop" or "default/shop") and what concerns it; "" = everything.
// NotFound, with the names there are, when nothing is called so.
[[nodiscard]] Result<nlohmann::json> SelectStatus(const nlohmann::json& status,
                                                  std::string_view name);

// Fields that are missing or of another type are shown as "-": the controller may be newer.
[[nodiscard]] std::string RenderStatus(const nlohmann::json& status, bool with_events,
                                       const RenderOptions& options);

// "12s", "3m5s", "4h", "2d": as kubectl does. Negative is 0s.
[[nodiscard]] std::string FormatAge(std::int64_t seconds);
// Seconds between two times like "2026-11-21T10:41:56Z"; -1 when one is none.
[[nodiscard]] std::int64_t SecondsBetween(const std::string& from, const std::string& to);

}  // namespace ballast::cli
