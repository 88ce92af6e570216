// A picture as SVG text, and axes with round numbers. Colours come from classes, so that the same
// picture can be read on light and on dark ground. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cli {

struct Point {
  double x = 0;
  double y = 0;
};

enum class Anchor { kStart, kMiddle, kEnd };

class Svg {
 public:
  Svg(double width, double height, std::string_view title);

  // `style`: classes of the style sheet in svg.cc: "grid", "axis", "load", "ideal", "line c0", ...
  void Line(Point from, Point to, std::string_view style);
  void Polyline(const std::vector<Point>& points, std::string_view style);
  // Down to `bottom`.
  void Area(const std::vector<Point>& points, double bottom, std::string_view style);
  void Circle(Point at, double radius, std::string_view style);
  void Text(Point at, std::string_view text, Anchor anchor, std::string_view style = "");
  // Bottom to top.
  void UprightText(Point at, std::string_view text);

  [[nodiscard]] std::string Finish() const;

 private:
  std::string text_;
};

// From data to the picture; `reversed` ends are fine.
struct Axis {
  double from = 0;
  double to = 1;
  double begin = 0;  // where `from` is
  double end = 1;
  bool logarithmic = false;

  [[nodiscard]] double At(double value) const;
};

// Round numbers, about `count` of them, from at most `low` to at least `high`.
[[nodiscard]] std::vector<double> RoundTicks(double low, double high, int count);
// Of seconds: steps of 1, 5, 10, 30 s, minutes, hours, days; not beyond the ends.
[[nodiscard]] std::vector<double> TimeTicks(double low, double high, int count);

}  // namespace ballast::cli
