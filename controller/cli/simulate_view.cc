#include "controller/cli/simulate_view.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;
using reconcilers::SimulationResult;

double Share(double part, double all) { return all > 0 ? part / all : 0; }

std::string Duration(std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (seconds >= 2 * kDay) {
    return seconds % kDay == 0 ? fmt::format("{} days", seconds / kDay)
                               : fmt::format("{:.1f} days", static_cast<double>(seconds) / kDay);
  }
  if (seconds >= kHour) return fmt::format("{:.3g} h", static_cast<double>(seconds) / kHour);
  if (seconds >= kMinute) return fmt::format("{:.3g} min", static_cast<double>(seconds) / kMinute);
  return fmt::format("{} s", seconds);
}

std::string Wait(double seconds) {
  if (seconds == 0) return "0";
  return seconds < 10 ? fmt::format("{:.2f} s", seconds) : fmt::format("{:.0f} s", seconds);
}

// To whole thousandths, so that the last bits of a sum do not show.
double Rounded(double value, double unit = 1000) { return std::round(value * unit) / unit; }

}  // namespace

std::string PercentText(double share) {
  const double percent = share * 100;
  constexpr double kLeast = 0.0001;
  if (percent <= 0) return "0 %";
  if (percent < kLeast) return "<0.0001 %";
  if (percent < 0.1) return fmt::format("{:.4f} %", percent);
  return percent < 10 ? fmt::format("{:.2f} %", percent) : fmt::format("{:.1f} %", percent);
}

std::string RenderSimulation(const SimulationReport& report, const SimulateViewOptions& options) {
  const SimulationResult& any = report.runs.front().result;
  const SimulatePlan& plan = report.plan;
  std::string text = fmt::format(
      "{} against autoscaler/{}: {:.0f} requests in {}{}, at most {:.4g}/s\n"
      "a replica takes {:g}/s and starts in {:g} s; the fewest that could have served it: {:.1f} "
      "replica-hours\n\n",
      Sanitize(report.load), Sanitize(report.autoscaler), any.requests, Duration(any.seconds),
      plan.speed == 1 ? "" : fmt::format(" (at {:g} times its speed)", plan.speed),
      report.trace.Peak(), plan.capacity, plan.startup_seconds, any.ideal_hours);
  const std::vector<Column> columns = {{"POLICY"},
                                       {"TARGET", true},
                                       {"UNSERVED", true},
                                       {"LATE", true, 2},
                                       {"P95 QUEUE", true, 3},
                                       {"P99 QUEUE", true, 2},
                                       {"REPLICA-HOURS", true},
                                       {"ABOVE IDEAL", true, 4},
                                       {"SCALINGS", true},
                                       {"FLAPS", true, 1},
                                       {"MOST", true, 5}};
  std::vector<std::vector<Cell>> rows;
  for (const SimulatedRun& run : report.runs) {
    const SimulationResult& result = run.result;
    const double above = Share(result.replica_hours - result.ideal_hours, result.ideal_hours);
    rows.push_back({{std::string(PolicyName(run.policy))},
                    {fmt::format("{:g}", run.target)},
                    {PercentText(Share(result.unserved, result.requests))},
                    {PercentText(Share(result.late, result.requests))},
                    {Wait(result.p95)},
                    {Wait(result.p99)},
                    {fmt::format("{:.1f}", result.replica_hours)},
                    {fmt::format("{:+.1f} %", 100 * above)},
                    {fmt::format("{}", result.scalings)},
                    {fmt::format("{}", result.flaps)},
                    {fmt::format("{}", result.most_replicas)}});
  }
  return text + RenderTable(columns, rows, {.width = options.width, .color = options.color});
}

json SimulationJson(const SimulationReport& report) {
  const SimulationResult& any = report.runs.front().result;
  json runs = json::array();
  for (const SimulatedRun& run : report.runs) {
    const SimulationResult& result = run.result;
    constexpr double kMillionth = 1e9;
    runs.push_back(
        {{"policy", PolicyName(run.policy)},
         {"target", run.target},
         {"unserved", Rounded(result.unserved)},
         {"unservedShare", Rounded(Share(result.unserved, result.requests), kMillionth)},
         {"late", Rounded(result.late)},
         {"lateShare", Rounded(Share(result.late, result.requests), kMillionth)},
         {"lost", Rounded(result.lost)},
         {"queueSeconds", {{"p50", result.p50}, {"p95", result.p95}, {"p99", result.p99}}},
         {"replicaHours", Rounded(result.replica_hours)},
         {"scalings", result.scalings},
         {"flaps", result.flaps},
         {"mostReplicas", result.most_replicas}});
  }
  return {{"load", report.load},
          {"autoscaler", report.autoscaler},
          {"metric", report.metric},
          {"seconds", any.seconds},
          {"requests", Rounded(any.requests)},
          {"peakRate", Rounded(report.trace.Peak())},
          {"filledIntervals", report.trace.filled},
          {"unknownIntervals", report.trace.unknown},
          {"capacity", report.plan.capacity},
          {"startupSeconds", report.plan.startup_seconds},
          {"speed", report.plan.speed},
          {"idealReplicaHours", Rounded(any.ideal_hours)},
          {"runs", std::move(runs)}};
}

}  // namespace ballast::cli
