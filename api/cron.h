// The words of schedules: cron expressions and names of time zones. Pure; callable from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::api {

// When a schedule starts: each field is a set, bit n stands for the number n.
struct Cron {
  std::uint64_t minutes = 0;   // 0 to 59
  std::uint32_t hours = 0;     // 0 to 23
  std::uint32_t days = 0;      // of the month, 1 to 31
  std::uint32_t months = 0;    // 1 to 12
  std::uint32_t weekdays = 0;  // 0 to 6, 0 is Sunday
  // The field is `*`. As in every cron: with both days and weekdays given, either is enough.
  bool any_day = false;
  bool any_weekday = false;
  bool operator==(const Cron&) const = default;
};

// Five fields as in crontab(5): lists, ranges, steps of `*` and of ranges, names of months and
// weekdays, 7 for Sunday. What never comes (31 February) is an error. The message is made to stand
// after the field's name: "must be ..., got ...".
[[nodiscard]] Result<Cron> ParseCron(std::string_view text);

// A rule as in api/names.h: looks like a name of the IANA time zone database, such as
// Europe/Zurich. Whether there is one depends on the machine: DecodeOptions::knows_time_zone.
[[nodiscard]] std::string RuleTimeZone(std::string_view text);

}  // namespace ballast::api
