// The status of a WebApp: counts, conditions with reasons a person understands, and the rows that
// `ballast status` shows. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/load_balancer.h"
#include "reconcilers/webapp/plan.h"

namespace ballast::reconcilers {

// What failed around the plan.
struct AppProblems {
  std::string config;  // a Secret or ConfigMap is missing, or cannot be read
  const char* config_reason = "";
  std::string image;     // a pull or a look-up failed
  std::string create;    // a replica could not be created or started
  std::string traffic;   // HAProxy does not have what it should
  std::string adoption;  // labelled containers that cannot be used
};

// Of a deleted app: that it is terminating, and what is left of it.
[[nodiscard]] api::WebAppStatus MakeStatus(const PlanInput& input, const PlanOutput& output,
                                           const AppProblems& problems,
                                           const std::map<std::string, api::Condition>& before);

[[nodiscard]] std::vector<api::ReplicaStatus> MakeReplicaRows(
    const PlanInput& input, const PlanOutput& output,
    const std::map<std::string, std::string>& addresses);

// Where a person can reach the app: "http://shop.example.com/"; "" without a route.
[[nodiscard]] std::string MakeUrl(const api::WebApp& app, const api::LoadBalancerSpec& spec);

}  // namespace ballast::reconcilers
