// What `ballast simulate` is asked for: its arguments -> numbers, and an Autoscaler -> the one that
// a trace can be played to. Pure.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "api/autoscaler.h"
#include "controller/cli/arguments.h"
#include "reconcilers/simulation/simulate.h"

namespace ballast::cli {

struct SimulatePlan {
  std::vector<std::string> manifests;
  std::string trace_file;  // empty: recorded, of `from`
  std::string from;        // a web app
  int since_seconds = 0;
  std::vector<reconcilers::ScalingPolicyKind> policies;  // at least one, each once
  std::vector<double> targets;                           // empty: the manifest's own
  double capacity = 0;
  double startup_seconds = 0;
  double service_seconds = 0;
  int drain_seconds = 0;
  double speed = 0;
  std::string output;
  std::string svg_file;  // empty: none
};

// What is wrong, for a person.
[[nodiscard]] std::expected<SimulatePlan, std::string> PlanSimulation(const Arguments& arguments);

// "25..55:5" -> 25, 30, ... 55; "25..55" has seven as well. Nothing: it is none of these.
[[nodiscard]] std::optional<std::vector<double>> ParseSweep(std::string_view text);

[[nodiscard]] std::string_view PolicyName(reconcilers::ScalingPolicyKind policy);

struct PlayableSpec {
  api::AutoscalerSpec spec;
  std::size_t metric = 0;  // whose target is swept
  std::vector<std::string> warnings;
};

// Without the metrics that a trace says nothing about; the error when none is left.
[[nodiscard]] std::expected<PlayableSpec, std::string> Playable(const api::Autoscaler& autoscaler);
[[nodiscard]] double TargetOf(const PlayableSpec& playable);
[[nodiscard]] api::AutoscalerSpec WithTarget(const PlayableSpec& playable, double target);

}  // namespace ballast::cli
