// How WebAppReconciler makes a replica: its volumes, its container, its sidecars. The work runs as
// jobs; each may be the last thing before a crash, and may be done twice.
#include <algorithm>
#include <utility>

#include "api/labels.h"
#include "api/reasons.h"
#include "reconcilers/webapp/container_spec.h"
#include "reconcilers/webapp/pass.h"

namespace ballast::reconcilers {

struct WebAppReconciler::Creation {
  PlanAction action;
  TemplatePtr pod_template;
  bool old_revision = false;
  api::Time rollout_started{};
  std::vector<std::string> images;
  std::string config;
  std::string cause;
  ReplicaConfigPtr values;
};

void WebAppReconciler::StartCreate(Pass& pass, const PlanAction& action) {
  // The update revision comes from the manifest, an old one from the label of its containers.
  Creation creation{.action = action,
                    .old_revision = action.revision != pass.input.update_revision,
                    .rollout_started = pass.input.wall_now};
  if (const auto it = pass.revisions.find(action.revision); it != pass.revisions.end()) {
    const Pass::Revision& revision = it->second;
    if (revision.started != api::Time{}) {
      creation.rollout_started = std::min(creation.rollout_started, revision.started);
    }
    creation.pod_template = revision.pod_template;
    creation.images = revision.images;
    creation.config = revision.config;
    creation.cause = revision.cause;
  }
  if (!creation.old_revision) {
    creation.pod_template = TemplatePtr(pass.app, &*pass.app->spec.pod_template);
    creation.images = pins_.Get(pass.key, action.revision).value_or(std::vector<std::string>{});
    creation.config = pass.update_config;
    creation.cause = pass.update_cause;
  } else if (creation.pod_template) {
    for (std::size_t i = creation.images.size(); i < creation.pod_template->containers.size();
         ++i) {
      creation.images.push_back(creation.pod_template->containers[i].image);
    }
  }
  if (!creation.pod_template) {
    pass.problems.create = "template of revision " + action.revision +
                           ": no container carries it in a label that can be read";
    return;
  }
  creation.values = ValuesFor(pass, action.revision, *creation.pod_template);
  if (!creation.values) return;  // the planner knows that it cannot be made
  const bool started_job = StartJob(pass, "create/" + pass.key.ns + "." + action.replica,
                                    [this, key = pass.key, creation = std::move(creation)] {
                                      return CreateReplica(key, creation);
                                    });
  if (started_job) pass.memory.creating.insert(action.replica);
}

Result<void> WebAppReconciler::CreateReplica(const api::ObjectKey& key, const Creation& creation) {
  const PlanAction& action = creation.action;
  if (auto network = d_.network.Ensure(); !network) return network;
  const auto address = d_.addresses.Allocate();
  if (!address) return std::unexpected(address.error());
  const ReplicaSpecs specs =
      BuildReplica({.owner = owner_,
                    .ns = key.ns,
                    .app = key.name,
                    .replica = action.replica,
                    .revision = action.revision,
                    .slot = action.slot,
                    .attempt = action.attempt,
                    .failures = action.failures,
                    .network = d_.network.name(),
                    .address = *address,
                    .rollout_started = creation.rollout_started,
                    .config = creation.config,
                    .cause = creation.cause},
                   *creation.pod_template, creation.images, *creation.values);
  for (const VolumeSpec& volume : specs.volumes) {
    if (auto made = d_.engine.CreateVolume(volume); !made) {
      d_.addresses.Release(*address);
      return Wrap("create volume " + volume.name, made.error());
    }
  }
  if (auto open = OpenVolumes(specs); !open) {
    d_.addresses.Release(*address);
    RemoveVolumes(specs);
    return Wrap("prepare the volumes of " + specs.main.name, open.error());
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
      if (!creation.old_revision) pins_.Forget(key, action.revision);
    }
    RemoveVolumes(specs);
    return Wrap("create " + specs.main.name, id.error());
  }
  Result<void> started = d_.engine.StartContainer(*id);
  if (started) {
    // The main container first: a sidecar without one is taken for an orphan.
    if (!specs.sidecars.empty()) started = d_.containers.Refresh(*id);
    if (started) started = StartSidecars(*id, specs.sidecars);
    // Perhaps a sidecar's image is gone.
    if (!started && started.error().code == Code::kNotFound && !creation.old_revision) {
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

// No container came of it: the values of a Secret must not lie about for one that may never come.
// What cannot be removed now is when the replica's next attempt is.
void WebAppReconciler::RemoveVolumes(const ReplicaSpecs& specs) {
  for (const VolumeSpec& volume : specs.volumes) {
    static_cast<void>(d_.engine.RemoveVolume(volume.name));
  }
}

// Lets everybody write to emptyDir volumes and puts files into the others. Killed in between, it
// leaves a container that never ran; Remove knows its name.
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

void WebAppReconciler::StartEnsureSidecars(Pass& pass, const PlanAction& action) {
  const std::string& id = action.container_id;
  const AppContainers::Replica& replica = *pass.replicas.at(id);
  const TemplatePtr& pod_template = replica.pod_template;
  if (!pod_template) return;
  const ReplicaIdentity identity{.owner = owner_,
                                 .ns = pass.key.ns,
                                 .app = pass.key.name,
                                 .replica = action.replica,
                                 .revision = action.revision,
                                 .slot = action.slot,
                                 .attempt = action.attempt};
  const ReplicaConfigPtr values = ValuesFor(pass, action.revision, *pod_template);
  if (!values) {  // one that only stopped needs no new values
    StartJob(pass, "sidecars/" + id, [this, sidecars = replica.sidecars]() -> Result<void> {
      for (const ObservedContainer& sidecar : sidecars) {
        if (sidecar.info->state == ContainerState::kRunning) continue;
        if (auto started = d_.engine.StartContainer(sidecar.info->id); !started) return started;
        if (auto seen = d_.containers.Refresh(sidecar.info->id); !seen) return seen;
      }
      return {};
    });
    return;
  }
  std::vector<std::string> images = PinnedImages(*replica.main, pod_template->containers.size());
  for (std::size_t i = images.size(); i < pod_template->containers.size(); ++i) {
    images.push_back(pod_template->containers[i].image);
  }
  ReplicaSpecs specs = BuildReplica(identity, *pod_template, images, *values);
  StartJob(pass, "sidecars/" + id, [this, id, sidecars = std::move(specs.sidecars)] {
    return StartSidecars(id, sidecars);
  });
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

}  // namespace ballast::reconcilers
