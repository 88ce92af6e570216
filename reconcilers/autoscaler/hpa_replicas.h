// How many replicas one metric wants, as Kubernetes' HPA v2 calculates it (replica_calculator.go,
// metrics/utilization.go), with its integers, its order of roundings and its errors. Milli-values
// throughout. Pure; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reconcilers/autoscaler/hpa.h"

namespace ballast::reconcilers::hpa {

enum class Phase { kPending, kRunning, kSucceeded, kFailed, kUnknown };

struct Pod {
  bool known = true;  // false: there is a sample, but no pod of that name
  Phase phase = Phase::kRunning;
  bool deleting = false;
  std::optional<bool> ready = true;                  // nothing: no condition Ready
  std::optional<double> start_age = 63'900'000'000;  // nothing: not started. Go's zero time
  double ready_transition_age = 63'900'000'000;
  std::optional<std::int64_t> usage;  // nothing: no sample
  double sample_age = 0;
  double sample_window = 60;
  std::optional<std::int64_t> request;  // nothing: some container has none
};

// What makes a pod unready for CPU metrics.
struct Readiness {
  double cpu_initialization_period = 300;
  double initial_readiness_delay = 30;
};

struct Replicas {
  int count = 0;
  int utilization_percent = 0;  // of the requests; only Utilization
  std::int64_t usage = 0;       // what upstream shows: the mean, the total, or for each pod
  std::string error;            // why there is no count; empty: there is one
};

enum class Resource { kCpu, kOther };

[[nodiscard]] Replicas ResourceUtilization(int current, int target_percent,
                                           const Tolerance& tolerance, std::span<const Pod> pods,
                                           Resource resource, const Readiness& readiness = {});
// A resource's AverageValue, or a metric of type Pods (Resource::kOther).
[[nodiscard]] Replicas AverageOfPods(int current, std::int64_t target, const Tolerance& tolerance,
                                     std::span<const Pod> pods, Resource resource,
                                     const Readiness& readiness = {});
// Object and External: Value, and AverageValue. `values` are summed.
[[nodiscard]] Replicas TotalValue(int current, std::int64_t target, const Tolerance& tolerance,
                                  std::span<const std::int64_t> values, std::span<const Pod> pods);
[[nodiscard]] Replicas ValuePerPod(int status_replicas, std::int64_t target,
                                   const Tolerance& tolerance,
                                   std::span<const std::int64_t> values);

}  // namespace ballast::reconcilers::hpa
