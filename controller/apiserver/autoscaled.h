// Who decides about a web app's spec.replicas while an Autoscaler has it as its target: the
// Autoscaler, and whoever scales by hand through the scale subresource. A manifest's number is only
// what it starts with: applying it again must not take replicas away from a busy web app. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ballast::apiserver {

// The field manager of the autoscaler's own writes.
inline constexpr char kAutoscalerManager[] = "ballast-autoscaler";

// Of a write of the web app itself: leaves the number as it is. Returns what to tell the writer, ""
// for nothing.
[[nodiscard]] std::string KeepReplicas(const std::string& autoscaler, const nlohmann::json& current,
                                       nlohmann::json& candidate);

// Of a server-side apply by `manager`: takes the number out when somebody else owns it, and else
// makes it what it is, so that there is nothing to argue about.
[[nodiscard]] std::string KeepAppliedReplicas(const std::string& autoscaler,
                                              const nlohmann::json& current,
                                              const std::string& manager, nlohmann::json& config);

// Of a write of its scale.
[[nodiscard]] std::string ScaledByHand(const std::string& autoscaler, const std::string& webapp);

}  // namespace ballast::apiserver
