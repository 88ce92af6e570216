// What the tests of simulations share.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <string>

#include "reconcilers/simulation/simulate.h"

namespace ballast::reconcilers::testing {

inline std::string ReadGolden(const std::string& name) {
  std::ifstream in(std::string(BALLAST_SOURCE_DIR) + "/tests/golden/traces/" + name,
                   std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline Trace Golden(const std::string& name) {
  auto trace = ParseTrace(ReadGolden(name));
  EXPECT_TRUE(trace.has_value()) << name << ": " << trace.error().message;
  return trace ? *std::move(trace) : Trace{};
}

inline constexpr char kWorldCup[] = "worldcup98-1998-06-08-to-16.csv";
inline constexpr char kNasa[] = "nasa-two-days-per-second.csv";

// So many requests a second in each second.
inline Trace Seconds(std::vector<double> rates) {
  Trace trace;
  trace.rates = std::move(rates);
  return trace;
}

// One metric: so many requests a second for each replica.
inline api::AutoscalerSpec RateSpec(double target, int min = 1, int max = 1000) {
  api::AutoscalerSpec spec;
  spec.scale_target_ref = {.kind = "WebApp", .name = "shop"};
  spec.min_replicas = min;
  spec.max_replicas = max;
  api::Metric metric;
  metric.target.quantity.millis = std::llround(target * 1000);
  spec.metrics.push_back(metric);
  return spec;
}

}  // namespace ballast::reconcilers::testing
