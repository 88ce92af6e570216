// The bars of autoscaling: at the same part of unserved requests Ballast's defaults need fewer
// replica-hours than HPA's and KPA's, and fewer scalings than KPA's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "tests/unit/simulation/testing.h"

namespace ballast::reconcilers {
namespace {

using testing::Golden;
using testing::RateSpec;

constexpr double kIdealWorldCup = 1949.8;

// What one target gave.
struct Point {
  double unserved = 0;  // percent
  double hours = 0;
  double scalings = 0;
};
using Curve = std::vector<Point>;

Curve Sweep(const Trace& trace, ScalingPolicyKind policy, double capacity,
            const std::vector<double>& targets) {
  Curve curve;
  for (const double target : targets) {
    const auto spec = RateSpec(target);
    const auto result = Simulate(
        trace, {.spec = &spec, .policy = policy, .capacity = capacity, .startup_seconds = 5});
    curve.push_back({100 * result.unserved / result.requests, result.replica_hours,
                     static_cast<double>(result.scalings)});
  }
  return curve;
}

// Between the two points about it, with the logarithm of what is unserved.
std::optional<Point> At(const Curve& curve, double unserved) {
  for (std::size_t i = 1; i < curve.size(); ++i) {
    const Point& a = curve[i - 1];
    const Point& b = curve[i];
    if (unserved < a.unserved || unserved > b.unserved) continue;
    const double part = std::log(unserved / a.unserved) / std::log(b.unserved / a.unserved);
    return Point{unserved, a.hours + part * (b.hours - a.hours),
                 a.scalings + part * (b.scalings - a.scalings)};
  }
  return std::nullopt;
}

void ExpectBetter(const Curve& ballast, const Curve& hpa, const Curve& kpa, double unserved) {
  const auto ours = At(ballast, unserved);
  const auto theirs = At(hpa, unserved);
  const auto knative = At(kpa, unserved);
  ASSERT_TRUE(ours && theirs && knative) << unserved;
  EXPECT_LT(ours->hours, theirs->hours) << unserved << " % unserved";
  EXPECT_LT(ours->hours, knative->hours) << unserved << " % unserved";
  EXPECT_LT(ours->scalings, knative->scalings) << unserved << " % unserved";
}

// HPA's and KPA's points are those of `ballast simulate --sweep 42..53:1`: their arithmetic and the
// model are held fast by simulate_test.cc, and nine days for each of them would take long here.
TEST(Bars, WorldCup) {
  const Curve hpa = {{0.00102, 2205.98, 405}, {0.01058, 2151.51, 410}, {0.04755, 2111.15, 399},
                     {0.14451, 2074.39, 382}, {0.33741, 2034.17, 396}, {0.71017, 1988.14, 396},
                     {1.10510, 1948.62, 376}};
  const Curve kpa = {{0.00264, 2067.52, 2846}, {0.00518, 2027.55, 2727}, {0.02200, 1988.10, 2801},
                     {0.11771, 1949.70, 2711}, {0.46673, 1914.63, 2601}, {1.19952, 1879.83, 2603}};
  const Curve ballast =
      Sweep(Golden(testing::kWorldCup), ScalingPolicyKind::kBallast, 50, {50, 51, 52, 53});
  for (const double unserved : {0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0}) {
    ExpectBetter(ballast, hpa, kpa, unserved);
  }
  // Where nearly all is served, more than half of the way to the ideal.
  for (const double unserved : {0.005, 0.01, 0.02}) {
    const double best = std::min(At(hpa, unserved)->hours, At(kpa, unserved)->hours);
    EXPECT_LT(At(ballast, unserved)->hours, (best + kIdealWorldCup) / 2) << unserved;
  }
}

TEST(Bars, Nasa) {
  const Trace trace = Golden(testing::kNasa);
  const Curve ballast = Sweep(trace, ScalingPolicyKind::kBallast, 0.5, {0.2, 0.25, 0.4, 0.45});
  const Curve hpa = Sweep(trace, ScalingPolicyKind::kHpa, 0.5, {0.15, 0.2, 0.3, 0.35});
  const Curve kpa = Sweep(trace, ScalingPolicyKind::kKpa, 0.5, {0.1, 0.15, 0.3, 0.35});
  for (const double unserved : {1.0, 10.0}) ExpectBetter(ballast, hpa, kpa, unserved);
}

}  // namespace
}  // namespace ballast::reconcilers
