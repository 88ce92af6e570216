// The operations that a case of autoscaler_cases.json can ask for. Each compares what it gets with
// `expected`, and reports what differs, and whatever it does not understand, as problems.
#pragma once

#include <string>
#include <vector>

#include "reconcilers/autoscaler/hpa.h"
#include "reconcilers/autoscaler/hpa_replicas.h"
#include "tests/unit/autoscaler_cases/fields.h"

namespace ballast::reconcilers::cases {

// Runs one case. Nothing returned: it passed.
[[nodiscard]] Problems RunCase(const Json& one);

// ops of one function each (rules_ops.cc)
void ConvertNoBehavior(Fields& fields);
void BehaviorRate(Fields& fields);
void ScaleLimit(Fields& fields, bool up);
void StabilizeNoBehavior(Fields& fields);
void StabilizeBehavior(Fields& fields);
void StoreScaleEvent(Fields& fields);
// replicas_ops.cc
void ResourceReplicas(Fields& fields);
void PodsMetric(Fields& fields);
void TotalMetric(Fields& fields);
void PerPodMetric(Fields& fields);
// reconcile_op.cc, kpa_op.cc
void ReconcileOnce(Fields& fields);
void Kpa(Fields& fields);

// --- what they share ---------------------------------------------------------------------------
inline constexpr std::int64_t kNow = 1'000'000'000'000;

// Reads `behavior` with what is left out left out.
[[nodiscard]] api::ScalingBehavior ReadBehavior(Fields fields);
[[nodiscard]] api::ScalingRules ReadRules(Fields fields);
[[nodiscard]] hpa::ScaleEvents ReadEvents(Fields& history, const char* name);
[[nodiscard]] hpa::Recommendations ReadRecommendations(Fields& history, bool& initial);
[[nodiscard]] hpa::Tolerance ReadTolerance(Fields& fields);
[[nodiscard]] hpa::Readiness ReadReadiness(Fields& fields);
[[nodiscard]] std::vector<hpa::Pod> ReadPods(Fields& fields);
// The samples of a metric, by pod; more of them than pods are of pods that nobody knows.
void GiveSamples(const std::vector<const Json*>& values, std::vector<hpa::Pod>& pods,
                 Fields& fields);
[[nodiscard]] std::vector<std::int64_t> ReadValues(Fields& fields,
                                                   std::initializer_list<const char*> names);

void ExpectEqual(Fields& expected, const char* name, std::int64_t got);
void ExpectText(Fields& expected, const char* name, std::string_view got);
// True: no error was expected and there is none, so the numbers count.
bool ExpectNoError(Fields& expected, const std::string& error);
void ExpectReplicas(Fields fields, const hpa::Replicas& got);

}  // namespace ballast::reconcilers::cases
