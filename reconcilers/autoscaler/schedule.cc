#include "reconcilers/autoscaler/schedule.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <unordered_map>

namespace ballast::reconcilers {
namespace {

constexpr std::int64_t kDay = 86'400;

std::int64_t FloorTo(std::int64_t value, std::int64_t unit) {
  const std::int64_t rest = value % unit;
  return value - (rest < 0 ? rest + unit : rest);
}

bool On(const api::Cron& cron, std::int64_t local_day) {
  const std::chrono::sys_days day{std::chrono::days(local_day)};
  const std::chrono::year_month_day date(day);
  if ((cron.months >> static_cast<unsigned>(date.month()) & 1) == 0) return false;
  const bool day_fits = (cron.days >> static_cast<unsigned>(date.day()) & 1) != 0;
  const bool weekday_fits = (cron.weekdays >> std::chrono::weekday(day).c_encoding() & 1) != 0;
  // As in every cron: with both given, either is enough.
  if (!cron.any_day && !cron.any_weekday) return day_fits || weekday_fits;
  return day_fits && weekday_fits;
}

// The last of the day's times not after `latest`, as minutes; below 0: none.
int LastMinute(const api::Cron& cron, int latest) {
  for (int hour = latest / 60; hour >= 0; --hour) {
    if ((cron.hours >> hour & 1) == 0) continue;
    for (int minute = hour == latest / 60 ? latest % 60 : 59; minute >= 0; --minute) {
      if ((cron.minutes >> minute & 1) != 0) return hour * 60 + minute;
    }
  }
  return -1;
}

// Reading an expression costs more than all else of a decision; the same few are read over and
// over. What is remembered never changes an answer.
const api::Cron* Parsed(const std::string& text) {
  thread_local std::unordered_map<std::string, std::optional<api::Cron>> known;
  if (const auto found = known.find(text); found != known.end()) {
    return found->second ? &*found->second : nullptr;
  }
  if (known.size() >= 256) known.clear();
  const Result<api::Cron> cron = api::ParseCron(text);
  const auto& kept = known[text] = cron ? std::optional(*cron) : std::nullopt;
  return kept ? &*kept : nullptr;
}

const api::TimeZone* Zone(const std::string& name, const TimeZones* zones) {
  static const api::TimeZone utc;
  const api::TimeZone* zone = zones == nullptr ? nullptr : zones->Find(name);
  if (zone != nullptr) return zone;
  return name == "UTC" ? &utc : nullptr;
}

}  // namespace

std::optional<std::int64_t> LatestStart(const api::Cron& cron, const api::TimeZone& zone,
                                        std::int64_t now, std::int64_t within) {
  // While an hour is shown for the second time, its times of the first lie before now as well.
  const int offset = std::max(zone.OffsetAt(now), zone.OffsetAt(now - 3 * 3600));
  const std::int64_t latest = now + offset;
  const std::int64_t first_day = FloorTo(latest - within - 2 * kDay, kDay);
  for (std::int64_t day = FloorTo(latest, kDay); day >= first_day; day -= kDay) {
    if (!On(cron, day / kDay)) continue;
    const std::int64_t in_day = std::min(latest - day, kDay - 1);
    for (int minute = LastMinute(cron, static_cast<int>(in_day / 60)); minute >= 0;
         minute = LastMinute(cron, minute - 1)) {
      const std::int64_t start = zone.ToUtc(day + std::int64_t{minute} * 60);
      if (start > now) continue;
      if (now - start < within) return start;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

Bounds BoundsAt(const api::AutoscalerSpec& spec, const TimeZones* zones, std::int64_t now) {
  Bounds bounds = {.min = spec.min_replicas, .max = spec.max_replicas, .until = std::nullopt};
  for (const api::ScalingSchedule& schedule : spec.schedules) {
    const api::Cron* cron = Parsed(schedule.start);
    const api::TimeZone* zone = Zone(schedule.time_zone, zones);
    if (cron == nullptr || zone == nullptr) continue;
    const std::int64_t seconds = schedule.duration.count() / 1000;
    const auto start = LatestStart(*cron, *zone, now, seconds);
    if (!start) continue;
    bounds.until = std::min(bounds.until.value_or(*start + seconds), *start + seconds);
    if (schedule.min_replicas) {
      bounds.min = bounds.min_scheduled ? std::max(bounds.min, *schedule.min_replicas)
                                        : *schedule.min_replicas;
      bounds.min_scheduled = true;
    }
    if (schedule.max_replicas) {
      bounds.max = bounds.max_scheduled ? std::max(bounds.max, *schedule.max_replicas)
                                        : *schedule.max_replicas;
      bounds.max_scheduled = true;
    }
  }
  bounds.min = std::max(bounds.min, 0);
  bounds.max = std::max({bounds.max, bounds.min, 0});
  return bounds;
}

}  // namespace ballast::reconcilers
