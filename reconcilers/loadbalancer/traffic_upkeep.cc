// What keeps a load balancer right between the web apps' calls: leaving servers are deleted, drift
// is repaired, files are kept current; see load_balancer_traffic.h. Everything here runs with the
// lock held.
#include <fmt/format.h>

#include <algorithm>

#include "api/reasons.h"
#include "reconcilers/haproxy/render.h"
#include "reconcilers/haproxy/replies.h"
#include "reconcilers/loadbalancer/instance_plan.h"
#include "reconcilers/loadbalancer/load_balancer_traffic.h"

namespace ballast::reconcilers {
namespace {

using haproxy::BackendModel;
using haproxy::RuntimeCommand;
using haproxy::ServerModel;

// Servers that are not as they were left.
int Differences(const BackendModel& left, const BackendModel& found) {
  int count = 0;
  std::map<std::string, const ServerModel*> servers;
  for (const ServerModel& server : found.servers) servers[server.name] = &server;
  for (const ServerModel& server : left.servers) {
    const auto it = servers.find(server.name);
    if (it == servers.end() || !(*it->second == server)) ++count;
    if (it != servers.end()) servers.erase(it);
  }
  return count + static_cast<int>(servers.size());
}

// The session pointers of `show sess` lines that belong to one server.
std::vector<std::string> SessionsOf(const std::string& reply, const std::string& backend,
                                    const std::string& server) {
  std::vector<std::string> sessions;
  std::size_t begin = 0;
  while (begin < reply.size()) {
    const std::size_t end = std::min(reply.find('\n', begin), reply.size());
    const std::string line = reply.substr(begin, end - begin) + " ";
    begin = end + 1;
    const std::size_t colon = line.find(':');
    if (!line.starts_with("0x") || colon == std::string::npos) continue;
    if (line.find(" be=" + backend + " ") == std::string::npos ||
        line.find(" srv=" + server + " ") == std::string::npos) {
      continue;
    }
    sessions.push_back(line.substr(0, colon));
  }
  return sessions;
}

}  // namespace

// HAProxy takes a server out by itself, by its own checks and by what requests meet: nobody else
// would learn of it.
Result<void> LoadBalancerTraffic::WatchStates() {
  const auto now = d_.clock.Now();
  if (now < StatesDue() || now >= drift_due_) return {};  // ... which reads them too
  const Result<std::vector<std::string>> replies = plane_->Commands({"show servers state"});
  const auto rows =
      replies ? haproxy::ParseServersState(replies->front()) : std::unexpected(replies.error());
  if (!rows) {
    drift_due_ = now;  // it was restarted, or is away: found out there
    return {};
  }
  all_read_at_ = now;
  NoteStates(*rows);
  return {};
}

Clock::Steady LoadBalancerTraffic::StatesDue() const {
  const auto times = static_cast<int>(1 + servers_.size() / kServersPerInterval);
  return all_read_at_ + std::min(kStateInterval * times, kDriftInterval);
}

// Compares what HAProxy has with what it was left with. A restart is no drift.
Result<void> LoadBalancerTraffic::CheckDrift() {
  if (d_.clock.Now() < drift_due_) return {};
  const Result<std::vector<std::string>> replies = ReadAll();
  if (!replies || haproxy::ProcessIdentity(replies->front()) != process_) {
    attached_ = false;
    Result<void> done = Converge(nullptr);
    if (done) EnqueueApps();
    return done;
  }
  const std::vector<BackendModel> left = applied_->backends;
  std::vector<RuntimeCommand> repairs;
  if (Result<void> read = ReadBack(*replies, repairs); !read) return read;
  drift_due_ = d_.clock.Now() + kDriftInterval;
  int count = static_cast<int>(repairs.size());
  for (const BackendModel& backend : left) {
    const BackendModel* found = AppliedBackend(backend.name);
    count += found == nullptr ? 1 : Differences(backend, *found);
  }
  count += static_cast<int>(std::ranges::count(applied_->certificates, std::string(),
                                               &haproxy::CertificateModel::digest));
  forced_reloads_ = 0;
  if (count == 0) return {};
  drift_repaired_ += count;
  files_dirty_ = true;
  d_.metrics.Add("ballast_haproxy_drift_repaired_total", count, {{"load_balancer", name_}});
  d_.events.Record(
      key_, EventType::kWarning, api::reason::kDriftRepaired,
      fmt::format("{} differences between HAProxy and what it was told: repaired", count));
  if (Result<void> ran = Run(repairs); !ran) attached_ = false;
  Result<void> done = Converge(nullptr);
  EnqueueApps();
  return done;
}

// Running requests and tunnels of each server of one backend ("": of all), over all workers.
Result<LoadBalancerTraffic::Counts> LoadBalancerTraffic::Connections(const std::string& backend) {
  const std::string command =
      backend.empty() ? "show servers conn" : "show servers conn " + backend;
  Counts counts;
  const auto add = [](const std::string& reply, std::map<Key, int>& to) -> Result<void> {
    if (reply.starts_with("Can't find backend")) return {};  // an older configuration lacks it
    const auto parsed = haproxy::ParseServersConn(reply);
    if (!parsed) return std::unexpected(parsed.error());
    for (const auto& [server, count] : *parsed) {
      std::string name = server.second;
      if (name.ends_with(haproxy::kLateSuffix))
        name.resize(name.size() - haproxy::kLateSuffix.size());
      to[{server.first, std::move(name)}] += count;
    }
    return {};
  };
  const Result<std::vector<std::string>> current = plane_->Commands({command});
  if (!current) return std::unexpected(current.error());
  if (Result<void> read = add(current->front(), counts.current); !read) {
    return std::unexpected(read.error());
  }
  const Result<std::vector<std::string>> old = plane_->OldWorkers(command);
  if (!old) return std::unexpected(old.error());
  for (const std::string& reply : *old) {
    if (Result<void> read = add(reply, counts.others); !read) return std::unexpected(read.error());
  }
  for (const auto& [number, plane] : retiring_) {
    // It may end at any moment, and then nothing runs in it.
    const Result<std::vector<WorkerProcess>> workers = plane->Processes();
    if (!workers) continue;
    for (const WorkerProcess& worker : *workers) {
      const Result<std::string> reply = plane->OnWorker(worker.pid, command);
      if (reply) static_cast<void>(add(*reply, counts.others));
    }
  }
  return counts;
}

// Deletes leaving servers that are idle everywhere, and cuts what hangs on dead ones.
Result<void> LoadBalancerTraffic::Sweep() {
  if (leaving_.empty()) return {};
  const Result<Counts> counts = Connections("");
  if (!counts) {
    attached_ = false;
    return std::unexpected(counts.error());
  }
  const auto count = [](const std::map<Key, int>& in, const Key& key) {
    const auto it = in.find(key);
    return it == in.end() ? 0 : it->second;
  };
  const auto now = d_.clock.Now();
  std::set<api::ObjectKey> changed;
  std::vector<api::ObjectKey> waiting;
  const std::map<Key, Leaving> leaving = leaving_;
  for (const auto& [key, entry] : leaving) {
    const BackendModel* backend = AppliedBackend(key.first);
    const auto* server = backend == nullptr ? nullptr : [&]() -> const ServerModel* {
      const auto it = std::ranges::find(backend->servers, key.second, &ServerModel::name);
      return it == backend->servers.end() ? nullptr : &*it;
    }();
    if (server == nullptr) {
      leaving_.erase(key);
      continue;
    }
    if (server->admin != ServerAdmin::kMaint) continue;  // not told yet: the next pass does
    const bool idle = count(counts->current, key) == 0;
    if (idle && (entry.dead || count(counts->others, key) == 0)) {
      const Result<bool> deleted = Delete(key);
      if (!deleted) return std::unexpected(deleted.error());
      if (!*deleted) continue;
      const api::ObjectKey app = AppOfBackend(key.first);
      changed.insert(app);
      if (entry.replaced) waiting.push_back(app);
    } else if (entry.dead && now - entry.since >= kDeadGrace + backend->traffic.timeouts.connect) {
      if (Result<void> cut = CutSessions(key.first, key.second); !cut) return cut;
    }
  }
  for (const api::ObjectKey& app : waiting) {
    if (Result<void> added = ApplyRuntime(&app); !added) return added;
  }
  for (const api::ObjectKey& app : changed) d_.enqueuer.Enqueue(app);
  return {};
}

// False: HAProxy says that a request came in meanwhile.
Result<bool> LoadBalancerTraffic::Delete(const Key& key) {
  const std::vector<RuntimeCommand> commands = haproxy::DeleteServerCommands(key.first, key.second);
  const Result<std::vector<std::string>> replies = plane_->Commands({commands.front().text});
  if (!replies) {
    attached_ = false;
    return std::unexpected(replies.error());
  }
  d_.metrics.Add("ballast_haproxy_runtime_commands_total", 1, {{"load_balancer", name_}});
  const std::string& reply = replies->front();
  if (reply.starts_with("Server still has connections attached")) return false;
  if (!haproxy::Succeeded(commands.front(), reply) && !reply.starts_with("No such server.")) {
    attached_ = false;
    return Error(Code::kInternal,
                 fmt::format("HAProxy answered '{}' to '{}'", reply, commands.front().text));
  }
  for (BackendModel& backend : applied_->backends) {
    if (backend.name == key.first) {
      std::erase_if(backend.servers, [&](const ServerModel& s) { return s.name == key.second; });
    }
  }
  servers_.erase(key);
  leaving_.erase(key);
  files_dirty_ = true;
  Wake();
  return true;
}

Result<void> LoadBalancerTraffic::CutSessions(const std::string& backend,
                                              const std::string& server) {
  const Result<std::vector<std::string>> cut =
      plane_->Commands({fmt::format("shutdown sessions server {}/{}", backend, server)});
  if (!cut) return std::unexpected(cut.error());
  // Old workers refuse that command; there each session is ended by itself.
  const Result<std::vector<WorkerProcess>> workers = plane_->Processes();
  if (!workers) return std::unexpected(workers.error());
  for (const WorkerProcess& worker : *workers) {
    if (!worker.old) continue;
    const Result<std::string> sessions = plane_->OnWorker(worker.pid, "show sess");
    if (!sessions) continue;
    for (const std::string& session : SessionsOf(*sessions, backend, server)) {
      static_cast<void>(plane_->OnWorker(worker.pid, "shutdown session " + session));
    }
  }
  return {};
}

// The files say what runs, so that a restart of HAProxy comes back to it.
Result<void> LoadBalancerTraffic::Flush() {
  if (!files_dirty_ || layout_.empty()) return {};
  Result<ConfigFiles> files = haproxy::Render(*applied_, secrets_.content());
  if (!files) {
    haproxy::LoadBalancerModel rest = *applied_;
    files = RenderWritable(rest);
  }
  if (!files) return std::unexpected(files.error());
  (*files)[kNoteFile] = EncodeNote({.model = *applied_, .layout = layout_});
  if (Result<void> written = plane_->Publish(*files); !written) return written;
  files_dirty_ = false;
  away_model_.reset();
  return {};
}

// HAProxy is away: what it reads when it comes back shall be what is wished by then. Its structure
// stays what it last accepted, so that it does come back.
void LoadBalancerTraffic::WriteWhileAway() {
  std::shared_ptr<DataPlane> plane = plane_;
  if (plane == nullptr) {
    const std::vector<InstanceView> instances =
        InstancesOf(name_, owner_, d_.containers.ForLoadBalancer(name_));
    if (instances.empty()) return;
    plane = d_.planes.Open(instances.back().ref);
    plane_ = plane;
    instance_ = instances.back().ref;
    applied_.reset();
  }
  if (!applied_) Recall();
  if (layout_.empty()) return;
  haproxy::LoadBalancerModel model = *applied_;
  std::set<std::string> backends;
  for (BackendModel& backend : model.backends) {
    backends.insert(backend.name);
    const api::ObjectKey app = AppOfBackend(backend.name);
    const auto wish = wishes_.find(app);
    if (wish == wishes_.end() && !withdrawn_.contains(app)) continue;
    backend.servers.clear();
    if (wish == wishes_.end()) continue;
    if (model.holds) backend.hold_seconds = wish->second.hold_seconds;
    for (const Endpoint& endpoint : wish->second.endpoints) {
      if (joined_ && !joined_->contains(endpoint.network)) continue;
      backend.servers.push_back({endpoint.server, endpoint.address, endpoint.port, endpoint.admin});
    }
  }
  model.routes = TargetRoutes(model.routes, CurrentWishes(), backends, nullptr);
  if (away_model_ == model) return;
  Result<ConfigFiles> files = RenderWritable(model);
  if (!files) return;
  (*files)[kNoteFile] = EncodeNote({.model = model, .layout = layout_});
  if (!plane->Publish(*files)) return;
  applied_->routes = model.routes;
  away_model_ = std::move(model);
}

// Backends whose web app went away while no controller was there to see it.
void LoadBalancerTraffic::CollectGarbage() {
  if (!d_.containers.Synced()) return;
  std::vector<api::ObjectKey> gone;
  for (const BackendModel& backend : applied_->backends) {
    const api::ObjectKey app = AppOfBackend(backend.name);
    if (wishes_.contains(app) || withdrawn_.contains(app)) continue;
    std::shared_ptr<const api::WebApp> object;
    switch (d_.desired.GetWebApp(app, object)) {
      case Presence::kUnknown:
        break;
      case Presence::kAbsent:
        if (d_.containers.ForWebApp(app.ns, app.name).empty()) gone.push_back(app);
        break;
      case Presence::kPresent:
        if (std::ranges::none_of(object->spec.routes, [&](const api::Route& route) {
              return route.load_balancer == name_;
            })) {
          gone.push_back(app);
        }
        break;
    }
  }
  for (const api::ObjectKey& app : gone) {
    reported_.insert(app);
    withdrawn_.insert(app);
    static_cast<void>(Converge(&app));  // what fails is tried again by the next Tick
    if (!attached_) return;
  }
}

// Instances before the one in use: they end with their last connection.
void LoadBalancerTraffic::FindRetiring() {
  std::map<int, std::shared_ptr<DataPlane>> found;
  for (const InstanceView& view :
       InstancesOf(name_, owner_, d_.containers.ForLoadBalancer(name_))) {
    if (view.ref.number >= instance_.number || view.info->state != ContainerState::kRunning) {
      continue;
    }
    const auto known = retiring_.find(view.ref.number);
    found[view.ref.number] =
        known == retiring_.end() ? d_.planes.Open(view.ref) : std::move(known->second);
  }
  retiring_ = std::move(found);
}

}  // namespace ballast::reconcilers
