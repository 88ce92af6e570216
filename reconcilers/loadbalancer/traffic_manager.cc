#include "reconcilers/loadbalancer/traffic_manager.h"

#include <algorithm>

namespace ballast::reconcilers {
namespace {

// What one load balancer says of a server joins what the others say: it serves when it serves in
// all of them, and its requests are those of all.
void Merge(const ServerObservation& other, ServerObservation& into) {
  into.admin = std::max(into.admin, other.admin);
  if (!other.up || other.text != "UP") into.text = other.text;
  into.up = into.up && other.up;
  if (into.container_id.empty()) into.container_id = other.container_id;
  if (other.connections >= 0) into.connections = std::max(into.connections, 0) + other.connections;
}

}  // namespace

LoadBalancerTraffic& TrafficManager::Of(const std::string& load_balancer) {
  const std::lock_guard lock(mutex_);
  auto& traffic = load_balancers_[load_balancer];
  if (!traffic) traffic = std::make_unique<LoadBalancerTraffic>(load_balancer, owner_, d_);
  return *traffic;
}

std::vector<LoadBalancerTraffic*> TrafficManager::All() const {
  const std::lock_guard lock(mutex_);
  std::vector<LoadBalancerTraffic*> all;
  all.reserve(load_balancers_.size());
  for (const auto& [name, traffic] : load_balancers_) all.push_back(traffic.get());
  return all;
}

Result<void> TrafficManager::Publish(const BackendSpec& spec) {
  std::map<std::string, BackendSpec> wishes;
  for (const api::Route& route : spec.routes) {
    BackendSpec& wish = wishes[route.load_balancer];
    if (wish.routes.empty()) {
      wish = spec;
      wish.routes.clear();
    }
    wish.routes.push_back(route);
  }
  Result<void> result;
  for (LoadBalancerTraffic* traffic : All()) {
    const bool named =
        std::ranges::any_of(wishes, [&](const auto& wish) { return &Of(wish.first) == traffic; });
    if (named) continue;
    if (Result<void> withdrawn = traffic->Withdraw(spec.app); !withdrawn) result = withdrawn;
  }
  std::vector<std::string> names;
  for (auto& [name, wish] : wishes) {
    names.push_back(name);
    if (Result<void> done = Of(name).Publish(std::move(wish)); !done) result = done;
  }
  const std::lock_guard lock(mutex_);
  routed_[spec.app] = std::move(names);
  return result;
}

Result<void> TrafficManager::Withdraw(const api::ObjectKey& app) {
  Result<void> result;
  for (LoadBalancerTraffic* traffic : All()) {
    if (Result<void> done = traffic->Withdraw(app); !done) result = done;
  }
  const std::lock_guard lock(mutex_);
  routed_.erase(app);
  return result;
}

Result<BackendObservation> TrafficManager::Observe(const api::ObjectKey& app, bool connections) {
  std::vector<std::string> names;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = routed_.find(app); it != routed_.end()) names = it->second;
  }
  if (names.empty()) {
    // Not published since the start: HAProxy knows who is in rotation and who is leaving.
    std::shared_ptr<const api::WebApp> object;
    if (d_.desired.GetWebApp(app, object) == Presence::kPresent) {
      for (const api::Route& route : object->spec.routes) names.push_back(route.load_balancer);
      std::ranges::sort(names);
      names.erase(std::ranges::unique(names).begin(), names.end());
    }
  }
  BackendObservation result{.known = true, .settled = true, .holds = !names.empty()};
  std::map<std::string, std::size_t> seen;
  for (const std::string& name : names) {
    Result<BackendObservation> one = Of(name).Observe(app, connections);
    if (!one) return one;
    result.known = result.known && one->known;
    result.settled = result.settled && one->settled;
    result.holds = result.holds && one->holds;
    if (result.message.empty()) result.message = one->message;
    result.left_out.merge(one->left_out);
    for (auto& [server, observation] : one->servers) {
      const auto [it, added] = result.servers.try_emplace(server, observation);
      if (!added) Merge(observation, it->second);
      ++seen[server];
    }
  }
  for (auto& [server, observation] : result.servers) {
    if (seen[server] < names.size()) observation.up = false;  // some load balancer lacks it
  }
  return result;
}

std::map<std::string, Result<LoadReading>> TrafficManager::ReadLoad() {
  std::vector<std::pair<std::string, LoadBalancerTraffic*>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, traffic] : load_balancers_) all.emplace_back(name, traffic.get());
  }
  std::map<std::string, Result<LoadReading>> readings;
  for (const auto& [name, traffic] : all) {
    Result<LoadReading> reading = traffic->ReadLoad();
    if (!reading && reading.error().code == Code::kNotFound) continue;
    readings.emplace(name, std::move(reading));
  }
  return readings;
}

}  // namespace ballast::reconcilers
