// Kind Autoscaler: how many replicas a WebApp has while its load changes. Kubernetes'
// HorizontalPodAutoscaler v2, plus what a load balancer knows. Plain values with HPA's names; what
// HPA takes a default for when it is left out stays told apart from what was given. Built by the
// codec (api/codec.h), never changed afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/meta.h"
#include "api/metric_quantity.h"

namespace ballast::api {

struct ScaleTargetRef {
  std::string api_version = kApiVersion;
  std::string kind;  // "WebApp"
  std::string name;  // in the Autoscaler's namespace
  bool operator==(const ScaleTargetRef&) const = default;
};

enum class TargetType { kAverageValue, kValue, kUtilization };

struct MetricTarget {
  TargetType type = TargetType::kAverageValue;
  MetricQuantity quantity;      // kAverageValue: for each replica; kValue: in all; more than 0
  int average_utilization = 0;  // kUtilization: percent of the containers' limit
  bool operator==(const MetricTarget&) const = default;
};

enum class MetricType { kRequestRate, kConcurrency, kResponseTime, kResource, kExternal };
enum class ResourceName { kCpu, kMemory };

// An expression that a Prometheus server is asked for; one sample or their sum.
struct PrometheusQuery {
  std::string url;  // http(s)://host[:port][/path], without user, query and fragment
  std::string query;
  bool operator==(const PrometheusQuery&) const = default;
};

struct Metric {
  MetricType type = MetricType::kRequestRate;
  // kRequestRate: AverageValue, requests a second. kConcurrency: AverageValue, requests in flight
  // and queued. kResponseTime: Value, seconds. kResource: Utilization or AverageValue (CPUs,
  // bytes). kExternal: Value or AverageValue.
  MetricTarget target;
  ResourceName resource = ResourceName::kCpu;  // kResource
  PrometheusQuery prometheus;                  // kExternal
  bool operator==(const Metric&) const = default;
};

enum class ScalingPolicyType { kPods, kPercent };

struct ScalingPolicy {
  ScalingPolicyType type = ScalingPolicyType::kPods;
  int value = 0;
  int period_seconds = 0;
  bool operator==(const ScalingPolicy&) const = default;
};

enum class SelectPolicy { kMax, kMin, kDisabled };

// One direction. A field left out has HPA's default once the direction is given.
struct ScalingRules {
  std::optional<int> stabilization_window_seconds;
  std::optional<SelectPolicy> select_policy;
  std::optional<std::vector<ScalingPolicy>> policies;  // given: at least one
  std::optional<MetricQuantity> tolerance;             // a ratio: 100 millis = 10 %
  bool operator==(const ScalingRules&) const = default;
};

// A direction left out has Ballast's default.
struct ScalingBehavior {
  std::optional<ScalingRules> scale_up;
  std::optional<ScalingRules> scale_down;
  bool operator==(const ScalingBehavior&) const = default;
};

struct Panic {
  int window_seconds = 6;
  int threshold_percent = 200;  // of what the replicas there are can take
  bool operator==(const Panic&) const = default;
};

// While it lasts, its numbers stand in for the spec's own.
struct ScalingSchedule {
  std::string start;  // five fields, as written: ParseCron (api/cron.h) reads them
  Millis duration{0};
  std::string time_zone = "UTC";    // IANA
  std::optional<int> min_replicas;  // at least one of the two
  std::optional<int> max_replicas;
  bool operator==(const ScalingSchedule&) const = default;
};

struct AutoscalerSpec {
  ScaleTargetRef scale_target_ref;
  int min_replicas = 1;  // 0: scale to zero
  int max_replicas = 0;  // at least min_replicas
  int cold_start_timeout_seconds = 60;
  std::vector<Metric> metrics;              // at least one; each type once, External any number
  std::optional<ScalingBehavior> behavior;  // left out: both directions are
  std::optional<Panic> panic;               // left out: Ballast's default
  std::vector<ScalingSchedule> schedules;
  bool operator==(const AutoscalerSpec&) const = default;
};

// What one metric is now, in the words of its target.
struct MetricStatus {
  MetricType type = MetricType::kRequestRate;
  std::string name;               // "RequestRate", "cpu", a query
  std::optional<double> current;  // in the unit of the target; nothing: not known
  double target = 0;
  std::optional<int> replicas;  // what it proposes
  std::string problem;          // why it proposes nothing
  bool operator==(const MetricStatus&) const = default;
};

struct AutoscalerStatus {
  std::int64_t observed_generation = 0;
  int current_replicas = 0;     // asked for
  int in_service_replicas = 0;  // taking traffic
  int desired_replicas = 0;     // decided
  int min_replicas = 0;         // in force now, with schedules
  int max_replicas = 0;
  bool panicking = false;
  std::optional<Time> last_scale_time;
  std::optional<Time> next_change_time;  // when the limit that holds now ends
  std::string last_decision;             // a sentence
  std::vector<MetricStatus> current_metrics;
  std::vector<Condition> conditions;  // AbleToScale, ScalingActive, ScalingLimited, as HPA's
  bool operator==(const AutoscalerStatus&) const = default;
};

struct Autoscaler {
  ObjectMeta meta;
  AutoscalerSpec spec;
  bool operator==(const Autoscaler&) const = default;

  [[nodiscard]] ObjectKey Key() const { return {"Autoscaler", meta.ns, meta.name}; }
};

}  // namespace ballast::api
