// When one container is probed next and what its answers mean: the kubelet's rules for startup,
// readiness and liveness probes as a pure state machine without sockets, threads or clocks. Owned
// by ProbeMonitor; one thread at a time.
//
// Quicker than the kubelet in one thing: until a probe has succeeded for the first time it runs
// more often than its period (by a share of the time already waited), since a new replica should
// serve the moment it can. Failures still count once a period towards failureThreshold.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/health.h"

namespace ballast::probe {

enum class ProbeKind { kStartup, kReadiness, kLiveness };

class ProbeState {
 public:
  using Steady = reconcilers::Clock::Steady;

  // `start`: when the container started, as far as known; initial delays count from it.
  ProbeState(const reconcilers::ProbeTarget& target, Steady start, Steady now);

  // When Due next names something, unless an answer comes first. Nothing: everything that may run
  // is under way, or nothing will ever run again.
  [[nodiscard]] std::optional<Steady> NextDue() const;
  // The probes to run now; they are under way until OnResult.
  [[nodiscard]] std::vector<ProbeKind> Due(Steady now);
  // The prober itself failed: no success and no failure, and the next try when it is due.
  void OnNoResult(ProbeKind kind, const std::string& message, Steady now);
  // True when started, ready or alive changed.
  bool OnResult(ProbeKind kind, bool success, const std::string& message, Steady now);

  // What to run for `kind`; the plain connect of `port_answers` is a readiness probe.
  [[nodiscard]] const api::Probe& probe(ProbeKind kind) const;
  [[nodiscard]] const reconcilers::Health& health() const { return health_; }

 private:
  struct Slot {
    api::Probe probe;
    bool active = false;
    bool under_way = false;
    bool succeeded_once = false;
    int successes = 0;  // in a row
    int failures = 0;   // in a row, once a period
    Steady first{};     // when it may first run
    Steady due{};
    Steady began{};       // the probe that is under way
    Steady count_from{};  // failures before this do not count
    std::string message;
  };

  void Activate(ProbeKind kind, Steady now);
  void Judge(ProbeKind kind, Slot& slot, Steady now);
  void Schedule(Slot& slot, bool success, Steady now) const;
  [[nodiscard]] std::chrono::nanoseconds QuickInterval(const Slot& slot, Steady now) const;
  void OnStarted(Steady now);
  void SetReady(bool ready, Steady now);
  [[nodiscard]] std::string Message() const;
  [[nodiscard]] Slot* slot(ProbeKind kind);

  std::array<std::optional<Slot>, 3> slots_;
  Steady start_;
  std::uint64_t spread_;  // from the container's id
  reconcilers::Health health_;
};

}  // namespace ballast::probe
