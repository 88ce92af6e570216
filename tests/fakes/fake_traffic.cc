#include "tests/fakes/fake_traffic.h"

#include <algorithm>
#include <set>

namespace ballast::fakes {

using reconcilers::BackendObservation;
using reconcilers::BackendSpec;
using reconcilers::Endpoint;
using reconcilers::ServerAdmin;

namespace {

const char* Word(ServerAdmin admin) {
  switch (admin) {
    case ServerAdmin::kReady:
      return "ready ";
    case ServerAdmin::kDrain:
      return "drain ";
    case ServerAdmin::kMaint:
      return "maint ";
  }
  return "";
}

}  // namespace

Result<void> FakeTraffic::Publish(const BackendSpec& spec) {
  ++wishes_;
  if (down_) return std::unexpected(*down_);
  const auto [it, added] = backends_.try_emplace(spec.app);
  Backend& backend = it->second;
  if (added || backend.spec.routes != spec.routes) changes_.push_back("publish " + spec.app.name);
  backend.spec = spec;
  std::set<std::string> named;
  for (const Endpoint& endpoint : spec.endpoints) {
    named.insert(endpoint.server);
    Apply(backend, endpoint);
  }
  for (auto& [name, server] : backend.servers) {
    if (named.contains(name)) continue;
    SetAdmin(server, ServerAdmin::kMaint);
    server.leaving = true;
    server.dead = server.dead || std::ranges::find(spec.dead, name) != spec.dead.end();
  }
  return {};
}

void FakeTraffic::Apply(Backend& backend, const Endpoint& wish) {
  auto it = backend.servers.find(wish.server);
  if (it != backend.servers.end() &&
      (it->second.endpoint.address != wish.address || it->second.endpoint.port != wish.port)) {
    // The name is needed again for another container: the old one has to go first.
    changes_.push_back("delete " + wish.server);
    connections_.erase(wish.server);
    backend.servers.erase(it);
    it = backend.servers.end();
  }
  if (it == backend.servers.end()) {
    changes_.push_back("add " + wish.server);
    it = backend.servers.emplace(wish.server, Server{.endpoint = wish}).first;
    it->second.endpoint.admin = ServerAdmin::kReady;
  }
  Server& server = it->second;
  server.leaving = server.dead = false;
  SetAdmin(server, wish.admin);
  server.endpoint = wish;
}

void FakeTraffic::SetAdmin(Server& server, ServerAdmin admin) {
  if (server.endpoint.admin == admin) return;
  server.endpoint.admin = admin;
  changes_.push_back(Word(admin) + server.endpoint.server);
}

Result<void> FakeTraffic::Withdraw(const api::ObjectKey& app) {
  ++wishes_;
  if (down_) return std::unexpected(*down_);
  if (backends_.erase(app) > 0) changes_.push_back("withdraw " + app.name);
  return {};
}

Result<BackendObservation> FakeTraffic::Observe(const api::ObjectKey& app, bool connections) {
  if (hook_) hook_();
  if (down_) return std::unexpected(*down_);
  BackendObservation result{.settled = true};
  const auto it = backends_.find(app);
  if (it == backends_.end()) return result;
  Sweep(it->second);
  result.known = true;
  result.holds = holds_ && it->second.spec.hold_seconds > 0;
  for (const auto& [name, server] : it->second.servers) {
    const Endpoint& endpoint = server.endpoint;
    result.servers[name] = {.server = name,
                            .container_id = endpoint.container_id,
                            .address = endpoint.address,
                            .port = endpoint.port,
                            .admin = endpoint.admin,
                            .up = endpoint.admin != ServerAdmin::kMaint,
                            .connections = connections ? ConnectionsOf(name) : -1};
  }
  return result;
}

void FakeTraffic::Sweep(Backend& backend) {
  for (auto it = backend.servers.begin(); it != backend.servers.end();) {
    const auto& [name, server] = *it;
    if (!server.leaving || (ConnectionsOf(name) > 0 && !server.dead)) {
      ++it;
      continue;
    }
    changes_.push_back("delete " + name);
    connections_.erase(name);
    it = backend.servers.erase(it);
  }
}

void FakeTraffic::ForgetContainers() {
  for (auto& [app, backend] : backends_) {
    for (auto& [name, server] : backend.servers) server.endpoint.container_id.clear();
  }
}

const Endpoint* FakeTraffic::Find(const std::string& server) const {
  for (const auto& [app, backend] : backends_) {
    const auto it = backend.servers.find(server);
    if (it != backend.servers.end()) return &it->second.endpoint;
  }
  return nullptr;
}

const BackendSpec* FakeTraffic::Wish(const api::ObjectKey& app) const {
  const auto it = backends_.find(app);
  return it == backends_.end() ? nullptr : &it->second.spec;
}

int FakeTraffic::ConnectionsOf(const std::string& server) const {
  const auto it = connections_.find(server);
  return it == connections_.end() ? 0 : it->second;
}

}  // namespace ballast::fakes
