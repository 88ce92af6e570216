#include "reconcilers/webapp/status.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>

#include "api/codec.h"
#include "api/reasons.h"

namespace ballast::reconcilers {
namespace {

using api::ConditionStatus;
namespace reason = api::reason;

api::Condition Make(std::string type, ConditionStatus status, std::string reason,
                    std::string message) {
  return {.type = std::move(type),
          .status = status,
          .reason = std::move(reason),
          .message = std::move(message)};
}

std::string Of(int count, int total, const char* what) {
  return std::to_string(count) + " of " + std::to_string(total) + " replicas " + what;
}

std::string Left(const PlanInput& in) {
  const std::size_t count = in.replicas.size();
  return "the web app is deleted; " + std::to_string(count) +
         (count == 1 ? " container is left" : " containers are left");
}

api::Condition Available(const PlanInput& in, const PlanOutput& out) {
  if (in.app == nullptr) {
    return Make("Available", ConditionStatus::kFalse, reason::kTerminating, Left(in));
  }
  if (!in.app->spec.pod_template) {
    const bool any = out.adopted_ready > 0;
    return Make("Available", any ? ConditionStatus::kTrue : ConditionStatus::kFalse,
                any ? reason::kPoolOnly : reason::kMinimumReplicasUnavailable,
                std::to_string(out.adopted_ready) + " labelled containers ready");
  }
  const int replicas = in.app->spec.replicas;
  const int floor = replicas - api::ResolveDown(in.app->spec.strategy.max_unavailable, replicas);
  const bool enough = out.in_service >= floor;
  return Make("Available", enough ? ConditionStatus::kTrue : ConditionStatus::kFalse,
              enough ? reason::kMinimumReplicasAvailable : reason::kMinimumReplicasUnavailable,
              Of(out.in_service, replicas, "in service"));
}

api::Condition Progressing(const PlanInput& in, const PlanOutput& out,
                           const AppProblems& problems) {
  if (in.app == nullptr) {
    return Make("Progressing", ConditionStatus::kTrue, reason::kTerminating, Left(in));
  }
  const int replicas = in.app->spec.replicas;
  if (in.app->spec.paused && !out.rollout_complete) {
    return Make("Progressing", ConditionStatus::kUnknown, reason::kRolloutPaused,
                "the rollout is paused (spec.paused)");
  }
  if (out.rollout_complete) {
    return Make("Progressing", ConditionStatus::kTrue, reason::kRolloutComplete,
                in.app->spec.pod_template ? "every replica is of revision " + in.update_revision
                                          : "nothing to roll out");
  }
  if (out.deadline_exceeded) {
    std::string why = !problems.config.empty()   ? problems.config
                      : !problems.image.empty()  ? problems.image
                      : !problems.create.empty() ? problems.create
                                                 : out.unready_message;
    if (why.empty()) why = "new replicas do not become ready";
    return Make("Progressing", ConditionStatus::kFalse, reason::kProgressDeadlineExceeded,
                "no progress for " + std::to_string(in.app->spec.progress_deadline_seconds) +
                    " s: " + why + "; the replicas in service are left alone");
  }
  if (in.hold) {
    return Make("Progressing", ConditionStatus::kUnknown, problems.config_reason, problems.config);
  }
  return Make("Progressing", ConditionStatus::kTrue, reason::kReplicasUpdated,
              Of(out.updated, replicas, ("updated to revision " + in.update_revision).c_str()));
}

api::Condition Degraded(const PlanInput& in, const PlanOutput& out, const AppProblems& problems) {
  const auto yes = [](const char* why, std::string message) {
    return Make("Degraded", ConditionStatus::kTrue, why, std::move(message));
  };
  // What cannot be read for a moment disturbs nobody as long as nothing has to be made.
  const bool missing = problems.config_reason == std::string_view(reason::kConfigMissing);
  if (!problems.config.empty() && (missing || out.blocked_on_config || !out.rollout_complete)) {
    return yes(problems.config_reason, problems.config);
  }
  if (!problems.image.empty()) return yes(reason::kImagePullFailed, problems.image);
  if (!problems.create.empty()) return yes(reason::kCreateFailed, problems.create);
  if (!problems.traffic.empty()) return yes(reason::kTrafficNotApplied, problems.traffic);
  if (out.back_off) return yes(reason::kCrashLoopBackOff, out.unready_message);
  const int wanted = in.app && in.app->spec.pod_template ? in.app->spec.replicas : 0;
  if (out.ready < std::min(out.replicas, wanted) && out.rollout_complete) {
    return yes(reason::kUnready, out.unready_message);
  }
  if (!problems.adoption.empty()) return yes(reason::kAdoptionRefused, problems.adoption);
  return Make("Degraded", ConditionStatus::kFalse, reason::kAsExpected, "");
}

std::string ServerText(const std::optional<ServerAdmin>& admin, bool up) {
  if (!admin) return "-";
  switch (*admin) {
    case ServerAdmin::kDrain:
      return "DRAIN";
    case ServerAdmin::kMaint:
      return "MAINT";
    case ServerAdmin::kReady:
      return up ? "UP" : "DOWN";
  }
  return "-";
}

std::string PhaseText(const ReplicaView& r, bool draining) {
  if (r.phase == ReplicaPhase::kDead) return "Dead";
  if (r.phase == ReplicaPhase::kCreated) return "Created";
  if (r.phase == ReplicaPhase::kPaused) return "Paused";
  if (r.stop_since || r.stopping) return "Stopping";
  if (draining) return "Draining";
  return r.ready ? "Running" : "Starting";
}

}  // namespace

api::WebAppStatus MakeStatus(const PlanInput& in, const PlanOutput& out,
                             const AppProblems& problems,
                             const std::map<std::string, api::Condition>& before) {
  api::WebAppStatus status;
  if (in.app != nullptr) {
    status.observed_generation = in.app->meta.generation;
    status.desired_replicas = in.app->spec.pod_template ? in.app->spec.replicas : 0;
  }
  status.replicas = out.replicas;
  status.ready_replicas = out.ready;
  status.in_service_replicas = out.in_service;
  status.updated_replicas = out.updated;
  status.unavailable_replicas = std::max(0, status.desired_replicas - out.in_service);
  status.adopted_replicas = static_cast<int>(
      std::ranges::count_if(in.adopted, [](const AdoptedView& a) { return a.running; }));
  status.update_revision = in.update_revision;
  status.current_revision = in.update_revision;
  for (const ReplicaView& r : in.replicas) {
    if (r.revision != in.update_revision && r.phase == ReplicaPhase::kRunning) {
      status.current_revision = r.revision;
    }
  }
  status.conditions = {Available(in, out), Progressing(in, out, problems),
                       Degraded(in, out, problems)};
  for (api::Condition& condition : status.conditions) {
    const auto it = before.find(condition.type);
    const bool same = it != before.end() && it->second.status == condition.status;
    condition.last_transition = same ? it->second.last_transition : in.wall_now;
  }
  return status;
}

std::vector<api::ReplicaStatus> MakeReplicaRows(
    const PlanInput& in, const PlanOutput& out,
    const std::map<std::string, std::string>& addresses) {
  const std::set<std::string> draining(out.draining.begin(), out.draining.end());
  const auto address = [&](const std::string& id) {
    const auto it = addresses.find(id);
    return it == addresses.end() ? std::string() : it->second;
  };
  std::vector<api::ReplicaStatus> rows;
  for (const ReplicaView& r : in.replicas) {
    api::ReplicaStatus row{.name = r.name,
                           .container_id = r.container_id,
                           .address = address(r.container_id),
                           .revision = r.revision,
                           .phase = PhaseText(r, draining.contains(r.container_id)),
                           .ready = r.ready && r.phase == ReplicaPhase::kRunning,
                           .server_state = ServerText(r.server, r.server_up),
                           .restarts = r.attempt,
                           .connections = std::max(0, r.connections),
                           .started = r.started,
                           .message = r.health_message};
    if (r.phase == ReplicaPhase::kDead) {
      row.message = "exited with code " + std::to_string(r.exit_code);
      if (r.oom_killed) row.message += " (out of memory)";
    }
    rows.push_back(std::move(row));
  }
  for (const AdoptedView& a : in.adopted) {
    rows.push_back({.name = a.server,
                    .container_id = a.container_id,
                    .address = address(a.container_id),
                    .phase = !a.running   ? "Dead"
                             : a.stopping ? "Stopping"
                             : a.ready    ? "Running"
                                          : "Starting",
                    .ready = a.ready && a.running,
                    .adopted = true,
                    .server_state = ServerText(a.server_state, a.server_up)});
  }
  std::ranges::stable_sort(rows, {}, [](const api::ReplicaStatus& r) {
    return std::tuple(r.adopted, r.name, r.restarts);
  });
  return rows;
}

std::string MakeUrl(const api::WebApp& app, const api::LoadBalancerSpec& spec) {
  if (app.spec.routes.empty() || spec.listeners.empty()) return "";
  const api::Route& route = app.spec.routes.front();
  const std::uint16_t port = spec.listeners.front().port;
  std::string host = route.host.empty() ? "127.0.0.1" : route.host;
  if (port != 80) host += ":" + std::to_string(port);
  return "http://" + host + route.path;
}

}  // namespace ballast::reconcilers
