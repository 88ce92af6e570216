// What to do so that a HAProxy that runs `from` runs `to`: runtime commands where they suffice, the
// reasons for a reload where they do not. Pure, sorted, deterministic.
#pragma once

#include <string>
#include <string_view>
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
  std::string or_expect;    // another success; "" = none
  std::string certificate;  // digest of the content that is sent as the payload; "" = none
  bool operator==(const RuntimeCommand&) const = default;
};

struct DiffResult {
  std::vector<std::string> reload_reasons;  // sorted; empty: the commands are all that is needed
  // In order. When a reload is needed as well, they are the part of it that need not wait: servers
  // of backends that run already (and, with removal_only, the routes). Running them first is safe.
  std::vector<RuntimeCommand> commands;
  // Every reason is a backend that is gone: after the commands nothing reaches it any more, so that
  // the reload may be put off and done together with the next one.
  bool removal_only = false;
};

// Servers that are in `from` and not in `to` are only put into maintenance here; deleting them
// waits for their last request (see DeleteServerCommands). So is a server of the same name at
// another address: the caller deletes it when it is idle, and the next Diff, whose `from` lacks it,
// adds it anew. (`set server addr` would keep pooled connections to the old address.)
[[nodiscard]] DiffResult Diff(const LoadBalancerModel& from, const LoadBalancerModel& to);

// The difference of one backend's servers alone (the fast path), as commands.
[[nodiscard]] std::vector<RuntimeCommand> DiffServers(const BackendModel& from,
                                                      const BackendModel& to);

// add server with every option + enable health + state, for one server.
[[nodiscard]] std::vector<RuntimeCommand> AddServerCommands(const BackendModel& backend,
                                                            const ServerModel& server);
// The admin state, whatever the server's history: put there at run time, or read from a file that
// said `weight 0` (drain) or `disabled` (maint). Ready therefore sets the weight as well.
[[nodiscard]] std::vector<RuntimeCommand> SetAdminCommands(const std::string& backend,
                                                           const std::string& server,
                                                           ServerAdmin admin);
// How long requests of one backend wait for a server; both load balancers hold.
[[nodiscard]] std::vector<RuntimeCommand> DiffHold(const BackendModel& from,
                                                   const BackendModel& to);

// For a worker that was replaced and still holds requests: it takes no orders but a new server, and
// its script (hold.h) makes that one ready. Named LateName, so that it is told from the others.
[[nodiscard]] RuntimeCommand LateServerCommand(const BackendModel& backend,
                                               const ServerModel& server);
inline constexpr std::string_view kLateSuffix = ":late";
[[nodiscard]] inline std::string LateName(const std::string& server) {
  return server + std::string(kLateSuffix);
}

// del server; the caller made sure it is in maintenance and idle in every worker.
[[nodiscard]] std::vector<RuntimeCommand> DeleteServerCommands(const std::string& backend,
                                                               const std::string& server);

// The content of a certificate that both have and that is served already, for new connections:
// those that are there go on. The reply to the second command is the one that counts.
[[nodiscard]] std::vector<RuntimeCommand> SetCertificateCommands(const CertificateModel& to);
// Puts away what a refused SetCertificateCommands left behind.
[[nodiscard]] RuntimeCommand AbortCertificateCommand(const api::NamespacedName& secret);
// The command line takes what fits into HAProxy's buffer; more needs a reload.
inline constexpr std::size_t kMaxRuntimeCertificate = 15'000;
// Those of `to` that are served in both and differ, and fit.
[[nodiscard]] std::vector<CertificateModel> ChangedCertificates(const LoadBalancerModel& from,
                                                                const LoadBalancerModel& to);

// The changes of the two maps, entry by entry: additions, then changes, then removals.
[[nodiscard]] Result<std::vector<RuntimeCommand>> DiffRoutes(const LoadBalancerModel& from,
                                                             const LoadBalancerModel& to);

// Those of listeners that are left out without them are none.
[[nodiscard]] std::vector<CertificateModel> ServedCertificates(const LoadBalancerModel& model);

// Why a reload is needed, as sentences for a person: "backend default_shop: new". Sorted.
[[nodiscard]] std::vector<std::string> ReloadReasons(const LoadBalancerModel& from,
                                                     const LoadBalancerModel& to);

// Whether `reply` means that `command` succeeded.
[[nodiscard]] bool Succeeded(const RuntimeCommand& command, const std::string& reply);

}  // namespace ballast::reconcilers::haproxy
