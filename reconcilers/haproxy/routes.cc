// Implements routes.h.
#include "reconcilers/haproxy/routes.h"

#include <fmt/format.h>

#include "reconcilers/haproxy/quote.h"

namespace ballast::reconcilers::haproxy {

std::string RouteKey(const api::Route& route) {
  std::string key = route.host + route.path;
  if (route.path_type == api::PathType::kExact) return key;
  while (key.ends_with('/')) key.pop_back();
  return key + '/';
}

Result<void> CheckRoute(const RouteModel& route) {
  const Result<std::string> host = CheckHost(route.route.host);
  if (!host) return Wrap("route to " + Printable(route.backend), host.error());
  const Result<std::string> path = CheckPath(route.route.path);
  if (!path) return Wrap("route to " + Printable(route.backend), path.error());
  const Result<std::string> backend = CheckName(route.backend);
  if (!backend) return Wrap("route", backend.error());
  return {};
}

Result<RouteMaps> MakeRouteMaps(const LoadBalancerModel& model) {
  RouteMaps maps;
  for (const RouteModel& route : model.routes) {
    if (Result<void> checked = CheckRoute(route); !checked) {
      return std::unexpected(checked.error());
    }
    auto& map = route.route.path_type == api::PathType::kExact ? maps.exact : maps.prefix;
    map.try_emplace(RouteKey(route.route), route.backend);
  }
  return maps;
}

}  // namespace ballast::reconcilers::haproxy
