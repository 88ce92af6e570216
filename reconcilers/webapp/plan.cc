#include "reconcilers/webapp/plan.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <tuple>
#include <utility>

#include "reconcilers/webapp/rollout.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = PlanAction::Kind;

constexpr seconds kStableAfter{600};     // up this long: the crash counter starts anew
constexpr seconds kSidecarPause{10};     // before one that ended is started again
constexpr milliseconds kDrainPoll{100};  // how often to ask whether a leaving replica is idle
constexpr seconds kPullWait{1};

class Planner {
 public:
  explicit Planner(const PlanInput& in) : in_(in) {}

  PlanOutput Run() {
    Classify();
    const RolloutTargets targets = Targets();
    for (const ReplicaView* replica : live_) {
      if (targets.leaving.contains(replica->container_id)) {
        Leave(*replica);
      } else {
        Keep(*replica);
      }
    }
    Create(targets);
    SweepDead(targets);
    Adopted();
    Summarize(targets);
    return std::move(out_);
  }

 private:
  void CheckAfter(milliseconds delay) {
    delay = std::max(delay, milliseconds(1));
    if (!out_.check_after || delay < *out_.check_after) out_.check_after = delay;
  }

  void Act(Kind kind, const ReplicaView& r, std::string why) {
    out_.actions.push_back({.kind = kind,
                            .replica = r.name,
                            .revision = r.revision,
                            .slot = r.slot,
                            .attempt = r.attempt,
                            .failures = r.failures,
                            .container_id = r.container_id,
                            .container_name = r.container_name,
                            .why = std::move(why)});
  }

  // Splits into live attempts (one a replica, the highest) and dead or superseded ones.
  void Classify() {
    for (const ReplicaView& r : in_.replicas) sorted_.push_back(&r);
    std::ranges::sort(sorted_, {}, [](const ReplicaView* r) {
      return std::tie(r->revision, r->slot, r->attempt, r->container_id);
    });
    std::map<std::string, const ReplicaView*> live;
    for (const ReplicaView* r : sorted_) {
      if (r->phase == ReplicaPhase::kDead) {
        dead_.push_back(r);
        continue;
      }
      const auto [it, fresh] = live.emplace(r->name, r);
      if (!fresh) {  // two attempts alive: only a crash between create and remove does this
        superseded_.push_back(it->second);
        it->second = r;
      }
    }
    for (const auto& [name, r] : live) live_.push_back(r);
  }

  RolloutTargets Targets() const {
    RolloutInput rollout{.app = in_.app,
                         .update_revision = in_.update_revision,
                         .creating = in_.creating,
                         .hold = in_.hold,
                         .unmakeable = in_.unmakeable,
                         .has_traffic = in_.has_traffic,
                         .may_be_zero = in_.may_be_zero,
                         .keep_last = in_.keep_last,
                         .now = in_.now,
                         .progress_at = in_.progress_at};
    rollout.live = live_;
    rollout.dead = dead_;
    return PlanRollout(rollout);
  }

  // A replica that stays: its server follows its readiness.
  void Keep(const ReplicaView& r) {
    if (r.phase == ReplicaPhase::kCreated) {
      // Made but never started: the controller died in between. Half-made ones are made anew.
      if (!r.busy) Act(Kind::kRemove, r, "was never started");
      return;
    }
    if (r.stop_since || !r.alive) {
      TakeOut(r);
      Stop(r, r.stop_since ? "being stopped" : "probe failed: " + r.health_message);
      return;
    }
    const bool serves = r.phase == ReplicaPhase::kRunning && r.ready && !r.stopping;
    if (serves) {
      out_.servers.push_back({r.name, r.container_id, ServerAdmin::kReady});
    } else {
      TakeOut(r);
    }
    if (r.phase != ReplicaPhase::kRunning || r.busy || !SidecarDue(r)) return;
    Act(Kind::kEnsureSidecars, r, "a sidecar is not running");
  }

  // Is a sidecar missing? One that ended is started again after a while, so that one which ends at
  // once does not keep Docker busy.
  bool SidecarDue(const ReplicaView& r) {
    bool due = false;
    for (const SidecarView& s : r.sidecars) {
      if (s.running) continue;
      const auto since = duration_cast<milliseconds>(in_.wall_now - s.finished_at);
      if (s.finished_at != api::Time{} && since >= milliseconds(0) && since < kSidecarPause) {
        out_.back_off = true;
        if (out_.unready_message.empty()) {
          out_.unready_message = "sidecar " + s.name + " of " + r.name +
                                 " ended; it is started again every " +
                                 std::to_string(kSidecarPause / seconds(1)) + " s";
        }
        CheckAfter(kSidecarPause - since);
      } else {
        due = true;
      }
    }
    return due;
  }

  // Out of rotation at once; the server stays in HAProxy so that it can come back as it was.
  void TakeOut(const ReplicaView& r) {
    if (r.server) out_.servers.push_back({r.name, r.container_id, ServerAdmin::kMaint});
  }

  // One step of a leaving replica's way out.
  void Leave(const ReplicaView& r) {
    if (r.phase == ReplicaPhase::kCreated) {
      if (!r.busy) Act(Kind::kRemove, r, "not wanted any more");
      return;
    }
    out_.draining.push_back(r.container_id);
    const std::string why = in_.app == nullptr ? "web app deleted" : LeaveReason(r);
    const bool served = in_.has_traffic && (r.server.has_value() || !in_.traffic_known);
    if (!served || r.phase == ReplicaPhase::kPaused) {
      TakeOut(r);
      Stop(r, why);
      return;
    }
    const milliseconds drain =
        seconds(in_.app ? in_.app->spec.traffic.drain_seconds : in_.last_drain_seconds);
    const Clock::Steady since = r.drain_since.value_or(in_.now);
    const auto waited = duration_cast<milliseconds>(in_.now - since);
    const bool sticky = in_.app && in_.app->spec.traffic.sticky_session.has_value();
    const bool usable = r.ready && r.alive && !r.stopping && !r.stop_since;
    const bool over = waited >= drain;
    const bool idle = r.connections == 0 && r.server.has_value() && r.drain_since.has_value();
    if (!usable && !over && r.connections != 0) {
      // It cannot take a cookie's requests either; what runs in it may still finish.
      out_.servers.push_back({r.name, r.container_id, ServerAdmin::kMaint});
      if (r.stop_since || r.stopping || !r.alive) Stop(r, why);
      CheckAfter(kDrainPoll);
      return;
    }
    if (idle && (!sticky || over || !usable)) {
      CheckAfter(kDrainPoll);  // not named: HAProxy deletes it, then the next pass stops it
      return;
    }
    if (over) {
      // Its time is up: the stop signal lets the application close what is still open.
      out_.servers.push_back({r.name, r.container_id, ServerAdmin::kMaint});
      Stop(r, why + ", drain time over");
      return;
    }
    out_.servers.push_back({r.name, r.container_id, ServerAdmin::kDrain});
    CheckAfter(std::min(kDrainPoll, drain - waited));
  }

  [[nodiscard]] std::string LeaveReason(const ReplicaView& r) const {
    return r.revision == in_.update_revision ? "scale down" : "rollout";
  }

  // Stop signal, then SIGKILL when the grace period is over.
  void Stop(const ReplicaView& r, const std::string& why) {
    if (r.busy) return;
    if (!r.stop_since) {
      Act(Kind::kSignal, r, why);
      CheckAfter(milliseconds(500));
      return;
    }
    const seconds grace(r.grace_seconds);
    const auto waited = duration_cast<milliseconds>(in_.now - *r.stop_since);
    if (waited < grace) {
      CheckAfter(grace - waited);
    } else if (!r.kill_sent) {
      Act(Kind::kKill, r, "grace period over");
      CheckAfter(seconds(2));
    } else {
      CheckAfter(seconds(2));
    }
  }

  void Create(const RolloutTargets& targets) {
    for (const SlotWish& wish : targets.create) {
      if (in_.unmakeable.contains(wish.revision)) {
        out_.blocked_on_config = true;  // looked at again when the Secret or ConfigMap changes
        continue;
      }
      if (wish.revision == in_.update_revision && !in_.image_ready) {
        out_.blocked_on_image = true;
        CheckAfter(kPullWait);
        continue;
      }
      const ReplicaView* last = LastDead(wish.replica);
      PlanAction create{.kind = Kind::kCreate,
                        .replica = wish.replica,
                        .revision = wish.revision,
                        .slot = wish.slot,
                        .why = wish.why};
      if (last != nullptr) {
        create.attempt = last->attempt + 1;
        create.failures = FailuresAfter(*last);
        const auto since = duration_cast<milliseconds>(in_.wall_now - last->finished);
        const milliseconds wait = CrashBackOff(create.failures);
        if (since >= milliseconds(0) && since < wait) {
          out_.back_off = true;
          if (out_.unready_message.empty()) out_.unready_message = ExitMessage(*last);
          CheckAfter(wait - since);
          continue;
        }
      }
      out_.actions.push_back(std::move(create));
    }
  }

  [[nodiscard]] const ReplicaView* LastDead(const std::string& replica) const {
    const ReplicaView* last = nullptr;
    for (const ReplicaView* r : dead_) {
      if (r->name == replica && (last == nullptr || r->attempt > last->attempt)) last = r;
    }
    return last;
  }

  static std::string ExitMessage(const ReplicaView& r) {
    std::string text = r.name + " exited with code " + std::to_string(r.exit_code);
    if (r.oom_killed) text += " (out of memory)";
    return text;
  }

  // Dead containers: their servers go at once; the last of a wanted slot is kept for its logs.
  void SweepDead(const RolloutTargets& targets) {
    std::set<std::string> wished;
    for (const ServerWish& wish : out_.servers) wished.insert(wish.server);
    std::set<std::string> dead_servers;
    for (const ReplicaView* r : dead_) {
      if (r->server && !wished.contains(r->name)) dead_servers.insert(r->name);
      const bool kept = targets.slots.contains(r->name) && LastDead(r->name) == r;
      if (!kept && !r->busy) Act(Kind::kRemove, *r, "dead");
    }
    for (const ReplicaView* r : superseded_) {
      if (!r->busy) Act(Kind::kRemove, *r, "superseded");
    }
    out_.dead_servers.assign(dead_servers.begin(), dead_servers.end());
  }

  void Adopted() {
    if (in_.app == nullptr) return;
    for (const AdoptedView& a : in_.adopted) {
      if (a.running && a.ready && !a.stopping) {
        out_.servers.push_back({a.server, a.container_id, ServerAdmin::kReady});
        ++out_.adopted_ready;
      } else if (a.running && a.server_state) {
        out_.servers.push_back({a.server, a.container_id, ServerAdmin::kMaint});
      } else if (!a.running && a.server_state) {
        out_.dead_servers.push_back(a.server);
      }
    }
    std::ranges::sort(out_.dead_servers);
  }

  void Summarize(const RolloutTargets& targets) {
    for (const ReplicaView* r : live_) {
      if (targets.leaving.contains(r->container_id)) continue;
      ++out_.replicas;
      if (r->revision == in_.update_revision) ++out_.updated;
      const bool ready = r->phase == ReplicaPhase::kRunning && r->ready && !r->stopping;
      if (ready) ++out_.ready;
      if (!ready && out_.unready_message.empty() && !r->health_message.empty()) {
        out_.unready_message = r->name + ": " + r->health_message;
      }
      if (InService(*r, in_.has_traffic)) ++out_.in_service;
    }
    out_.rollout_complete = targets.complete;
    out_.deadline_exceeded = targets.deadline_exceeded;
    if (targets.check_after) CheckAfter(*targets.check_after);
    std::ranges::sort(out_.servers, {}, &ServerWish::server);
    std::ranges::sort(out_.draining);
    std::ranges::stable_sort(out_.actions, {}, [](const PlanAction& a) {
      return std::tuple(a.kind, a.replica, a.attempt);
    });
    out_.gone = in_.app == nullptr && in_.replicas.empty() && in_.creating.empty();
  }

  const PlanInput& in_;
  PlanOutput out_;
  std::vector<const ReplicaView*> sorted_;
  std::vector<const ReplicaView*> live_;        // by name
  std::vector<const ReplicaView*> dead_;        // by revision, slot, attempt
  std::vector<const ReplicaView*> superseded_;  // alive, but a later attempt is alive too
};

}  // namespace

api::Millis CrashBackOff(int failures) {
  if (failures <= 1) return api::Millis(0);
  const int shift = std::min(failures - 2, 6);
  return std::min<api::Millis>(seconds(1 << shift), seconds(60));
}

int FailuresAfter(const ReplicaView& dead) {
  const bool stable = dead.started != api::Time{} && dead.finished - dead.started >= kStableAfter;
  return stable ? 1 : dead.failures + 1;
}

PlanOutput Plan(const PlanInput& input) { return Planner(input).Run(); }

}  // namespace ballast::reconcilers
