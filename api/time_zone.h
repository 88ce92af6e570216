// A time zone of the IANA database: when its clocks differ from UTC by how much. Read from the
// compiled form (TZif, RFC 9636) that machines have in /usr/share/zoneinfo; what comes after its
// table follows its rule. Immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "api/status.h"

namespace ballast::api {

class TimeZone {
 public:
  TimeZone() = default;  // UTC

  // The bytes of a TZif file, version 1 or later.
  [[nodiscard]] static Result<TimeZone> Parse(std::string_view bytes);

  // Seconds that the zone's clocks are ahead of UTC at a Unix time.
  [[nodiscard]] int OffsetAt(std::int64_t utc) const;
  // When the zone's clocks show this time, written as if it were UTC. Shown twice: the first time.
  // Never shown, because the clocks are put forward: the moment they are.
  [[nodiscard]] std::int64_t ToUtc(std::int64_t local) const;

 private:
  // A day of the year on which the clocks change, as in POSIX's TZ.
  struct ChangeDay {
    enum class Kind { kMonthWeekDay, kJulian, kZeroBased } kind = Kind::kMonthWeekDay;
    int month = 0;
    int week = 0;
    int day = 0;
    int seconds = 2 * 3600;  // of the local clock before
  };
  struct Rule {
    int standard = 0;
    int summer = 0;
    std::optional<ChangeDay> start;  // nothing: no summer time
    std::optional<ChangeDay> end;
  };
  struct Transition {
    std::int64_t utc = 0;
    int offset = 0;  // from then on
  };
  friend struct TimeZoneReader;

  [[nodiscard]] int OffsetByRule(std::int64_t utc) const;

  int first_offset_ = 0;  // before all transitions
  std::vector<Transition> transitions_;
  std::optional<Rule> rule_;  // after all transitions
};

}  // namespace ballast::api
