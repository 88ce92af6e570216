// How many replicas a web app shall have: the one function that the live autoscaler, `why` and
// `simulate` all call. Pure: it reads no clock and keeps nothing but the history that it is given;
// same input and history, same decision.
//
// Samples -> stable and panic windows -> one proposal for each metric -> the largest -> HPA's
// stabilisation -> HPA's policies -> minimum, maximum and schedules -> decision and reason. A
// direction that `behavior` gives is exactly HPA v2's (hpa.h); one left out is Ballast's own.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/autoscaler.h"
#include "api/meta.h"
#include "reconcilers/autoscaler/forecast.h"
#include "reconcilers/autoscaler/load.h"
#include "reconcilers/ports/time_zones.h"

namespace ballast::reconcilers {

// kHpa and kKpa are there to compare with: Kubernetes' HPA v2 and Knative's KPA with their own
// windows, intervals and defaults.
enum class ScalingPolicyKind { kBallast, kHpa, kKpa };

// One replica, for metrics of type Resource.
struct ReplicaUsage {
  std::string replica;
  bool ready = false;
  api::Time started{};
  // Nothing: not known (yet). CPUs and bytes. Decided on as they are: means over some seconds keep
  // a moment's peak from counting.
  std::optional<double> cpu;
  std::optional<double> memory;
  double cpu_limit = 0;  // 0: none, and then Utilization cannot be told
  double memory_limit = 0;
};

// What a metric of type External was answered.
struct ExternalReading {
  std::optional<double> value;  // never negative, never NaN
  std::string problem;          // why there is none, in words
};

struct Tuning;  // tuning.h

struct DecideInput {
  const api::AutoscalerSpec* spec = nullptr;
  const LoadSeries* load = nullptr;
  int current = 0;                  // what is asked for: the scale subresource's spec.replicas
  int in_service = 0;               // of them, those that take traffic; the others are on their way
  int held = 0;                     // requests that HAProxy holds because no replica is there
  std::vector<ReplicaUsage> usage;  // only for Resource
  std::map<std::size_t, ExternalReading> external;  // by index in spec->metrics
  double startup_seconds = 0;  // from the decision to in service, as measured; 0: not known
  api::Time now{};
  ScalingPolicyKind policy = ScalingPolicyKind::kBallast;
  const TimeZones* zones = nullptr;  // for schedules; null: UTC only
  const Tuning* tuning = nullptr;    // null: Ballast's defaults
};

// What one metric wants.
struct MetricProposal {
  api::MetricType type = api::MetricType::kRequestRate;
  std::string name;    // "RequestRate", "cpu", the Prometheus query
  double current = 0;  // in the unit of the target: for each replica, or in all
  double stable = 0;   // over the stable window, in all
  double panic = 0;    // over the panic window, in all
  double target = 0;
  std::optional<int> replicas;  // nothing: `problem` says why
  std::string problem;
};

enum class ScalingLimit {
  kNone,
  kTolerance,      // near enough to the target
  kStabilization,  // a recommendation within the window was higher (lower)
  kPolicy,         // behavior's policies
  kMinReplicas,
  kMaxReplicas,
  kSchedule,   // a schedule's minimum or maximum
  kNoMetrics,  // some metric is missing: nothing may go down
  kPanic,      // panic never goes down
  kColdStart,  // at zero, until a request comes
};

struct Decision {
  int current = 0;   // input.current
  int replicas = 0;  // what shall be asked for; == current: leave it
  int proposed = 0;  // the largest proposal before any limit
  ScalingLimit limit = ScalingLimit::kNone;
  bool panicking = false;
  int min_replicas = 0;  // in force now, with schedules
  int max_replicas = 0;
  std::string reason;   // CamelCase, HPA's where it has one: "ReadyForNewScale", "TooManyReplicas"
  std::string message;  // a sentence for people
  std::vector<MetricProposal> metrics;
  std::optional<api::Time> next_change;  // when the limit ends, if time alone ends it
};

// What decisions remember. Survives restarts as JSON (history.h).
struct ScalingHistory {
  struct Recommendation {
    std::int64_t second = 0;
    int replicas = 0;
    bool operator==(const Recommendation&) const = default;
  };
  struct ScaleEvent {
    std::int64_t second = 0;
    int change = 0;  // > 0
    bool operator==(const ScaleEvent&) const = default;
  };
  // HPA's log (in its order) of what was recommended before stabilisation.
  std::deque<Recommendation> recommendations;
  std::deque<ScaleEvent> scale_ups;
  std::deque<ScaleEvent> scale_downs;
  std::optional<std::int64_t> panic_since;  // last second in which the panic threshold was crossed
  int panic_replicas = 0;                   // most that this panic wanted
  std::optional<std::int64_t> active_at;    // last second with requests, for scale to zero
  std::optional<std::int64_t> last_scale;
  std::optional<std::int64_t> last_tick;  // kHpa, kKpa: when they last decided
  // From asking for a replica to its first request, as measured, smoothed; 0: not known. Kept here
  // by the caller.
  double startup_seconds = 0;
  // Learnt again from the samples, so not written down.
  ForecastMemory forecast;
  bool operator==(const ScalingHistory&) const = default;
};

// `history` takes in what was found now. A decision that the caller carried out is told with
// NoteScaled. To be called about once a second, but any rhythm is safe.
[[nodiscard]] Decision Decide(const DecideInput& input, ScalingHistory& history);
// The same decision without its words: reason, message, metrics and next_change stay empty, and
// nothing is allocated. For simulations.
[[nodiscard]] Decision DecideSilently(const DecideInput& input, ScalingHistory& history);
void NoteScaled(ScalingHistory& history, std::int64_t second, int from, int to);

}  // namespace ballast::reconcilers
