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
  // Digest of who may use it, where `traffic` names a basicAuthSecret; "": that cannot be used now,
  // and everybody is answered 503.
  std::string users;
  int hold_seconds = 0;  // BackendSpec's; only where the load balancer holds
  bool operator==(const BackendModel&) const = default;
};

struct RouteModel {
  api::Route route;
  std::string backend;
  auto operator<=>(const RouteModel&) const = default;
};

// A certificate with its key that can be served. What it is stays beside the model (content.h).
struct CertificateModel {
  api::NamespacedName secret;
  std::string digest;       // of its content
  std::string fingerprint;  // as `show ssl cert` writes it
  std::size_t bytes = 0;    // of its content
  bool operator==(const CertificateModel&) const = default;
};

struct LoadBalancerModel {
  std::string name;
  api::LoadBalancerSpec spec;
  std::vector<BackendModel> backends;          // sorted by name
  std::vector<RouteModel> routes;              // sorted, no two with the same host + path + type
  std::vector<CertificateModel> certificates;  // sorted by secret; of those that listeners name
  std::string stats_users;                     // as BackendModel::users, for spec.stats_auth
  // Requests can wait for a server (hold.h). Whose and how long is then changed at run time;
  // whether at all is not, so that nothing of it is in HAProxy before some web app needs it.
  bool holds = false;
  bool operator==(const LoadBalancerModel&) const = default;
};

inline constexpr char kHttps[] = "HTTPS";

// Those of a listener that there are, in the listener's order: the first is the default.
[[nodiscard]] std::vector<const CertificateModel*> CertificatesOf(const LoadBalancerModel& model,
                                                                  const api::Listener& listener);
// Without any certificate an HTTPS listener is left out.
[[nodiscard]] bool IsServed(const LoadBalancerModel& model, const api::Listener& listener);
[[nodiscard]] bool ServesHttps(const LoadBalancerModel& model);
// Where redirectToHttps goes: the port of the first HTTPS listener; 0: there is none.
[[nodiscard]] std::uint16_t HttpsPort(const api::LoadBalancerSpec& spec);

// The backend's name of a web app: "<namespace>_<name>" ('_' is in neither).
[[nodiscard]] inline std::string BackendName(const api::ObjectKey& app) {
  return app.ns + "_" + app.name;
}

}  // namespace ballast::reconcilers::haproxy
