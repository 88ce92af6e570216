// The HealthMonitor port: probes replicas over HTTP and TCP from one asio thread, and inside their
// containers through the engine on a few threads of its own, so that a slow exec never delays the
// others. When to probe and what follows is ProbeState's business. Owned by controller/cmd. Any
// thread; no call waits for the network.
#pragma once

#include <cstddef>
#include <memory>

#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/engine.h"
#include "reconcilers/ports/health.h"
#include "reconcilers/ports/metrics.h"
#include "reconcilers/ports/reconciler.h"

namespace ballast::probe {

class ProbeMonitor final : public reconcilers::HealthMonitor {
 public:
  struct Options {
    std::size_t exec_threads = 3;
    std::size_t max_in_flight = 256;  // connections at once; further probes wait for their turn
  };

  ProbeMonitor(reconcilers::Engine& engine, const reconcilers::Clock& clock,
               reconcilers::Enqueuer& enqueuer, reconcilers::Metrics& metrics, Options options);
  ProbeMonitor(reconcilers::Engine& engine, const reconcilers::Clock& clock,
               reconcilers::Enqueuer& enqueuer, reconcilers::Metrics& metrics)
      : ProbeMonitor(engine, clock, enqueuer, metrics, Options()) {}
  ~ProbeMonitor() override;

  void Start();
  void Stop();  // ends running probes; waits for execs under way, which have timeouts

  void Watch(const reconcilers::ProbeTarget& target) override;
  void Forget(const std::string& container_id) override;
  [[nodiscard]] reconcilers::Health Get(const std::string& container_id) const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ballast::probe
