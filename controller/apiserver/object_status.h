// Statuses as the JSON of the API: the same words in `status` of an object and in /status. Pure;
// any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/autoscaler.h"
#include "api/load_balancer.h"
#include "api/webapp.h"

namespace ballast::apiserver {

[[nodiscard]] nlohmann::json EncodeObjectStatus(const api::WebAppStatus& status);
[[nodiscard]] nlohmann::json EncodeObjectStatus(const api::LoadBalancerStatus& status);
[[nodiscard]] nlohmann::json EncodeObjectStatus(const api::AutoscalerStatus& status);
// Without the name.
[[nodiscard]] nlohmann::json EncodeObjectStatus(const api::ReplicaStatus& status);

// Conditions of `after` that are what they were in `before` keep the time of their last transition:
// a controller that starts anew knows less than the store.
void KeepTransitionTimes(const nlohmann::json& before, nlohmann::json& after);

}  // namespace ballast::apiserver
