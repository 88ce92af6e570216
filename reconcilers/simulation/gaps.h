// Missing intervals of a trace, for its readers. Pure; any thread.
#pragma once

#include <cstdint>

#include "reconcilers/simulation/trace.h"

namespace ballast::reconcilers {

// Appends `value` behind so many missing intervals.
void AddAfterGap(std::int64_t missing, double value, Trace& trace);

}  // namespace ballast::reconcilers
