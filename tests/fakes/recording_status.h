// Keeps the latest status of every object. One thread at a time.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/ports/desired_state.h"

namespace ballast::fakes {

class RecordingStatus final : public reconcilers::StatusWriter {
 public:
  struct WebApp {
    api::WebAppStatus status;
    std::vector<api::ReplicaStatus> replicas;
    bool operator==(const WebApp&) const = default;
  };

  void SetWebApp(const api::ObjectKey& key, api::WebAppStatus status,
                 std::vector<api::ReplicaStatus> replicas) override {
    webapps[key] = {std::move(status), std::move(replicas)};
  }
  void SetLoadBalancer(const api::ObjectKey& key, api::LoadBalancerStatus status) override {
    load_balancers[key.name] = std::move(status);
  }
  void SetAutoscaler(const api::ObjectKey& key, api::AutoscalerStatus status) override {
    autoscalers[key] = std::move(status);
  }
  void Remove(const api::ObjectKey& key) override {
    webapps.erase(key);
    autoscalers.erase(key);
    if (key.kind == "LoadBalancer") load_balancers.erase(key.name);
  }

  std::map<api::ObjectKey, WebApp> webapps;
  std::map<std::string, api::LoadBalancerStatus> load_balancers;  // by name
  std::map<api::ObjectKey, api::AutoscalerStatus> autoscalers;
};

}  // namespace ballast::fakes
