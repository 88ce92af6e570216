#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "controller/apiserver/endpoints.h"
#include "controller/apiserver/object_status.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

json EncodeReplica(const api::ReplicaStatus& replica) {
  json row = EncodeObjectStatus(replica);
  row["name"] = replica.name;
  return row;
}

json EncodeWebApp(const WebAppReport& app) {
  json replicas = json::array();
  for (const api::ReplicaStatus& replica : app.replicas) replicas.push_back(EncodeReplica(replica));
  return {{"name", app.key.name},
          {"namespace", app.key.ns},
          {"fromLabels", app.from_labels},
          {"desired", app.desired},
          {"status", EncodeObjectStatus(app.status)},
          {"replicas", std::move(replicas)}};
}

json EncodeLoadBalancer(const LoadBalancerReport& balancer) {
  return {{"name", balancer.key.name},
          {"implied", balancer.implied},
          {"status", EncodeObjectStatus(balancer.status)}};
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
