#include "tests/fault/loadgen/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <numeric>

namespace ballast::loadgen {
namespace {

using nlohmann::json;

template <typename... Values>
std::string Format(const char* format, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

json ToJson(const Sample& s) {
  return {{"atMs", s.at_ms},           {"time", s.wall_clock},
          {"latencyMs", s.latency_ms}, {"outcome", Name(s.outcome)},
          {"status", s.status},        {"reused", s.reused},
          {"localPort", s.local_port}, {"replica", s.replica},
          {"error", s.error}};
}

json ToJson(const std::vector<Sample>& samples) {
  json list = json::array();
  for (const Sample& sample : samples) list.push_back(ToJson(sample));
  return list;
}

std::string Line(const Sample& s) {
  return Format("  +%.0f ms (%s): %.1f ms", s.at_ms, s.wall_clock.c_str(), s.latency_ms) + " " +
         std::string(Name(s.outcome)) + (s.status == 0 ? "" : " " + std::to_string(s.status)) +
         " port " + std::to_string(s.local_port) + (s.reused ? " reused" : " new") +
         (s.replica.empty() ? "" : " by " + s.replica) + (s.error.empty() ? "" : ": " + s.error) +
         "\n";
}

}  // namespace

std::string_view Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kStatus:
      return "status";
    case Outcome::kConnect:
      return "connect";
    case Outcome::kEof:
      return "eof";
    case Outcome::kEofOnReused:
      return "eof_on_reused";
    case Outcome::kPartial:
      return "partial";
    case Outcome::kTimeout:
      return "timeout";
    case Outcome::kProtocol:
      return "protocol";
  }
  return "?";
}

std::string WallClock(std::int64_t unix_micros) {
  const std::time_t seconds = unix_micros / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return Format("%02d:%02d:%02d.%03d", parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<int>(unix_micros / 1000 % 1000));
}

Latency Percentiles(std::vector<std::uint32_t>* micros) {
  Latency result;
  if (micros->empty()) return result;
  std::sort(micros->begin(), micros->end());
  const auto at = [micros](double quantile) {
    const auto rank = std::ceil(quantile * static_cast<double>(micros->size()));
    return (*micros)[static_cast<std::size_t>(std::max(rank, 1.0)) - 1] / 1000.0;
  };
  result.p50 = at(0.50);
  result.p90 = at(0.90);
  result.p99 = at(0.99);
  result.p999 = at(0.999);
  result.max = micros->back() / 1000.0;
  result.mean = std::accumulate(micros->begin(), micros->end(), 0.0) /
                static_cast<double>(micros->size()) / 1000.0;
  return result;
}

std::string Report::Summary() const {
  std::string text =
      Format("%llu sent in %.1f s, %llu ok, %llu failed", static_cast<unsigned long long>(sent),
             seconds, static_cast<unsigned long long>(ok), static_cast<unsigned long long>(failed));
  std::string classes;
  for (int i = 1; i < kOutcomes; ++i) {
    if (outcomes[i] == 0) continue;
    classes += (classes.empty() ? " (" : ", ") + std::string(Name(static_cast<Outcome>(i))) + " " +
               std::to_string(outcomes[i]);
  }
  for (const auto& [status, n] : statuses) {
    if (status != 200) classes += "; " + std::to_string(status) + " x " + std::to_string(n);
  }
  if (!classes.empty()) text += classes + ")";
  text += Format("; p50 %.1f p99 %.1f max %.1f ms; %zu replicas; %llu connections; lag max %.1f ms",
                 latency.p50, latency.p99, latency.max, replicas.size(),
                 static_cast<unsigned long long>(connections), lag_max_ms);
  return text;
}

std::string Report::Details(std::size_t max_lines) const {
  std::string text = Summary() + "\n";
  if (!failures.empty()) text += " failures:\n";
  for (std::size_t i = 0; i < std::min(max_lines, failures.size()); ++i) text += Line(failures[i]);
  text += " slowest:\n";
  for (std::size_t i = 0; i < std::min(max_lines, slowest.size()); ++i) text += Line(slowest[i]);
  for (const auto& [name, count] : replicas) {
    text += "  " + name + ": " + std::to_string(count.answers) +
            Format(" answers, +%.0f to +%.0f ms\n", count.first_ms, count.last_ms);
  }
  return text;
}

std::string Report::Json() const {
  json by_class = json::object();
  for (int i = 1; i < kOutcomes; ++i) by_class[Name(static_cast<Outcome>(i))] = outcomes[i];
  json by_status = json::object();
  for (const auto& [status, n] : statuses) by_status[std::to_string(status)] = n;
  json by_replica = json::object();
  for (const auto& [name, count] : replicas) {
    by_replica[name] = {
        {"answers", count.answers}, {"firstMs", count.first_ms}, {"lastMs", count.last_ms}};
  }
  const json value = {{"seconds", seconds},
                      {"sent", sent},
                      {"ok", ok},
                      {"failed", failed},
                      {"inFlight", in_flight},
                      {"failures", by_class},
                      {"statuses", by_status},
                      {"latencyMs",
                       {{"p50", latency.p50},
                        {"p90", latency.p90},
                        {"p99", latency.p99},
                        {"p999", latency.p999},
                        {"max", latency.max},
                        {"mean", latency.mean}}},
                      {"lagMaxMs", lag_max_ms},
                      {"connections", connections},
                      {"idleClosed", idle_closed},
                      {"replicas", by_replica},
                      {"failedRequests", ToJson(failures)},
                      {"slowest", ToJson(slowest)}};
  return value.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace ballast::loadgen
