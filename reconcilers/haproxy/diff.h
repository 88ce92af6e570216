// What to do so that a HAProxy that runs `from` runs `to`: runtime commands where they suffice, the
// reasons for a reload where they do not. Pure, sorted, deterministic.
#pragma once

#include <string>
#include <vector>

#include "reconcilers/haproxy/model.h"

namespace ballast::reconcilers::haproxy {

// A runtime command and the one reply that means success. `expect` is compared exactly, except that
// kLastLine compares only the reply's last line (a warning may come before it).
struct RuntimeCommand {
  enum class Match { kExact, kLastLine, kPrefix };
  std::string text;
  std::string expect;  // "" = silent success
  Match match = Match::kExact;
  bool operator==(const RuntimeCommand&) const = default;
};

struct DiffResult {
  std::vector<std::string> reload_reasons;  // empty: the commands are all that is needed
  std::vector<RuntimeCommand> commands;     // in order; meaningless when a reload is needed
};

// Servers that are in `from` and not in `to` are only put into maintenance here; deleting them
// waits for their last request (see RemoveServerCommands).
[[nodiscard]] DiffResult Diff(const LoadBalancerModel& from, const LoadBalancerModel& to);

// The difference of one backend's servers alone (the fast path), as commands.
[[nodiscard]] std::vector<RuntimeCommand> DiffServers(const BackendModel& from,
                                                      const BackendModel& to);

// add server with every option + enable health + state, for one server.
[[nodiscard]] std::vector<RuntimeCommand> AddServerCommands(const BackendModel& backend,
                                                            const ServerModel& server);
// state maint.
[[nodiscard]] std::vector<RuntimeCommand> SetAdminCommands(const std::string& backend,
                                                           const std::string& server,
                                                           ServerAdmin admin);
// del server; the caller made sure it is in maintenance and idle in every worker.
[[nodiscard]] std::vector<RuntimeCommand> DeleteServerCommands(const std::string& backend,
                                                               const std::string& server);

// Whether `reply` means that `command` succeeded.
[[nodiscard]] bool Succeeded(const RuntimeCommand& command, const std::string& reply);

}  // namespace ballast::reconcilers::haproxy
