// The pure planner of a WebApp: from what is wanted and what is seen to what to do next. Same
// input, same output, sorted; no clocks, sockets or memory of its own. Called by WebAppReconciler
// on every pass; safe to call again with anything lost, doubled or reordered in between.
//
// A replica's life (design section 3): created -> started -> ready -> server added -> in service ->
// server drained -> idle: server deleted -> stop signal -> dead -> removed. The planner moves each
// replica one step at a time and relies only on what it observes: containers, probes, and HAProxy's
// own server states (`drain` there is the memory of who is leaving).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/webapp.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/event_recorder.h"
#include "reconcilers/ports/traffic.h"

namespace ballast::reconcilers {

enum class ReplicaPhase { kCreated, kRunning, kPaused, kDead };

struct SidecarView {
  std::string name;          // as in the template
  std::string container_id;  // "" = there is none
  bool running = false;
  api::Time finished_at{};
};

// One attempt of one replica: a main container (and its sidecars).
struct ReplicaView {
  std::string name;      // "shop-7f3a-2": the HAProxy server's name too
  std::string revision;  // "7f3a..."
  int slot = 0;
  int attempt = 0;
  int failures = 0;  // crashes in a row before this attempt
  std::string container_id;
  std::string container_name;
  ReplicaPhase phase = ReplicaPhase::kCreated;
  bool stopping = false;  // somebody sent it a signal that ends it
  bool busy = false;      // a job of ours works on it
  api::Time created{};
  api::Time started{};
  api::Time finished{};
  int exit_code = 0;
  bool oom_killed = false;
  int grace_seconds = 30;  // of its own revision's template
  std::vector<SidecarView> sidecars;

  // Probes of all its containers together.
  bool ready = false;
  bool alive = true;
  bool decided = true;  // false: no probe has said anything yet
  std::optional<Clock::Steady> ready_since;
  std::string health_message;

  // HAProxy. Empty `server`: it has no such server.
  std::optional<ServerAdmin> server;
  bool server_up = false;
  int connections = -1;  // -1: unknown

  // What this controller did since it started; lost with it, harmlessly.
  std::optional<Clock::Steady> drain_since;
  std::optional<Clock::Steady> stop_since;
  bool kill_sent = false;
};

// A container that somebody else made and labelled for this web app.
struct AdoptedView {
  std::string server;
  std::string container_id;
  bool running = false;
  bool stopping = false;
  bool ready = false;
  std::optional<ServerAdmin> server_state;
  bool server_up = false;
};

struct PlanInput {
  const api::WebApp* app = nullptr;   // null: deleted, everything of it shall go
  std::string update_revision;        // of app's template; "" without one
  std::vector<ReplicaView> replicas;  // in any order
  std::vector<AdoptedView> adopted;
  std::vector<std::string> creating;  // replica names whose creation is under way
  bool image_ready = false;           // every image of the update revision has an id
  // What the template refers to is missing, or cannot be read now: what runs stays as it is. The
  // update revision is then the one that runs this template, "" if none does.
  bool hold = false;
  std::set<std::string> unmakeable;  // revisions whose values from Secrets cannot be had (any more)
  bool has_traffic = false;          // it has routes: replicas serve through HAProxy
  // Its number of replicas goes down to none and up again: one without any is no new one.
  bool may_be_zero = false;
  // It may have no replicas because HAProxy holds its requests then, but HAProxy does not (yet):
  // the last one stays.
  bool keep_last = false;
  bool traffic_known = false;   // HAProxy's states were read; else all servers look absent
  int last_drain_seconds = 30;  // of a deleted app, as it was when it was last seen
  Clock::Steady now{};
  api::Time wall_now{};
  std::optional<Clock::Steady> progress_at;  // last time that the rollout got further
};

struct PlanAction {
  enum class Kind {
    kCreate,          // make and start attempt `attempt` of `replica`
    kEnsureSidecars,  // make or start what is missing beside a running main container
    kSignal,          // stop signal
    kKill,            // SIGKILL: the grace period is over
    kRemove,          // remove the containers and emptyDir volumes of this attempt
  } kind = Kind::kCreate;
  std::string replica;
  std::string revision;
  int slot = 0;
  int attempt = 0;
  int failures = 0;          // kCreate: for the label
  std::string container_id;  // all but kCreate
  std::string container_name;
  std::string why;  // for the log and the Event: "scale down", "rollout", "probe failed"
  bool operator==(const PlanAction&) const = default;
};

// The wanted state of one server of the backend; those not named are to be deleted.
struct ServerWish {
  std::string server;
  std::string container_id;
  ServerAdmin admin = ServerAdmin::kReady;
  bool operator==(const ServerWish&) const = default;
};

struct PlanOutput {
  std::vector<ServerWish> servers;         // sorted by server
  std::vector<std::string> dead_servers;   // lost their container; sorted
  std::vector<PlanAction> actions;         // in the order to start them
  std::vector<std::string> draining;       // container ids that leave by draining (sorted)
  std::optional<api::Millis> check_after;  // when to look again without any event

  // Numbers for the status.
  int replicas = 0;
  int ready = 0;
  int in_service = 0;
  int updated = 0;
  int adopted_ready = 0;
  bool rollout_complete = false;
  bool deadline_exceeded = false;
  bool blocked_on_image = false;
  bool blocked_on_config = false;
  bool back_off = false;        // some replica waits before it is started again
  std::string unready_message;  // of the first replica that is not ready
  bool gone = false;            // app deleted and nothing of it is left
};

[[nodiscard]] PlanOutput Plan(const PlanInput& input);

// How long a slot waits after `failures` crashes in a row: 0, 1, 2, 4 ... 60 s.
[[nodiscard]] api::Millis CrashBackOff(int failures);
// Crashes in a row once this attempt died: 1 (the first) after ten minutes up.
[[nodiscard]] int FailuresAfter(const ReplicaView& dead);

}  // namespace ballast::reconcilers
