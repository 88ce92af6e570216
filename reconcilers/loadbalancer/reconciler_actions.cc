// The planner's actions as jobs, and what is asked of Docker beside them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/labels.h"
#include "api/reasons.h"
#include "reconcilers/loadbalancer/pass.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using Kind = InstanceAction::Kind;

// What hack/images makes. On Docker Hub the name belongs to somebody else, whose program would run
// on the host's network: nothing of that name is ever pulled.
constexpr std::string_view kOwnImages = "ballast/";

bool IsGone(const Status& status) { return status.code == Code::kNotFound; }

using Labels = std::map<std::string, std::string>;
bool Carries(const Labels& labels, const Labels& wanted, std::initializer_list<const char*> keys) {
  return std::ranges::all_of(keys, [&](const char* key) {
    const auto it = labels.find(key);
    return it != labels.end() && it->second == wanted.at(key);
  });
}

std::unexpected<Status> Taken(const std::string& kind, const std::string& name) {
  return Error(Code::kConflict,
               fmt::format("the name {0} is taken by a {1} that is not this load balancer's: "
                           "remove it (`docker {2} {0}`){3}",
                           name, kind, kind == "network" ? "network rm" : "rm",
                           kind == "network" ? "" : " or rename it"));
}

}  // namespace

bool LoadBalancerReconciler::StartJob(Pass& pass, const std::string& id,
                                      std::function<Result<void>()> work) {
  if (d_.jobs.Start(pass.key, id, std::move(work))) return true;
  if (const auto failure = d_.jobs.LastFailure(id)) {
    pass.Again(std::max(duration_cast<milliseconds>(failure->retry_at - d_.clock.Now()),
                        milliseconds(10)));
    if (!id.ends_with("/reload")) pass.Problem(failure->status.message);
  }
  return false;
}

void LoadBalancerReconciler::SetMemory(const std::string& name,
                                       const std::function<void(Memory&)>& change) {
  const std::lock_guard lock(mutex_);
  if (const auto it = memory_.find(name); it != memory_.end()) change(*it->second);
}

// The tag's image now. Looked up again and again, so that a new image is an upgrade.
void LoadBalancerReconciler::ResolveImage(Pass& pass) {
  const std::string image = pass.object->spec.image;
  bool due = false;
  {
    const std::lock_guard lock(mutex_);
    Memory& memory = pass.memory;
    if (memory.image != image) {
      memory.image = image;
      memory.image_id.clear();
      memory.image_checked.reset();
    }
    pass.input.image_id = memory.image_id;
    due = !memory.image_checked || d_.clock.Now() - *memory.image_checked >= kImageCheck;
  }
  if (!due) return;
  const std::string name = pass.key.name;
  StartJob(
      pass, "pull/lb/" + name + "/" + image, [this, key = pass.key, name, image]() -> Result<void> {
        auto info = d_.engine.InspectImage(image);
        if (!info && IsGone(info.error()) && image.starts_with(kOwnImages)) {
          return Error(Code::kFailedPrecondition,
                       fmt::format("image {} is not on this machine: run `hack/images "
                                   "haproxy`. (It is never pulled: on Docker Hub that name "
                                   "is somebody else's.)",
                                   image));
        }
        if (!info && IsGone(info.error())) {
          d_.events.Record(key, EventType::kNormal, api::reason::kPulling,
                           "pulling image " + image);
          if (auto pulled = d_.engine.PullImage(image, [](const PullProgress&) {}); !pulled) {
            return Wrap("image " + image + " is not here and cannot be pulled", pulled.error());
          }
          info = d_.engine.InspectImage(image);
        }
        if (!info) return Wrap("image " + image, info.error());
        const auto now = d_.clock.Now();
        SetMemory(name, [&](Memory& memory) {
          if (memory.image != image) return;
          if (memory.image_id != info->id) d_.jobs.Forget("lb/" + name + "/create");
          memory.image_id = info->id;
          memory.image_checked = now;
        });
        return {};
      });
}

void LoadBalancerReconciler::Execute(Pass& pass, const InstanceAction& action) {
  const std::string prefix = "lb/" + pass.key.name + "/";
  const std::string& id = action.container_id;
  switch (action.kind) {
    case Kind::kRemove:
      StartJob(pass, prefix + "remove-" + id,
               [this, id, network = action.network] { return RemoveContainer(id, network); });
      break;
    case Kind::kCreatePause:
      StartJob(pass, prefix + "create-pause",
               [this, network = NetworkName(pass.input), spec = PauseSpec(pass.input)] {
                 return CreatePause(network, spec);
               });
      break;
    case Kind::kCreate: {
      std::string pause;
      for (const ObservedContainer& container : pass.input.containers) {
        const auto role = container.info->labels.find(api::kLabelLoadBalancerRole);
        if (role != container.info->labels.end() && role->second == kRolePause) {
          pause = container.info->id;
        }
      }
      const int last = pass.input.known.empty() ? 0 : pass.input.known.back();
      StartJob(pass, fmt::format("{}create-{}", prefix, action.number),
               [this, key = pass.key, &traffic = pass.traffic, last, number = action.number,
                spec = HaproxySpec(pass.input, action.number, pause), why = action.why] {
                 Result<void> made =
                     CreateInstance(key.name, number, spec, traffic.StartFiles(last));
                 if (made) {
                   d_.events.Record(key, EventType::kNormal, api::reason::kLoadBalancerStarted,
                                    "started " + spec.name + ": " + why);
                 }
                 return made;
               });
      break;
    }
    case Kind::kStart:
      StartJob(pass, prefix + "start-" + id,
               [this, key = pass.key, id, number = action.number,
                container = action.container_name]() -> Result<void> {
                 // After a reboot its directories may be gone.
                 if (number > 0) {
                   if (auto made = d_.planes.Prepare(key.name, number, {}); !made) return made;
                 }
                 if (auto started = d_.engine.StartContainer(id); !started) {
                   return Wrap("start " + container, started.error());
                 }
                 d_.events.Record(key, EventType::kNormal, api::reason::kLoadBalancerStarted,
                                  "started " + container + " again");
                 return d_.containers.Refresh(id);
               });
      break;
    case Kind::kTakeOver: {
      const Result<void> taken =
          pass.traffic.SwitchTo({pass.key.name, action.number, action.container_id});
      if (taken) {
        pass.took_over = true;
        d_.events.Record(pass.key, EventType::kNormal, api::reason::kLoadBalancerUpgraded,
                         fmt::format("{} has taken over", action.container_name));
      } else {
        // Not up yet, most often.
        pass.Again(milliseconds(25));
      }
      break;
    }
    case Kind::kRetire:
      if (pass.memory.retired.contains(id)) break;
      if (StartJob(pass, prefix + "retire-" + id, [this, id] { return Retire(id); })) {
        pass.memory.retired.insert(id);
      }
      break;
    case Kind::kJoin:
      StartJob(pass, prefix + "join-" + action.network,
               [this, key = pass.key, id, network = action.network]() -> Result<void> {
                 if (auto joined = d_.engine.ConnectNetwork(network, id, ""); !joined) {
                   return Wrap("join network " + network, joined.error());
                 }
                 d_.events.Record(key, EventType::kNormal, api::reason::kNetworkJoined,
                                  "joined network " + network);
                 return d_.containers.Refresh(id);
               });
      break;
    case Kind::kLeave:
      StartJob(pass, prefix + "leave-" + action.network,
               [this, key = pass.key, id, network = action.network]() -> Result<void> {
                 if (auto left = d_.engine.DisconnectNetwork(network, id);
                     !left && !IsGone(left.error())) {
                   return Wrap("leave network " + network, left.error());
                 }
                 d_.events.Record(key, EventType::kNormal, api::reason::kNetworkLeft,
                                  "left network " + network + ": no server is on it");
                 return d_.containers.Refresh(id);
               });
      break;
    case Kind::kForget:
      StartJob(pass, fmt::format("{}forget-{}", prefix, action.number),
               [this, name = pass.key.name, number = action.number] {
                 return d_.planes.Remove(name, number);
               });
      break;
  }
  // A retirement that failed is sent again.
  if (action.kind == Kind::kRetire && d_.jobs.LastFailure(prefix + "retire-" + id)) {
    pass.memory.retired.erase(id);
  }
}

Result<void> LoadBalancerReconciler::CreateInstance(const std::string& name, int number,
                                                    const ContainerSpec& spec,
                                                    const ConfigFiles& files) {
  if (auto prepared = d_.planes.Prepare(name, number, files); !prepared) return prepared;
  ContainerSpec full = spec;
  for (MountSpec& mount : d_.planes.Mounts(name, number)) full.mounts.push_back(std::move(mount));
  return CreateAndStart(full);
}

Result<void> LoadBalancerReconciler::CreatePause(const std::string& network,
                                                 const ContainerSpec& spec) {
  NetworkSpec wanted{
      .name = network,
      .labels = {{api::kLabelOwner, owner_},
                 {api::kLabelLoadBalancerName, spec.labels.at(api::kLabelLoadBalancerName)}}};
  if (auto made = d_.engine.CreateNetwork(wanted); !made) {
    if (made.error().code != Code::kAlreadyExists) {
      return Wrap("create network " + network, made.error());
    }
    const auto there = d_.engine.InspectNetwork(network);
    if (!there) return Wrap("inspect network " + network, there.error());
    if (!Carries(there->labels, wanted.labels, {api::kLabelOwner, api::kLabelLoadBalancerName})) {
      return Taken("network", network);
    }
  }
  return CreateAndStart(spec);
}

Result<void> LoadBalancerReconciler::CreateAndStart(const ContainerSpec& spec) {
  auto id = d_.engine.CreateContainer(spec);
  if (!id && id.error().code == Code::kAlreadyExists) {
    // An earlier call that seemed to fail had made it, or somebody else has the name.
    const auto there = d_.engine.InspectContainer(spec.name);
    if (!there) return Wrap("inspect container " + spec.name, there.error());
    if (!Carries(there->labels, spec.labels,
                 {api::kLabelOwner, api::kLabelLoadBalancerName, api::kLabelLoadBalancerRole})) {
      return Taken("container", spec.name);
    }
    id = there->id;
  }
  if (!id) return Wrap("create " + spec.name, id.error());
  Result<void> started = d_.engine.StartContainer(*id);
  static_cast<void>(d_.containers.Refresh(*id));  // started or not, it is there now
  if (!started) return Wrap("start " + spec.name, started.error());
  return {};
}

// SIGUSR1: no new connections, and it ends with the last one. It must not be restarted then.
Result<void> LoadBalancerReconciler::Retire(const std::string& id) {
  if (auto updated = d_.engine.UpdateRestartPolicy(id, "no"); !updated) return updated;
  return d_.engine.SignalContainer(id, "SIGUSR1");
}

Result<void> LoadBalancerReconciler::RemoveContainer(const std::string& id,
                                                     const std::string& network) {
  if (auto removed = d_.engine.RemoveContainer(id); !removed) return removed;
  if (!network.empty()) {
    if (auto removed = d_.engine.RemoveNetwork(network); !removed && !IsGone(removed.error())) {
      return removed;
    }
  }
  static_cast<void>(d_.containers.Refresh(id));  // gone: the cache forgets it
  return {};
}

}  // namespace ballast::reconcilers
