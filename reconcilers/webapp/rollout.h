// How many replicas of which revision: scaling, RollingUpdate, Recreate, pause and the progress
// deadline. Pure; the arithmetic is that of Kubernetes' Deployment controller
// (pkg/controller/deployment/rolling.go: NewRSNewReplicas, cleanupUnhealthyReplicas,
// scaleDownOldReplicaSetsForRollingUpdate), on single replicas instead of replica sets.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/webapp/plan.h"

namespace ballast::reconcilers {

struct RolloutInput {
  const api::WebApp* app = nullptr;
  std::string update_revision;
  std::vector<const ReplicaView*> live;  // one a name
  std::vector<const ReplicaView*> dead;
  std::vector<std::string> creating;  // replica names
  bool hold = false;                  // no revision gets further, as when it is paused
  std::set<std::string> unmakeable;   // revisions of which no replica can be made
  bool has_traffic = false;
  bool may_be_zero = false;  // PlanInput's
  bool keep_last = false;    // PlanInput's
  Clock::Steady now{};
  std::optional<Clock::Steady> progress_at;
};

// A replica that shall exist and does not.
struct SlotWish {
  std::string replica;
  std::string revision;
  int slot = 0;
  std::string why;
  bool operator==(const SlotWish&) const = default;
};

struct RolloutTargets {
  std::set<std::string> leaving;  // container ids
  std::vector<SlotWish> create;   // sorted by revision (update first), slot
  std::set<std::string> slots;    // replica names that are wanted, existing or not
  bool complete = false;
  bool deadline_exceeded = false;
  std::optional<api::Millis> check_after;
};

[[nodiscard]] RolloutTargets PlanRollout(const RolloutInput& input);

// Takes traffic now (or, without routes, could).
[[nodiscard]] bool InService(const ReplicaView& replica, bool has_traffic);

// "shop-7f3a-2" of app "shop", revision "7f3a", slot 2; and back.
[[nodiscard]] std::string ReplicaName(const std::string& app, const std::string& revision,
                                      int slot);
struct ReplicaId {
  std::string revision;
  int slot = 0;
};
[[nodiscard]] std::optional<ReplicaId> ParseReplicaName(const std::string& app,
                                                        const std::string& replica);

}  // namespace ballast::reconcilers
