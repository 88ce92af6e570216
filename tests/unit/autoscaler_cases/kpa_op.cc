// Steps of Knative's autoscaler.
#include "reconcilers/autoscaler/kpa.h"

#include <cstdlib>

#include "tests/unit/autoscaler_cases/ops.h"

namespace ballast::reconcilers::cases {
namespace {

// What is left out stays as it is.
void ReadSpec(Fields fields, kpa::Spec& spec) {
  spec.target = fields.Number("targetValue", spec.target);
  spec.total = fields.Number("totalValue", spec.total);
  spec.target_burst_capacity = fields.Number("targetBurstCapacity", spec.target_burst_capacity);
  spec.panic_threshold = fields.Number("panicThreshold", spec.panic_threshold);
  spec.max_scale_up_rate = fields.Number("maxScaleUpRate", spec.max_scale_up_rate);
  spec.max_scale_down_rate = fields.Number("maxScaleDownRate", spec.max_scale_down_rate);
  spec.stable_window = fields.Number("stableWindowSeconds", spec.stable_window);
  spec.scale_down_delay = fields.Number("scaleDownDelaySeconds", spec.scale_down_delay);
  spec.activation_scale = fields.Int("activationScale", spec.activation_scale);
  spec.scale_buffer = fields.Int("scaleBuffer", spec.scale_buffer);
  spec.reachable = fields.Bool("reachable", spec.reachable);
  fields.Ignore({"scalingMetric", "initialScale", "activatorCapacity"});  // not for Scale
  fields.Finish();
}

void ExpectStep(Fields expected, const kpa::Step& step, bool panicking) {
  if (!expected) return;
  const auto differ = [&](const std::string& what) {
    expected.problems().push_back(expected.path() + "." + what);
  };
  for (const char* name : {"valid", "scaleValid"}) {
    if (expected.Find({name}) != nullptr && expected.Bool(name, true) != step.valid) {
      differ(std::string(name) + ": got " + (step.valid ? "true" : "false"));
    }
  }
  ExpectEqual(expected, "desired", step.desired);
  // Upstream's tests allow for one, since its own capacities are rounded.
  const auto burst = expected.Integer({"excessBurst", "excessBurstCapacity"});
  if (burst && std::llabs(*burst - step.excess_burst) > 1) {
    differ("excessBurst: got " + std::to_string(step.excess_burst) + ", expected " +
           std::to_string(*burst));
  }
  for (const char* name : {"panicking", "panic"}) {
    if (expected.Find({name}) != nullptr && expected.Bool(name, true) != panicking) {
      differ(std::string(name) + ": got " + (panicking ? "true" : "false"));
    }
  }
  expected.Finish();
}

}  // namespace

void Kpa(Fields& fields) {
  kpa::Spec spec;
  ReadSpec(fields.Object("spec"), spec);
  const auto steps = fields.List({"steps"});
  if (steps.empty()) fields.problems().emplace_back("no steps");
  Fields initial = fields.Object("initial");
  kpa::State state = kpa::Start(initial.Int("readyAtCreate", 0), 0);
  if (const auto ago = initial.Number({"panicStartedSecondsAgo"})) state.panic_since = -*ago;
  state.max_panic = initial.Int("maxPanicPods", state.max_panic);
  initial.Finish();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Fields step(steps[i], "steps[" + std::to_string(i) + "]", fields.problems());
    ReadSpec(step.Object("spec"), spec);
    const double now = step.Number("t", 0);
    const int ready = step.Int("ready", 0);
    const auto stable = step.Number({"stable"});
    const auto panic = step.Number({"panic"});
    // Somebody could not be asked: the metrics, or who counts the replicas.
    const bool no_data = step.Says({"error", "failed", "noData"});
    const kpa::Step got =
        no_data ? kpa::Step{} : kpa::Scale(spec, state, now, ready, stable, panic);
    ExpectStep(step.Object("expected"), got, state.panic_since.has_value());
    step.Ignore({"name", "note", "comment"});
    step.Finish();
  }
  fields.Ignore({"expected"});
}

}  // namespace ballast::reconcilers::cases
