// The results of simulations as a table for people and as JSON. Pure, golden-tested.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "controller/cli/simulate_plan.h"
#include "reconcilers/simulation/simulate.h"

namespace ballast::cli {

struct SimulatedRun {
  reconcilers::ScalingPolicyKind policy = reconcilers::ScalingPolicyKind::kBallast;
  double target = 0;
  reconcilers::SimulationResult result;
};

struct SimulationReport {
  std::string load;  // "traffic.csv", "webapp/shop"
  std::string autoscaler;
  std::string metric;  // whose target it is: "RequestRate"
  const reconcilers::Trace& trace;
  const SimulatePlan& plan;
  std::vector<SimulatedRun> runs;  // by policy, then by target; at least one
};

struct SimulateViewOptions {
  std::size_t width = 0;
  bool color = false;
};

[[nodiscard]] std::string RenderSimulation(const SimulationReport& report,
                                           const SimulateViewOptions& options);
[[nodiscard]] nlohmann::json SimulationJson(const SimulationReport& report);

// "0.0034 %"; never 0 for what is more.
[[nodiscard]] std::string PercentText(double share);

}  // namespace ballast::cli
