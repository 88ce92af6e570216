#include "reconcilers/webapp/rollout.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <tuple>

#include "api/codec.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Past recall: it leaves and has its stop signal.
bool Committed(const ReplicaView& r) { return r.drain_since && r.stop_since; }

// On its way out, but may be called back. HAProxy's own state is the memory across restarts.
bool SoftLeaving(const ReplicaView& r) {
  return r.drain_since.has_value() || r.server == ServerAdmin::kDrain;
}

int Load(const ReplicaView& r) {
  return r.connections < 0 ? std::numeric_limits<int>::max() : r.connections;
}

class Rollout {
 public:
  explicit Rollout(const RolloutInput& in) : in_(in) {}

  RolloutTargets Run() {
    if (in_.app == nullptr || !in_.app->spec.pod_template) {
      for (const ReplicaView* r : in_.live) out_.leaving.insert(r->container_id);
      out_.complete = in_.app != nullptr && in_.live.empty();
      return std::move(out_);
    }
    Sort();
    const api::WebAppSpec& spec = in_.app->spec;
    CheckDeadline(spec);
    const bool paused = spec.paused || in_.hold;
    const int replicas = Replicas();
    if (spec.strategy.type == api::StrategyType::kRecreate && !paused) {
      Recreate(replicas);
    } else if (paused) {
      Paused(replicas);
    } else {
      RollingUpdate(spec, replicas);
    }
    out_.complete = old_live_ == 0 && new_available_ >= spec.replicas;
    if (out_.complete) out_.deadline_exceeded = false;
    return std::move(out_);
  }

 private:
  struct Group {                              // one revision
    std::vector<const ReplicaView*> staying;  // alive, not on its way out
    std::vector<const ReplicaView*> soft;     // alive, on its way out, can be called back
    std::set<int> taken;                      // slots whose name is in use
    std::set<int> creating;
    std::set<int> crashed;  // slots that hold a dead attempt and nothing else
    [[nodiscard]] int intended() const {
      return static_cast<int>(staying.size() + creating.size() + crashed.size());
    }
  };

  void Sort() {
    groups_[in_.update_revision];
    for (const ReplicaView* r : in_.live) {
      Group& group = groups_[r->revision];
      group.taken.insert(r->slot);
      if (r->revision != in_.update_revision) ++old_live_;
      if (Committed(*r)) {
        out_.leaving.insert(r->container_id);
      } else if (SoftLeaving(*r)) {
        group.soft.push_back(r);
      } else {
        group.staying.push_back(r);
      }
      if (!Committed(*r) && !SoftLeaving(*r) && Available(*r)) {
        ++(r->revision == in_.update_revision ? new_available_ : old_available_);
      }
    }
    for (const std::string& name : in_.creating) {
      if (const auto id = ParseReplicaName(in_.app->meta.name, name)) {
        Group& group = groups_[id->revision];
        if (group.taken.insert(id->slot).second) group.creating.insert(id->slot);
      }
    }
    for (const ReplicaView* r : in_.dead) {
      // One of an old revision that cannot be made again leaves its place to the new one.
      if (r->revision != in_.update_revision && in_.unmakeable.contains(r->revision)) continue;
      Group& group = groups_[r->revision];
      if (!group.taken.contains(r->slot) && !r->drain_since) group.crashed.insert(r->slot);
    }
  }

  int Replicas() const {
    const int replicas = in_.app->spec.replicas;
    if (replicas > 0 || !in_.keep_last) return replicas;
    return std::ranges::all_of(in_.live, [](const ReplicaView* r) { return Committed(*r); }) ? 0
                                                                                             : 1;
  }

  bool Available(const ReplicaView& r) {
    if (!InService(r, in_.has_traffic)) return false;
    const seconds wait(in_.app->spec.min_ready_seconds);
    if (wait.count() == 0) return true;
    const auto up = r.ready_since ? in_.now - *r.ready_since : Clock::Steady::duration{0};
    if (up >= wait) return true;
    CheckAfter(duration_cast<milliseconds>(wait - up) + milliseconds(1));
    return false;
  }

  void CheckAfter(milliseconds delay) {
    if (!out_.check_after || delay < *out_.check_after) out_.check_after = delay;
  }

  void CheckDeadline(const api::WebAppSpec& spec) {
    if (!in_.progress_at || spec.paused) return;
    const seconds deadline(spec.progress_deadline_seconds);
    const auto waited = in_.now - *in_.progress_at;
    out_.deadline_exceeded = waited >= deadline;
    if (waited < deadline) CheckAfter(duration_cast<milliseconds>(deadline - waited));
  }

  Group& New() { return groups_[in_.update_revision]; }

  int OldIntended() const {
    int count = 0;
    for (const auto& [revision, group] : groups_) {
      if (revision != in_.update_revision) count += group.intended();
    }
    return count;
  }

  void RollingUpdate(const api::WebAppSpec& spec, int replicas) {
    const int surge = api::ResolveUp(spec.strategy.max_surge, replicas);
    int unavailable = api::ResolveDown(spec.strategy.max_unavailable, replicas);
    if (surge == 0 && unavailable == 0) unavailable = 1;  // as Kubernetes: else it never moves
    const int old_intended = OldIntended();
    const bool old = old_intended > 0;
    const bool stuck = out_.deadline_exceeded && old;

    int wanted = replicas;
    if (old) {
      const int existing = New().intended();
      wanted = std::min(replicas, std::max(existing, replicas + surge - old_intended));
      if (stuck) wanted = std::min(existing, replicas);
    }
    KeepNew(wanted, old ? "rollout" : "scale up", !stuck);

    // How many old ones may go at all, and how many of those in service. A rollout that is stuck
    // lets none go for its own sake; a smaller `replicas` still counts.
    const int floor = std::max(0, stuck ? replicas : replicas - unavailable);
    ReduceOld(std::max(0, old_intended + new_available_ - floor),
              std::max(0, old_available_ + new_available_ - floor));
  }

  // The old ones all go first; nothing new is made while any of them lives.
  void Recreate(int replicas) {
    for (auto& [revision, group] : groups_) {
      if (revision == in_.update_revision) continue;
      Leave(group.staying);
      Leave(group.soft);
    }
    KeepNew(old_live_ == 0 ? replicas : New().intended(), "scale up", true);
  }

  // No revision gets further; only the sum follows `replicas`.
  void Paused(int replicas) {
    const int old_intended = OldIntended();
    const bool has_new =
        New().intended() > 0 || !New().soft.empty() || (in_.may_be_zero && !in_.hold);
    const bool alone = old_intended == 0 && has_new;
    const int wanted = alone ? replicas : std::min(replicas, New().intended());
    KeepNew(wanted, "scale up", true);
    const int old_wanted = replicas - wanted;
    if (old_intended > old_wanted) {
      const int surplus = old_intended - old_wanted;
      ReduceOld(surplus, surplus);
      return;
    }
    ReduceOld(0, 0);
    // Missing ones are made in the old revision that has most replicas.
    auto most = groups_.end();
    for (auto it = groups_.begin(); it != groups_.end(); ++it) {
      if (it->first == in_.update_revision || it->second.intended() == 0) continue;
      if (most == groups_.end() || it->second.intended() > most->second.intended()) most = it;
    }
    if (most == groups_.end()) return;
    std::set<int> used = most->second.taken;
    used.insert(most->second.crashed.begin(), most->second.crashed.end());
    FillSlots(most->first, used, old_wanted - old_intended, "scale up");
  }

  // Keeps (or calls back) the best `wanted` of the update revision, makes what is missing.
  void KeepNew(int wanted, const std::string& why, bool may_create) {
    Group& group = New();
    std::vector<const ReplicaView*> candidates = group.staying;
    candidates.insert(candidates.end(), group.soft.begin(), group.soft.end());
    // Those that leave first come last: on their way out already, not in service, idle.
    std::ranges::sort(candidates, {}, [this](const ReplicaView* r) {
      return std::tuple(SoftLeaving(*r), !InService(*r, in_.has_traffic), !r->ready, -Load(*r),
                        r->slot);
    });
    const auto count = std::min(candidates.size(), static_cast<std::size_t>(std::max(0, wanted)));
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (i < count) {
        out_.slots.insert(candidates[i]->name);
      } else {
        out_.leaving.insert(candidates[i]->container_id);
      }
    }
    for (const int slot : group.creating) out_.slots.insert(Name(in_.update_revision, slot));
    const int missing = wanted - static_cast<int>(count) - static_cast<int>(group.creating.size());
    if (may_create) {
      FillSlots(in_.update_revision, group.taken, missing, why);
    } else {
      for (const int slot : group.crashed) out_.slots.insert(Name(in_.update_revision, slot));
    }
  }

  // Old revisions: lets go of at most `surplus`, of which at most `ready_surplus` in service.
  void ReduceOld(int surplus, int ready_surplus) {
    std::vector<const ReplicaView*> serving;
    for (auto& [revision, group] : groups_) {
      if (revision == in_.update_revision) continue;
      Leave(group.soft);
      // Without service first: crashed slots, then those that are not ready.
      std::set<int> refill = group.crashed;
      while (surplus > 0 && !refill.empty()) {
        refill.erase(std::prev(refill.end()));
        --surplus;
      }
      for (const int slot : refill) {
        out_.create.push_back({Name(revision, slot), revision, slot, "replace"});
        out_.slots.insert(Name(revision, slot));
      }
      for (const int slot : group.creating) out_.slots.insert(Name(revision, slot));
      std::ranges::sort(group.staying, std::greater{}, &ReplicaView::slot);
      for (const ReplicaView* r : group.staying) {
        if (InService(*r, in_.has_traffic)) {
          serving.push_back(r);
        } else if (surplus > 0) {
          out_.leaving.insert(r->container_id);
          --surplus;
        } else {
          out_.slots.insert(r->name);
        }
      }
    }
    std::ranges::stable_sort(serving, {}, [](const ReplicaView* r) { return Load(*r); });
    int going = std::min(surplus, ready_surplus);
    for (const ReplicaView* r : serving) {
      if (going > 0) {
        out_.leaving.insert(r->container_id);
        --going;
      } else {
        out_.slots.insert(r->name);
      }
    }
  }

  void Leave(const std::vector<const ReplicaView*>& replicas) {
    for (const ReplicaView* r : replicas) out_.leaving.insert(r->container_id);
  }

  void FillSlots(const std::string& revision, const std::set<int>& taken, int missing,
                 const std::string& why) {
    for (int slot = 0; missing > 0; ++slot) {
      if (taken.contains(slot)) continue;
      const bool crashed = groups_[revision].crashed.contains(slot);
      out_.create.push_back({Name(revision, slot), revision, slot, crashed ? "replace" : why});
      out_.slots.insert(Name(revision, slot));
      --missing;
    }
  }

  [[nodiscard]] std::string Name(const std::string& revision, int slot) const {
    return ReplicaName(in_.app->meta.name, revision, slot);
  }

  const RolloutInput& in_;
  RolloutTargets out_;
  std::map<std::string, Group> groups_;
  int old_live_ = 0;
  int new_available_ = 0;
  int old_available_ = 0;
};

}  // namespace

RolloutTargets PlanRollout(const RolloutInput& input) { return Rollout(input).Run(); }

bool InService(const ReplicaView& r, bool has_traffic) {
  if (r.phase != ReplicaPhase::kRunning || !r.ready || !r.alive || r.stopping || r.stop_since) {
    return false;
  }
  return !has_traffic || (r.server == ServerAdmin::kReady && r.server_up);
}

std::string ReplicaName(const std::string& app, const std::string& revision, int slot) {
  return app + "-" + revision + "-" + std::to_string(slot);
}

std::optional<ReplicaId> ParseReplicaName(const std::string& app, const std::string& replica) {
  if (!replica.starts_with(app + "-")) return std::nullopt;
  const std::string rest = replica.substr(app.size() + 1);
  const std::size_t dash = rest.find('-');
  if (dash == std::string::npos || dash == 0) return std::nullopt;
  ReplicaId id{rest.substr(0, dash), 0};
  const char* begin = rest.data() + dash + 1;
  const char* end = rest.data() + rest.size();
  const auto [rest_end, error] = std::from_chars(begin, end, id.slot);
  if (error != std::errc{} || rest_end != end || id.slot < 0) return std::nullopt;
  return id;
}

}  // namespace ballast::reconcilers
