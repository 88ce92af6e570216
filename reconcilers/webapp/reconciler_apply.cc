// The acting half of WebAppReconciler: the planner's actions as jobs, and what they leave behind.
#include <algorithm>

#include "api/labels.h"
#include "api/reasons.h"
#include "reconcilers/webapp/container_spec.h"
#include "reconcilers/webapp/pass.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using Kind = PlanAction::Kind;

}  // namespace

bool WebAppReconciler::StartJob(Pass& pass, const std::string& id,
                                std::function<Result<void>()> work) {
  if (d_.jobs.Start(pass.key, id, std::move(work))) return true;
  if (const auto failure = d_.jobs.LastFailure(id)) {
    const auto wait = duration_cast<milliseconds>(failure->retry_at - d_.clock.Now());
    pass.CheckAfter(std::max(wait, milliseconds(10)));
  }
  return false;
}

void WebAppReconciler::ApplyActions(Pass& pass) {
  for (const PlanAction& action : pass.output.actions) {
    const std::string& id = action.container_id;
    switch (action.kind) {
      case Kind::kCreate:
        StartCreate(pass, action);
        break;
      case Kind::kEnsureSidecars: {
        const TemplatePtr& pod_template = pass.replicas.at(id)->pod_template;
        if (!pod_template) break;
        ReplicaIdentity identity{.owner = owner_,
                                 .ns = pass.key.ns,
                                 .app = pass.key.name,
                                 .replica = action.replica,
                                 .revision = action.revision,
                                 .slot = action.slot,
                                 .attempt = action.attempt};
        std::vector<std::string> images =
            PinnedImages(*pass.replicas.at(id)->main, pod_template->containers.size());
        for (std::size_t i = images.size(); i < pod_template->containers.size(); ++i) {
          images.push_back(pod_template->containers[i].image);
        }
        ReplicaSpecs specs = BuildReplica(identity, *pod_template, images);
        StartJob(pass, "sidecars/" + id, [this, id, sidecars = std::move(specs.sidecars)] {
          return StartSidecars(id, sidecars);
        });
        break;
      }
      case Kind::kSignal: {
        const ContainerInfo& info = *pass.replicas.at(id)->main;
        const std::string signal = info.stop_signal.empty() ? "SIGTERM" : info.stop_signal;
        std::vector<std::string> targets{id};
        for (const ObservedContainer& sidecar : pass.replicas.at(id)->sidecars) {
          targets.push_back(sidecar.info->id);
        }
        if (StartJob(pass, "signal/" + id, [this, targets, signal]() -> Result<void> {
              for (const std::string& target : targets) {
                if (auto sent = d_.engine.SignalContainer(target, signal); !sent) return sent;
              }
              return {};
            })) {
          pass.memory.stop_since[id] = pass.input.now;
          d_.events.Record(pass.key, EventType::kNormal, api::reason::kStopping,
                           "stopping " + action.replica + ": " + action.why);
        }
        break;
      }
      case Kind::kKill:
        if (StartJob(pass, "kill/" + id,
                     [this, id] { return d_.engine.SignalContainer(id, "SIGKILL"); })) {
          pass.memory.kill_sent.insert(id);
          d_.events.Record(pass.key, EventType::kWarning, api::reason::kStopping,
                           "killing " + action.replica + ": " + action.why);
        }
        break;
      case Kind::kRemove:
        StartRemove(pass, id, action.container_name);
        break;
    }
  }
  for (const ContainerPtr& orphan : pass.containers.orphaned_sidecars) {
    if (!d_.jobs.Running("remove/" + orphan->id)) StartRemove(pass, orphan->id, orphan->name);
  }
}

// How long it took HAProxy to learn what happened: from the probe that passed, from the `die`
// event.
void WebAppReconciler::MeasureTraffic(Pass& pass) {
  if (!pass.input.traffic_known || !pass.backend.known) return;
  const std::set<std::string> dead(pass.output.dead_servers.begin(),
                                   pass.output.dead_servers.end());
  std::set<std::string> serving;
  for (const ServerWish& wish : pass.output.servers) {
    if (wish.admin == ServerAdmin::kReady) serving.insert(wish.container_id);
  }
  using Seconds = std::chrono::duration<double>;
  for (const ReplicaView& r : pass.input.replicas) {
    if (!r.server && serving.contains(r.container_id) && r.ready_since) {
      d_.metrics.Observe("ballast_ready_to_in_service_seconds",
                         Seconds(d_.clock.Now() - *r.ready_since).count(), {});
    }
    if (r.server == ServerAdmin::kReady && r.phase == ReplicaPhase::kDead &&
        dead.contains(r.name)) {
      d_.metrics.Observe("ballast_die_to_out_of_rotation_seconds",
                         Seconds(d_.clock.WallNow() - r.finished).count(), {});
    }
  }
}

void WebAppReconciler::StartCreate(Pass& pass, const PlanAction& action) {
  // The update revision comes from the manifest, an old one from the label of its containers.
  const bool old_revision = action.revision != pass.input.update_revision;
  TemplatePtr pod_template;
  std::vector<std::string> images;
  api::Time started = pass.input.wall_now;
  if (const auto it = pass.revisions.find(action.revision); it != pass.revisions.end()) {
    if (it->second.started != api::Time{}) started = std::min(started, it->second.started);
    pod_template = it->second.pod_template;
    images = it->second.images;
  }
  if (!old_revision) {
    pod_template = TemplatePtr(pass.app, &*pass.app->spec.pod_template);
    images = pins_.Get(pass.key, action.revision).value_or(std::vector<std::string>{});
  } else if (pod_template) {
    for (std::size_t i = images.size(); i < pod_template->containers.size(); ++i) {
      images.push_back(pod_template->containers[i].image);
    }
  }
  if (!pod_template) {
    pass.problems.create = "template of revision " + action.revision +
                           ": no container carries it in a label that can be read";
    return;
  }
  const bool started_job =
      StartJob(pass, "create/" + pass.key.ns + "." + action.replica,
               [this, key = pass.key, action, pod_template, old_revision, started, images] {
                 return CreateReplica(key, action, *pod_template, old_revision, started, images);
               });
  if (started_job) pass.memory.creating.insert(action.replica);
}

Result<void> WebAppReconciler::CreateReplica(const api::ObjectKey& key, const PlanAction& action,
                                             const api::PodTemplate& pod_template,
                                             bool old_revision, api::Time rollout_started,
                                             const std::vector<std::string>& images) {
  if (auto network = d_.network.Ensure(); !network) return network;
  const auto address = d_.addresses.Allocate();
  if (!address) return std::unexpected(address.error());
  const ReplicaSpecs specs = BuildReplica({.owner = owner_,
                                           .ns = key.ns,
                                           .app = key.name,
                                           .replica = action.replica,
                                           .revision = action.revision,
                                           .slot = action.slot,
                                           .attempt = action.attempt,
                                           .failures = action.failures,
                                           .network = d_.network.name(),
                                           .address = *address,
                                           .rollout_started = rollout_started},
                                          pod_template, images);
  for (const VolumeSpec& volume : specs.volumes) {
    if (auto made = d_.engine.CreateVolume(volume); !made) {
      d_.addresses.Release(*address);
      return Wrap("create volume " + volume.name, made.error());
    }
  }
  if (auto open = OpenVolumes(specs); !open) {
    d_.addresses.Release(*address);
    return Wrap("make the volumes of " + specs.main.name + " writable", open.error());
  }
  auto id = d_.engine.CreateContainer(specs.main);
  if (!id) {
    d_.addresses.Release(*address);
    if (id.error().code == Code::kAlreadyExists) {
      // An earlier call that seemed to fail had made it: the cache only has to learn of it.
      const auto there = d_.engine.InspectContainer(specs.main.name);
      if (there && TextLabel(*there, api::kLabelOwner) == owner_) {
        return d_.containers.Refresh(there->id);
      }
      return Error(Code::kConflict, "the name " + specs.main.name +
                                        " is taken by a container that is not " + owner_ +
                                        "'s: remove it (docker rm) or rename it");
    }
    if (id.error().code == Code::kNotFound) {
      d_.network.Reset();  // it may be the network that is gone, or the image
      if (!old_revision) pins_.Forget(key, action.revision);
    }
    return Wrap("create " + specs.main.name, id.error());
  }
  Result<void> started = d_.engine.StartContainer(*id);
  if (started) {
    // The main container first: a sidecar without one is taken for an orphan.
    if (!specs.sidecars.empty()) started = d_.containers.Refresh(*id);
    if (started) started = StartSidecars(*id, specs.sidecars);
    // Perhaps a sidecar's image is gone.
    if (!started && started.error().code == Code::kNotFound && !old_revision) {
      pins_.Forget(key, action.revision);
    }
  } else if (started.error().code == Code::kNotFound) {
    d_.network.Reset();  // Docker misses a container's first network only now
  }
  if (!started) {
    // Half a replica helps nobody; what failed is in the job's error, for the condition.
    static_cast<void>(Remove(*id, specs.main.name, *address, !specs.volumes.empty(), {}));
    return Wrap("start " + specs.main.name, started.error());
  }
  d_.events.Record(key, EventType::kNormal, api::reason::kCreated,
                   "created " + action.replica + " (" + *address + "): " + action.why);
  return d_.containers.Refresh(*id);
}

// Lets everybody write to emptyDir volumes. Killed in between, it leaves a container that never
// ran; Remove knows its name.
Result<void> WebAppReconciler::OpenVolumes(const ReplicaSpecs& specs) {
  if (specs.opened.empty()) return {};
  auto id = d_.engine.CreateContainer(specs.opener);
  if (!id && id.error().code == Code::kAlreadyExists) {
    if (auto removed = d_.engine.RemoveContainer(specs.opener.name); !removed) return removed;
    id = d_.engine.CreateContainer(specs.opener);
  }
  if (!id) return std::unexpected(id.error());
  auto put = d_.engine.PutFiles(*id, "/", specs.opened);
  auto removed = d_.engine.RemoveContainer(*id);
  return put ? removed : put;
}

// Makes the sidecars that are missing and starts those that stopped.
Result<void> WebAppReconciler::StartSidecars(const std::string& main_id,
                                             std::vector<ContainerSpec> sidecars) {
  for (ContainerSpec& sidecar : sidecars) {
    sidecar.network_mode = "container:" + main_id;
    auto id = d_.engine.CreateContainer(sidecar);
    std::string target = sidecar.name;
    if (id) {
      target = *id;
    } else if (id.error().code != Code::kAlreadyExists) {
      return Wrap("create sidecar " + sidecar.name, id.error());
    }
    if (auto started = d_.engine.StartContainer(target); !started) {
      return Wrap("start sidecar " + sidecar.name, started.error());
    }
    if (auto seen = d_.containers.Refresh(target); !seen) return seen;
  }
  return {};
}

void WebAppReconciler::StartRemove(Pass& pass, const std::string& id, const std::string& name) {
  std::string address;
  bool volumes = false;
  std::vector<std::string> sidecars;
  if (const auto it = pass.replicas.find(id); it != pass.replicas.end()) {
    const AppContainers::Replica& replica = *it->second;
    address = AddressOf(*replica.main);
    volumes = TextLabel(*replica.main, api::kLabelTemplate).find("emptyDir") != std::string::npos;
    for (const ObservedContainer& sidecar : replica.sidecars) {
      sidecars.push_back(sidecar.info->id);
    }
  }
  StartJob(pass, "remove/" + id, [this, id, name, address, volumes, sidecars] {
    return Remove(id, name, address, volumes, sidecars);
  });
}

Result<void> WebAppReconciler::Remove(const std::string& id, const std::string& name,
                                      const std::string& address, bool volumes,
                                      const std::vector<std::string>& sidecars) {
  for (const std::string& sidecar : sidecars) {
    if (auto removed = d_.engine.RemoveContainer(sidecar); !removed) return removed;
    static_cast<void>(d_.containers.Refresh(sidecar));  // gone: the cache forgets it
  }
  if (auto removed = d_.engine.RemoveContainer(id); !removed) return removed;
  if (volumes) {
    if (auto removed = d_.engine.RemoveContainer(OpenerName(name)); !removed) return removed;
    auto found = d_.engine.ListVolumes(std::string(api::kLabelVolumeOf) + "=" + name);
    if (!found) return Wrap("list the volumes of " + name, found.error());
    for (const VolumeInfo& volume : *found) {
      if (auto removed = d_.engine.RemoveVolume(volume.name); !removed) return removed;
    }
  }
  if (!address.empty()) d_.addresses.Release(address);
  static_cast<void>(d_.containers.Refresh(id));
  return {};
}

// Events for what changed since the last pass. A container that this controller sees for the first
// time tells nothing: after a restart nobody wants to read it all again.
void WebAppReconciler::RecordTransitions(Pass& pass) {
  std::map<std::string, std::string>& last = pass.memory.last_seen;
  std::map<std::string, std::string> now;
  const auto record = [&](EventType type, const char* reason, const std::string& message) {
    d_.events.Record(pass.key, type, reason, message);
  };
  const std::set<std::string> draining(pass.output.draining.begin(), pass.output.draining.end());
  for (const ReplicaView& r : pass.input.replicas) {
    std::string state = "starting";
    if (r.phase == ReplicaPhase::kDead) {
      state = "dead";
    } else if (draining.contains(r.container_id)) {
      state = "draining";
    } else if (r.server == ServerAdmin::kReady && r.ready) {
      state = "in service";
    } else if (!r.alive) {
      state = "failing";
    } else if (r.ready) {
      state = "ready";
    }
    const auto it = last.find(r.container_id);
    const std::string before = it == last.end() ? "" : it->second;
    now[r.container_id] = state;
    if (before.empty() || before == state) continue;
    if (state == "dead" && before != "draining") {
      record(EventType::kWarning, api::reason::kDied,
             r.name + " exited with code " + std::to_string(r.exit_code) +
                 (r.oom_killed ? " (out of memory)" : ""));
    } else if (state == "in service") {
      record(EventType::kNormal, api::reason::kInService, r.name + " takes traffic");
    } else if (state == "draining") {
      record(EventType::kNormal, api::reason::kDraining, r.name + " takes no new requests");
    } else if (state == "failing" || (state == "starting" && before == "in service")) {
      record(EventType::kWarning, api::reason::kUnhealthy, r.name + ": " + r.health_message);
    }
  }
  for (const AdoptedView& a : pass.input.adopted) {
    const std::string state = a.running && a.ready && !a.stopping ? "in" : "out";
    const auto it = last.find(a.container_id);
    now[a.container_id] = state;
    if (it == last.end() ? state == "in" : it->second != state) {
      record(EventType::kNormal, state == "in" ? api::reason::kAdopted : api::reason::kAdoptedLeft,
             "container " + a.server + (state == "in" ? " joined the pool" : " left the pool"));
    }
  }
  for (const auto& [id, state] : last) {
    if (id.starts_with("adoption/") && pass.infos.contains(id.substr(9))) now[id] = state;
    const bool ended = !now.contains(id) && (state == "dead" || state == "draining");
    if (ended) record(EventType::kNormal, api::reason::kRemoved, "removed " + id.substr(0, 12));
  }
  last = std::move(now);
}

}  // namespace ballast::reconcilers
