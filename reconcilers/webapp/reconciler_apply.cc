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
      case Kind::kEnsureSidecars:
        StartEnsureSidecars(pass, action);
        break;
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

void WebAppReconciler::StartRemove(Pass& pass, const std::string& id, const std::string& name) {
  std::string address;
  bool volumes = false;
  std::vector<std::string> sidecars;
  if (const auto it = pass.replicas.find(id); it != pass.replicas.end()) {
    const AppContainers::Replica& replica = *it->second;
    address = AddressOf(*replica.main);
    // One that cannot be read may have had some.
    volumes = !replica.pod_template || HasOwnVolumes(*replica.pod_template);
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
