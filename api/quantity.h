// Numbers with units: how they are written back. Reading them is in codec.h. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "api/meta.h"

namespace ballast::api {

[[nodiscard]] std::string FormatCpuMillis(std::int64_t millis);  // 1500 -> "1500m", 2000 -> "2"
[[nodiscard]] std::string FormatBytes(std::int64_t bytes);       // 268435456 -> "256Mi"
[[nodiscard]] std::string FormatDuration(Millis duration);       // 90000 ms -> "90s"

}  // namespace ballast::api
