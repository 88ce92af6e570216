#include "controller/apiserver/object_status.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "controller/apiserver/endpoints.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

std::string_view ConditionWord(api::ConditionStatus status) {
  switch (status) {
    case api::ConditionStatus::kTrue:
      return "True";
    case api::ConditionStatus::kFalse:
      return "False";
    case api::ConditionStatus::kUnknown:
      return "Unknown";
  }
  return "Unknown";
}

json EncodeConditions(const std::vector<api::Condition>& conditions) {
  json list = json::array();
  for (const api::Condition& condition : conditions) {
    list.push_back({{"type", condition.type},
                    {"status", ConditionWord(condition.status)},
                    {"reason", condition.reason},
                    {"message", condition.message},
                    {"lastTransitionTime", FormatTime(condition.last_transition)}});
  }
  return list;
}

}  // namespace

json EncodeObjectStatus(const api::WebAppStatus& status) {
  return {{"observedGeneration", status.observed_generation},
          {"desiredReplicas", status.desired_replicas},
          {"replicas", status.replicas},
          {"readyReplicas", status.ready_replicas},
          {"inServiceReplicas", status.in_service_replicas},
          {"updatedReplicas", status.updated_replicas},
          {"unavailableReplicas", status.unavailable_replicas},
          {"adoptedReplicas", status.adopted_replicas},
          {"currentRevision", status.current_revision},
          {"updateRevision", status.update_revision},
          {"updateCause", status.update_cause},
          {"url", status.url},
          {"conditions", EncodeConditions(status.conditions)}};
}

json EncodeObjectStatus(const api::LoadBalancerStatus& status) {
  return {{"observedGeneration", status.observed_generation},
          {"version", status.version},
          {"servers", status.servers},
          {"reloads", status.reloads},
          {"lastReloadReason", status.last_reload_reason},
          {"driftRepaired", status.drift_repaired},
          {"conditions", EncodeConditions(status.conditions)}};
}

json EncodeObjectStatus(const api::AutoscalerStatus& status) {
  json metrics = json::array();
  for (const api::MetricStatus& metric : status.current_metrics) {
    json one = {{"name", metric.name}, {"target", metric.target}};
    if (metric.current) one["current"] = *metric.current;
    if (metric.replicas) one["proposedReplicas"] = *metric.replicas;
    if (!metric.problem.empty()) one["problem"] = metric.problem;
    metrics.push_back(std::move(one));
  }
  json out = {{"observedGeneration", status.observed_generation},
              {"currentReplicas", status.current_replicas},
              {"inServiceReplicas", status.in_service_replicas},
              {"desiredReplicas", status.desired_replicas},
              {"minReplicas", status.min_replicas},
              {"maxReplicas", status.max_replicas},
              {"panicking", status.panicking},
              {"lastDecision", status.last_decision},
              {"currentMetrics", std::move(metrics)},
              {"conditions", EncodeConditions(status.conditions)}};
  if (status.last_scale_time) out["lastScaleTime"] = FormatTime(*status.last_scale_time);
  if (status.next_change_time) out["nextChangeTime"] = FormatTime(*status.next_change_time);
  return out;
}

json EncodeObjectStatus(const api::ReplicaStatus& status) {
  return {{"node", status.node},
          {"containerID", status.container_id},
          {"address", status.address},
          {"revision", status.revision},
          {"phase", status.phase},
          {"ready", status.ready},
          {"adopted", status.adopted},
          {"serverState", status.server_state},
          {"restarts", status.restarts},
          {"connections", status.connections},
          {"startTime", FormatTime(status.started)},
          {"message", status.message}};
}

void KeepTransitionTimes(const json& before, json& after) {
  if (!before.is_object() || !before.contains("conditions") || !after.contains("conditions")) {
    return;
  }
  // `before` is what anybody may have stored.
  const auto same = [](const json& a, const json& b, const char* key) {
    return a.is_object() && a.contains(key) && a[key] == b[key];
  };
  for (json& condition : after["conditions"]) {
    for (const json& old : before["conditions"]) {
      if (same(old, condition, "type") && same(old, condition, "status") &&
          old.contains("lastTransitionTime") && old["lastTransitionTime"].is_string()) {
        condition["lastTransitionTime"] = old["lastTransitionTime"];
      }
    }
  }
}

}  // namespace ballast::apiserver
