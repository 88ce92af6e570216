// A simulated Docker and HAProxy around the pure planner: it applies actions as the real ones
// would, in any order and with any delay, and loses the controller's memory when asked to.
// Test-only.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/webapp/plan.h"
#include "reconcilers/webapp/rollout.h"

namespace ballast::reconcilers {

class World {
 public:
  struct Container {
    ReplicaView view;  // what Docker and the probes know of it; HAProxy's part is filled in Input()
    Clock::Steady ready_at{};
    bool ignores_sigterm = false;
  };
  struct Server {
    std::string container_id;
    ServerAdmin admin = ServerAdmin::kReady;
    int connections = 0;
  };

  explicit World(unsigned seed) : random(seed) {
    app.meta.name = "shop";
    app.spec.pod_template.emplace();
    app.spec.pod_template->containers.resize(1);
    app.spec.pod_template->containers[0].ports = {{.container_port = 8080}};
    app.spec.routes = {{.host = "shop.test"}};
  }

  PlanInput Input() const;
  // One pass: plan, tell HAProxy, start the actions as jobs (run by RunJobs).
  PlanOutput Pass();
  void RunJobs(std::size_t at_most);  // in random order
  void Advance(api::Millis by);
  // The controller is killed: memory and jobs under way are gone.
  void KillController();
  void KillContainer(const std::string& id, int exit_code = 137);
  // Passes, jobs and time until nothing happens any more (bounded); true when it settled.
  bool Settle(int max_passes = 4000);
  // As Settle, but kills the controller after `kill_at` actions in total.
  [[nodiscard]] int InService() const;
  [[nodiscard]] int Running() const;
  [[nodiscard]] std::vector<std::string> RunningNames() const;

  api::WebApp app;
  std::string revision = "aaaa";
  bool deleted = false;
  bool image_ready = true;
  bool hold = false;
  std::set<std::string> unmakeable;
  std::map<std::string, Container> containers;  // by id
  std::map<std::string, Server> servers;        // by name
  Clock::Steady now{std::chrono::hours(1)};
  api::Time wall{std::chrono::hours(1000)};
  std::mt19937 random;
  api::Millis startup{300};  // created -> ready
  std::function<bool(const Container&)> becomes_ready = [](const Container&) { return true; };
  std::function<void()> on_change = [] {};  // after each single effect
  int connections_left = 0;                 // requests that a draining server still has
  std::vector<std::string> log;             // every action, for goldens
  int actions_started = 0;
  int kill_after_actions = -1;  // -1: never
  std::optional<Clock::Steady> progress_at;

 private:
  void Apply(const PlanAction& action);
  void Crash(Container& c, int exit_code);

  struct Job {
    PlanAction action;
  };
  std::vector<Job> jobs_;
  std::map<std::string, Clock::Steady> drain_since_;
  std::map<std::string, Clock::Steady> stop_since_;
  std::map<std::string, bool> kill_sent_;
  int next_id_ = 0;
};

}  // namespace ballast::reconcilers
