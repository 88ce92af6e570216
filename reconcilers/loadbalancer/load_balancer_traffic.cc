// What web apps and the reconciler call; see load_balancer_traffic.h. How HAProxy is brought there:
// traffic_sync.cc (commands), traffic_upkeep.cc (drift, deletions, files), traffic_reload.cc.
#include "reconcilers/loadbalancer/load_balancer_traffic.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/reasons.h"
#include "reconcilers/haproxy/render.h"
#include "reconcilers/haproxy/replies.h"
#include "reconcilers/loadbalancer/instance_plan.h"

namespace ballast::reconcilers {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

LoadBalancerTraffic::LoadBalancerTraffic(std::string name, std::string owner,
                                         const TrafficDependencies& dependencies)
    : name_(std::move(name)),
      owner_(std::move(owner)),
      key_{"LoadBalancer", "", name_},
      d_(dependencies),
      secrets_(dependencies.config),
      started_(dependencies.clock.Now()),
      load_probe_(dependencies.clock, dependencies.planes) {}

Result<void> LoadBalancerTraffic::Publish(BackendSpec wish) {
  const std::lock_guard lock(mutex_);
  const api::ObjectKey app = wish.app;
  const auto known = wishes_.find(app);
  std::string message;
  if (known != wishes_.end() && known->second == wish && attached_ && Settled(app, message)) {
    return {};
  }
  if (!LeaveOut(wish)) {
    if (reported_.insert(app).second) Wake();
    return {};
  }
  // What only a reload can bring is looked for only when it may have changed.
  const bool structure = known == wishes_.end() || known->second.routes != wish.routes ||
                         known->second.traffic != wish.traffic ||
                         known->second.hold_seconds != wish.hold_seconds ||
                         AppliedBackend(haproxy::BackendName(app)) == nullptr;
  wishes_[app] = std::move(wish);
  withdrawn_.erase(app);
  const bool first = reported_.insert(app).second;
  Result<void> done = Converge(&app);
  if (done) AdmitLate();
  if (done && structure) {
    UpdateDirty();
    Wake();
  } else if (first) {
    Wake();  // perhaps the last one that a reload waited for
  }
  return done;
}

Result<void> LoadBalancerTraffic::Withdraw(const api::ObjectKey& app) {
  const std::lock_guard lock(mutex_);
  const bool wished = wishes_.erase(app) > 0;
  reported_.insert(app);
  joining_.erase(app);
  left_out_.erase(app);
  const std::string backend = haproxy::BackendName(app);
  read_at_.erase(backend);
  if (!wished && (!applied_ || AppliedBackend(backend) == nullptr)) return {};
  if (!withdrawn_.insert(app).second && attached_) return {};
  Wake();
  // The wish is kept: with no HAProxy that answers there is nothing to take it out of now.
  if (!attached_ && !EnsurePlane()) return {};
  Result<void> done = Converge(&app);
  if (done) UpdateDirty();
  return done;
}

Result<BackendObservation> LoadBalancerTraffic::Observe(const api::ObjectKey& app,
                                                        bool connections) {
  const std::lock_guard lock(mutex_);
  if (!attached_) {
    if (Result<void> attached = Attach(); !attached) {
      Wake();
      return std::unexpected(attached.error());
    }
  }
  const std::string name = haproxy::BackendName(app);
  BackendObservation result;
  result.settled = Settled(app, result.message);
  if (const auto it = left_out_.find(app); it != left_out_.end()) {
    result.left_out = it->second.servers;
  }
  const haproxy::BackendModel* backend = AppliedBackend(name);
  if (backend == nullptr) return result;
  result.known = true;
  result.holds = applied_->holds && backend->hold_seconds > 0;
  Counts counts;
  if (connections || d_.clock.Now() - std::max(all_read_at_, read_at_[name]) > kCacheFor) {
    Result<void> read = Refresh(name);
    if (read && connections) {
      if (Result<Counts> counted = Connections(name)) {
        counts = *std::move(counted);
      } else {
        read = std::unexpected(counted.error());
      }
    }
    if (!read) {
      attached_ = false;
      Wake();
      return std::unexpected(read.error());
    }
  }
  for (const haproxy::ServerModel& server : backend->servers) {
    const Key key{name, server.name};
    ServerObservation& seen = result.servers[server.name];
    seen.server = server.name;
    seen.address = server.address;
    seen.port = server.port;
    seen.admin = server.admin;
    if (const auto it = servers_.find(key); it != servers_.end()) {
      seen.container_id = it->second.container_id;
      seen.up = it->second.up;
    }
    if (server.admin == ServerAdmin::kMaint) {
      seen.up = false;
      seen.text = "MAINT";
    } else if (!seen.up) {
      seen.text = "DOWN";
    } else {
      seen.text = server.admin == ServerAdmin::kDrain ? "DRAIN" : "UP";
    }
    if (connections) {
      const auto count = [&key](const std::map<Key, int>& in) {
        const auto it = in.find(key);
        return it == in.end() ? 0 : it->second;
      };
      seen.connections = count(counts.current) + count(counts.others);
    }
  }
  return result;
}

// Reads one backend's servers: up or down.
Result<void> LoadBalancerTraffic::Refresh(const std::string& backend) {
  const Result<std::vector<std::string>> replies =
      plane_->Commands({"show servers state " + backend});
  if (!replies) return std::unexpected(replies.error());
  const auto rows = haproxy::ParseServersState(replies->front());
  if (!rows) return std::unexpected(rows.error());
  NoteStates(*rows);
  read_at_[backend] = d_.clock.Now();
  return {};
}

// What HAProxy's own checks have found out is told to the web app. Another admin state than the one
// known is drift, which the next Tick repairs; until then the truth is shown.
void LoadBalancerTraffic::NoteStates(const std::vector<haproxy::ServerStateRow>& rows) {
  std::set<api::ObjectKey> changed;
  for (const haproxy::ServerStateRow& row : rows) {
    const auto known = servers_.find({row.backend, row.server});
    const haproxy::BackendModel* model = AppliedBackend(row.backend);
    const auto server = model == nullptr ? nullptr : [&]() -> const haproxy::ServerModel* {
      const auto it =
          std::ranges::lower_bound(model->servers, row.server, {}, &haproxy::ServerModel::name);
      return it == model->servers.end() || it->name != row.server ? nullptr : &*it;
    }();
    if (known == servers_.end() || server == nullptr || server->admin != row.Admin()) {
      drift_due_ = d_.clock.Now();
      Wake();
    }
    if (known == servers_.end()) continue;
    if (known->second.up != row.Up()) changed.insert(AppOfBackend(row.backend));
    known->second.up = row.Up();
  }
  for (const api::ObjectKey& app : changed) d_.enqueuer.Enqueue(app);
}

bool LoadBalancerTraffic::Settled(const api::ObjectKey& app, std::string& message) const {
  if (!applied_ || !attached_) {
    message = away_;
    return false;
  }
  if (const auto it = left_out_.find(app); it != left_out_.end()) {
    message = it->second.why;
    return false;
  }
  const auto wish = wishes_.find(app);
  const haproxy::BackendModel* backend = AppliedBackend(haproxy::BackendName(app));
  if (wish == wishes_.end()) return backend == nullptr;
  if (joining_.contains(app)) {
    message = "load balancer " + name_ + " has yet to join a server's network";
    return false;
  }
  for (const auto& [server, leaving] : leaving_) {
    if (leaving.replaced && server.first == haproxy::BackendName(app)) {
      message = server.second + " waits for the last request of the container it replaces";
      return false;
    }
  }
  if (!refused_.empty() && dirty_) {
    message = "HAProxy refused the configuration: " + refused_;
  } else if (dirty_ && !dirty_->removal_only) {
    message = "waits for a reload of load balancer " + name_;
  }
  if (backend == nullptr) return false;
  const bool routed = std::ranges::all_of(wish->second.routes, [&](const api::Route& route) {
    return std::ranges::any_of(applied_->routes, [&](const haproxy::RouteModel& have) {
      return have.route == route && have.backend == backend->name;
    });
  });
  if (!routed) {
    for (const std::string& conflict : conflicts_) {
      if (conflict.find(backend->name) != std::string::npos) message = conflict;
    }
    return false;
  }
  if (backend->traffic != wish->second.traffic) return false;
  if (backend->hold_seconds != wish->second.hold_seconds) return false;
  message.clear();
  if (!backend->traffic.basic_auth_secret.empty() && backend->users.empty()) {
    message = "every request is answered 503, since nobody can be let in: " +
              secrets_.UsersProblem(UsersSecret(*backend));
    return false;
  }
  return true;
}

const haproxy::BackendModel* LoadBalancerTraffic::AppliedBackend(const std::string& name) const {
  if (!applied_) return nullptr;
  const auto it =
      std::ranges::lower_bound(applied_->backends, name, {}, &haproxy::BackendModel::name);
  return it == applied_->backends.end() || it->name != name ? nullptr : &*it;
}

void LoadBalancerTraffic::SetSpec(const api::LoadBalancerSpec& spec) {
  const std::lock_guard lock(mutex_);
  if (spec_ == spec) return;
  spec_ = spec;
  if (attached_) UpdateDirty();
}

void LoadBalancerTraffic::SetNetworks(std::optional<std::set<std::string>> joined) {
  const std::lock_guard lock(mutex_);
  if (joined_ == joined) return;
  const bool bridged = joined && !joined_;
  joined_ = std::move(joined);
  if (bridged) {
    for (auto& [app, wish] : wishes_) LeaveOut(wish);
  }
  if (joining_.empty() && left_out_.empty() && !bridged) return;
  joining_.clear();
  if (attached_) static_cast<void>(Converge(nullptr));  // what fails is tried again by Tick
  EnqueueApps();
}

bool LoadBalancerTraffic::NeededNetworks(std::set<std::string>& networks) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [app, wish] : wishes_) {
    for (const Endpoint& endpoint : wish.endpoints) networks.insert(endpoint.network);
  }
  if (!applied_ || !attached_) return false;
  for (const haproxy::BackendModel& backend : applied_->backends) {
    for (const haproxy::ServerModel& server : backend.servers) {
      const auto it = servers_.find({backend.name, server.name});
      if (it == servers_.end() || it->second.network.empty()) return false;
      networks.insert(it->second.network);
    }
  }
  return true;
}

TrafficTick LoadBalancerTraffic::Tick() {
  const std::lock_guard lock(mutex_);
  TrafficTick tick;
  const auto now = d_.clock.Now();
  const auto again = [&tick](milliseconds delay) {
    if (!tick.again || delay < *tick.again) tick.again = std::max(delay, milliseconds(1));
  };
  const bool was_attached = attached_;
  Result<void> done = attached_ ? Result<void>{} : Attach();
  if (done) done = WatchStates();
  if (done) done = CheckDrift();
  if (done && !was_attached) done = Converge(nullptr);
  if (done) done = Sweep();
  // What HAProxy refuses, but answers, is for a reload to mend.
  if (!done && !(attached_ && done.error().code == Code::kInternal)) {
    if (attached_ || away_since_ == Clock::Steady{}) away_since_ = now;
    attached_ = false;
    away_ = done.error().message;
    WriteWhileAway();
    tick.away = away_;
    // A restart takes 50 ms; later there is no hurry.
    again(now - away_since_ < std::chrono::seconds(5) ? milliseconds(50) : milliseconds(500));
    return tick;
  }
  away_since_ = {};
  away_.clear();
  CollectGarbage();
  FindRetiring();
  if (!was_attached) EnqueueApps();
  UpdateDirty();
  if (Result<void> set = ApplyCertificates(); !set) {
    attached_ = false;  // found out by the next Tick
    again(milliseconds(50));
    return tick;
  }
  if (Result<void> flushed = Flush(); !flushed) {
    d_.events.Record(key_, EventType::kWarning, api::reason::kLoadBalancerFailed,
                     "its files cannot be written: " + flushed.error().message);
    again(milliseconds(1'000));
  }
  if (AdmitLate()) again(kLateInterval);
  if (const auto wait = ReloadIn()) {
    if (wait->count() <= 0 && PutOff()) {
      again(kHeldInterval);
    } else if (wait->count() <= 0) {
      tick.reload_due = true;
      tick.reload_new = !refused_model_ || *refused_model_ != FullTarget();
    } else {
      again(*wait);
    }
  }
  for (const auto& [server, leaving] : leaving_) {
    again(now - leaving.since < std::chrono::seconds(2) ? milliseconds(50) : milliseconds(250));
  }
  again(duration_cast<milliseconds>(std::min(drift_due_, StatesDue()) - now));
  return tick;
}

Result<void> LoadBalancerTraffic::SwitchTo(const InstanceRef& instance) {
  const std::lock_guard lock(mutex_);
  if (instance_ == instance && attached_) return {};
  std::shared_ptr<DataPlane> plane = d_.planes.Open(instance);
  const Result<std::vector<std::string>> answer = plane->Commands({"show info"});
  if (!answer) return std::unexpected(answer.error());
  if (const auto version = haproxy::RequireVersion(answer->front()); !version) {
    return std::unexpected(version.error());
  }
  // The connection that took the commands would keep the instance before alive for ever; what still
  // runs in it is asked over its master socket.
  if (plane_ != nullptr && attached_) retiring_[instance_.number] = d_.planes.Open(instance_);
  plane_ = std::move(plane);
  instance_ = instance;
  attached_ = false;
  applied_.reset();
  return Converge(nullptr);
}

ConfigFiles LoadBalancerTraffic::StartFiles(int number) {
  const std::lock_guard lock(mutex_);
  if (plane_ == nullptr && number > 0) {
    instance_ = {name_, number, ""};
    plane_ = d_.planes.Open(instance_);
  }
  if (!applied_) Recall();
  if (applied_ && !layout_.empty()) {
    haproxy::LoadBalancerModel model = !attached_ && away_model_ ? *away_model_ : *applied_;
    if (Result<ConfigFiles> files = RenderWritable(model)) {
      (*files)[kNoteFile] = EncodeNote({.model = model, .layout = LayoutOf(model)});
      return *std::move(files);
    }
  }
  Note note{.model = {.name = name_}, .bootstrap = true};
  if (spec_) note.model.spec = *spec_;
  ConfigFiles files = haproxy::RenderBootstrap(name_);
  files[kNoteFile] = EncodeNote(note);
  return files;
}

bool LoadBalancerTraffic::Unused() const {
  const std::lock_guard lock(mutex_);
  if (!wishes_.empty()) return false;
  return !attached_ || !applied_ || applied_->backends.empty();
}

TrafficReport LoadBalancerTraffic::Report() const {
  const std::lock_guard lock(mutex_);
  TrafficReport report;
  report.answers = attached_;
  if (attached_) report.serving = instance_.number;
  report.version = version_;
  if (applied_) {
    for (const haproxy::BackendModel& backend : applied_->backends) {
      report.servers += static_cast<int>(backend.servers.size());
    }
  }
  report.reloads = reloads_;
  report.drift_repaired = drift_repaired_;
  report.last_reload_reason = last_reload_reason_;
  report.refused = dirty_ ? refused_ : "";
  if (dirty_) report.waiting = fmt::format("{}", fmt::join(dirty_->reasons, "; "));
  report.conflicts = conflicts_;
  report.uses_certificates = !secrets_.Expiries().empty();
  for (const LoadBalancerSecrets::Finding& finding :
       secrets_.CertificateFindings(d_.clock.WallNow())) {
    report.uses_certificates = true;
    (finding.expires_soon ? report.expiring : report.secret_problems).push_back(finding.message);
  }
  for (std::string& text : ListenersLeftOut()) report.secret_problems.push_back(std::move(text));
  if (spec_ && spec_->stats_auth) {
    if (std::string problem = secrets_.UsersProblem(*spec_->stats_auth); !problem.empty()) {
      report.secret_problems.push_back("stats.auth: " + problem + "; the page answers 503");
    }
  }
  return report;
}

Result<LoadReading> LoadBalancerTraffic::ReadLoad() {
  {
    // Busy (a reload, perhaps): what was known a second ago will do.
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock.owns_lock() && plane_ != nullptr) {
      std::set<int> retiring;
      for (const auto& [number, plane] : retiring_) retiring.insert(number);
      load_probe_.Follow(instance_, retiring, reloads_);
    }
  }
  if (!load_probe_.follows() && d_.containers.Synced() &&
      InstancesOf(name_, owner_, d_.containers.ForLoadBalancer(name_)).empty()) {
    return Error(Code::kNotFound, fmt::format("load balancer {} has no HAProxy", name_));
  }
  return load_probe_.Read();
}

}  // namespace ballast::reconcilers
