#include "controller/cli/simulate_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using reconcilers::ScalingPolicyKind;

constexpr std::pair<std::string_view, ScalingPolicyKind> kPolicies[] = {
    {"ballast", ScalingPolicyKind::kBallast},
    {"hpa", ScalingPolicyKind::kHpa},
    {"kpa", ScalingPolicyKind::kKpa}};
constexpr std::size_t kMostTargets = 100;
constexpr int kLongestSince = 7 * 24 * 3600;  // what the controller keeps
constexpr double kMilli = 1000;

std::optional<double> Decimal(std::string_view text) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Range {
  const char* flag;
  double least;
  double most;
  const char* what;
};

std::expected<double, std::string> Number(const Arguments& arguments, const Range& range) {
  const std::string text = arguments.Get(range.flag);
  const auto value = Decimal(text);
  if (value && *value >= range.least && *value <= range.most) return *value;
  return std::unexpected(fmt::format("{} is {}, from {} to {}, not \"{}\"", range.flag, range.what,
                                     range.least, range.most, Sanitize(text)));
}

std::string Policies(const Arguments& arguments, std::vector<ScalingPolicyKind>& to) {
  std::vector<std::string> given;
  for (const std::string& text : arguments.All("--policy")) {
    for (const std::string& name : SplitAt(text, ',')) given.push_back(name);
  }
  if (given.empty()) given = {"ballast", "hpa", "kpa"};
  for (const std::string& name : given) {
    const auto* const found = std::ranges::find(
        kPolicies, name, [](const auto& entry) { return std::string(entry.first); });
    if (found == std::end(kPolicies)) {
      return fmt::format("--policy is ballast, hpa or kpa, not \"{}\"", Sanitize(name));
    }
    if (std::ranges::find(to, found->second) == to.end()) to.push_back(found->second);
  }
  return "";
}

// Where the load comes from.
std::string Source(const Arguments& arguments, SimulatePlan& plan) {
  plan.manifests = arguments.All("--filename");
  if (plan.manifests.empty()) {
    return "whose decisions? -f FILE with an Autoscaler is missing";
  }
  plan.trace_file = arguments.Get("--trace");
  plan.from = arguments.Get("--from");
  if (plan.trace_file.empty() == plan.from.empty()) {
    return plan.from.empty()
               ? "which load? --trace FILE.csv, or --from WEBAPP for what was recorded"
               : "either --trace or --from, not both";
  }
  if (plan.from.empty()) {
    return arguments.Given("--since") ? "--since belongs to --from: a trace has its own times" : "";
  }
  for (const char* prefix : {"webapp/", "webapps/", "wa/"}) {
    if (plan.from.starts_with(prefix)) plan.from = plan.from.substr(std::string(prefix).size());
  }
  const auto since = ParseDuration(arguments.Get("--since"));
  if (!since || since->count() < 1 || since->count() > kLongestSince) {
    return fmt::format("--since is a duration up to 7 days (24h, 90m), not \"{}\"",
                       Sanitize(arguments.Get("--since")));
  }
  plan.since_seconds = static_cast<int>(since->count());
  return "";
}

std::string Model(const Arguments& arguments, SimulatePlan& plan) {
  const std::tuple<Range, double*> numbers[] = {
      {{"--capacity", 0.001, 1e6, "requests a second that a replica can take"}, &plan.capacity},
      {{"--startup-seconds", 0, 3600, "a number of seconds"}, &plan.startup_seconds},
      {{"--service-seconds", 0, 3600, "a number of seconds"}, &plan.service_seconds},
      {{"--speed", 0.01, 3600, "a factor"}, &plan.speed}};
  for (const auto& [range, to] : numbers) {
    const auto value = Number(arguments, range);
    if (!value) return value.error();
    *to = *value;
  }
  const auto drain = ParseCount(arguments.Get("--drain-seconds"));
  if (!drain || *drain > 3600) return "--drain-seconds is a whole number from 0 to 3600";
  plan.drain_seconds = *drain;
  return "";
}

const char* NameOf(api::MetricType type) {
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
  return "?";
}

}  // namespace

std::string_view PolicyName(ScalingPolicyKind policy) {
  for (const auto& [name, kind] : kPolicies) {
    if (kind == policy) return name;
  }
  return "?";
}

std::optional<std::vector<double>> ParseSweep(std::string_view text) {
  const std::size_t dots = text.find("..");
  if (dots == text.npos) return std::nullopt;
  const std::size_t colon = text.find(':', dots);
  const auto from = Decimal(text.substr(0, dots));
  const auto to = Decimal(text.substr(dots + 2, colon == text.npos ? colon : colon - dots - 2));
  if (!from || !to || !(*from >= 1 / kMilli) || !(*to >= *from) || *to > 1e9) return std::nullopt;
  constexpr int kUsualSteps = 6;
  const auto step =
      colon == text.npos ? (*to - *from) / kUsualSteps : Decimal(text.substr(colon + 1));
  if (!step || !(*step >= 0) || (*step < 1 / kMilli && *to > *from)) return std::nullopt;
  std::vector<double> targets;
  const double steps = *to > *from ? (*to - *from) / *step : 0;
  if (steps >= static_cast<double>(kMostTargets)) return std::nullopt;
  for (int i = 0; i <= static_cast<int>(steps + 1e-9); ++i) {
    targets.push_back(std::round((*from + (i * *step)) * kMilli) / kMilli);
  }
  return targets;
}

std::expected<SimulatePlan, std::string> PlanSimulation(const Arguments& arguments) {
  SimulatePlan plan;
  if (!arguments.words().empty()) {
    return std::unexpected(
        fmt::format("\"{}\": only flags are wanted, as in: ballast simulate -f "
                    "autoscaler.yaml --trace FILE.csv",
                    Sanitize(arguments.words().front())));
  }
  plan.output = arguments.Get("--output");
  plan.svg_file = arguments.Get("--svg");
  if (plan.output != "table" && plan.output != "json") {
    return std::unexpected(
        fmt::format("--output is table or json, not \"{}\"", Sanitize(plan.output)));
  }
  if (std::string wrong = Source(arguments, plan); !wrong.empty()) return std::unexpected(wrong);
  if (std::string wrong = Policies(arguments, plan.policies); !wrong.empty()) {
    return std::unexpected(wrong);
  }
  if (std::string wrong = Model(arguments, plan); !wrong.empty()) return std::unexpected(wrong);
  if (arguments.Given("--sweep")) {
    const auto targets = ParseSweep(arguments.Get("--sweep"));
    if (!targets) {
      return std::unexpected(
          fmt::format("--sweep is FROM..TO:STEP with at most {} targets, as 25..55:5, not \"{}\"",
                      kMostTargets, Sanitize(arguments.Get("--sweep"))));
    }
    plan.targets = *targets;
  }
  return plan;
}

std::expected<PlayableSpec, std::string> Playable(const api::Autoscaler& autoscaler) {
  PlayableSpec playable;
  playable.spec = autoscaler.spec;
  playable.spec.metrics.clear();
  for (const api::Metric& metric : autoscaler.spec.metrics) {
    if (metric.type == api::MetricType::kRequestRate ||
        metric.type == api::MetricType::kConcurrency) {
      playable.spec.metrics.push_back(metric);
    } else {
      playable.warnings.push_back(
          fmt::format("metric {} is left out: a trace does not say it", NameOf(metric.type)));
    }
  }
  const auto& metrics = playable.spec.metrics;
  if (metrics.empty()) {
    return std::unexpected(
        fmt::format("autoscaler/{} has neither a RequestRate nor a Concurrency metric: nothing "
                    "else is in a trace; add one to simulate",
                    Sanitize(autoscaler.meta.name)));
  }
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    if (metrics[i].type == api::MetricType::kRequestRate) playable.metric = i;
  }
  return playable;
}

double TargetOf(const PlayableSpec& playable) {
  return static_cast<double>(playable.spec.metrics[playable.metric].target.quantity.millis) /
         kMilli;
}

api::AutoscalerSpec WithTarget(const PlayableSpec& playable, double target) {
  api::AutoscalerSpec spec = playable.spec;
  spec.metrics[playable.metric].target.quantity = {.millis = std::llround(target * kMilli)};
  return spec;
}

}  // namespace ballast::cli
