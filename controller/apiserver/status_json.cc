#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

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

json EncodeReplica(const api::ReplicaStatus& replica) {
  return {{"name", replica.name},
          {"node", replica.node},
          {"containerID", replica.container_id},
          {"address", replica.address},
          {"revision", replica.revision},
          {"phase", replica.phase},
          {"ready", replica.ready},
          {"adopted", replica.adopted},
          {"serverState", replica.server_state},
          {"restarts", replica.restarts},
          {"connections", replica.connections},
          {"startTime", FormatTime(replica.started)},
          {"message", replica.message}};
}

json EncodeWebApp(const WebAppReport& app) {
  const api::WebAppStatus& status = app.status;
  json replicas = json::array();
  for (const api::ReplicaStatus& replica : app.replicas) replicas.push_back(EncodeReplica(replica));
  return {{"name", app.key.name},
          {"namespace", app.key.ns},
          {"fromLabels", app.from_labels},
          {"desired", app.desired},
          {"status",
           {{"observedGeneration", status.observed_generation},
            {"desiredReplicas", status.desired_replicas},
            {"replicas", status.replicas},
            {"readyReplicas", status.ready_replicas},
            {"inServiceReplicas", status.in_service_replicas},
            {"updatedReplicas", status.updated_replicas},
            {"unavailableReplicas", status.unavailable_replicas},
            {"adoptedReplicas", status.adopted_replicas},
            {"currentRevision", status.current_revision},
            {"updateRevision", status.update_revision},
            {"url", status.url},
            {"conditions", EncodeConditions(status.conditions)}}},
          {"replicas", std::move(replicas)}};
}

json EncodeLoadBalancer(const LoadBalancerReport& balancer) {
  const api::LoadBalancerStatus& status = balancer.status;
  return {{"name", balancer.key.name},
          {"implied", balancer.implied},
          {"status",
           {{"observedGeneration", status.observed_generation},
            {"version", status.version},
            {"servers", status.servers},
            {"reloads", status.reloads},
            {"lastReloadReason", status.last_reload_reason},
            {"driftRepaired", status.drift_repaired},
            {"conditions", EncodeConditions(status.conditions)}}}};
}

json EncodeEvent(const EventReport& event) {
  return {{"lastTimestamp", FormatTime(event.last)},
          {"type", event.warning ? "Warning" : "Normal"},
          {"object", event.object.ToString()},
          {"reason", event.reason},
          {"message", event.message},
          {"count", event.count}};
}

}  // namespace

std::string FormatTime(api::Time time) {
  if (time == api::Time{}) return "";
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::floor<std::chrono::seconds>(time)));
}

json EncodeStatus(const StatusReport& report) {
  json webapps = json::array();
  for (const WebAppReport& app : report.webapps) webapps.push_back(EncodeWebApp(app));
  json balancers = json::array();
  for (const auto& balancer : report.load_balancers) {
    balancers.push_back(EncodeLoadBalancer(balancer));
  }
  json problems = json::array();
  for (const ProblemReport& problem : report.problems) {
    problems.push_back({{"kind", problem.kind}, {"message", problem.message}});
  }
  json events = json::array();
  for (const EventReport& event : report.events) events.push_back(EncodeEvent(event));
  const ControllerReport& controller = report.controller;
  return {
      {"now", FormatTime(report.now)},
      {"controller",
       {{"version", controller.version},
        {"instance", controller.instance},
        {"startTime", FormatTime(controller.started)},
        {"uptimeSeconds",
         std::chrono::duration_cast<std::chrono::seconds>(report.now - controller.started).count()},
        {"ready", controller.ready},
        {"notReadyReason", controller.not_ready_reason},
        {"dockerVersion", controller.docker_version},
        {"manifests", controller.manifests}}},
      {"webapps", std::move(webapps)},
      {"loadBalancers", std::move(balancers)},
      {"problems", std::move(problems)},
      {"events", std::move(events)}};
}

}  // namespace ballast::apiserver
