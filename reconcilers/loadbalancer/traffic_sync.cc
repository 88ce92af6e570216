// How HAProxy's servers and routes are brought to what is wished by runtime commands; see
// load_balancer_traffic.h. Everything here runs with the lock held.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <span>

#include "reconcilers/haproxy/hold.h"
#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/replies.h"
#include "reconcilers/haproxy/routes.h"
#include "reconcilers/haproxy/writable.h"
#include "reconcilers/loadbalancer/instance_plan.h"
#include "reconcilers/loadbalancer/load_balancer_traffic.h"

namespace ballast::reconcilers {
namespace {

using haproxy::BackendModel;
using haproxy::LoadBalancerModel;
using haproxy::RuntimeCommand;
using haproxy::ServerModel;

constexpr int kCheckEnabled = 4;  // bit of srv_check_state
constexpr std::size_t kShownCommand = 120;

// "0x55d4c0 shop.test/ default_shop": entries of `show map`, in the order in which HAProxy looks.
std::vector<std::pair<std::string, std::string>> ParseMap(const std::string& reply) {
  std::vector<std::pair<std::string, std::string>> entries;
  std::size_t begin = 0;
  while (begin < reply.size()) {
    const std::size_t end = std::min(reply.find('\n', begin), reply.size());
    const std::string line = reply.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t key = line.find(' ');
    const std::size_t value = key == std::string::npos ? key : line.find(' ', key + 1);
    if (!line.starts_with("0x") || value == std::string::npos) continue;
    entries.emplace_back(line.substr(key + 1, value - key - 1), line.substr(value + 1));
  }
  return entries;
}

// What makes a running map the wanted one. Most often nothing.
void RepairMap(const char* file, const std::string& reply,
               const std::map<std::string, std::string>& wanted,
               std::vector<RuntimeCommand>& repairs) {
  std::map<std::string, std::vector<std::string>> have;
  for (auto& [key, value] : ParseMap(reply)) have[key].push_back(value);
  for (const auto& [key, values] : have) {
    const auto want = wanted.find(key);
    if (want != wanted.end() && values.size() == 1 && values.front() == want->second) continue;
    // `del map` takes out every entry of the key.
    repairs.push_back({fmt::format("del map {} {}", file, haproxy::CliWord(key)), ""});
    if (want != wanted.end()) {
      repairs.push_back({fmt::format("add map {} {} {}", file, haproxy::CliWord(key),
                                     haproxy::CliWord(want->second)),
                         ""});
    }
  }
  for (const auto& [key, value] : wanted) {
    if (have.contains(key)) continue;
    repairs.push_back(
        {fmt::format("add map {} {} {}", file, haproxy::CliWord(key), haproxy::CliWord(value)),
         ""});
  }
}

// Only what a reload would be needed for.
bool SameStructure(const BackendModel& from, const BackendModel& to) {
  LoadBalancerModel a;
  LoadBalancerModel b;
  a.backends.push_back({.name = from.name, .traffic = from.traffic});
  b.backends.push_back({.name = to.name, .traffic = to.traffic});
  return haproxy::ReloadReasons(a, b).empty();
}

}  // namespace

// Finds an instance that answers: the one in use, else the newest.
Result<void> LoadBalancerTraffic::EnsurePlane() {
  if (!d_.containers.Synced()) {
    return Error(Code::kUnavailable, "Docker's containers have not been listed yet");
  }
  const std::vector<InstanceView> instances =
      InstancesOf(name_, owner_, d_.containers.ForLoadBalancer(name_));
  const auto runs = [](const InstanceView& view) {
    return view.info->state == ContainerState::kRunning;
  };
  Status last{Code::kUnavailable, fmt::format("load balancer {} has no HAProxy that runs", name_)};
  const auto in_use = std::ranges::find(instances, instance_, &InstanceView::ref);
  if (plane_ != nullptr && in_use != instances.end() && runs(*in_use)) {
    Result<std::vector<std::string>> answer = plane_->Commands({"show info"});
    // The connection that was lost is told of once; the next one may be fine.
    if (!answer) answer = plane_->Commands({"show info"});
    if (answer) return {};
    last = answer.error();
  }
  for (const InstanceView& view : instances | std::views::reverse) {
    if (!runs(view) || (plane_ != nullptr && view.ref == instance_)) continue;
    std::shared_ptr<DataPlane> plane = d_.planes.Open(view.ref);
    if (Result<std::vector<std::string>> answer = plane->Commands({"show info"}); !answer) {
      last = answer.error();
      continue;
    }
    plane_ = std::move(plane);
    instance_ = view.ref;
    applied_.reset();  // it runs what its own note says
    return {};
  }
  return Wrap("HAProxy of load balancer " + name_, last);
}

// The structure from the note; without one, nothing is known and a reload is needed.
void LoadBalancerTraffic::Recall() {
  if (plane_ == nullptr) return;
  layout_.clear();
  must_reload_.clear();
  applied_ = LoadBalancerModel{.name = name_};
  const Result<std::string> text = plane_->ReadFile(kNoteFile);
  const Result<Note> note = text ? DecodeNote(*text) : std::unexpected(text.error());
  if (!note) {
    must_reload_ = "what HAProxy runs is not known";
    return;
  }
  if (note->bootstrap) {
    must_reload_ = "first configuration";
    applied_->spec = note->model.spec;
    return;
  }
  applied_ = note->model;
  applied_->name = name_;
  layout_ = note->layout;
  RecallSecrets();
  TellUnwritable(haproxy::LeaveOutUnwritable(*applied_));
}

Result<std::vector<std::string>> LoadBalancerTraffic::ReadAll() {
  std::vector<std::string> commands{"show info", "show servers state"};
  if (!layout_.empty()) {
    commands.push_back(fmt::format("show map {}", haproxy::kExactMapPath));
    commands.push_back(fmt::format("show map {}", haproxy::kPrefixMapPath));
    if (applied_->holds) commands.push_back(fmt::format("show map {}", haproxy::kHoldMapPath));
    for (const haproxy::CertificateModel& one : applied_->certificates) {
      commands.push_back("show ssl cert " + haproxy::CliWord(haproxy::CertificatePath(one.secret)));
    }
  }
  return plane_->Commands(commands);
}

// Reads everything back. Nothing is known to hold before, everything after.
Result<void> LoadBalancerTraffic::Attach() {
  attached_ = false;
  if (Result<void> found = EnsurePlane(); !found) {
    away_ = found.error().message;
    return found;
  }
  if (!applied_) Recall();
  const Result<std::vector<std::string>> replies = ReadAll();
  if (!replies) {
    away_ = replies.error().message;
    return std::unexpected(replies.error());
  }
  std::vector<RuntimeCommand> repairs;
  if (Result<void> read = ReadBack(*replies, repairs); !read) {
    away_ = read.error().message;
    return read;
  }
  attached_ = true;
  ExpectLate();
  drift_due_ = d_.clock.Now() + kDriftInterval;
  files_dirty_ = true;  // written only if they differ
  return Run(repairs);
}

Result<void> LoadBalancerTraffic::ReadBack(const std::vector<std::string>& replies,
                                           std::vector<RuntimeCommand>& repairs) {
  const Result<std::string> version = haproxy::RequireVersion(replies[0]);
  if (!version) return std::unexpected(version.error());
  const auto rows = haproxy::ParseServersState(replies[1]);
  if (!rows) return std::unexpected(rows.error());
  version_ = *version;
  process_ = haproxy::ProcessIdentity(replies[0]);
  for (BackendModel& backend : applied_->backends) backend.servers.clear();
  std::map<Key, Server> servers;
  for (const haproxy::ServerStateRow& row : *rows) {
    auto backend = std::ranges::find(applied_->backends, row.backend, &BackendModel::name);
    if (backend == applied_->backends.end()) {
      if (layout_.empty()) {
        // Without a note: at least the servers and their states are known.
        applied_->backends.push_back({.name = row.backend});
        backend = std::prev(applied_->backends.end());
      } else {
        must_reload_ = fmt::format("backend {} is not Ballast's", row.backend);
        continue;
      }
    }
    backend->servers.push_back({row.server, row.address, row.port, row.Admin()});
    Server& server = servers[{row.backend, row.server}];
    // What Docker calls it is not in HAProxy; it stays as long as the address does.
    if (const auto known = servers_.find({row.backend, row.server}); known != servers_.end()) {
      server = known->second;
      if (server.up != row.Up()) d_.enqueuer.Enqueue(AppOfBackend(row.backend));
    }
    server.up = row.Up();
    if ((row.check_state & kCheckEnabled) == 0) {
      // Its addition was cut short: without this it would never be checked.
      repairs.push_back({fmt::format("enable health {}/{}", haproxy::CliWord(row.backend),
                                     haproxy::CliWord(row.server)),
                         ""});
    }
  }
  std::ranges::sort(applied_->backends, {}, &BackendModel::name);
  for (BackendModel& backend : applied_->backends) {
    std::ranges::sort(backend.servers, {}, &ServerModel::name);
  }
  servers_ = std::move(servers);
  all_read_at_ = d_.clock.Now();
  std::erase_if(leaving_, [&](const auto& entry) { return !servers_.contains(entry.first); });
  if (replies.size() > 3) {
    const Result<haproxy::RouteMaps> wanted = haproxy::MakeRouteMaps(*applied_);
    if (!wanted) return std::unexpected(wanted.error());
    const std::size_t maps = applied_->holds ? 3 : 2;
    const bool loaded = std::ranges::none_of(
        std::span(replies).subspan(2, maps),
        [](const std::string& reply) { return reply.starts_with("Unknown map"); });
    if (!loaded) {
      must_reload_ = "the maps of routes are not loaded";
    } else {
      RepairMap(haproxy::kExactMapPath, replies[2], wanted->exact, repairs);
      RepairMap(haproxy::kPrefixMapPath, replies[3], wanted->prefix, repairs);
      if (applied_->holds) {
        RepairMap(haproxy::kHoldMapPath, replies[4], haproxy::HoldMap(*applied_), repairs);
      }
    }
    ReadCertificates(replies, 2 + maps);
  }
  return {};
}

Result<void> LoadBalancerTraffic::Run(const std::vector<RuntimeCommand>& commands) {
  if (commands.empty()) return {};
  std::vector<std::string> texts;
  texts.reserve(commands.size());
  for (const RuntimeCommand& command : commands) texts.push_back(Text(command));
  const Result<std::vector<std::string>> replies = plane_->Commands(texts);
  if (!replies) return std::unexpected(replies.error());
  d_.metrics.Add("ballast_haproxy_runtime_commands_total", static_cast<double>(commands.size()),
                 {{"load_balancer", name_}});
  files_dirty_ = true;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const std::string reply = i < replies->size() ? (*replies)[i] : "no reply";
    if (haproxy::Succeeded(commands[i], reply)) continue;
    d_.metrics.Add("ballast_haproxy_refused_commands_total", 1, {{"load_balancer", name_}});
    return Error(Code::kInternal,
                 fmt::format("HAProxy answered '{}' to '{}'", haproxy::Printable(reply),
                             commands[i].text.substr(0, kShownCommand)));
  }
  return {};
}

// Brings servers and routes to what is wished. Whatever fails: read everything back and try once
// more; if HAProxy then still refuses, a reload will do it.
Result<void> LoadBalancerTraffic::Converge(const api::ObjectKey* only) {
  Result<void> done;
  for (int attempt = 0; attempt < 2; ++attempt) {
    done = {};
    if (!attached_) {
      done = Attach();
      only = nullptr;
    }
    if (done) done = ApplyRuntime(only);
    if (done) return {};
    attached_ = false;
  }
  away_ = done.error().message;
  if (done.error().code == Code::kInternal && plane_ != nullptr && applied_) {
    must_reload_ = done.error().message;
    d_.metrics.Add("ballast_haproxy_resync_failed_total", 1, {{"load_balancer", name_}});
    static_cast<void>(Attach());  // what can be asked can be reloaded
  }
  Wake();
  return done;
}

// The servers of one backend as they shall be now: wished ones, and leaving ones in maintenance.
BackendModel LoadBalancerTraffic::ServersOf(const BackendModel& base, const api::ObjectKey& app) {
  BackendModel result{.name = base.name,
                      .traffic = base.traffic,
                      .servers = {},
                      .users = base.users,
                      .hold_seconds = base.hold_seconds};
  const auto wish = wishes_.find(app);
  if (wish == wishes_.end() && !withdrawn_.contains(app)) return base;  // has not spoken yet
  const auto now = d_.clock.Now();
  std::map<std::string, const ServerModel*> have;
  for (const ServerModel& server : base.servers) have[server.name] = &server;
  const auto leave = [&](const ServerModel& server, bool dead, bool replaced) {
    ServerModel leaving = server;
    leaving.admin = ServerAdmin::kMaint;
    result.servers.push_back(std::move(leaving));
    const auto [it, added] = leaving_.try_emplace(Key{base.name, server.name});
    if (added) it->second.since = now;
    it->second.dead = it->second.dead || dead;
    it->second.replaced = replaced;
    if (added) Wake();
  };
  const auto dead = [&](const std::string& server) {
    return wish != wishes_.end() &&
           std::ranges::find(wish->second.dead, server) != wish->second.dead.end();
  };
  bool joining = false;
  if (wish != wishes_.end()) {
    for (const Endpoint& endpoint : wish->second.endpoints) {
      const Key key{base.name, endpoint.server};
      const auto old = have.find(endpoint.server);
      if (old == have.end()) {
        if (joined_ && !joined_->contains(endpoint.network)) {
          joining = true;
          continue;
        }
        servers_[key] = {endpoint.container_id, endpoint.network};
      } else if (old->second->address != endpoint.address || old->second->port != endpoint.port) {
        // The name is needed again: what runs in the old one has little time.
        leave(*old->second, true, true);
        have.erase(old);
        continue;
      } else {
        servers_[key].container_id = endpoint.container_id;
        servers_[key].network = endpoint.network;
        leaving_.erase(key);
        have.erase(old);
      }
      result.servers.push_back({endpoint.server, endpoint.address, endpoint.port, endpoint.admin});
    }
  }
  for (const auto& [name, server] : have) leave(*server, dead(name), false);
  if (joining) {
    if (joining_.insert(app).second) Wake();
  } else {
    joining_.erase(app);
  }
  std::ranges::sort(result.servers, {}, &ServerModel::name);
  return result;
}

// One pass over one app's backend, or over all of them.
Result<void> LoadBalancerTraffic::ApplyRuntime(const api::ObjectKey* only) {
  std::vector<RuntimeCommand> commands;
  std::vector<std::pair<BackendModel*, BackendModel>> changes;
  bool replaced = false;
  std::set<std::string> backends;
  for (BackendModel& backend : applied_->backends) {
    const api::ObjectKey app = AppOfBackend(backend.name);
    backends.insert(backend.name);
    if (only != nullptr && app != *only) continue;
    BackendModel target = ServersOf(backend, app);
    if (const auto wish = wishes_.find(app); wish != wishes_.end()) {
      const BackendModel wanted{.name = backend.name, .traffic = wish->second.traffic};
      if (SameStructure(backend, wanted)) target.traffic = wanted.traffic;
      if (applied_->holds) target.hold_seconds = wish->second.hold_seconds;
    }
    // Before the last server goes.
    for (RuntimeCommand& command : haproxy::DiffHold(backend, target)) {
      commands.push_back(std::move(command));
    }
    for (RuntimeCommand& command : haproxy::DiffServers(backend, target)) {
      commands.push_back(std::move(command));
    }
    if (!(target == backend)) changes.emplace_back(&backend, std::move(target));
  }
  for (const auto& [key, leaving] : leaving_) {
    if (leaving.replaced && (only == nullptr || key.first == haproxy::BackendName(*only))) {
      replaced = true;
    }
  }
  LoadBalancerModel target{.name = applied_->name, .spec = applied_->spec};
  bool routes = only == nullptr;
  if (only != nullptr) {
    // The routes of one app seldom change: compare them before all of them are put together.
    const std::string name = haproxy::BackendName(*only);
    std::vector<api::Route> have;
    for (const haproxy::RouteModel& route : applied_->routes) {
      if (route.backend == name) have.push_back(route.route);
    }
    std::vector<api::Route> want;
    if (const auto wish = wishes_.find(*only); wish != wishes_.end()) want = wish->second.routes;
    std::ranges::sort(want);
    routes = have != want;
  }
  if (routes && !layout_.empty()) {
    conflicts_.clear();
    target.routes = TargetRoutes(applied_->routes, CurrentWishes(), backends, &conflicts_);
    Result<std::vector<RuntimeCommand>> more = haproxy::DiffRoutes(*applied_, target);
    if (!more) return std::unexpected(more.error());
    for (RuntimeCommand& command : *more) commands.push_back(std::move(command));
  }
  if (Result<void> ran = Run(commands); !ran) return ran;
  for (auto& [backend, changed] : changes) *backend = std::move(changed);
  if (!changes.empty()) files_dirty_ = true;
  if (routes && !layout_.empty() && applied_->routes != target.routes) {
    applied_->routes = std::move(target.routes);
    files_dirty_ = true;
  }
  if (files_dirty_) Wake();
  return replaced ? Sweep() : Result<void>{};
}

}  // namespace ballast::reconcilers
