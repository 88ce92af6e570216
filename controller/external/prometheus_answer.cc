#include "controller/external/prometheus_answer.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace ballast::external {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxShown = 200;
constexpr std::size_t kMaxTarget = 2000;

std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

PrometheusAnswer NotAsked(std::string problem) { return {false, std::nullopt, std::move(problem)}; }
PrometheusAnswer NoValue(std::string problem) { return {true, std::nullopt, std::move(problem)}; }

// One line of reasonable length.
std::string Shown(std::string_view text) {
  std::string out(text.substr(0, kMaxShown));
  if (text.size() > kMaxShown) {
    // Not in the middle of a character.
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0U) == 0x80) out.pop_back();
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0) out.pop_back();
    out += "...";
  }
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

// Null where it is no JSON, or nested deeper than any answer of Prometheus.
Json Parse(std::string_view body) {
  const auto shallow = [](int depth, Json::parse_event_t, const Json&) {
    return depth < kMaxDepth;
  };
  Json json = Json::parse(body, shallow, /*allow_exceptions=*/false);
  return json.is_discarded() ? Json() : json;
}

std::string TextAt(const Json& json, const char* name) {
  if (!json.is_object()) return "";
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

// ": the words of its error", or nothing.
std::string ErrorIn(const Json& json) {
  const std::string error = TextAt(json, "error");
  return error.empty() ? "" : ": " + Shown(error);
}

PrometheusAnswer Refused(int status, const Json& json) {
  if (status >= 300 && status < 400) {
    return NotAsked(fmt::format(
        "sends on to another address (HTTP {}), which is not followed: use that one", status));
  }
  if (status == 401 || status == 403) {
    return NotAsked(fmt::format("wants a login (HTTP {}), and Ballast has none for it", status));
  }
  if (status == 404 || status == 405) {
    return NotAsked(fmt::format(
        "does not know /api/v1/query (HTTP {}): is the URL that of a Prometheus server?", status));
  }
  if (status == 400 || status == 422) {
    return NotAsked(fmt::format("refused the query (HTTP {}){}", status, ErrorIn(json)));
  }
  return NotAsked(fmt::format("answered HTTP {}{}", status, ErrorIn(json)));
}

// [1435781451.781, "1.5"]
std::optional<double> NumberOf(const Json& sample) {
  if (!sample.is_array() || sample.size() != 2 || !sample[1].is_string()) return std::nullopt;
  std::string_view text = sample[1].get_ref<const std::string&>();
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

PrometheusAnswer Sum(const Json& samples) {
  double sum = 0;
  for (const Json& sample : samples) {
    const auto number = NumberOf(sample);
    if (!number) return NotAsked("did not answer as Prometheus does: a sample is no number");
    if (std::isnan(*number)) return NoValue("answered NaN, which is no number");
    if (std::isinf(*number)) return NoValue("answered infinity");
    if (*number < 0) return NoValue(fmt::format("answered {}, which is less than 0", *number));
    sum += *number;
  }
  if (std::isinf(sum)) return NoValue("answered samples whose sum is too large");
  return {true, sum, ""};
}

}  // namespace

QueryRequest RequestOf(const api::PrometheusQuery& query, int timeout) {
  const std::size_t host = query.url.find("://") + 3;
  const std::size_t slash = std::min(query.url.find('/', host), query.url.size());
  QueryRequest out{
      .server = query.url.substr(0, slash), .target = query.url.substr(slash), .form = ""};
  while (out.target.ends_with('/')) out.target.pop_back();
  out.target += "/api/v1/query";
  const std::string words = fmt::format("query={}&timeout={}s", Escape(query.query), timeout);
  if (out.target.size() + words.size() > kMaxTarget) {
    out.form = words;
  } else {
    out.target += "?" + words;
  }
  return out;
}

PrometheusAnswer ReadAnswer(int http_status, std::string_view body) {
  const Json json = Parse(body);
  if (http_status < 200 || http_status > 299) return Refused(http_status, json);
  if (!json.is_object()) return NotAsked("did not answer as Prometheus does: no JSON object");
  if (TextAt(json, "status") != "success") {
    return NotAsked("could not evaluate the query" + ErrorIn(json));
  }
  const Json& data = json.contains("data") ? json["data"] : json;
  const std::string type = TextAt(data, "resultType");
  const Json result = data.is_object() ? data.value("result", Json()) : Json();
  if (type == "scalar") return Sum(Json::array({result}));
  if (type == "string") return NoValue("answered a text, not a number");
  if (type == "matrix")
    return NoValue("answered a range of samples: the query must give single ones");
  if (type != "vector" || !result.is_array()) {
    return NotAsked("did not answer as Prometheus does: no result");
  }
  if (result.empty()) return NoValue("found nothing: the query has no samples");
  Json samples = Json::array();
  for (const Json& series : result) {
    if (series.is_object() && series.contains("histogram")) {
      return NoValue("answered a histogram, not a number");
    }
    samples.push_back(series.is_object() ? series.value("value", Json()) : Json());
  }
  return Sum(samples);
}

}  // namespace ballast::external
