// A trace against an autoscaler, in simulated time: the load is what the trace says, the replicas
// are a model (replicas_model.h, queue_model.h), the decisions are the live ones (DecideSilently).
// Pure and deterministic; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "api/autoscaler.h"
#include "reconcilers/autoscaler/decide.h"
#include "reconcilers/ports/time_zones.h"
#include "reconcilers/simulation/trace.h"

namespace ballast::reconcilers {

struct SimulationOptions {
  const api::AutoscalerSpec* spec = nullptr;  // RequestRate and Concurrency; nothing else is known
  ScalingPolicyKind policy = ScalingPolicyKind::kBallast;
  double capacity = 50;          // requests a second, of each replica
  double startup_seconds = 3;    // from asking for a replica to its first request
  double service_seconds = 0.1;  // of a request, without waiting: what concurrency is made of
  int drain_seconds = 0;         // that a leaving replica is still paid for
  double speed = 1;              // seconds of the trace in each simulated second; rates stay
  double late_seconds = 1;       // a request that waits longer is late
  int queue_seconds = 30;        // one that waits longer is turned away; 1 to 3600
  const TimeZones* zones = nullptr;
  const Tuning* tuning = nullptr;
  std::size_t timeline_points = 0;  // at most; 0: no timeline
  // Told the simulated seconds that are done, now and then. False: stop.
  std::function<bool(std::int64_t)> progress;
};

// A piece of the time, for a picture.
struct TimelinePoint {
  double second = 0;    // its begin, simulated
  double load = 0;      // most requests a second
  double capacity = 0;  // least of what the replicas in service took
  int replicas = 0;     // most that were asked for
};

struct SimulationResult {
  std::int64_t seconds = 0;  // simulated
  double requests = 0;
  double unserved = 0;  // beyond the capacity of the second in which they came
  double late = 0;      // waited longer than late_seconds, or were turned away
  double lost = 0;      // turned away
  double p50 = 0;       // seconds in the queue
  double p95 = 0;
  double p99 = 0;
  double replica_hours = 0;  // from being asked for on, with those that drain
  // The fewest that could have served each second: capacity-exact, knowing everything, at no delay.
  double ideal_hours = 0;
  int scalings = 0;
  int flaps = 0;  // scalings that turn round one that is at most kFlapSeconds old
  int most_replicas = 0;
  bool stopped = false;
  std::vector<TimelinePoint> timeline;
};

inline constexpr std::int64_t kFlapSeconds = 300;

[[nodiscard]] SimulationResult Simulate(const Trace& trace, const SimulationOptions& options);

}  // namespace ballast::reconcilers
