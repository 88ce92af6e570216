// The desired HAProxy configuration of one load balancer as pure data: what is rendered to files,
// and what is compared to decide between runtime commands and a reload. Values are validated by
// api/ before they come here, and quoted again when written (quote.h). Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/load_balancer.h"
#include "api/webapp.h"
#include "reconcilers/ports/traffic.h"

namespace ballast::reconcilers::haproxy {

struct ServerModel {
  std::string name;     // "shop-7f3a-2", also its cookie value
  std::string address;  // IPv4
  std::uint16_t port = 0;
  ServerAdmin admin = ServerAdmin::kReady;
  bool operator==(const ServerModel&) const = default;
};

struct BackendModel {
  std::string name;  // "default_shop"
  api::Traffic traffic;
  std::vector<ServerModel> servers;  // sorted by name
  bool operator==(const BackendModel&) const = default;
};

struct RouteModel {
  api::Route route;
  std::string backend;
  auto operator<=>(const RouteModel&) const = default;
};

struct LoadBalancerModel {
  std::string name;
  api::LoadBalancerSpec spec;
  std::vector<BackendModel> backends;  // sorted by name
  std::vector<RouteModel> routes;      // sorted, no two with the same host + path + type
  bool operator==(const LoadBalancerModel&) const = default;
};

// The backend's name of a web app: "<namespace>_<name>" ('_' is in neither).
[[nodiscard]] inline std::string BackendName(const api::ObjectKey& app) {
  return app.ns + "_" + app.name;
}

}  // namespace ballast::reconcilers::haproxy
