// The observing half of WebAppReconciler: everything is read from caches, nothing waits for Docker.
#include <algorithm>

#include "api/codec.h"
#include "api/labels.h"
#include "api/reasons.h"
#include "reconcilers/webapp/container_spec.h"
#include "reconcilers/webapp/pass.h"
#include "reconcilers/webapp/rollout.h"

namespace ballast::reconcilers {
namespace {

const api::Container* ContainerNamed(const api::PodTemplate& pod_template,
                                     const std::string& name) {
  for (const api::Container& container : pod_template.containers) {
    if (container.name == name) return &container;
  }
  return nullptr;
}

}  // namespace

void WebAppReconciler::Observe(Pass& pass) {
  PlanInput& input = pass.input;
  AppMemory& memory = pass.memory;
  input.app = pass.app.get();
  input.now = d_.clock.Now();
  input.wall_now = d_.clock.WallNow();
  const api::WebApp* app = pass.app ? pass.app.get() : memory.last_app.get();
  input.has_traffic = app != nullptr && !app->spec.routes.empty();
  input.may_be_zero = HoldSeconds(pass.key) > 0;
  if (app != nullptr) input.last_drain_seconds = app->spec.traffic.drain_seconds;
  if (input.has_traffic) {
    // Asked for running requests only while some replica may leave.
    const auto wanted = static_cast<std::size_t>(
        pass.app && pass.app->spec.pod_template ? pass.app->spec.replicas : 0);
    const bool leaving =
        pass.containers.replicas.size() > wanted || !memory.drain_since.empty() ||
        std::ranges::any_of(pass.containers.replicas, [&](const AppContainers::Replica& r) {
          return TextLabel(*r.main, api::kLabelRevision) != input.update_revision;
        });
    if (auto backend = d_.traffic.Observe(pass.key, leaving)) {
      pass.backend = std::move(*backend);
      input.traffic_known = true;
      input.keep_last =
          pass.app && pass.app->spec.replicas == 0 && input.may_be_zero && !pass.backend.holds;
      memory.traffic_seen = true;
    } else {
      pass.problems.traffic = backend.error().message;
    }
  }
  input.creating.assign(memory.creating.begin(), memory.creating.end());

  std::set<std::string> ids;
  std::set<std::string> names;
  for (const AppContainers::Replica& replica : pass.containers.replicas) {
    ids.insert(replica.main->id);
    names.insert(TextLabel(*replica.main, api::kLabelReplica));
    ObserveReplica(pass, replica);
  }
  for (const ObservedContainer& container : pass.containers.adopted) {
    ObserveAdopted(pass, container, names);
  }
  const auto gone = [&](const auto& entry) { return !ids.contains(entry.first); };
  std::erase_if(memory.drain_since, gone);
  std::erase_if(memory.stop_since, gone);
  std::erase_if(memory.kill_sent, [&](const std::string& id) { return !ids.contains(id); });
  for (const std::string& id : memory.watched) {
    if (!pass.watched.contains(id)) d_.health.Forget(id);
  }
  memory.watched = pass.watched;
}

// How long its requests wait for a replica: those of a web app that may be left without any.
int WebAppReconciler::HoldSeconds(const api::ObjectKey& key) const {
  const auto autoscaler = d_.desired.AutoscalerOf(key);
  if (!autoscaler) return 0;
  int least = autoscaler->spec.min_replicas;
  for (const api::ScalingSchedule& schedule : autoscaler->spec.schedules) {
    least = std::min(least, schedule.min_replicas.value_or(least));
  }
  if (least > 0) return 0;
  return autoscaler->spec.cold_start_timeout_seconds;
}

void WebAppReconciler::ObserveReplica(Pass& pass, const AppContainers::Replica& replica) {
  const ContainerInfo& info = *replica.main;
  const std::string& id = info.id;
  pass.infos[id] = replica.main;
  pass.replicas[id] = &replica;
  d_.addresses.Use(AddressOf(info));
  // A stop signal that could not be sent is sent again.
  if (d_.jobs.LastFailure("signal/" + id)) pass.memory.stop_since.erase(id);
  if (d_.jobs.LastFailure("kill/" + id)) pass.memory.kill_sent.erase(id);
  ReplicaView view =
      ViewReplica(replica, pass.input.traffic_known ? &pass.backend : nullptr, pass.memory);
  view.busy = pass.memory.creating.contains(view.name) || d_.jobs.Running("remove/" + id) ||
              d_.jobs.Running("sidecars/" + id) || d_.jobs.Running("signal/" + id) ||
              d_.jobs.Running("kill/" + id);
  std::uint16_t port = 0;
  if (replica.pod_template) {
    port = replica.pod_template->ServingPort();
    view.grace_seconds = replica.pod_template->termination_grace_period_seconds;
  }
  pass.addresses[id] = AddressOf(info) + ":" + std::to_string(port);
  pass.endpoints[id] = {.server = view.name,
                        .container_id = id,
                        .address = AddressOf(info),
                        .port = port,
                        .network = d_.network.name()};
  if (view.phase == ReplicaPhase::kRunning) ObserveHealth(pass, view, replica);
  // A controller that has just started does not take out of rotation what it has not probed yet,
  // nor cut off from their sticky sessions those that drain.
  const bool serves = view.server == ServerAdmin::kReady || view.server == ServerAdmin::kDrain;
  if (!view.decided && serves && view.server_up) view.ready = true;
  pass.input.replicas.push_back(std::move(view));
}

void WebAppReconciler::NoteRevision(Pass& pass, const AppContainers::Replica& replica) {
  Pass::Revision& revision = pass.revisions[TextLabel(*replica.main, api::kLabelRevision)];
  if (revision.images.empty() || (!revision.pod_template && replica.pod_template)) {
    revision.pod_template = replica.pod_template;
    revision.images = PinnedImages(
        *replica.main, replica.pod_template ? replica.pod_template->containers.size() : 1);
  }
  revision.config = TextLabel(*replica.main, api::kLabelConfig);
  revision.cause = TextLabel(*replica.main, api::kLabelCause);
  const api::Time time = ParseTime(TextLabel(*replica.main, api::kLabelRollout));
  if (time == api::Time{}) return;
  if (revision.started == api::Time{} || time < revision.started) revision.started = time;
}

void WebAppReconciler::ObserveHealth(Pass& pass, ReplicaView& view,
                                     const AppContainers::Replica& replica) {
  const TemplatePtr& pod_template = replica.pod_template;
  view.ready = true;
  if (!pod_template || pod_template->containers.empty()) {
    view.ready = false;
    view.health_message = "its label ballast.dev/template cannot be read";
    return;
  }
  const std::string address = AddressOf(*replica.main);
  WatchContainer(pass, *replica.main, address, &pod_template->containers.front(), true, view);
  for (const ObservedContainer& sidecar : replica.sidecars) {
    if (sidecar.info->state != ContainerState::kRunning) continue;
    const api::Container* container =
        ContainerNamed(*pod_template, TextLabel(*sidecar.info, api::kLabelSidecar));
    WatchContainer(pass, *sidecar.info, address, container, false, view);
  }
  for (const SidecarView& sidecar : view.sidecars) {
    if (sidecar.running) continue;
    view.ready = false;
    if (view.health_message.empty()) {
      view.health_message = "sidecar " + sidecar.name + " is not running";
    }
  }
}

// Has one container probed as its template says, and adds the result to the replica's.
void WebAppReconciler::WatchContainer(Pass& pass, const ContainerInfo& info,
                                      const std::string& address, const api::Container* container,
                                      bool serving, ReplicaView& view) {
  ProbeTarget target{.container_id = info.id, .app = pass.key, .address = address};
  target.started_at = info.started_at;
  if (container != nullptr) {
    target.startup = container->startup_probe;
    target.readiness = container->readiness_probe;
    target.liveness = container->liveness_probe;
    if (!container->ports.empty()) target.port = container->ports.front().container_port;
  }
  const bool probes = target.startup || target.readiness || target.liveness;
  if (!probes && info.health != DockerHealth::kNone) {
    if (info.health != DockerHealth::kHealthy) {
      MergeHealth(view, {.started = true,
                         .decided = true,
                         .message = info.health == DockerHealth::kStarting
                                        ? "Docker's health check has not passed yet"
                                        : "Docker's health check fails"});
    }
    return;
  }
  if (!target.readiness && serving) target.port_answers = true;
  if (!probes && !target.port_answers) return;  // a sidecar without probes: ready as it runs
  d_.health.Watch(target);
  pass.watched.insert(info.id);
  MergeHealth(view, d_.health.Get(info.id));
}

void WebAppReconciler::ObserveAdopted(Pass& pass, const ObservedContainer& container,
                                      const std::set<std::string>& taken_names) {
  if (pass.app == nullptr) return;
  const ContainerInfo& info = *container.info;
  AdoptedView view{.server = info.name, .container_id = info.id, .stopping = container.stopping};
  view.running = info.state == ContainerState::kRunning;
  pass.infos[info.id] = container.info;
  const AdoptedAddress where = ResolveAdopted(info, *pass.app, d_.network.name(), taken_names);
  view.server = where.server;
  if (const auto it = pass.backend.servers.find(view.server); it != pass.backend.servers.end()) {
    view.server_state = it->second.admin;
    view.server_up = it->second.up;
  }
  if (view.running && !where.problem.empty()) {
    view.running = false;
    pass.problems.adoption = "container " + info.name + " cannot be adopted: " + where.problem;
    std::string& seen = pass.memory.last_seen["adoption/" + info.id];
    if (seen != where.problem) {
      d_.events.Record(pass.key, EventType::kWarning, api::reason::kAdoptionRefused,
                       pass.problems.adoption);
      seen = where.problem;
    }
  }
  if (view.running) {
    pass.addresses[info.id] = where.address + ":" + std::to_string(where.port);
    pass.endpoints[info.id] = {.server = where.server,
                               .container_id = info.id,
                               .address = where.address,
                               .port = where.port,
                               .network = where.network};
    d_.addresses.Use(where.address);
    if (info.health != DockerHealth::kNone) {
      view.ready = info.health == DockerHealth::kHealthy;
    } else {
      d_.health.Watch({.container_id = info.id,
                       .app = pass.key,
                       .address = where.address,
                       .port = where.port,
                       .port_answers = true});
      pass.watched.insert(info.id);
      const Health health = d_.health.Get(info.id);
      const bool serving = view.server_state == ServerAdmin::kReady && view.server_up;
      view.ready = health.ready || (!health.decided && serving);
    }
  }
  pass.input.adopted.push_back(std::move(view));
}

}  // namespace ballast::reconcilers
