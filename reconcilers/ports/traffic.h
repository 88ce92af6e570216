// Port: what the WebApp reconciler wants of the load balancers, and what it can see of them.
// Implemented by reconcilers/loadbalancer (TrafficManager) over DataPlane. Any thread; one WebApp's
// calls are never concurrent.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/status.h"
#include "api/webapp.h"

namespace ballast::reconcilers {

// kReady: takes traffic. kDrain: only requests bound to it by cookie, running ones go on.
// kMaint: nothing new at all, running ones go on.
enum class ServerAdmin { kReady, kDrain, kMaint };

struct Endpoint {
  std::string server;        // HAProxy's server name: "shop-7f3a-2"; also its cookie value
  std::string container_id;  // tells a new replica from an old one of the same name
  std::string node = "local";
  std::string address;  // IPv4
  std::uint16_t port = 0;
  ServerAdmin admin = ServerAdmin::kReady;
  std::string network;  // Docker network that a bridged load balancer must join to reach it
  bool operator==(const Endpoint&) const = default;
};

// One WebApp as load balancers see it. Servers that are not named are taken out of rotation at
// once and deleted when their last request is done; those named in `dead` lost their container, so
// that their connections are shut down and they are deleted at once.
struct BackendSpec {
  api::ObjectKey app;
  std::vector<api::Route> routes;
  api::Traffic traffic;
  std::vector<Endpoint> endpoints;  // sorted by server
  std::vector<std::string> dead;    // server names
  // How long a request waits in the load balancer while no server takes it, before it is answered
  // 503; 0: it is answered at once.
  int hold_seconds = 0;
  bool operator==(const BackendSpec&) const = default;
};

// What HAProxy has, as last read or successfully commanded.
struct ServerObservation {
  std::string server;
  std::string container_id;  // "" after a restart of the controller, until published again
  std::string address;
  std::uint16_t port = 0;
  ServerAdmin admin = ServerAdmin::kMaint;
  bool up = false;       // op state: HAProxy would send it traffic
  int connections = -1;  // running requests and tunnels over all workers; -1: not asked
  std::string text;      // "UP", "DOWN", "DRAIN", "MAINT" for people
};

struct BackendObservation {
  bool known = false;    // the backend exists in every load balancer that its routes name
  bool settled = false;  // the last Publish is fully in force
  bool holds = false;    // requests wait while no server takes them, in every load balancer
  std::map<std::string, ServerObservation> servers;  // by server name
  // Servers of the last Publish that no waiting brings in: the message says what must change first.
  std::set<std::string> left_out;
  std::string message;  // why it is not settled, for a condition
};

class Traffic {
 public:
  virtual ~Traffic() = default;

  // Makes the load balancers agree with `spec`: by runtime commands before it returns where only
  // servers changed, otherwise by a reload soon after (then `settled` is false and the web app's
  // key is enqueued when it is done). An error means not (fully) applied; the wish is kept and
  // applied as soon as possible. Equal to the last one and settled: no command at all.
  virtual Result<void> Publish(const BackendSpec& spec) = 0;

  // Removes the backend and its routes (after its servers are gone).
  virtual Result<void> Withdraw(const api::ObjectKey& app) = 0;

  // With `connections`, asks HAProxy (all workers) for the running requests of each server.
  virtual Result<BackendObservation> Observe(const api::ObjectKey& app, bool connections) = 0;
};

}  // namespace ballast::reconcilers
