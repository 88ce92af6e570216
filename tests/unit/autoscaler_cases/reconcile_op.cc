// One whole decision of HPA.
#include <algorithm>
#include <sstream>

#include "reconcilers/autoscaler/hpa_reconcile.h"
#include "tests/unit/autoscaler_cases/ops.h"

namespace ballast::reconcilers::cases {
namespace {

hpa::Source SourceOf(const std::string& type) {
  if (type == "Resource") return hpa::Source::kResource;
  if (type == "ContainerResource") return hpa::Source::kContainerResource;
  if (type == "Pods") return hpa::Source::kPods;
  if (type == "Object") return hpa::Source::kObject;
  if (type == "External") return hpa::Source::kExternal;
  return hpa::Source::kUnknown;  // as upstream: such a metric fails
}

void ReadTarget(Fields& fields, hpa::Metric& metric) {
  metric.average_utilization = fields.OptionalInt({"averageUtilization"});
  metric.average_value = fields.Integer({"averageValueMilli", "averageValue"});
  metric.value = fields.Integer({"valueMilli", "targetValueMilli"});
}

hpa::Metric ReadMetric(Fields fields) {
  hpa::Metric metric;
  metric.source = SourceOf(fields.Text("type"));
  const Json* name = fields.Find({"resource", "name"});
  metric.resource = name == nullptr || *name == "cpu" ? hpa::Resource::kCpu : hpa::Resource::kOther;
  ReadTarget(fields, metric);
  if (fields.Find({"target"}) != nullptr) {
    Fields target = fields.Object("target");
    target.Ignore({"type"});
    ReadTarget(target, metric);
    target.Finish();
  }
  metric.pods = ReadPods(fields);
  metric.failed = fields.Says({"failed", "error", "missing"});
  if (metric.source == hpa::Source::kObject || metric.source == hpa::Source::kExternal) {
    metric.values = ReadValues(fields, {"values", "metricMilli"});
  } else {
    GiveSamples(fields.List({"values", "metricMilli"}), metric.pods, fields);
  }
  fields.Finish();
  return metric;
}

struct Named {
  std::string type;
  hpa::Condition condition;
};

// "TooFewReplicas", "ScalingLimited=True/TooFewReplicas", ["...", ...], {"ScalingLimited": ...},
// [{"type": ..., "status": ..., "reason": ...}].
std::string Words(const Json& wanted) {
  if (wanted.is_string()) return wanted.get<std::string>();
  std::string words;
  for (const auto& [key, value] : wanted.items()) {
    if (wanted.is_object() && key != "type" && key != "status" && key != "reason") {
      words += key + " ";
    }
    words += (value.is_boolean() ? (value.get<bool>() ? "True" : "False") : Words(value)) + " ";
  }
  return words;
}

void ExpectConditions(const Json& wanted, const hpa::Outcome& outcome, Fields& fields) {
  if (wanted.is_array() && !wanted.empty() && !wanted.front().is_string()) {
    for (const Json& one : wanted) ExpectConditions(one, outcome, fields);
    return;
  }
  const Named conditions[] = {{"AbleToScale", outcome.able_to_scale},
                              {"ScalingActive", outcome.scaling_active},
                              {"ScalingLimited", outcome.scaling_limited}};
  std::string text = Words(wanted);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return !std::isalpha(static_cast<unsigned char>(c)); },
      ' ');
  std::istringstream words(text);
  const Named* named = nullptr;
  std::string word;
  std::string got;
  for (const Named& one : conditions) {
    got.append(" ").append(one.type).append(one.condition.status ? "=True/" : "=False/");
    got.append(one.condition.reason);
  }
  while (words >> word) {
    const auto type = std::find_if(std::begin(conditions), std::end(conditions),
                                   [&](const Named& one) { return one.type == word; });
    if (type != std::end(conditions)) {
      named = type;
      continue;
    }
    bool fits = false;
    if (word == "True" || word == "False") {
      fits = named == nullptr || named->condition.status == (word == "True");
    } else if (named != nullptr) {
      fits = named->condition.reason == word;
    } else {
      fits = std::any_of(std::begin(conditions), std::end(conditions),
                         [&](const Named& one) { return one.condition.reason == word; });
    }
    if (!fits) fields.problems().push_back("conditions: expected " + word + ", got" + got);
  }
}

}  // namespace

void ReconcileOnce(Fields& fields) {
  hpa::ReconcileInput input;
  input.current = fields.OptionalInt({"current", "specReplicas"}).value_or(0);
  input.status_replicas = fields.Int("statusReplicas", input.current);
  input.min = fields.Int("min", 1);
  input.max = fields.Int("max", 0);
  if (fields.Find({"scaledToZero"}) != nullptr) {
    input.scaled_to_zero = fields.Bool("scaledToZero", false);
  }
  const auto metrics = fields.List({"metrics"});
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    input.metrics.push_back(
        ReadMetric(Fields(metrics[i], "metrics[" + std::to_string(i) + "]", fields.problems())));
  }
  const bool has_behavior = fields.Find({"behavior"}) != nullptr;
  const api::ScalingBehavior behavior = ReadBehavior(fields.Object("behavior"));
  if (has_behavior) input.behavior = &behavior;
  input.tolerance = fields.Number("tolerance", hpa::kTolerance);
  input.downscale_stabilization =
      fields.Int("downscaleStabilizationSeconds", hpa::kDownscaleStabilizationSeconds);
  input.scale_up_limit = {.factor = fields.Number("scaleUpLimitFactor", 2),
                          .minimum = fields.Number("scaleUpLimitMinimum", 4)};
  input.readiness = ReadReadiness(fields);
  input.now = kNow;
  Fields past = fields.Object("history");
  ScalingHistory history;
  history.recommendations = ReadRecommendations(past, input.first);
  history.scale_ups = ReadEvents(past, "scaleUpEvents");
  history.scale_downs = ReadEvents(past, "scaleDownEvents");
  past.Finish();

  const hpa::Outcome outcome = hpa::Reconcile(input, history);
  Fields expected = fields.Object("expected");
  ExpectEqual(expected, "replicas", outcome.replicas);
  ExpectEqual(expected, "proposed", outcome.proposed);
  if (expected.Find({"error"}) != nullptr) ExpectNoError(expected, outcome.error);
  for (const char* name : {"conditions", "reason"}) {
    if (const Json* wanted = expected.Find({name})) ExpectConditions(*wanted, outcome, fields);
  }
  expected.Finish();
}

}  // namespace ballast::reconcilers::cases
