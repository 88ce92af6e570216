// One line of help for each metric that this project reports. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ballast::metrics {

// The name itself for a metric that has no help yet.
[[nodiscard]] std::string HelpOf(std::string_view name);

}  // namespace ballast::metrics
