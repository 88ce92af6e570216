#include "reconcilers/webapp/reconciler.h"

#include <algorithm>
#include <chrono>

#include "api/codec.h"
#include "api/reasons.h"
#include "reconcilers/webapp/pass.h"
#include "reconcilers/webapp/rollout.h"

namespace ballast::reconcilers {
namespace {

// How soon a route is taken that another app gave up; nobody tells.
constexpr std::chrono::seconds kContested{2};

using std::chrono::milliseconds;

constexpr char kGaugeDesired[] = "ballast_webapp_replicas_desired";
constexpr char kGaugeReady[] = "ballast_webapp_replicas_ready";
constexpr char kGaugeInService[] = "ballast_webapp_replicas_in_service";

}  // namespace

AppMemory& WebAppReconciler::MemoryOf(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  if (!addresses_seen_) {
    // Once, before the first address is given away: every one that some container holds is taken.
    for (const api::ObjectKey& app : d_.containers.WebApps()) {
      for (const ObservedContainer& c : d_.containers.ForWebApp(app.ns, app.name)) {
        d_.addresses.Use(AddressOf(*c.info));
        for (const auto& [network, address] : c.info->networks) d_.addresses.Use(address);
      }
    }
    addresses_seen_ = true;
  }
  auto& memory = memory_[key];
  if (!memory) memory = std::make_unique<AppMemory>();
  return *memory;
}

// Everything that is kept of an app that is gone, so that one of the same name starts afresh.
void WebAppReconciler::Forget(Pass& pass) {
  const std::string name = pass.key.ns + "." + pass.key.name;
  d_.jobs.Forget("pull/" + name + "/");
  if (const std::string& revision = pass.memory.last_revision; !revision.empty()) {
    d_.jobs.Forget("create/" + name + "-" + revision + "-");
  }
  pins_.Keep(pass.key, {});
  const std::lock_guard lock(mutex_);
  memory_.erase(pass.key);  // pass.memory is gone with it
}

Result<Outcome> WebAppReconciler::Reconcile(const api::ObjectKey& key) {
  if (!d_.containers.Synced()) return Outcome{milliseconds(100)};
  Pass pass{.key = key, .memory = MemoryOf(key)};
  const Presence presence = d_.desired.GetWebApp(key, pass.app);
  if (presence == Presence::kPresent) {
    pass.memory.last_app = pass.app;
  } else {
    pass.app = nullptr;
  }
  // Before the containers are looked at: one whose creation ends in between would seem to be left
  // half-made, and would be removed.
  std::erase_if(pass.memory.creating, [&](const std::string& name) {
    return !d_.jobs.Running("create/" + key.ns + "." + name);
  });
  pass.containers = SortContainers(d_.containers.ForWebApp(key.ns, key.name), owner_);
  if (presence != Presence::kPresent &&
      (presence == Presence::kUnknown || pass.containers.replicas.empty())) {
    return NoWebApp(pass, presence);
  }
  ReadTemplates(pass.containers, pass.memory.templates);
  ResolveConfigs(pass);
  Observe(pass);
  ResolveImages(pass);
  TrackProgress(pass);
  pass.output = Plan(pass.input);
  ApplyTraffic(pass);
  ApplyActions(pass);
  RecordTransitions(pass);
  Report(pass);
  if (pass.output.check_after) pass.CheckAfter(*pass.output.check_after);
  return Outcome{pass.check_after};
}

// Nothing of ours to do: the app is gone with all its replicas, or nobody can say yet.
Result<Outcome> WebAppReconciler::NoWebApp(Pass& pass, Presence presence) {
  if (presence == Presence::kUnknown) {
    return Outcome{};  // looked at again when the manifests have been read
  }
  for (const std::string& id : pass.memory.watched) d_.health.Forget(id);
  pass.memory.watched.clear();
  if (auto withdrawn = d_.traffic.Withdraw(pass.key); !withdrawn) {
    return Wrap("take " + pass.key.ToString() + " out of HAProxy", withdrawn.error());
  }
  for (const ContainerPtr& orphan : pass.containers.orphaned_sidecars) {
    StartRemove(pass, orphan->id, orphan->name);
  }
  RecordTransitions(pass);  // the last replica is removed
  for (const char* gauge : {kGaugeDesired, kGaugeReady, kGaugeInService}) {
    d_.metrics.Remove(gauge, {{"namespace", pass.key.ns}, {"webapp", pass.key.name}});
  }
  if (pass.containers.adopted.empty()) {
    d_.status.Remove(pass.key);
  } else {
    ReportStray(pass);
  }
  Forget(pass);
  return Outcome{pass.check_after};
}

// Labels that name no web app are shown, so that a typing error does not stay unseen.
void WebAppReconciler::ReportStray(Pass& pass) {
  std::vector<std::string> problems;
  static_cast<void>(
      WebAppFromLabels(pass.key.ns, pass.key.name, pass.containers.adopted, &problems));
  api::WebAppStatus status;
  status.adopted_replicas = static_cast<int>(pass.containers.adopted.size());
  status.conditions = {
      {.type = "Available",
       .status = api::ConditionStatus::kFalse,
       .reason = api::reason::kNoSuchWebApp,
       .message = problems.empty()
                      ? "containers are labelled for this web app, but none of this name is "
                        "applied: apply it, or label them ballast.dev/host too"
                      : problems.front(),
       .last_transition = d_.clock.WallNow()}};
  d_.status.SetWebApp(pass.key, std::move(status), {});
}

void WebAppReconciler::ResolveImages(Pass& pass) {
  pass.input.image_ready = false;
  if (pass.app == nullptr || !pass.app->spec.pod_template) return;
  const std::string& revision = pass.input.update_revision;
  if (revision.empty()) return;  // what it refers to is missing
  const api::PodTemplate& pod_template = *pass.app->spec.pod_template;
  pins_.Keep(pass.key, {revision});
  if (!pins_.Get(pass.key, revision)) {  // by the containers that run it already
    const auto it = pass.revisions.find(revision);
    if (it != pass.revisions.end() && it->second.images.size() == pod_template.containers.size()) {
      pins_.Set(pass.key, revision, it->second.images);
    }
  }
  const std::string job = "pull/" + pass.key.ns + "." + pass.key.name + "/" + revision;
  if (pins_.Get(pass.key, revision)) {
    pass.input.image_ready = true;
    return;
  }
  // The first request after a pause does not wait for an image.
  const bool wanted = pass.app->spec.replicas > 0 || pass.input.may_be_zero;
  if (!wanted) return;
  StartJob(pass, job, [this, key = pass.key, revision, pod_template] {
    return pins_.Resolve(d_.engine, d_.config, d_.events, key, revision, pod_template);
  });
  if (const auto failure = d_.jobs.LastFailure(job)) pass.problems.image = failure->status.message;
}

// A rollout gets further when the numbers of new and old replicas change; the deadline counts from
// the last time that they did.
void WebAppReconciler::TrackProgress(Pass& pass) {
  AppMemory& memory = pass.memory;
  if (pass.app == nullptr || !pass.app->spec.pod_template) {
    memory.progress_at.reset();
    return;
  }
  int updated = 0;
  int ready = 0;
  int old = 0;
  for (const ReplicaView& r : pass.input.replicas) {
    if (r.phase == ReplicaPhase::kDead) continue;
    const bool is_new = r.revision == pass.input.update_revision;
    updated += is_new ? 1 : 0;
    ready += is_new && InService(r, pass.input.has_traffic) ? 1 : 0;
    old += is_new ? 0 : 1;
  }
  const auto update = pass.revisions.find(pass.input.update_revision);
  const api::Time started = update == pass.revisions.end() ? api::Time{} : update->second.started;
  const bool complete = old == 0 && ready >= pass.app->spec.replicas;
  const std::string signature = pass.input.update_revision + "/" + std::to_string(ready) + "/" +
                                std::to_string(old) + "/" + std::to_string(pass.app->spec.replicas);
  if (complete) {
    memory.progress_at.reset();
    memory.progress_signature = pass.input.update_revision + "/complete";
  } else if (memory.progress_signature.empty()) {
    // First pass of this controller: the containers' label tells when the rollout began.
    const auto age =
        started == api::Time{} ? api::Time::duration{0} : pass.input.wall_now - started;
    memory.progress_at = pass.input.now - std::max(age, api::Time::duration{0});
    memory.progress_signature = signature;
  } else if (memory.progress_signature != signature &&
             memory.progress_signature != pass.input.update_revision + "/complete") {
    memory.progress_at = pass.input.now;
    memory.progress_signature = signature;
  }
  pass.input.progress_at = memory.progress_at;
}

void WebAppReconciler::ApplyTraffic(Pass& pass) {
  const api::WebApp* app = pass.app ? pass.app.get() : pass.memory.last_app.get();
  // What leaves is remembered before HAProxy is told, what was called back is forgotten.
  std::map<std::string, Clock::Steady> draining;
  for (const std::string& id : pass.output.draining) {
    const auto it = pass.memory.drain_since.find(id);
    draining[id] = it == pass.memory.drain_since.end() ? pass.input.now : it->second;
  }
  pass.memory.drain_since = std::move(draining);
  if (app == nullptr || !pass.input.has_traffic) {
    // Also what only an earlier controller knew: out of rotation before it is stopped.
    if (auto withdrawn = d_.traffic.Withdraw(pass.key); !withdrawn) {
      pass.problems.traffic = withdrawn.error().message;
      pass.CheckAfter(milliseconds(500));
    }
    return;
  }
  if (!pass.memory.traffic_seen) {
    // Just started: what HAProxy has is looked at before anything is wished of it.
    pass.CheckAfter(milliseconds(100));
    return;
  }
  BackendSpec spec{.app = pass.key, .routes = app->spec.routes, .traffic = app->spec.traffic};
  for (const ServerWish& wish : pass.output.servers) {
    const auto it = pass.endpoints.find(wish.container_id);
    if (it == pass.endpoints.end()) continue;
    Endpoint endpoint = it->second;
    endpoint.admin = wish.admin;
    spec.endpoints.push_back(std::move(endpoint));
  }
  spec.dead = pass.output.dead_servers;
  spec.hold_seconds = HoldSeconds(pass.key);
  if (auto published = d_.traffic.Publish(spec); !published) {
    pass.problems.traffic = published.error().message;
    pass.CheckAfter(milliseconds(500));
  } else {
    pass.problems.traffic = pass.backend.message;
    if (pass.app != nullptr && !pass.app->contested.empty()) {
      const api::Route& route = pass.app->contested.front();
      pass.problems.traffic = "another web app has the route " + route.host + route.path +
                              " already: remove that one, or its label";
      pass.CheckAfter(kContested);
    }
    MeasureTraffic(pass);
  }
  // What HAProxy did not have when it was looked at is looked at again: at once the first time, and
  // without hurry while it waits for something (a reload, a network, a last request).
  std::string difference;
  std::set<std::string> wished;
  for (const Endpoint& endpoint : spec.endpoints) {
    wished.insert(endpoint.server);
    if (pass.backend.left_out.contains(endpoint.server)) continue;  // no waiting brings it in
    const auto it = pass.backend.servers.find(endpoint.server);
    if (it == pass.backend.servers.end() || it->second.admin != endpoint.admin ||
        it->second.container_id != endpoint.container_id) {
      difference += endpoint.server + "/" + endpoint.container_id + " ";
    }
  }
  for (const auto& [server, seen] : pass.backend.servers) {
    if (!wished.contains(server)) difference += "-" + server + " ";
  }
  if (!difference.empty()) {
    pass.CheckAfter(milliseconds(difference == pass.memory.traffic_difference ? 100 : 1));
  }
  pass.memory.traffic_difference = std::move(difference);
  // A command has brought it already, or a reload will.
  if (pass.input.keep_last) pass.CheckAfter(milliseconds(pass.memory.keeps_last ? 1000 : 1));
  pass.memory.keeps_last = pass.input.keep_last;
}

void WebAppReconciler::Report(Pass& pass) {
  // What could not be created is planned anew in each pass (or what it left is removed). A replica
  // that came to be after all has no action, and its failure is of no interest.
  for (const PlanAction& action : pass.output.actions) {
    if (!pass.problems.create.empty()) break;
    const auto failure = d_.jobs.LastFailure("create/" + pass.key.ns + "." + action.replica);
    if (failure) pass.problems.create = failure->status.message;
  }
  if (pass.output.blocked_on_config && pass.problems.config.empty()) {
    pass.problems.config_reason = api::reason::kConfigMissing;
    pass.problems.config =
        "replicas of an old revision cannot be made again, since a Secret or ConfigMap that it "
        "takes from has changed: let the rollout go on (spec.paused: false)";
  }
  api::WebAppStatus status =
      MakeStatus(pass.input, pass.output, pass.problems, pass.memory.conditions);
  status.update_cause = pass.update_cause;
  if (pass.app) {
    std::shared_ptr<const api::LoadBalancer> load_balancer;
    const std::string name =
        pass.app->spec.routes.empty() ? "default" : pass.app->spec.routes.front().load_balancer;
    if (d_.desired.GetLoadBalancer(name, load_balancer) != Presence::kPresent || !load_balancer) {
      load_balancer = std::make_shared<api::LoadBalancer>();
    }
    status.url = MakeUrl(*pass.app, load_balancer->spec);
  }
  pass.memory.conditions.clear();
  for (const api::Condition& condition : status.conditions) {
    pass.memory.conditions[condition.type] = condition;
  }
  const auto gauge = [&](const char* metric, int value) {
    d_.metrics.Set(metric, value, {{"namespace", pass.key.ns}, {"webapp", pass.key.name}});
  };
  gauge(kGaugeDesired, status.desired_replicas);
  gauge(kGaugeReady, status.ready_replicas);
  gauge(kGaugeInService, status.in_service_replicas);
  d_.status.SetWebApp(pass.key, std::move(status),
                      MakeReplicaRows(pass.input, pass.output, pass.addresses));
}

}  // namespace ballast::reconcilers
