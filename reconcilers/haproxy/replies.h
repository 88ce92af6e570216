// Parsers of what HAProxy's sockets answer. Pure; unknown formats are errors, never guesses.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/status.h"
#include "reconcilers/ports/data_plane.h"
#include "reconcilers/ports/traffic.h"

namespace ballast::reconcilers::haproxy {

// One row of `show servers state`.
struct ServerStateRow {
  std::string backend;
  std::string server;
  std::string address;
  std::uint16_t port = 0;
  int op_state = 0;     // 0 down, 1 slow start, 2 up, 3 stopping
  int admin_state = 0;  // raw bits
  int user_weight = 0;
  int check_state = 0;  // 6 is healthy, 2 = health checks never enabled, 14 = in maintenance
  [[nodiscard]] ServerAdmin Admin()
      const;  // maint beats drain; bit 4 (`disabled` in the file) masked
  [[nodiscard]] bool Up() const { return op_state == 1 || op_state == 2; }
};
[[nodiscard]] Result<std::vector<ServerStateRow>> ParseServersState(std::string_view reply);

// `show servers conn`: backend/server -> used_cur (running requests and tunnels).
[[nodiscard]] Result<std::map<std::pair<std::string, std::string>, int>> ParseServersConn(
    std::string_view reply);

// `show proc` of the master socket.
[[nodiscard]] Result<std::vector<WorkerProcess>> ParseShowProc(std::string_view reply);

// The SHA-1 fingerprint of `show ssl cert NAME`; NotFound when there is no such certificate, or
// when no listener uses it.
[[nodiscard]] Result<std::string> ParseCertificate(std::string_view reply);

// Puts "(hidden)" where HAProxy repeats a hashed password or a line of a key.
[[nodiscard]] std::string HideSecrets(std::string text);

// The lines of HAProxy's own errors in the output of `haproxy -c` or of a refused reload, joined.
[[nodiscard]] std::string ExtractAlerts(std::string_view output);
// The same in words of what to do, where we know: a port that another program has, a HAProxy too
// old to read its configuration. `name` is the load balancer's.
[[nodiscard]] std::string ExplainAlerts(const std::string& alerts, std::string_view name);

// Tells one HAProxy process from another, by `show info`.
[[nodiscard]] std::string ProcessIdentity(std::string_view show_info);

// "3.0.11-1+deb13u3" of `show info` / `haproxy -v`; FailedPrecondition below 3.0 with what to do.
// `image` is told where it is known.
[[nodiscard]] Result<std::string> RequireVersion(std::string_view show_info_or_v,
                                                 std::string_view image = {});

}  // namespace ballast::reconcilers::haproxy
