// The paths of the status server: /healthz /readyz /metrics on every listener, /status on the unix
// socket only. Pure apart from what `source` does.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "controller/apiserver/router.h"
#include "controller/apiserver/status_source.h"

namespace ballast::apiserver {

// For anybody on this machine who can open a TCP connection.
[[nodiscard]] Router PublicRouter(const StatusSource& source);
// For those who may open the unix socket.
[[nodiscard]] Router PrivateRouter(const StatusSource& source);

// The JSON of /status; field names as in Kubernetes where it has them. docs/cli.md describes it.
[[nodiscard]] nlohmann::json EncodeStatus(const StatusReport& report);

// "2026-11-21T10:41:56Z"; empty for the zero time.
[[nodiscard]] std::string FormatTime(api::Time time);

}  // namespace ballast::apiserver
