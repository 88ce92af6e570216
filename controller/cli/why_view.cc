#include "controller/cli/why_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "controller/cli/event_view.h"
#include "controller/cli/render.h"
#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

// Three digits: "142", "35.5", "0.0213".
std::string Figure(const json& object, const char* field) {
  const json& value = Field(object, field);
  if (!value.is_number()) return "-";
  const double number = value.get<double>();
  if (std::abs(number) >= 1000) return fmt::format("{:.0f}", number);
  return fmt::format("{:.3g}", number);
}

std::string Count(std::int64_t count) {
  return fmt::format("{} replica{}", count, count == 1 ? "" : "s");
}

std::string Change(const json& decision) {
  const std::int64_t from = Number(decision, "current");
  const std::int64_t to = Number(decision, "replicas");
  return from == to ? std::to_string(to) : fmt::format("{} -> {}", from, to);
}

Style StyleOf(const json& decision) {
  if (Flag(decision, "panicking")) return Style::kBad;
  if (Number(decision, "current") != Number(decision, "replicas")) return Style::kBold;
  return Style::kPlain;
}

std::string Metrics(const json& decision, const WhyInput& input) {
  std::vector<std::vector<Cell>> rows;
  for (const json& metric : List(decision, "metrics")) {
    const std::string problem = Text(metric, "problem", "");
    const bool fine = Field(metric, "replicas").is_number();
    rows.push_back({{Text(metric, "name")},
                    {Figure(metric, "current")},
                    {Figure(metric, "target")},
                    {Figure(metric, "stable")},
                    {Figure(metric, "panic")},
                    {fine ? Text(metric, "replicas") : "-"},
                    {problem, Style::kBad}});
  }
  if (rows.empty()) return "";
  return RenderTable({{"METRIC"},
                      {"NOW", true},
                      {"TARGET", true},
                      {"STABLE", true, 2},
                      {"PANIC", true, 2},
                      {"WANTS", true},
                      {"PROBLEM", false, 1}},
                     rows, {.width = input.width, .color = input.color});
}

std::string Newest(const WhyInput& input) {
  const json& item = input.decisions.front();
  const json& decision = Field(item, "decision");
  std::string out = fmt::format("{}\n", Paint(Sanitize(Text(decision, "message", "no words")),
                                              StyleOf(decision), input.color));
  out += fmt::format("  {} asked for, {} in service; {} to {} allowed now\n",
                     Count(Number(decision, "replicas")), Number(decision, "inService"),
                     Number(decision, "minReplicas"), Number(decision, "maxReplicas"));
  if (const std::string next = Text(decision, "nextChange", ""); !next.empty()) {
    out += fmt::format("  time alone may change it from {} on\n", Sanitize(next));
  }
  if (const json& startup = Field(decision, "startupSeconds");
      startup.is_number() && startup.get<double>() > 0) {
    out += fmt::format("  a replica takes {} s to start, as measured\n",
                       Figure(decision, "startupSeconds"));
  }
  if (Flag(decision, "panicking")) {
    out += "  panic: much more came than the replicas in service can take; nothing goes down\n";
  }
  const std::string metrics = Metrics(decision, input);
  if (!metrics.empty()) out += "\n" + metrics;
  return out;
}

std::string Before(const WhyInput& input) {
  std::vector<std::vector<Cell>> rows;
  for (const json& item : input.decisions) {
    const json& decision = Field(item, "decision");
    rows.push_back({{AgeOf(Text(item, "last", ""), input.now)},
                    {Text(item, "count", "1")},
                    {Change(decision), StyleOf(decision)},
                    {Text(decision, "proposed")},
                    {Text(decision, "reason")},
                    {Text(decision, "message")}});
  }
  return RenderTable({{"AGO"},
                      {"TIMES", true, 1},
                      {"REPLICAS", true},
                      {"WANTED", true},
                      {"REASON", false, 2},
                      {"WHY"}},
                     rows, {.width = input.width, .color = input.color});
}

}  // namespace

std::string RenderWhy(const WhyInput& input) {
  const json& metadata = Field(input.autoscaler, "metadata");
  const json& target = Field(Field(input.autoscaler, "spec"), "scaleTargetRef");
  std::string out = fmt::format("autoscaler/{} of webapp/{}: ", Sanitize(Text(metadata, "name")),
                                Sanitize(Text(target, "name")));
  if (input.decisions.empty()) {
    const std::string why = Text(Field(input.autoscaler, "status"), "lastDecision", "");
    return out + (why.empty() ? "it has not decided anything yet" : Sanitize(why)) + "\n";
  }
  // What was decided last is not what happens now.
  for (const json& condition : List(Field(input.autoscaler, "status"), "conditions")) {
    if (Text(condition, "type") != "AbleToScale" || Text(condition, "status") != "False") continue;
    out += Paint("now: " + Sanitize(Text(condition, "message")), Style::kBad, input.color) + "\n";
    out += "  the last decision: ";
  }
  return out + Newest(input) + "\n" + Before(input);
}

}  // namespace ballast::cli
