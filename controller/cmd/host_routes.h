// The networks that this host already knows a way to: a network for replicas must not be one of
// them. Reads the kernel's table; any thread.
#pragma once

#include <string>
#include <vector>

namespace ballast::cmd {

// The IPv4 networks of the host's routing table, without the default route: "10.0.0.0/8".
[[nodiscard]] std::vector<std::string> HostRoutes();

}  // namespace ballast::cmd
