// The load balancers in memory, as a WebApp's reconciler sees them: a change of servers is in force
// when Publish returns, a server that nobody wishes any more is deleted at the next Observe, once
// it is idle. It outlives the controllers of a test, as HAProxy does. One thread at a time.
//
//   traffic.SetConnections("shop-7f3a-0", 2);
//   EXPECT_THAT(traffic.TakeChanges(), ElementsAre("drain shop-7f3a-0"));
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/ports/traffic.h"

namespace ballast::fakes {

class FakeTraffic final : public reconcilers::Traffic {
 public:
  Result<void> Publish(const reconcilers::BackendSpec& spec) override;
  Result<void> Withdraw(const api::ObjectKey& app) override;
  Result<reconcilers::BackendObservation> Observe(const api::ObjectKey& app,
                                                  bool connections) override;

  // While set, HAProxy does not answer: every call fails with it.
  void SetDown(std::optional<Status> status) { down_ = std::move(status); }
  // Whether requests wait where that is wished; else HAProxy has yet to be reloaded for it.
  void SetHolds(bool holds) { holds_ = holds; }
  // Called by each Observe, to let something happen in the middle of a pass.
  void SetHook(std::function<void()> hook) { hook_ = std::move(hook); }
  // Running requests, whatever becomes of the server.
  void SetConnections(const std::string& server, int count) { connections_[server] = count; }
  // The controller is another one: which container a server is for was only in its memory.
  void ForgetContainers();

  // "publish shop" (a backend or its routes), "add S", "ready S", "drain S", "maint S", "delete S",
  // "withdraw shop", in order, since the last call.
  std::vector<std::string> TakeChanges() { return std::exchange(changes_, {}); }
  // Calls of Publish and Withdraw.
  [[nodiscard]] int wishes() const { return wishes_; }
  // Null: there is none of that name.
  [[nodiscard]] const reconcilers::Endpoint* Find(const std::string& server) const;
  [[nodiscard]] const reconcilers::BackendSpec* Wish(const api::ObjectKey& app) const;

 private:
  struct Server {
    reconcilers::Endpoint endpoint;
    bool leaving = false;
    bool dead = false;  // its connections are cut
  };
  struct Backend {
    reconcilers::BackendSpec spec;
    std::map<std::string, Server> servers;
  };

  void Apply(Backend& backend, const reconcilers::Endpoint& wish);
  void SetAdmin(Server& server, reconcilers::ServerAdmin admin);
  void Sweep(Backend& backend);
  [[nodiscard]] int ConnectionsOf(const std::string& server) const;

  std::map<api::ObjectKey, Backend> backends_;
  std::map<std::string, int> connections_;
  std::optional<Status> down_;
  std::vector<std::string> changes_;
  int wishes_ = 0;
  bool holds_ = true;
  std::function<void()> hook_;
};

}  // namespace ballast::fakes
