// Port: which replicas pass their probes. Implemented by controller/probe (HTTP and TCP from the
// controller, exec through the engine). Level-triggered: a change enqueues the web app's key, the
// reconciler then asks Get. Any thread; never blocks on the network.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/webapp.h"
#include "reconcilers/ports/clock.h"

namespace ballast::reconcilers {

// What to probe in one container. Without any probe, and without Docker health, the port is tried.
struct ProbeTarget {
  std::string container_id;
  api::ObjectKey app;
  std::string address;     // IPv4 of the replica's network namespace
  std::uint16_t port = 0;  // default port; 0 with no probes: ready as soon as it runs
  std::optional<api::Probe> startup;
  std::optional<api::Probe> readiness;
  std::optional<api::Probe> liveness;
  bool port_answers = false;  // no probes at all: ready when a TCP connect to `port` succeeds
  // When the container started: initial delays count from it, and a restarted container is probed
  // anew. Zero: unknown, from the call of Watch.
  api::Time started_at{};
  bool operator==(const ProbeTarget&) const = default;
};

struct Health {
  bool started = false;  // startup probe passed (true without one)
  bool ready = false;
  bool alive = true;  // false: the startup or liveness probe gave up
  // The probes have come to a first verdict. Until then (the controller has just started) a
  // replica that takes traffic is left as it is.
  bool decided = false;
  Clock::Steady ready_since{};
  std::string message;  // last failure in words: "GET /healthz: 503", "connect: refused"
  bool operator==(const Health&) const = default;
};

class HealthMonitor {
 public:
  virtual ~HealthMonitor() = default;
  // Starts (or, when equal, keeps) probing a container. A changed target starts anew.
  virtual void Watch(const ProbeTarget& target) = 0;
  virtual void Forget(const std::string& container_id) = 0;
  [[nodiscard]] virtual Health Get(const std::string& container_id) const = 0;
};

}  // namespace ballast::reconcilers
