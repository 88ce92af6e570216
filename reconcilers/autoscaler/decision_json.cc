#include "reconcilers/autoscaler/decision_json.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <compare>
#include <ctime>
#include <nlohmann/json.hpp>

namespace ballast::reconcilers {
namespace {

using nlohmann::json;

const char* TypeName(api::MetricType type) {
  switch (type) {
    case api::MetricType::kRequestRate:
      return "RequestRate";
    case api::MetricType::kConcurrency:
      return "Concurrency";
    case api::MetricType::kResponseTime:
      return "ResponseTime";
    case api::MetricType::kResource:
      return "Resource";
    case api::MetricType::kExternal:
      return "External";
  }
  return "";
}

const char* LimitName(ScalingLimit limit) {
  switch (limit) {
    case ScalingLimit::kNone:
      return "None";
    case ScalingLimit::kTolerance:
      return "Tolerance";
    case ScalingLimit::kStabilization:
      return "Stabilization";
    case ScalingLimit::kPolicy:
      return "Policy";
    case ScalingLimit::kMinReplicas:
      return "MinReplicas";
    case ScalingLimit::kMaxReplicas:
      return "MaxReplicas";
    case ScalingLimit::kSchedule:
      return "Schedule";
    case ScalingLimit::kNoMetrics:
      return "NoMetrics";
    case ScalingLimit::kPanic:
      return "Panic";
    case ScalingLimit::kColdStart:
      return "ColdStart";
  }
  return "";
}

// Nobody reads more than six digits, and they would be most of what is kept.
json Figure(double value) {
  if (!std::isfinite(value)) return nullptr;
  if (value == 0) return 0;
  const double scale = std::pow(10.0, 5 - std::floor(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

std::string Iso(api::Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

}  // namespace

std::string EncodeDecision(const DecideInput& input, const Decision& decision) {
  json metrics = json::array();
  for (const MetricProposal& metric : decision.metrics) {
    json one = {{"type", TypeName(metric.type)},     {"name", metric.name},
                {"current", Figure(metric.current)}, {"stable", Figure(metric.stable)},
                {"panic", Figure(metric.panic)},     {"target", Figure(metric.target)}};
    if (metric.replicas) one["replicas"] = *metric.replicas;
    if (!metric.problem.empty()) one["problem"] = metric.problem;
    metrics.push_back(std::move(one));
  }
  json out = {{"current", decision.current},
              {"replicas", decision.replicas},
              {"proposed", decision.proposed},
              {"limit", LimitName(decision.limit)},
              {"reason", decision.reason},
              {"message", decision.message},
              {"panicking", decision.panicking},
              {"minReplicas", decision.min_replicas},
              {"maxReplicas", decision.max_replicas},
              {"inService", input.in_service},
              {"held", input.held},
              {"startupSeconds", Figure(input.startup_seconds)},
              {"metrics", std::move(metrics)}};
  if (decision.next_change) out["nextChange"] = Iso(*decision.next_change);
  // A query, or a monitoring system's words, may hold anything.
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool SameDecision(const Decision& a, const Decision& b) {
  const auto same = [](const MetricProposal& x, const MetricProposal& y) {
    return x.type == y.type && x.name == y.name && x.replicas.has_value() == y.replicas.has_value();
  };
  return a.current == b.current && a.replicas == b.replicas && a.limit == b.limit &&
         (a.proposed <=> a.current) == (b.proposed <=> b.current) && a.panicking == b.panicking &&
         a.min_replicas == b.min_replicas && a.max_replicas == b.max_replicas &&
         std::ranges::equal(a.metrics, b.metrics, same);
}

}  // namespace ballast::reconcilers
