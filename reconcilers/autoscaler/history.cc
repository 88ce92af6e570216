#include "reconcilers/autoscaler/history.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace ballast::reconcilers {
namespace {

using nlohmann::json;
using Recommendation = ScalingHistory::Recommendation;
using ScaleEvent = ScalingHistory::ScaleEvent;

constexpr int kVersion = 1;
// More than any window holds at one a second.
constexpr std::size_t kMostEntries = 100'000;

// Pairs: [second, number].
template <typename Entries, typename Number>
json Pairs(const Entries& entries, Number number) {
  json list = json::array();
  for (const auto& entry : entries) list.push_back({entry.second, entry.*number});
  return list;
}

// False: it is no list of pairs.
template <typename Entries, typename Number>
bool ReadPairs(const json& object, const char* field, Entries& entries, Number number, int least) {
  const auto found = object.find(field);
  if (found == object.end()) return true;
  if (!found->is_array() || found->size() > kMostEntries) return false;
  for (const json& pair : *found) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer() ||
        !pair[1].is_number_integer()) {
      return false;
    }
    const auto value = pair[1].get<std::int64_t>();
    if (value < least || value > 1'000'000'000) return false;
    auto& entry = entries.emplace_back();
    entry.second = pair[0].get<std::int64_t>();
    entry.*number = static_cast<int>(value);
  }
  return true;
}

bool ReadSecond(const json& object, const char* field, std::optional<std::int64_t>& second) {
  const auto found = object.find(field);
  if (found == object.end()) return true;
  if (!found->is_number_integer()) return false;
  second = found->get<std::int64_t>();
  return true;
}

}  // namespace

std::string EncodeScalingHistory(const ScalingHistory& history) {
  json out = {{"version", kVersion},
              {"recommendations", Pairs(history.recommendations, &Recommendation::replicas)},
              {"scaleUps", Pairs(history.scale_ups, &ScaleEvent::change)},
              {"scaleDowns", Pairs(history.scale_downs, &ScaleEvent::change)},
              {"panicReplicas", history.panic_replicas},
              {"startupSeconds", history.startup_seconds}};
  if (history.panic_since) out["panicSince"] = *history.panic_since;
  if (history.active_at) out["activeAt"] = *history.active_at;
  if (history.last_scale) out["lastScale"] = *history.last_scale;
  if (history.last_tick) out["lastTick"] = *history.last_tick;
  return out.dump();
}

Result<ScalingHistory> DecodeScalingHistory(std::string_view text) {
  const auto wrong = [](const char* what) {
    return Error(Code::kInternal, std::string("an autoscaler's history: ") + what);
  };
  const json object = json::parse(text, nullptr, false);
  if (!object.is_object()) return wrong("it is no JSON object");
  const auto version = object.find("version");
  if (version == object.end() || *version != kVersion) return wrong("it is of another version");
  ScalingHistory history;
  if (!ReadPairs(object, "recommendations", history.recommendations, &Recommendation::replicas,
                 0)) {
    return wrong("recommendations");
  }
  if (!ReadPairs(object, "scaleUps", history.scale_ups, &ScaleEvent::change, 1)) {
    return wrong("scaleUps");
  }
  if (!ReadPairs(object, "scaleDowns", history.scale_downs, &ScaleEvent::change, 1)) {
    return wrong("scaleDowns");
  }
  if (!ReadSecond(object, "panicSince", history.panic_since) ||
      !ReadSecond(object, "activeAt", history.active_at) ||
      !ReadSecond(object, "lastScale", history.last_scale) ||
      !ReadSecond(object, "lastTick", history.last_tick)) {
    return wrong("a time is no number");
  }
  const json panic = object.value("panicReplicas", json(0));
  const json startup = object.value("startupSeconds", json(0));
  if (!panic.is_number_integer() || !startup.is_number()) return wrong("a number is none");
  const auto replicas = panic.get<std::int64_t>();
  const auto seconds = startup.get<double>();
  if (replicas < 0 || replicas > 1'000'000'000 || !std::isfinite(seconds) || seconds < 0) {
    return wrong("a number is out of range");
  }
  history.panic_replicas = static_cast<int>(replicas);
  history.startup_seconds = seconds;
  return history;
}

}  // namespace ballast::reconcilers
