// What `ballast simulate` reads: the Autoscaler of its manifests, the trace of a file, and what a
// controller recorded. Errors say where and what to do. One thread.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/autoscaler.h"
#include "api/status.h"
#include "reconcilers/simulation/trace.h"

namespace ballast::cli {

// The one Autoscaler; other kinds beside it are no matter.
[[nodiscard]] Result<api::Autoscaler> ReadAutoscaler(
    const std::vector<std::string>& names, const std::function<std::string()>& read_input,
    const std::function<bool(std::string_view)>& knows_time_zone);

// Line by line, whatever its size.
[[nodiscard]] Result<reconcilers::Trace> ReadTrace(const std::string& name);

// Of the answer to GET /ballast/v1/load/namespaces/NS/webapps/NAME.
[[nodiscard]] Result<reconcilers::Trace> RecordedTrace(const nlohmann::json& answer);

}  // namespace ballast::cli
