// One whole decision of Kubernetes' HPA v2: metrics, the largest proposal, stabilisation, limits,
// and the conditions that it leaves (reconcileAutoscaler of horizontal.go). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reconcilers/autoscaler/hpa.h"
#include "reconcilers/autoscaler/hpa_replicas.h"

namespace ballast::reconcilers::hpa {

enum class Source { kResource, kContainerResource, kPods, kObject, kExternal, kUnknown };

struct Metric {
  Source source = Source::kResource;
  Resource resource = Resource::kCpu;  // kResource, kContainerResource
  // The target: the first that is there counts.
  std::optional<int> average_utilization;
  std::optional<std::int64_t> average_value;
  std::optional<std::int64_t> value;
  // With their usage: kResource, kContainerResource and kPods.
  std::vector<Pod> pods;
  std::vector<std::int64_t> values;  // kObject, kExternal
  bool failed = false;               // nobody answered
};

struct ReconcileInput {
  int current = 0;          // scale.spec.replicas
  int status_replicas = 0;  // scale.status.replicas
  int min = 1;
  int max = 1;
  // The condition ScaledToZero; nothing: true if and only if `min` is 0.
  std::optional<bool> scaled_to_zero;
  std::vector<Metric> metrics;
  const api::ScalingBehavior* behavior = nullptr;
  double tolerance = kTolerance;
  int downscale_stabilization = kDownscaleStabilizationSeconds;
  ScaleUpLimit scale_up_limit;
  Readiness readiness;
  std::int64_t now = 0;
  // Nothing was ever recommended: the first recommendation is what is there.
  bool first = false;
};

struct Condition {
  std::string_view reason;  // empty: not set
  bool status = false;
};

struct Outcome {
  int replicas = 0;
  int proposed = 0;  // by the metrics
  bool rescaled = false;
  std::string error;  // of the metrics; may be there beside a decision
  std::vector<Replicas> metrics;
  Condition able_to_scale;
  Condition scaling_active;
  Condition scaling_limited;
};

// Stores the recommendation in `history`; scale events are for whoever carries it out.
[[nodiscard]] Outcome Reconcile(const ReconcileInput& input, ScalingHistory& history);

}  // namespace ballast::reconcilers::hpa
