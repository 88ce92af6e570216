#include "tests/unit/webapp/world.h"

#include <algorithm>

namespace ballast::reconcilers {

using Kind = PlanAction::Kind;

PlanInput World::Input() const {
  PlanInput in;
  in.app = deleted ? nullptr : &app;
  in.update_revision = deleted ? "" : revision;
  in.image_ready = image_ready;
  in.hold = hold && !deleted;
  in.unmakeable = unmakeable;
  in.has_traffic = !app.spec.routes.empty();
  in.traffic_known = true;
  in.now = now;
  in.wall_now = wall;
  in.progress_at = progress_at;
  for (const auto& [id, c] : containers) {
    ReplicaView view = c.view;
    view.ready = view.phase == ReplicaPhase::kRunning && now >= c.ready_at && becomes_ready(c);
    if (view.ready) view.ready_since = c.ready_at;
    if (const auto it = servers.find(view.name);
        it != servers.end() && it->second.container_id == id) {
      view.server = it->second.admin;
      view.server_up = true;
      view.connections = it->second.connections;
    }
    if (const auto it = drain_since_.find(id); it != drain_since_.end()) {
      view.drain_since = it->second;
    }
    if (const auto it = stop_since_.find(id); it != stop_since_.end()) view.stop_since = it->second;
    view.kill_sent = kill_sent_.contains(id);
    for (const Job& job : jobs_) view.busy = view.busy || job.action.container_id == id;
    in.replicas.push_back(std::move(view));
  }
  for (const Job& job : jobs_) {
    if (job.action.kind == Kind::kCreate) in.creating.push_back(job.action.replica);
  }
  return in;
}

PlanOutput World::Pass() {
  PlanOutput out = Plan(Input());
  std::map<std::string, Clock::Steady> draining;
  for (const std::string& id : out.draining) {
    const auto it = drain_since_.find(id);
    draining[id] = it == drain_since_.end() ? now : it->second;
  }
  drain_since_ = std::move(draining);
  // HAProxy, as TrafficManager drives it.
  std::map<std::string, ServerWish> wishes;
  for (const ServerWish& wish : out.servers) wishes[wish.server] = wish;
  for (const ServerWish& wish : out.servers) {
    Server& server = servers[wish.server];
    if (server.container_id != wish.container_id) {
      server = {wish.container_id, wish.admin, 0};
      on_change();
    } else if (server.admin != wish.admin) {
      server.admin = wish.admin;
      if (wish.admin != ServerAdmin::kReady) server.connections = connections_left;
      on_change();
    }
  }
  for (auto it = servers.begin(); it != servers.end();) {
    const bool dead = std::ranges::find(out.dead_servers, it->first) != out.dead_servers.end();
    if (wishes.contains(it->first) || (!dead && it->second.connections > 0)) {
      if (!wishes.contains(it->first)) it->second.admin = ServerAdmin::kMaint;
      ++it;
    } else {
      it = servers.erase(it);
      on_change();
    }
  }
  for (const PlanAction& action : out.actions) {
    if (action.kind == Kind::kSignal) {
      stop_since_[action.container_id] = now;
    } else if (action.kind == Kind::kKill) {
      kill_sent_[action.container_id] = true;
    }
    jobs_.push_back({action});
  }
  return out;
}

void World::RunJobs(std::size_t at_most) {
  for (std::size_t i = 0; i < at_most && !jobs_.empty(); ++i) {
    std::uniform_int_distribution<std::size_t> pick(0, jobs_.size() - 1);
    const auto at = jobs_.begin() + static_cast<std::ptrdiff_t>(pick(random));
    const PlanAction action = at->action;
    jobs_.erase(at);
    Apply(action);
    on_change();
    if (++actions_started == kill_after_actions) KillController();
  }
}

void World::Apply(const PlanAction& action) {
  static constexpr const char* kNames[] = {"create", "sidecars", "signal", "kill", "remove"};
  log.push_back(std::string(kNames[static_cast<int>(action.kind)]) + " " + action.replica + "." +
                std::to_string(action.attempt) + " (" + action.why + ")");
  const auto it = containers.find(action.container_id);
  switch (action.kind) {
    case Kind::kCreate: {
      Container c;
      const std::string name = action.replica + "." + std::to_string(action.attempt);
      for (const auto& [id, other] : containers) {
        if (other.view.container_name == name) return;  // the name is taken: Docker refuses
      }
      c.view.name = action.replica;
      c.view.revision = action.revision;
      c.view.slot = action.slot;
      c.view.attempt = action.attempt;
      c.view.failures = action.failures;
      c.view.container_id = "c" + std::to_string(1000 + next_id_++);
      c.view.container_name = name;
      c.view.phase = ReplicaPhase::kRunning;
      c.view.created = c.view.started = wall;
      c.ready_at = now + startup;
      containers[c.view.container_id] = c;
      break;
    }
    case Kind::kEnsureSidecars:
      break;
    case Kind::kSignal:
      if (it != containers.end() && !it->second.ignores_sigterm) Crash(it->second, 143);
      break;
    case Kind::kKill:
      if (it != containers.end()) Crash(it->second, 137);
      break;
    case Kind::kRemove:
      if (it != containers.end()) containers.erase(it);
      break;
  }
}

void World::Crash(Container& c, int exit_code) {
  if (c.view.phase == ReplicaPhase::kDead) return;
  c.view.phase = ReplicaPhase::kDead;
  c.view.exit_code = exit_code;
  c.view.finished = wall;
}

void World::KillContainer(const std::string& id, int exit_code) {
  Crash(containers.at(id), exit_code);
}

void World::KillController() {
  jobs_.clear();
  drain_since_.clear();
  stop_since_.clear();
  kill_sent_.clear();
}

void World::Advance(api::Millis by) {
  now += by;
  wall += by;
  for (auto& [name, server] : servers) {
    if (server.admin != ServerAdmin::kReady && server.connections > 0) --server.connections;
  }
}

bool World::Settle(int max_passes) {
  int quiet = 0;
  for (int i = 0; i < max_passes; ++i) {
    const auto servers_before = servers.size();
    const PlanOutput out = Pass();
    std::uniform_int_distribution<std::size_t> some(0, 3);
    RunJobs(some(random));
    const bool idle = out.actions.empty() && jobs_.empty() && servers.size() == servers_before &&
                      out.draining.empty();
    quiet = idle ? quiet + 1 : 0;
    if (quiet > 70) return true;  // longer than every back-off (60 s)
    Advance(api::Millis(idle ? 1000 : 50));
  }
  return false;
}

int World::InService() const {
  int count = 0;
  for (const ReplicaView& r : Input().replicas) {
    if (reconcilers::InService(r, true)) ++count;
  }
  return count;
}

int World::Running() const {
  return static_cast<int>(std::ranges::count_if(containers, [](const auto& entry) {
    return entry.second.view.phase == ReplicaPhase::kRunning;
  }));
}

std::vector<std::string> World::RunningNames() const {
  std::vector<std::string> names;
  for (const auto& [id, c] : containers) {
    if (c.view.phase == ReplicaPhase::kRunning) names.push_back(c.view.name);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace ballast::reconcilers
