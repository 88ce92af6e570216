// An autoscaler's memory as JSON, as the LoadHistory keeps it across restarts. Pure.
#pragma once

#include <string>
#include <string_view>

#include "api/status.h"
#include "reconcilers/autoscaler/decide.h"

namespace ballast::reconcilers {

[[nodiscard]] std::string EncodeScalingHistory(const ScalingHistory& history);
// Internal, with what is wrong, for what this version does not understand.
[[nodiscard]] Result<ScalingHistory> DecodeScalingHistory(std::string_view text);

}  // namespace ballast::reconcilers
