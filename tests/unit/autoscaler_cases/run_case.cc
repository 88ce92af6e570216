#include <functional>
#include <map>

#include "tests/unit/autoscaler_cases/ops.h"

namespace ballast::reconcilers::cases {

void ExpectEqual(Fields& expected, const char* name, std::int64_t got) {
  const auto wanted = expected.Integer({name});
  if (!wanted || *wanted == got) return;
  expected.problems().push_back(expected.path() + "." + name + ": got " + std::to_string(got) +
                                ", expected " + std::to_string(*wanted));
}

void ExpectText(Fields& expected, const char* name, std::string_view got) {
  const std::string wanted = expected.Text(name);
  if (wanted.empty() || wanted == got) return;
  expected.problems().push_back(expected.path() + "." + name + ": got " + std::string(got) +
                                ", expected " + wanted);
}

bool ExpectNoError(Fields& expected, const std::string& error) {
  const Json* wanted = expected.Find({"error"});
  const bool wants_error = expected.Says({"error"});
  if (wants_error && error.empty()) {
    expected.problems().push_back("expected the error " + wanted->dump() + ", got none");
  }
  if (!wants_error && !error.empty()) {
    expected.problems().push_back("got an error: " + error);
  }
  return !wants_error && error.empty();
}

void ExpectReplicas(Fields fields, const hpa::Replicas& got) {
  Fields expected = fields.Object("expected");
  const bool counts = ExpectNoError(expected, got.error);
  if (counts) {
    ExpectEqual(expected, "replicas", got.count);
    ExpectEqual(expected, "utilizationPercent", got.utilization_percent);
    ExpectEqual(expected, "rawAverage", got.usage);
    ExpectEqual(expected, "usage", got.usage);
  }
  expected.Ignore({"replicas", "utilizationPercent", "rawAverage", "usage"});
  expected.Finish();
}

Problems RunCase(const Json& one) {
  static const std::map<std::string, std::function<void(Fields&)>> kOps = {
      {"convert_no_behavior", ConvertNoBehavior},
      {"behavior_rate", BehaviorRate},
      {"scale_up_limit", [](Fields& fields) { ScaleLimit(fields, true); }},
      {"scale_down_limit", [](Fields& fields) { ScaleLimit(fields, false); }},
      {"stabilize_no_behavior", StabilizeNoBehavior},
      {"stabilize_behavior", StabilizeBehavior},
      {"store_scale_event", StoreScaleEvent},
      {"resource_replicas", ResourceReplicas},
      {"pods_metric", PodsMetric},
      {"object_metric", TotalMetric},
      {"external_metric", TotalMetric},
      {"object_per_pod", PerPodMetric},
      {"external_per_pod", PerPodMetric},
      {"reconcile", ReconcileOnce},
      {"kpa", Kpa},
  };
  Problems problems;
  Fields fields(&one, "", problems);
  fields.Ignore({"id", "tier", "source", "name", "note", "notes", "comment", "expected"});
  const std::string op = fields.Text("op");
  const auto found = kOps.find(op);
  if (found == kOps.end()) {
    problems.push_back("unknown op \"" + op + "\"");
    return problems;
  }
  if (!fields.Has("expected") && op != "kpa") problems.emplace_back("nothing is expected");
  found->second(fields);
  fields.Finish();
  return problems;
}

}  // namespace ballast::reconcilers::cases
