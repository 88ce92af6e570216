#include "controller/cli/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace ballast::cli {
namespace {

// Wong's palette, whose colours differ for everybody; the ground is the picture's own.
constexpr char kStyle[] = R"(<style>
text{font:12px system-ui,sans-serif;fill:#333}
.title{font-size:15px;font-weight:600}.small{font-size:11px}
.ground{fill:#fff}.grid{stroke:#ddd}.axis{stroke:#888}
.load{fill:#888;fill-opacity:.35}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round}
.thin{fill:none;stroke-width:1;stroke-dasharray:3 2}
.ideal{stroke:#888;stroke-width:1.5;stroke-dasharray:6 4}
.c0{stroke:#0072b2}.c1{stroke:#d55e00}.c2{stroke:#009e73}
.dot.c0{fill:#0072b2}.dot.c1{fill:#d55e00}.dot.c2{fill:#009e73}.hollow{fill:none;stroke-width:1.6}
@media (prefers-color-scheme:dark){text{fill:#ddd}.ground{fill:#16191d}.grid{stroke:#333a42}
.c0{stroke:#56b4e9}.c1{stroke:#e69f00}.c2{stroke:#2bc596}
.dot.c0{fill:#56b4e9}.dot.c1{fill:#e69f00}.dot.c2{fill:#2bc596}}
</style>
)";

std::string Escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= ' ') escaped += c;
    }
  }
  return escaped;
}

const char* NameOf(Anchor anchor) {
  switch (anchor) {
    case Anchor::kStart:
      return "start";
    case Anchor::kMiddle:
      return "middle";
    case Anchor::kEnd:
      return "end";
  }
  return "start";
}

std::string Joined(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points) {
    fmt::format_to(std::back_inserter(text), "{}{:.1f},{:.1f}", text.empty() ? "" : " ", point.x,
                   point.y);
  }
  return text;
}

}  // namespace

Svg::Svg(double width, double height, std::string_view title)
    : text_(fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:g} {:g}\" "
                        "width=\"{:g}\" height=\"{:g}\" role=\"img\">\n<title>{}</title>\n{}"
                        "<rect class=\"ground\" width=\"{:g}\" height=\"{:g}\"/>\n",
                        width, height, width, height, Escape(title), kStyle, width, height)) {}

void Svg::Line(Point from, Point to, std::string_view style) {
  fmt::format_to(std::back_inserter(text_),
                 "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                 style, from.x, from.y, to.x, to.y);
}

void Svg::Polyline(const std::vector<Point>& points, std::string_view style) {
  fmt::format_to(std::back_inserter(text_), "<polyline class=\"{}\" points=\"{}\"/>\n", style,
                 Joined(points));
}

void Svg::Area(const std::vector<Point>& points, double bottom, std::string_view style) {
  if (points.empty()) return;
  std::vector<Point> closed = points;
  closed.push_back({points.back().x, bottom});
  closed.push_back({points.front().x, bottom});
  fmt::format_to(std::back_inserter(text_), "<polygon class=\"{}\" points=\"{}\"/>\n", style,
                 Joined(closed));
}

void Svg::Circle(Point at, double radius, std::string_view style) {
  fmt::format_to(std::back_inserter(text_),
                 "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:g}\"/>\n", style, at.x,
                 at.y, radius);
}

void Svg::Text(Point at, std::string_view text, Anchor anchor, std::string_view style) {
  fmt::format_to(std::back_inserter(text_),
                 "<text{} x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
                 style.empty() ? "" : fmt::format(" class=\"{}\"", style), at.x, at.y,
                 NameOf(anchor), Escape(text));
}

void Svg::UprightText(Point at, std::string_view text) {
  fmt::format_to(std::back_inserter(text_),
                 "<text transform=\"translate({:.1f},{:.1f}) rotate(-90)\" "
                 "text-anchor=\"middle\">{}</text>\n",
                 at.x, at.y, Escape(text));
}

std::string Svg::Finish() const { return text_ + "</svg>\n"; }

double Axis::At(double value) const {
  double share = 0;
  if (logarithmic) {
    share = (std::log10(value) - std::log10(from)) / (std::log10(to) - std::log10(from));
  } else if (to != from) {
    share = (value - from) / (to - from);
  }
  return begin + (std::clamp(share, 0.0, 1.0) * (end - begin));
}

std::vector<double> RoundTicks(double low, double high, int count) {
  if (!(high > low)) high = low + 1;
  const double raw = (high - low) / std::max(1, count);
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::floor((low / step) + 1e-9);
  for (int i = 0; i <= 4 * count; ++i) {
    ticks.push_back((first + i) * step);
    if (ticks.back() >= high - (step * 1e-9)) break;
  }
  return ticks;
}

std::vector<double> TimeTicks(double low, double high, int count) {
  constexpr double kMinute = 60;
  constexpr double kHour = 3600;
  constexpr double kDay = 24 * kHour;
  constexpr double kSteps[] = {
      1,        5,         10,        30,         kMinute, 5 * kMinute, 10 * kMinute, 30 * kMinute,
      kHour,    3 * kHour, 6 * kHour, 12 * kHour, kDay,    2 * kDay,    7 * kDay,     28 * kDay,
      91 * kDay};
  double step = kSteps[std::size(kSteps) - 1];
  for (const double candidate : kSteps) {
    if ((high - low) / candidate <= count) {
      step = candidate;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::ceil(low / step);
  const int steps = high < first * step ? -1 : static_cast<int>((high / step) - first);
  for (int i = 0; i <= steps; ++i) ticks.push_back((first + i) * step);
  return ticks;
}

}  // namespace ballast::cli
