// What the HAProxy of one load balancer had counted at one instant: raw figures that only grow, and
// begin anew with another process. LoadTracker makes loads of two of them. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/meta.h"
#include "reconcilers/ports/clock.h"

namespace ballast::reconcilers {

struct TrafficCounters {
  // Since the start of HAProxy, or longer where it took them over from the process before.
  std::int64_t arrived = 0;  // requests that came
  std::int64_t ended = 0;    // requests that were answered, or given up
  std::int64_t errors = 0;   // of those, answered 5xx
  // Mean of the newest that ended, from when one came until its answer began: response_meter.h.
  std::int64_t mean_millis = 0;
  // Now.
  int current = 0;  // requests in flight or queued
  int queued = 0;   // of those, the ones that wait for a replica
  bool operator==(const TrafficCounters&) const = default;
};

struct ServerCounters {
  std::string name;  // the replica's
  TrafficCounters counters;
  bool operator==(const ServerCounters&) const = default;
};

struct BackendCounters {
  api::ObjectKey app;
  TrafficCounters counters;  // also of servers that are gone
  int active_servers = 0;    // that take traffic
  // Requests that wait in HAProxy because no server is there at all. Part of counters.current.
  int held = 0;
  // In flight in processes that take nothing new: old workers, instances that were replaced.
  int elsewhere = 0;
  std::vector<ServerCounters> servers;  // sorted by name
  bool operator==(const BackendCounters&) const = default;
};

struct LoadReading {
  std::string process;  // tells one HAProxy process from another
  int reloads = 0;      // by Ballast: the counters go on over those
  Clock::Steady at{};
  std::vector<BackendCounters> backends;  // sorted by app
};

}  // namespace ballast::reconcilers
