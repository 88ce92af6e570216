// Which minimum and maximum hold now: the spec's own, or those of its schedules. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "api/autoscaler.h"
#include "api/cron.h"
#include "api/time_zone.h"
#include "reconcilers/ports/time_zones.h"

namespace ballast::reconcilers {

struct Bounds {
  int min = 0;
  int max = 0;
  bool min_scheduled = false;
  bool max_scheduled = false;
  // When a schedule that is in force ends; the earliest. Nothing: none is.
  std::optional<std::int64_t> until;
};

// Of several schedules in force at once the largest minimum and the largest maximum hold. One
// whose time zone is not known (`zones` null: all but UTC) is never in force. The maximum is never
// below the minimum.
[[nodiscard]] Bounds BoundsAt(const api::AutoscalerSpec& spec, const TimeZones* zones,
                              std::int64_t now);

// The latest start not after `now`, and less than `within` seconds ago. Times that the clocks of
// the zone leave out start when they are put forward; times that they show twice start once.
[[nodiscard]] std::optional<std::int64_t> LatestStart(const api::Cron& cron,
                                                      const api::TimeZone& zone, std::int64_t now,
                                                      std::int64_t within);

}  // namespace ballast::reconcilers
