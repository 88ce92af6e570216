// The pictures of `ballast simulate`: load, capacity and replicas over time, a panel for each
// policy; or, of a sweep, unserved requests against replica-hours, a curve for each policy. Pure.
#pragma once

#include <string>

#include "controller/cli/simulate_view.h"

namespace ballast::cli {

// Points of the timeline that a panel can show.
inline constexpr std::size_t kTimelinePoints = 900;

[[nodiscard]] std::string TimelineSvg(const SimulationReport& report);
[[nodiscard]] std::string FrontierSvg(const SimulationReport& report);

}  // namespace ballast::cli
