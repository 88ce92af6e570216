// How many replicas one metric wants.
#include "tests/unit/autoscaler_cases/ops.h"

namespace ballast::reconcilers::cases {
namespace {

std::int64_t Target(Fields& fields) {
  return fields.Integer({"targetMilli", "target"}).value_or(0);
}

}  // namespace

void ResourceReplicas(Fields& fields) {
  const int current = fields.Int("current", 0);
  const hpa::Tolerance tolerance = ReadTolerance(fields);
  const hpa::Readiness readiness = ReadReadiness(fields);
  const auto resource =
      fields.Text("resource", "cpu") == "cpu" ? hpa::Resource::kCpu : hpa::Resource::kOther;
  const std::vector<hpa::Pod> pods = ReadPods(fields);
  Fields target = fields.Object("target");
  target.Ignore({"type"});
  const auto value = target.Integer({"averageValueMilli", "averageValue"});
  const auto percent = target.OptionalInt({"averageUtilization"});
  target.Finish();
  ExpectReplicas(fields,
                 value ? hpa::AverageOfPods(current, *value, tolerance, pods, resource, readiness)
                       : hpa::ResourceUtilization(current, percent.value_or(0), tolerance, pods,
                                                  resource, readiness));
}

void PodsMetric(Fields& fields) {
  const hpa::Tolerance tolerance = ReadTolerance(fields);
  const hpa::Readiness readiness = ReadReadiness(fields);
  std::vector<hpa::Pod> pods = ReadPods(fields);
  GiveSamples(fields.List({"metricMilli"}), pods, fields);
  ExpectReplicas(fields, hpa::AverageOfPods(fields.Int("current", 0), Target(fields), tolerance,
                                            pods, hpa::Resource::kOther, readiness));
}

void TotalMetric(Fields& fields) {
  const int current = fields.Int("current", 0);
  const hpa::Tolerance tolerance = ReadTolerance(fields);
  static_cast<void>(ReadReadiness(fields));
  std::vector<hpa::Pod> pods = ReadPods(fields);
  // Not told: as many as there are, all ready.
  if (!fields.Has("pods")) pods.resize(static_cast<std::size_t>(std::max(0, current)));
  ExpectReplicas(fields, hpa::TotalValue(current, Target(fields), tolerance,
                                         ReadValues(fields, {"metricMilli"}), pods));
}

void PerPodMetric(Fields& fields) {
  const int current = fields.OptionalInt({"current", "statusReplicas"}).value_or(0);
  const hpa::Tolerance tolerance = ReadTolerance(fields);
  static_cast<void>(ReadReadiness(fields));
  fields.Ignore({"pods"});
  ExpectReplicas(fields, hpa::ValuePerPod(current, Target(fields), tolerance,
                                          ReadValues(fields, {"metricMilli"})));
}

}  // namespace ballast::reconcilers::cases
