// Implements diff.h: the commands. The reasons for a reload are in diff_reasons.cc.
#include "reconcilers/haproxy/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <ranges>
#include <string_view>

#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/routes.h"
#include "reconcilers/haproxy/server_line.h"

namespace ballast::reconcilers::haproxy {
namespace {

using Match = RuntimeCommand::Match;

constexpr std::string_view kRemovedSuffix = ": removed";

RuntimeCommand Silent(std::string text) { return {.text = std::move(text)}; }

std::string Path(std::string_view backend, std::string_view server) {
  return fmt::format("{}/{}", CliWord(backend), CliWord(server));
}

template <typename T>
void Append(std::vector<T>& to, std::vector<T> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void DiffMap(std::string_view file, const std::map<std::string, std::string>& from,
             const std::map<std::string, std::string>& to, std::vector<RuntimeCommand>& puts,
             std::vector<RuntimeCommand>& removals) {
  for (const auto& [key, backend] : to) {
    const auto old = from.find(key);
    if (old != from.end() && old->second == backend) continue;
    puts.push_back(Silent(fmt::format("{} map {} {} {}", old == from.end() ? "add" : "set", file,
                                      CliWord(key), CliWord(backend))));
  }
  for (const auto& key : from | std::views::keys) {
    if (to.contains(key)) continue;
    removals.push_back(Silent(fmt::format("del map {} {}", file, CliWord(key))));
  }
}

std::map<std::string, const BackendModel*> ByName(const LoadBalancerModel& model) {
  std::map<std::string, const BackendModel*> backends;
  for (const BackendModel& backend : model.backends) backends.emplace(backend.name, &backend);
  return backends;
}

}  // namespace

DiffResult Diff(const LoadBalancerModel& from, const LoadBalancerModel& to) {
  DiffResult result;
  result.reload_reasons = ReloadReasons(from, to);
  const auto is_removal = [](const std::string& reason) {
    return reason.starts_with("backend ") && reason.ends_with(kRemovedSuffix);
  };
  result.removal_only =
      !result.reload_reasons.empty() && std::ranges::all_of(result.reload_reasons, is_removal);

  const auto old_backends = ByName(from);
  const auto new_backends = ByName(to);
  for (const auto& [name, backend] : new_backends) {
    const auto old = old_backends.find(name);
    if (old == old_backends.end()) continue;
    // Before the last server goes.
    if (from.holds && to.holds) Append(result.commands, DiffHold(*old->second, *backend));
    Append(result.commands, DiffServers(*old->second, *backend));
  }
  for (const CertificateModel& changed : ChangedCertificates(from, to)) {
    Append(result.commands, SetCertificateCommands(changed));
  }
  // Before the servers of backends that go are taken out: their routes.
  if (result.reload_reasons.empty() || result.removal_only) {
    Result<std::vector<RuntimeCommand>> routes = DiffRoutes(from, to);
    if (routes) {
      Append(result.commands, *std::move(routes));
    } else {
      // Render refuses the same model with the same words: the caller sees them there.
      result.reload_reasons.push_back("routes: " + routes.error().message);
      result.removal_only = false;
    }
  }
  for (const auto& [name, backend] : old_backends) {
    if (new_backends.contains(name)) continue;
    BackendModel empty = *backend;
    empty.servers.clear();
    Append(result.commands, DiffServers(*backend, empty));
  }
  return result;
}

std::vector<RuntimeCommand> DiffServers(const BackendModel& from, const BackendModel& to) {
  std::map<std::string, const ServerModel*> old_servers;
  for (const ServerModel& server : from.servers) old_servers.emplace(server.name, &server);

  // More servers first, fewer last: the pool is never smaller than before and after.
  std::vector<RuntimeCommand> commands;
  std::vector<RuntimeCommand> leaving;
  const auto change = [&](const std::string& server, ServerAdmin admin) {
    Append(admin == ServerAdmin::kReady ? commands : leaving,
           SetAdminCommands(from.name, server, admin));
  };
  for (const ServerModel& server : to.servers) {
    const auto node = old_servers.extract(server.name);
    if (node.empty()) {
      Append(commands, AddServerCommands(to, server));
      continue;
    }
    const ServerModel& old = *node.mapped();
    if (old.address != server.address || old.port != server.port) {
      if (old.admin != ServerAdmin::kMaint) change(server.name, ServerAdmin::kMaint);
    } else if (old.admin != server.admin) {
      change(server.name, server.admin);
    }
  }
  for (const auto& [name, server] : old_servers) {
    if (server->admin != ServerAdmin::kMaint) change(name, ServerAdmin::kMaint);
  }
  Append(commands, std::move(leaving));
  return commands;
}

std::vector<RuntimeCommand> AddServerCommands(const BackendModel& backend,
                                              const ServerModel& server) {
  const std::string path = Path(backend.name, server.name);
  // HAProxy takes a host name or port 0 without a word, and never resolves it: no success then.
  const bool reachable = CheckAddress(server.address).has_value() && server.port != 0;
  std::string add = reachable
                        ? fmt::format("add server {} {}:{}", path, server.address, server.port)
                        : fmt::format("add server {} refused:99999", path);
  for (const std::string& word : ServerOptions(backend, server)) add += " " + CliWord(word);
  std::vector<RuntimeCommand> commands;
  commands.push_back(
      {.text = std::move(add), .expect = "New server registered.", .match = Match::kLastLine});
  // Before it takes traffic, else its health starts at 0.
  commands.push_back(Silent("enable health " + path));
  // It was born in maintenance.
  if (server.admin != ServerAdmin::kMaint) {
    commands.push_back(Silent(fmt::format(
        "set server {} state {}", path, server.admin == ServerAdmin::kReady ? "ready" : "drain")));
  }
  return commands;
}

std::vector<RuntimeCommand> SetAdminCommands(const std::string& backend, const std::string& server,
                                             ServerAdmin admin) {
  const std::string path = Path(backend, server);
  std::vector<RuntimeCommand> commands;
  switch (admin) {
    case ServerAdmin::kReady:
      commands.push_back(Silent(fmt::format("set server {} weight {}", path, kBaseWeight)));
      commands.push_back(Silent(fmt::format("set server {} state ready", path)));
      break;
    case ServerAdmin::kDrain:
      commands.push_back(Silent(fmt::format("set server {} state drain", path)));
      break;
    case ServerAdmin::kMaint:
      commands.push_back(Silent(fmt::format("set server {} state maint", path)));
      break;
  }
  return commands;
}

std::vector<RuntimeCommand> DiffHold(const BackendModel& from, const BackendModel& to) {
  if (from.hold_seconds == to.hold_seconds) return {};
  const std::string key = CliWord(to.name);
  if (to.hold_seconds == 0) return {Silent(fmt::format("del map {} {}", kHoldMapPath, key))};
  return {Silent(fmt::format("{} map {} {} {}", from.hold_seconds == 0 ? "add" : "set",
                             kHoldMapPath, key, to.hold_seconds))};
}

RuntimeCommand LateServerCommand(const BackendModel& backend, const ServerModel& server) {
  // Not checked: a worker that was replaced checks nothing.
  std::vector<std::string> options = ServerOptions(backend, server);
  options.erase(std::ranges::find(options, "check"), options.end());
  const auto guid = std::ranges::find(options, "guid");
  *std::next(guid) = ServerGuid(backend.name, LateName(server.name));
  std::string add = fmt::format("add server {} {}:{}", Path(backend.name, LateName(server.name)),
                                server.address, server.port);
  for (const std::string& word : options) add += " " + CliWord(word);
  return {.text = std::move(add), .expect = "New server registered.", .match = Match::kLastLine};
}

std::vector<RuntimeCommand> DeleteServerCommands(const std::string& backend,
                                                 const std::string& server) {
  std::vector<RuntimeCommand> commands;
  commands.push_back({.text = "del server " + Path(backend, server), .expect = "Server deleted."});
  return commands;
}

std::vector<CertificateModel> ServedCertificates(const LoadBalancerModel& model) {
  std::map<api::NamespacedName, CertificateModel> served;
  for (const api::Listener& listener : model.spec.listeners) {
    if (listener.protocol != kHttps) continue;
    for (const CertificateModel* const one : CertificatesOf(model, listener)) {
      served.emplace(one->secret, *one);
    }
  }
  std::vector<CertificateModel> result;
  for (auto& [secret, one] : served) result.push_back(std::move(one));
  return result;
}

std::vector<CertificateModel> ChangedCertificates(const LoadBalancerModel& from,
                                                  const LoadBalancerModel& to) {
  std::vector<CertificateModel> changed;
  const std::vector<CertificateModel> have = ServedCertificates(from);
  for (CertificateModel& one : ServedCertificates(to)) {
    const auto old = std::ranges::lower_bound(have, one.secret, {}, &CertificateModel::secret);
    if (old == have.end() || old->secret != one.secret || old->digest == one.digest) continue;
    if (one.bytes <= kMaxRuntimeCertificate) changed.push_back(std::move(one));
  }
  return changed;
}

std::vector<RuntimeCommand> SetCertificateCommands(const CertificateModel& to) {
  const std::string path = CliWord(CertificatePath(to.secret));
  // "updated": a transaction was left open by somebody who was cut short; it is replaced.
  return {{.text = "set ssl cert " + path,
           .expect = fmt::format("Transaction created for certificate {}!", path),
           .or_expect = fmt::format("Transaction updated for certificate {}!", path),
           .certificate = to.digest},
          {.text = "commit ssl cert " + path, .expect = "Success!", .match = Match::kLastLine}};
}

RuntimeCommand AbortCertificateCommand(const api::NamespacedName& secret) {
  const std::string path = CliWord(CertificatePath(secret));
  return {.text = "abort ssl cert " + path,
          .expect = fmt::format("Transaction aborted for certificate '{}'!", path)};
}

Result<std::vector<RuntimeCommand>> DiffRoutes(const LoadBalancerModel& from,
                                               const LoadBalancerModel& to) {
  const Result<RouteMaps> old_maps = MakeRouteMaps(from);
  if (!old_maps) return std::unexpected(old_maps.error());
  const Result<RouteMaps> new_maps = MakeRouteMaps(to);
  if (!new_maps) return std::unexpected(new_maps.error());
  std::vector<RuntimeCommand> puts;
  std::vector<RuntimeCommand> removals;
  DiffMap(kExactMapPath, old_maps->exact, new_maps->exact, puts, removals);
  DiffMap(kPrefixMapPath, old_maps->prefix, new_maps->prefix, puts, removals);
  Append(puts, std::move(removals));
  return puts;
}

bool Succeeded(const RuntimeCommand& command, const std::string& reply) {
  std::string_view text = reply;
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (!command.or_expect.empty() && text == command.or_expect) return true;
  switch (command.match) {
    case Match::kExact:
      return text == command.expect;
    case Match::kLastLine: {
      const std::size_t end_of_line = text.rfind('\n');
      return (end_of_line == std::string_view::npos ? text : text.substr(end_of_line + 1)) ==
             command.expect;
    }
    case Match::kPrefix:
      return text.starts_with(command.expect);
  }
  return false;
}

}  // namespace ballast::reconcilers::haproxy
