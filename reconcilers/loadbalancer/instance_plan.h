// The pure planner of a load balancer's containers: HAProxy's instances, numbered upwards, and for
// a bridged one the pause container that owns the network and the published ports. Same input,
// same output; safe to run again with anything lost or doubled in between.
//
// An upgrade (another image, another way to run it) is a further instance that starts with the
// current files and binds the same ports; when it answers, it takes over, and the one before ends
// with its last connection.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/load_balancer.h"
#include "reconcilers/ports/container_lister.h"
#include "reconcilers/ports/data_plane_factory.h"

namespace ballast::reconcilers {

inline constexpr char kRoleHaproxy[] = "haproxy";
inline constexpr char kRolePause[] = "pause";

// A HAProxy container, from its labels.
struct InstanceView {
  InstanceRef ref;
  ContainerPtr info;
};
// Those of this owner, by number ascending.
[[nodiscard]] std::vector<InstanceView> InstancesOf(
    const std::string& load_balancer, const std::string& owner,
    const std::vector<ObservedContainer>& containers);

struct InstanceInput {
  std::string load_balancer;
  std::string owner;
  const api::LoadBalancerSpec* spec = nullptr;  // null: everything of it goes
  std::string image_id;                         // "" = not known (yet)
  std::vector<ObservedContainer> containers;
  std::optional<int> serving;      // the instance that answers and takes the commands
  std::vector<int> known;          // instances that have directories
  std::set<std::string> networks;  // bridged: some server is on each of them
  bool may_leave = false;          // and on no others
};

struct InstanceAction {
  enum class Kind {
    kRemove,  // container_id (and with the pause container its network, if `network` is set)
    kCreatePause,
    kCreate,    // instance `number`
    kStart,     // container_id
    kTakeOver,  // try to hand over to instance `number`: it runs, but does not serve yet
    kRetire,    // container_id ends with its last connection
    kJoin,      // the pause container joins `network`
    kLeave,
    kForget,  // the directories of instance `number`
  } kind = Kind::kRemove;
  int number = 0;
  std::string container_id;
  std::string container_name;
  std::string network;
  std::string why;
  bool operator==(const InstanceAction&) const = default;
};

struct InstancePlan {
  std::vector<InstanceAction> actions;          // in order; each may be done on its own
  std::string outage;                           // why connections will be cut, to be said before
  std::optional<std::set<std::string>> joined;  // bridged: the networks that can be reached
};

[[nodiscard]] InstancePlan PlanInstances(const InstanceInput& input);

// The containers' specs, without the mounts that only the factory knows.
[[nodiscard]] ContainerSpec HaproxySpec(const InstanceInput& input, int number,
                                        const std::string& pause_id);
[[nodiscard]] ContainerSpec PauseSpec(const InstanceInput& input);
[[nodiscard]] std::string NetworkName(const InstanceInput& input);

}  // namespace ballast::reconcilers
