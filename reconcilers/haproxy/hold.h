// Requests that wait for a server, so that a web app may have none: HAProxy holds them in a few
// lines of Lua, tells the controller, and lets them go when a server takes traffic. Whose requests
// wait, and how long, is a map from backend to seconds that changes at run time. Pure.
#pragma once

#include <map>
#include <string>

#include "reconcilers/haproxy/model.h"

namespace ballast::reconcilers::haproxy {

// "lua/hold.lua": the action `hold` of `http-request`, for the seconds in txn.hold.
[[nodiscard]] std::string HoldScript();

// backend -> seconds, of those that hold.
[[nodiscard]] std::map<std::string, std::string> HoldMap(const LoadBalancerModel& model);

}  // namespace ballast::reconcilers::haproxy
