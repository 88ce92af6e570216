#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <ostream>
#include <system_error>
#include <thread>

#include "controller/cli/commands.h"
#include "controller/cli/not_found.h"
#include "controller/cli/progress.h"
#include "controller/cli/simulate_chart.h"
#include "controller/cli/simulate_input.h"
#include "controller/cli/simulate_plan.h"
#include "controller/cli/simulate_view.h"
#include "controller/cli/status_view.h"
#include "controller/cli/table.h"
#include "controller/runtime/time_zone_files.h"

namespace ballast::cli {
namespace {

using reconcilers::Trace;

Result<Trace> Recorded(const Arguments& arguments, const SimulatePlan& plan, Session& session) {
  const std::string ns = arguments.Get("--namespace");
  const auto types = session.Types();
  if (!types) return std::unexpected(types.error());
  const ResourceType* const webapps = (*types)->FindKind("ballast.dev/v1alpha1", "WebApp");
  // Also tells a name that does not exist from a controller that records nothing.
  if (webapps != nullptr) {
    const auto found = session.Call({.target = webapps->Path(ns, plan.from)});
    if (!found && found.error().code == Code::kNotFound) {
      return std::unexpected(
          ExplainNotFound(session, *webapps, ns, plan.from, found.error()).error());
    }
    if (!found) return std::unexpected(found.error());
  }
  const auto answer =
      session.CallJson({.target = fmt::format("/ballast/v1/load/namespaces/{}/webapps/{}?since={}",
                                              ns, plan.from, plan.since_seconds)});
  if (!answer) return std::unexpected(answer.error());
  auto trace = RecordedTrace(*answer);
  if (!trace) {
    return Error(Code::kNotFound,
                 fmt::format("no load of webapp/{} was recorded in that time: it is counted once "
                             "the web app has a route; try a longer --since",
                             Sanitize(plan.from)));
  }
  return trace;
}

std::vector<std::string> Warnings(const Trace& trace, const SimulatePlan& plan,
                                  const PlayableSpec& playable) {
  std::vector<std::string> warnings = playable.warnings;
  const api::AutoscalerSpec& spec = playable.spec;
  if (trace.filled > 0) {
    warnings.push_back(fmt::format("{} missing intervals of {} s are filled in by a straight line",
                                   trace.filled, trace.interval));
  }
  if (trace.unknown > 0) {
    warnings.push_back(fmt::format(
        "{} intervals of {} s are missing, more than {} in a row: nothing comes in them, and the "
        "policies are told nothing",
        trace.unknown, trace.interval, Trace::kMostFilled));
  }
  const double needed = std::ceil(trace.Peak() / plan.capacity - 1e-6);
  if (needed > spec.max_replicas) {
    warnings.push_back(fmt::format(
        "maxReplicas is {}, but the most that comes, {:.4g}/s, needs {:.0f} replicas of {:g}/s: "
        "what is above goes unserved whatever is decided",
        spec.max_replicas, trace.Peak(), needed, plan.capacity));
  }
  if (!spec.schedules.empty() && (!trace.dated || plan.speed != 1)) {
    warnings.push_back(
        "schedules go by simulated time, which is not that of the load: it starts at " +
        std::string(trace.dated ? "the load's first second" : "2000-01-01T00:00:00Z"));
  }
  return warnings;
}

// All runs, on all processors. They share nothing but what they read.
void RunAll(const Trace& trace, const SimulatePlan& plan, const PlayableSpec& playable,
            const reconcilers::TimeZones& zones, Progress* progress,
            std::vector<SimulatedRun>& runs) {
  std::atomic<std::size_t> next = 0;
  std::atomic<std::int64_t> done = 0;
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t left = runs.size();
  const bool picture = !plan.svg_file.empty() && plan.targets.empty();
  const auto work = [&] {
    for (std::size_t i = next++; i < runs.size(); i = next++) {
      SimulatedRun& run = runs[i];
      const api::AutoscalerSpec spec = WithTarget(playable, run.target);
      std::int64_t before = 0;
      run.result = reconcilers::Simulate(trace, {.spec = &spec,
                                                 .policy = run.policy,
                                                 .capacity = plan.capacity,
                                                 .startup_seconds = plan.startup_seconds,
                                                 .service_seconds = plan.service_seconds,
                                                 .drain_seconds = plan.drain_seconds,
                                                 .speed = plan.speed,
                                                 .zones = &zones,
                                                 .timeline_points = picture ? kTimelinePoints : 0,
                                                 .progress = [&](std::int64_t seconds) {
                                                   done += seconds - before;
                                                   before = seconds;
                                                   return true;
                                                 }});
      done += run.result.seconds - before;
      const std::scoped_lock lock(mutex);
      --left;
      ended.notify_all();
    }
  };
  std::vector<std::jthread> workers;
  const std::size_t most = std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < std::min(most, runs.size()); ++i) workers.emplace_back(work);
  const double all = std::max(
      1.0, static_cast<double>(trace.Seconds()) / plan.speed * static_cast<double>(runs.size()));
  std::unique_lock lock(mutex);
  while (!ended.wait_for(lock, std::chrono::milliseconds(200), [&] { return left == 0; })) {
    if (progress == nullptr) continue;
    progress->Show(fmt::format("simulating {} of {}: {:.0f} %", runs.size() - left + 1, runs.size(),
                               std::min(100.0, 100 * static_cast<double>(done) / all)));
  }
}

Result<void> Write(const std::string& path, const std::string& text) {
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out.fail()) return {};
  return Error(Code::kFailedPrecondition,
               fmt::format("{}: cannot be written: {}", Sanitize(path),
                           std::error_code(errno, std::generic_category()).message()));
}

}  // namespace

int RunSimulate(const Arguments& arguments, Session& session) {
  const auto plan = PlanSimulation(arguments);
  if (!plan) return session.Usage(plan.error(), "simulate");
  const runtime::TimeZoneFiles zones;
  const auto autoscaler =
      ReadAutoscaler(plan->manifests, session.environment.read_input,
                     [&](std::string_view name) { return zones.Find(name) != nullptr; });
  if (!autoscaler) return session.Fail(autoscaler.error());
  const auto playable = Playable(*autoscaler);
  if (!playable) return session.Fail(playable.error());
  const auto trace =
      plan->from.empty() ? ReadTrace(plan->trace_file) : Recorded(arguments, *plan, session);
  if (!trace) return session.Fail(trace.error());
  for (const std::string& warning : Warnings(*trace, *plan, *playable)) {
    session.err << "warning: " << warning << "\n";
  }
  SimulationReport report{
      .load = plan->from.empty() ? plan->trace_file.substr(plan->trace_file.rfind('/') + 1)
                                 : "webapp/" + plan->from,
      .autoscaler = autoscaler->meta.name,
      .metric = playable->spec.metrics[playable->metric].type == api::MetricType::kRequestRate
                    ? "RequestRate"
                    : "Concurrency",
      .trace = *trace,
      .plan = *plan,
      .runs = {}};
  const std::vector<double> targets =
      plan->targets.empty() ? std::vector{TargetOf(*playable)} : plan->targets;
  for (const auto policy : plan->policies) {
    for (const double target : targets) report.runs.push_back({policy, target, {}});
  }
  {
    Progress progress(session.err, session.environment.error_width);
    RunAll(*trace, *plan, *playable, zones,
           session.environment.error_width > 0 ? &progress : nullptr, report.runs);
  }
  if (plan->output == "json") {
    session.out << SimulationJson(report).dump(2) << "\n";
  } else {
    session.out << RenderSimulation(
        report, {.width = session.environment.width, .color = session.environment.color});
  }
  // What took minutes to find out is on the screen whatever becomes of the picture.
  if (!plan->svg_file.empty()) {
    const auto written =
        Write(plan->svg_file, plan->targets.empty() ? TimelineSvg(report) : FrontierSvg(report));
    if (!written) return session.Fail(written.error());
    session.err << "picture written to " << Sanitize(plan->svg_file) << "\n";
  }
  return kExitOk;
}

}  // namespace ballast::cli
