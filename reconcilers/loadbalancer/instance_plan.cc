// Implements the planner of instance_plan.h; the containers' specs are in instance_spec.cc.
#include "reconcilers/loadbalancer/instance_plan.h"

#include <algorithm>
#include <charconv>

#include "api/labels.h"

namespace ballast::reconcilers {
namespace {

using Kind = InstanceAction::Kind;

std::string Label(const ContainerInfo& info, const char* label) {
  const auto it = info.labels.find(label);
  return it == info.labels.end() ? "" : it->second;
}

bool Ours(const ContainerInfo& info, const std::string& load_balancer, const std::string& owner,
          const char* role) {
  return Label(info, api::kLabelOwner) == owner &&
         Label(info, api::kLabelLoadBalancerName) == load_balancer &&
         Label(info, api::kLabelLoadBalancerRole) == role;
}

bool Runs(const ContainerInfo& info) { return info.state == ContainerState::kRunning; }
// Somebody is at it already.
bool Moving(const ContainerInfo& info) {
  return info.state == ContainerState::kRestarting || info.state == ContainerState::kRemoving;
}

class Planner {
 public:
  explicit Planner(const InstanceInput& in) : in_(in) {
    instances_ = InstancesOf(in.load_balancer, in.owner, in.containers);
    for (const ObservedContainer& container : in.containers) {
      if (Ours(*container.info, in.load_balancer, in.owner, kRolePause)) {
        pauses_.push_back(container.info);
      }
    }
  }

  InstancePlan Plan() {
    if (in_.spec == nullptr) {
      RemoveEverything();
      return std::move(out_);
    }
    if (in_.spec->host_network) {
      for (const ContainerPtr& pause : pauses_) {
        out_.outage = "from its own network to the host's";
        RemoveWithInstances(pause, true);
      }
    } else {
      out_.joined.emplace();
      if (!PlanPause()) return std::move(out_);
    }
    PlanInstances();
    return std::move(out_);
  }

 private:
  InstanceAction& Act(Kind kind, int number, const ContainerInfo* info, std::string why) {
    InstanceAction action{.kind = kind, .number = number, .why = std::move(why)};
    if (info != nullptr) {
      action.container_id = info->id;
      action.container_name = info->name;
    }
    return out_.actions.emplace_back(std::move(action));
  }

  void RemoveEverything() {
    for (const InstanceView& instance : instances_) {
      Act(Kind::kRemove, instance.ref.number, instance.info.get(), "load balancer is gone");
    }
    for (const ContainerPtr& pause : pauses_) {
      Act(Kind::kRemove, 0, pause.get(), "load balancer is gone").network = NetworkName(in_);
    }
    if (instances_.empty() && pauses_.empty()) {
      for (const int number : in_.known)
        Act(Kind::kForget, number, nullptr, "its container is gone");
    }
  }

  // A pause container goes with everything that lives in its network.
  void RemoveWithInstances(const ContainerPtr& pause, bool network) {
    std::erase_if(instances_, [&](const InstanceView& instance) {
      if (instance.info->network_mode != "container:" + pause->id) return false;
      Act(Kind::kRemove, instance.ref.number, instance.info.get(), "its network goes");
      return true;
    });
    InstanceAction& action = Act(Kind::kRemove, 0, pause.get(), out_.outage);
    if (network) action.network = NetworkName(in_);
  }

  // False: nothing else can be done before.
  bool PlanPause() {
    for (const InstanceView& instance : instances_) {
      if (instance.info->network_mode != "host") continue;
      out_.outage = "from the host's network to its own";
    }
    // The ports must be free before they are published.
    std::erase_if(instances_, [&](const InstanceView& instance) {
      if (instance.info->network_mode != "host") return false;
      Act(Kind::kRemove, instance.ref.number, instance.info.get(), out_.outage);
      return true;
    });
    const ContainerSpec wanted = PauseSpec(in_);
    pause_ = nullptr;
    for (const ContainerPtr& pause : pauses_) {
      if (Label(*pause, api::kLabelSpecHash) == wanted.labels.at(api::kLabelSpecHash) &&
          pause_ == nullptr && pause->state != ContainerState::kDead) {
        pause_ = pause.get();
        continue;
      }
      out_.outage = "published ports changed";
      RemoveWithInstances(pause, false);
    }
    if (pause_ == nullptr) {
      if (out_.actions.empty() && !in_.image_id.empty()) {
        Act(Kind::kCreatePause, 0, nullptr, "no pause container").container_name = wanted.name;
      }
      return false;
    }
    if (Moving(*pause_)) return false;
    if (!Runs(*pause_)) {
      Act(Kind::kStart, 0, pause_, "the pause container does not run");
      return false;
    }
    PlanNetworks();
    // What started before the pause container did is in a network that is no more.
    std::erase_if(instances_, [&](const InstanceView& instance) {
      const ContainerInfo& info = *instance.info;
      const bool stale =
          info.network_mode != "container:" + pause_->id ||
          (Runs(info) && info.started_at != api::Time{} && pause_->started_at != api::Time{} &&
           info.started_at < pause_->started_at);
      if (stale) Act(Kind::kRemove, instance.ref.number, &info, "the pause container is another");
      return stale;
    });
    return true;
  }

  void PlanNetworks() {
    const std::string own = NetworkName(in_);
    for (const auto& [network, address] : pause_->networks) {
      if (network != own) out_.joined->insert(network);
    }
    for (const std::string& network : in_.networks) {
      if (network.empty() || out_.joined->contains(network)) continue;
      Act(Kind::kJoin, 0, pause_, "a server is on it").network = network;
    }
    if (!in_.may_leave) return;
    for (const std::string& network : *out_.joined) {
      if (in_.networks.contains(network)) continue;
      Act(Kind::kLeave, 0, pause_, "no server is on it").network = network;
    }
  }

  [[nodiscard]] bool UpToDate(const ContainerInfo& info) const {
    const ContainerSpec wanted = HaproxySpec(in_, 0, pause_ ? pause_->id : "");
    const bool image = in_.image_id.empty() || info.image_id == in_.image_id;
    return image && Label(info, api::kLabelSpecHash) == wanted.labels.at(api::kLabelSpecHash);
  }

  void Create(int number, std::string why) {
    Act(Kind::kCreate, number, nullptr, std::move(why)).container_name =
        HaproxySpec(in_, number, "").name;
  }

  void PlanInstances() {
    if (instances_.empty()) {
      if (in_.image_id.empty() || !out_.actions.empty()) return;
      // The same number as before: its directory still has the files.
      const int last = in_.known.empty() ? 0 : in_.known.back();
      Create(std::max(last, 1), "no HAProxy");
      return;
    }
    const InstanceView& newest = instances_.back();
    const bool serves = in_.serving == newest.ref.number;
    if (newest.info->state == ContainerState::kDead) {
      Act(Kind::kRemove, newest.ref.number, newest.info.get(), "Docker cannot start it");
    } else if (!UpToDate(*newest.info)) {
      if (!in_.image_id.empty()) {
        Create(newest.ref.number + 1, newest.info->image_id == in_.image_id
                                          ? "it is run in another way"
                                          : "another image");
      }
      if (!Runs(*newest.info) && !in_.serving) KeepUp(newest);
    } else {
      KeepUp(newest);
      // With none that serves, whoever answers first is taken anyway.
      if (Runs(*newest.info) && in_.serving && !serves) {
        Act(Kind::kTakeOver, newest.ref.number, newest.info.get(), "it runs");
      }
    }
    for (const InstanceView& instance : instances_) {
      if (&instance == &newest) continue;
      if (instance.ref.number == in_.serving) {
        KeepUp(instance);  // the upgrade waits for its successor
      } else if (instance.info->state != ContainerState::kRunning) {
        // While nothing serves, one that died may be the only one that can.
        if (in_.serving) {
          Act(Kind::kRemove, instance.ref.number, instance.info.get(), "it was replaced");
        }
      } else if (in_.serving && *in_.serving > instance.ref.number) {
        Act(Kind::kRetire, instance.ref.number, instance.info.get(), "it was replaced");
      }
    }
    if (!in_.serving) return;
    for (const int number : in_.known) {
      const bool used = std::ranges::any_of(
          instances_, [&](const InstanceView& view) { return view.ref.number == number; });
      if (!used && number < *in_.serving) {
        Act(Kind::kForget, number, nullptr, "its container is gone");
      }
    }
  }

  void KeepUp(const InstanceView& instance) {
    const ContainerInfo& info = *instance.info;
    if (Runs(info) || Moving(info)) return;
    if (info.state == ContainerState::kDead) {
      Act(Kind::kRemove, instance.ref.number, &info, "Docker cannot start it");
    } else {
      Act(Kind::kStart, instance.ref.number, &info, "it does not run");
    }
  }

  const InstanceInput& in_;
  InstancePlan out_;
  std::vector<InstanceView> instances_;
  std::vector<ContainerPtr> pauses_;
  const ContainerInfo* pause_ = nullptr;
};

}  // namespace

std::vector<InstanceView> InstancesOf(const std::string& load_balancer, const std::string& owner,
                                      const std::vector<ObservedContainer>& containers) {
  std::vector<InstanceView> result;
  for (const ObservedContainer& container : containers) {
    const ContainerInfo& info = *container.info;
    if (!Ours(info, load_balancer, owner, kRoleHaproxy)) continue;
    const std::string text = Label(info, api::kLabelAttempt);
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number < 1) continue;
    result.push_back({{load_balancer, number, info.id}, container.info});
  }
  std::ranges::sort(result, {}, [](const InstanceView& view) { return view.ref.number; });
  return result;
}

InstancePlan PlanInstances(const InstanceInput& input) { return Planner(input).Plan(); }

}  // namespace ballast::reconcilers
