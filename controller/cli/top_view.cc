#include "controller/cli/top_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

constexpr char kUnknown[] = "-";
constexpr double kMost = 1e15;

struct Line {
  std::string ns;
  std::string name;
  const json* figures = nullptr;
  std::string replicas;
};

double Amount(const json& object, const char* field) {
  const json& value = Field(object, field);
  return value.is_number() ? value.get<double>() : -1;
}

bool Readable(const json& value) {
  return value.is_number() && value.get<double>() >= 0 && value.get<double>() < kMost;
}

std::vector<Line> LinesOf(const json& answer, bool replicas) {
  std::vector<Line> lines;
  for (const json& app : List(answer, "items")) {
    const std::string ns = Text(app, "namespace");
    if (!replicas) {
      lines.push_back({ns, Text(app, "name"), &app, Text(app, "inService", "0")});
      continue;
    }
    for (const json& replica : List(app, "replicas")) {
      lines.push_back({ns, Text(replica, "name"), &replica, ""});
    }
  }
  std::ranges::stable_sort(lines, [](const Line& a, const Line& b) {
    for (const char* field : {"requestRate", "concurrency", "cpu"}) {
      const double one = Amount(*a.figures, field);
      const double other = Amount(*b.figures, field);
      if (one != other) return one > other;
    }
    return std::tie(a.ns, a.name) < std::tie(b.ns, b.name);
  });
  return lines;
}

double Total(const json& answer) {
  double sum = 0;
  for (const json& app : List(answer, "items")) sum += std::max(0.0, Amount(app, "requestRate"));
  return sum;
}

}  // namespace

std::string ShowSeconds(const json& seconds) {
  if (!Readable(seconds)) return kUnknown;
  const auto value = seconds.get<double>();
  if (value < 1) return fmt::format("{:.0f}ms", value * 1000);
  return fmt::format("{:.{}f}s", value, value < 10 ? 1 : 0);
}

std::string ShowCount(const json& count) {
  if (!Readable(count)) return kUnknown;
  const auto value = count.get<double>();
  if (value == 0) return "0";
  if (value < 9.95) return fmt::format("{:.1f}", value);
  if (value < 9'999.5) return fmt::format("{:.0f}", value);
  return value < 9'999'500 ? fmt::format("{:.0f}k", value / 1e3)
                           : fmt::format("{:.0f}M", value / 1e6);
}

std::string ShowCpu(const json& cpus) {
  if (!Readable(cpus)) return kUnknown;
  const auto value = cpus.get<double>();
  if (value < 1) return fmt::format("{:.0f}m", value * 1000);
  return fmt::format("{:.{}f}", value, value < 10 ? 1 : 0);
}

std::string ShowBytes(const json& bytes) {
  if (!Readable(bytes)) return kUnknown;
  constexpr double kMebi = 1024.0 * 1024;
  const double value = bytes.get<double>() / kMebi;
  if (value < 9.95) return fmt::format("{:.1f}Mi", value);
  return value < 10'000 ? fmt::format("{:.0f}Mi", value) : fmt::format("{:.0f}Gi", value / 1024);
}

std::string RenderTop(const json& answer, const TopOptions& options) {
  std::vector<Column> columns;
  if (options.with_namespace) columns.push_back({.title = "NAMESPACE", .expendable = 4});
  columns.push_back({.title = options.replicas ? "REPLICA" : "WEBAPP"});
  columns.push_back({.title = "REQ/S", .right = true});
  columns.push_back({.title = "IN FLIGHT", .right = true, .expendable = 1});
  columns.push_back({.title = "QUEUED", .right = true, .expendable = 3});
  columns.push_back({.title = "RESPONSE", .right = true, .expendable = 2});
  columns.push_back({.title = "5XX/S", .right = true, .expendable = 5});
  if (!options.replicas) columns.push_back({.title = "REPLICAS", .right = true, .expendable = 6});
  columns.push_back({.title = "CPU", .right = true, .expendable = 7});
  columns.push_back({.title = "MEMORY", .right = true, .expendable = 8});
  std::vector<std::vector<Cell>> rows;
  for (const Line& line : LinesOf(answer, options.replicas)) {
    const auto style = [&line](const char* field) {
      return Amount(*line.figures, field) > 0 ? Style::kBad : Style::kPlain;
    };
    std::vector<Cell>& row = rows.emplace_back();
    if (options.with_namespace) row.push_back({line.ns});
    row.push_back({line.name});
    row.push_back({ShowCount(Field(*line.figures, "requestRate"))});
    row.push_back({ShowCount(Field(*line.figures, "concurrency"))});
    row.push_back({ShowCount(Field(*line.figures, "queued")), style("queued")});
    row.push_back({ShowSeconds(Field(*line.figures, "responseSeconds"))});
    row.push_back({ShowCount(Field(*line.figures, "errorRate")), style("errorRate")});
    if (!options.replicas) row.push_back({line.replicas});
    row.push_back({ShowCpu(Field(*line.figures, "cpu"))});
    row.push_back({ShowBytes(Field(*line.figures, "memory"))});
  }
  return RenderTable(columns, rows, {.width = options.width, .color = options.color});
}

std::string DrawTop(const json& answer, const TopOptions& options, std::size_t height,
                    std::string_view notice) {
  constexpr char kHome[] = "\x1b[H";
  constexpr char kRestOfLine[] = "\x1b[K";
  constexpr char kRestOfScreen[] = "\x1b[J";
  TopOptions plain = options;
  plain.color = false;
  std::string head =
      fmt::format("{} requests/s   {}", ShowCount(json(Total(answer))), Text(answer, "now", ""));
  if (!notice.empty()) head = Sanitize(notice);
  std::string text = head + "\n" + RenderTop(answer, plain);
  std::string picture = kHome;
  std::size_t shown = 0;
  // The last line stays free: a line break there would move everything up.
  const std::size_t most = height > 1 ? height - 1 : 1;
  while (!text.empty() && shown < most) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const Style style = shown == 0   ? (notice.empty() ? Style::kDim : Style::kWarning)
                        : shown == 1 ? Style::kBold
                                     : Style::kPlain;
    picture += Paint(Fit(text.substr(0, end), options.width), style, options.color);
    picture += kRestOfLine;
    picture += '\n';
    text.erase(0, end + 1);
    ++shown;
  }
  return picture + kRestOfScreen;
}

}  // namespace ballast::cli
