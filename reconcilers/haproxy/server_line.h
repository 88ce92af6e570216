// One server as words: the file's `server` line and the command `add server` carry the same ones,
// so that a server that came at run time and one that was read from the file do not differ
// (`default-server` is ignored by `add server`). Pure.
#pragma once

#include <string>
#include <vector>

#include "reconcilers/haproxy/model.h"

namespace ballast::reconcilers::haproxy {

// The weight of a server in service, the same everywhere. Runtime weights are absolute, 0..256:
// what drains by `weight 0` in the file comes back with this. A consistent hash puts 16 points on
// its ring for each unit, so that 100 would cost memory and time at every add.
inline constexpr int kBaseWeight = 20;

// "s:default_shop:shop-7f3a-2"; shortened with a hash where HAProxy's 127 characters do not
// suffice.
[[nodiscard]] std::string ServerGuid(const std::string& backend, const std::string& server);

// InvalidArgument when its name, address or port must not be written.
[[nodiscard]] Result<void> CheckServer(const ServerModel& server);

// The options after the address, for a server in service. Names are not checked here.
[[nodiscard]] std::vector<std::string> ServerOptions(const BackendModel& backend,
                                                     const ServerModel& server);

}  // namespace ballast::reconcilers::haproxy
