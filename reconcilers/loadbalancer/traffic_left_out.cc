// What of a web app HAProxy cannot be given: it is left out and told, and everything else goes on;
// see load_balancer_traffic.h. Everything here runs with the lock held.
#include <fmt/format.h>

#include "api/reasons.h"
#include "reconcilers/haproxy/render.h"
#include "reconcilers/haproxy/writable.h"
#include "reconcilers/loadbalancer/load_balancer_traffic.h"

namespace ballast::reconcilers {
namespace {

using haproxy::LoadBalancerModel;

LoadBalancerModel ModelOf(const BackendSpec& wish) {
  const std::string name = haproxy::BackendName(wish.app);
  LoadBalancerModel model;
  haproxy::BackendModel& backend = model.backends.emplace_back();
  backend.name = name;
  backend.traffic = wish.traffic;
  for (const Endpoint& endpoint : wish.endpoints) {
    backend.servers.push_back({endpoint.server, endpoint.address, endpoint.port, endpoint.admin});
  }
  for (const api::Route& route : wish.routes) model.routes.push_back({route, name});
  return model;
}

}  // namespace

// Takes out of `wish` what HAProxy cannot reach and what its files cannot hold.
// False: nothing can be made of it at all.
bool LoadBalancerTraffic::LeaveOut(BackendSpec& wish) {
  LeftOut left;
  const std::string name = haproxy::BackendName(wish.app);
  // On the host's network, which is no network to join.
  std::erase_if(wish.endpoints, [&](const Endpoint& endpoint) {
    if (!joined_ || !endpoint.network.empty()) return false;
    left.servers.insert(endpoint.server);
    left.why = fmt::format(
        "server {} is on the host's network, where load balancer {} (hostNetwork: false) cannot "
        "reach it: start its container on a Docker network, or set hostNetwork: true",
        *left.servers.begin(), name_);
    return true;
  });
  LoadBalancerModel model = ModelOf(wish);
  const auto why = haproxy::LeaveOutUnwritable(model);
  if (!why.empty()) left.why = "HAProxy's configuration cannot hold it: " + why.begin()->second;
  if (model.backends.empty()) {
    // Its traffic goes on as it was, when it was.
    const auto known = wishes_.find(wish.app);
    const haproxy::BackendModel* applied = AppliedBackend(name);
    if (known != wishes_.end() || applied != nullptr) {
      wish.traffic = known != wishes_.end() ? known->second.traffic : applied->traffic;
      model = ModelOf(wish);
      static_cast<void>(haproxy::LeaveOutUnwritable(model));
    }
  }
  std::set<std::string> kept;
  for (const haproxy::BackendModel& backend : model.backends) {
    for (const haproxy::ServerModel& server : backend.servers) kept.insert(server.name);
  }
  std::erase_if(wish.endpoints, [&](const Endpoint& endpoint) {
    if (kept.erase(endpoint.server) > 0) return false;
    left.servers.insert(endpoint.server);
    return true;
  });
  wish.routes.clear();
  for (const haproxy::RouteModel& route : model.routes) wish.routes.push_back(route.route);

  const auto told = left_out_.find(wish.app);
  if (left.why.empty()) {
    left_out_.erase(wish.app);
    return true;
  }
  if (told == left_out_.end() || told->second.why != left.why) {
    d_.events.Record(wish.app, EventType::kWarning, api::reason::kTrafficNotApplied, left.why);
  }
  left_out_[wish.app] = std::move(left);
  return !model.backends.empty();
}

void LoadBalancerTraffic::TellUnwritable(const std::map<std::string, std::string>& why) {
  for (const auto& [backend, text] : why) {
    std::string& told = unwritable_told_[backend];
    if (told == text) continue;
    told = text;
    d_.events.Record(AppOfBackend(backend), EventType::kWarning, api::reason::kTrafficNotApplied,
                     "left out of HAProxy's configuration, which cannot hold it: " + text);
  }
}

// The files of `model`, and without what they cannot hold if there is any: no wish gets that far,
// but a note of another version may, or servers that somebody else gave to HAProxy.
Result<ConfigFiles> LoadBalancerTraffic::RenderWritable(LoadBalancerModel& model) {
  Result<ConfigFiles> files = haproxy::Render(model, secrets_.content());
  if (files) return files;
  TellUnwritable(haproxy::LeaveOutUnwritable(model));
  const haproxy::SecretContent& content = secrets_.content();
  std::erase_if(model.certificates, [&](const haproxy::CertificateModel& one) {
    return !content.certificates.contains(one.digest);
  });
  return haproxy::Render(model, content);
}

}  // namespace ballast::reconcilers
