#include "controller/cli/simulate_chart.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "controller/cli/svg.h"

namespace ballast::cli {
namespace {

constexpr double kWidth = 1000;
constexpr double kLeft = 84;
constexpr double kRight = 930;
constexpr double kHead = 64;    // title and legend
constexpr double kPanel = 230;  // with its own title and axis
constexpr double kDay = 24 * 3600;

std::string TimeText(double second, double step, bool dated) {
  if (!dated) {
    if (step >= 3600) return fmt::format("{:g} h", second / 3600);
    return step >= 60 ? fmt::format("{:g} min", second / 60) : fmt::format("{:g} s", second);
  }
  const std::chrono::sys_seconds time{std::chrono::seconds(static_cast<std::int64_t>(second))};
  if (step >= kDay) return fmt::format("{:%d %b}", time);
  return step >= 60 ? fmt::format("{:%H:%M}", time) : fmt::format("{:%H:%M:%S}", time);
}

std::string ClassOf(reconcilers::ScalingPolicyKind policy) {
  return fmt::format("c{}", static_cast<int>(policy));
}

void Panel(const SimulationReport& report, const SimulatedRun& run, double top, double most,
           Svg& svg) {
  const auto& result = run.result;
  const double capacity = report.plan.capacity;
  const double bottom = top + kPanel - 60;
  const std::string color = ClassOf(run.policy);
  svg.Text({kLeft, top - 8},
           fmt::format("{}, target {:g}: {} unserved, {:.1f} replica-hours, {} scalings",
                       PolicyName(run.policy), run.target,
                       PercentText(result.requests > 0 ? result.unserved / result.requests : 0),
                       result.replica_hours, result.scalings),
           Anchor::kStart);
  const auto loads = RoundTicks(0, most, 5);
  const Axis y{.from = 0, .to = loads.back(), .begin = bottom, .end = top};
  for (const double tick : loads) {
    svg.Line({kLeft, y.At(tick)}, {kRight, y.At(tick)}, "grid");
    svg.Text({kLeft - 6, y.At(tick) + 4}, fmt::format("{:g}", tick), Anchor::kEnd);
  }
  // The same height in replicas.
  for (const double tick : RoundTicks(0, loads.back() / capacity, 5)) {
    if (tick * capacity > loads.back() * 1.001) continue;
    svg.Text({kRight + 6, y.At(tick * capacity) + 4}, fmt::format("{:g}", tick), Anchor::kStart);
  }
  svg.UprightText({16, (top + bottom) / 2}, "requests a second");
  svg.UprightText({kWidth - 12, (top + bottom) / 2}, "replicas");
  const bool dated = report.trace.dated && report.plan.speed == 1;
  const double start = dated ? static_cast<double>(report.trace.start) : 0;
  const Axis x{.from = start,
               .to = start + static_cast<double>(result.seconds),
               .begin = kLeft,
               .end = kRight};
  const auto times = TimeTicks(x.from, x.to, 12);
  const double step = times.size() > 1 ? times[1] - times[0] : x.to - x.from;
  for (const double tick : times) {
    svg.Line({x.At(tick), top}, {x.At(tick), bottom}, "grid");
    svg.Text({x.At(tick), bottom + 16}, TimeText(tick, step, dated), Anchor::kMiddle, "small");
  }
  std::vector<Point> load;
  std::vector<Point> served;
  std::vector<Point> asked;
  for (const auto& point : result.timeline) {
    const double at = x.At(start + point.second);
    load.push_back({at, y.At(point.load)});
    if (!served.empty()) {
      served.push_back({at, served.back().y});
      asked.push_back({at, asked.back().y});
    }
    served.push_back({at, y.At(point.capacity)});
    asked.push_back({at, y.At(point.replicas * capacity)});
  }
  svg.Area(load, bottom, "load");
  svg.Polyline(asked, "thin " + color);
  svg.Polyline(served, "line " + color);
  svg.Line({kLeft, bottom}, {kRight, bottom}, "axis");
}

std::string Title(const SimulationReport& report) {
  return fmt::format("{} against autoscaler/{}", report.load, report.autoscaler);
}

void LegendLine(double x, double y, std::string_view style, std::string_view text, Svg& svg) {
  svg.Line({x, y - 4}, {x + 26, y - 4}, style);
  svg.Text({x + 32, y}, text, Anchor::kStart);
}

// The decade at or below, as an exponent.
int Decade(double share) { return static_cast<int>(std::floor(std::log10(share) + 1e-9)); }

double UnservedShare(const SimulatedRun& run) {
  return run.result.requests > 0 ? run.result.unserved / run.result.requests : 0;
}

}  // namespace

std::string TimelineSvg(const SimulationReport& report) {
  double most = 0;
  for (const SimulatedRun& run : report.runs) {
    for (const auto& point : run.result.timeline) {
      most = std::max({most, point.load, point.replicas * report.plan.capacity});
    }
  }
  Svg svg(kWidth, kHead + (kPanel * static_cast<double>(report.runs.size())), Title(report));
  svg.Text({kLeft, 24}, Title(report), Anchor::kStart, "title");
  svg.Area({{kLeft, 34}, {kLeft + 26, 34}}, 46, "load");
  svg.Text({kLeft + 32, 44}, "load", Anchor::kStart);
  const std::string color = ClassOf(report.runs.front().policy);
  LegendLine(kLeft + 90, 44, "line " + color, "capacity of the replicas in service", svg);
  LegendLine(kLeft + 350, 44, "thin " + color, "replicas asked for", svg);
  if (report.trace.dated && report.plan.speed == 1) {
    svg.Text({kRight, 44}, "times are UTC", Anchor::kEnd, "small");
  }
  double top = kHead + 24;
  for (const SimulatedRun& run : report.runs) {
    Panel(report, run, top, most, svg);
    top += kPanel;
  }
  return svg.Finish();
}

std::string FrontierSvg(const SimulationReport& report) {
  constexpr double kTop = 70;
  constexpr double kBottom = 500;
  constexpr double kHeight = 560;
  constexpr double kLeast = 1e-6;  // below that a share is none
  const double ideal = report.runs.front().result.ideal_hours;
  double least_hours = ideal;
  double most_hours = ideal;
  double least = 1;
  double most = kLeast;
  for (const SimulatedRun& run : report.runs) {
    least_hours = std::min(least_hours, run.result.replica_hours);
    most_hours = std::max(most_hours, run.result.replica_hours);
    const double share = UnservedShare(run);
    if (share < kLeast) continue;
    least = std::min(least, share);
    most = std::max(most, share);
  }
  const int low = std::min(Decade(least), -3);
  const int high = std::min(0, std::max(Decade(most) + 1, low + 1));
  const Axis y{.from = std::pow(10, low),
               .to = std::pow(10, high),
               .begin = kBottom - 24,  // below it: nothing was unserved
               .end = kTop,
               .logarithmic = true};
  const auto hours = RoundTicks(least_hours, most_hours, 10);
  const Axis x{.from = hours.front(), .to = hours.back(), .begin = kLeft, .end = kRight};
  Svg svg(kWidth, kHeight, Title(report));
  svg.Text({kLeft, 24}, Title(report) + ", target by target", Anchor::kStart, "title");
  for (const double tick : hours) {
    svg.Line({x.At(tick), kTop}, {x.At(tick), kBottom}, "grid");
    svg.Text({x.At(tick), kBottom + 18}, fmt::format("{:g}", tick), Anchor::kMiddle);
  }
  for (int decade = low; decade <= high; ++decade) {
    const double share = std::pow(10, decade);
    svg.Line({kLeft, y.At(share)}, {kRight, y.At(share)}, "grid");
    svg.Text({kLeft - 6, y.At(share) + 4}, fmt::format("{:g} %", std::pow(10, decade + 2)),
             Anchor::kEnd);
  }
  svg.Text({kLeft - 6, kBottom + 4}, "none", Anchor::kEnd);
  svg.Line({kLeft, kBottom}, {kRight, kBottom}, "axis");
  svg.Text({(kLeft + kRight) / 2, kBottom + 42}, "replica-hours", Anchor::kMiddle);
  svg.UprightText({14, (kTop + kBottom) / 2}, "requests beyond the capacity of their second");
  svg.Line({x.At(ideal), kTop}, {x.At(ideal), kBottom}, "ideal");
  double legend = kLeft;
  LegendLine(legend, 48, "ideal", fmt::format("ideal: {:.1f}", ideal), svg);
  for (const auto policy : report.plan.policies) {
    legend += 170;
    const std::string color = ClassOf(policy);
    LegendLine(legend, 48, "line " + color, PolicyName(policy), svg);
    std::vector<Point> curve;
    for (const SimulatedRun& run : report.runs) {
      if (run.policy != policy) continue;
      const double share = UnservedShare(run);
      const Point at{x.At(run.result.replica_hours), share < kLeast ? kBottom : y.At(share)};
      curve.push_back(at);
      svg.Circle(at, 3.5, (share < kLeast ? "hollow " : "dot ") + color);
      // Curves that meet keep their numbers apart.
      const bool below = policy == report.plan.policies.front() && share >= kLeast;
      svg.Text({at.x + (below ? -6 : 6), at.y + (below ? 14 : -6)}, fmt::format("{:g}", run.target),
               below ? Anchor::kEnd : Anchor::kStart, "small");
    }
    svg.Polyline(curve, "line " + color);
  }
  svg.Text({kRight, 48}, "numbers are targets; left and down is better", Anchor::kEnd, "small");
  return svg.Finish();
}

}  // namespace ballast::cli
