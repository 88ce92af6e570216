// What an object asks for that reaches beyond its own containers: only those who administer the
// whole machine may ask for it, since a role in a namespace would otherwise be root. Pure; any
// thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

namespace ballast::apiserver {

// "capability SYS_ADMIN", "hostPath /srv", "dockerVolume data": of a WebApp; empty for other kinds.
[[nodiscard]] std::set<std::string> PowersOf(const nlohmann::json& object);

}  // namespace ballast::apiserver
