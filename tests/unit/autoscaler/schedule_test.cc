// Schedules: which minimum and maximum hold when.
#include "reconcilers/autoscaler/schedule.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/unit/autoscaler/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

std::int64_t Utc(int month, int day, int hour = 0, int minute = 0, int year = 2026) {
  const std::chrono::sys_days date{std::chrono::year(year) / month / day};
  return std::chrono::duration_cast<std::chrono::seconds>(date.time_since_epoch()).count() +
         hour * 3600 + minute * 60;
}

class Zones final : public TimeZones {
 public:
  Zones() {
    std::ifstream file("/usr/share/zoneinfo/Europe/Zurich", std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    if (const auto zone = api::TimeZone::Parse(bytes)) zurich_ = *zone;
  }
  const api::TimeZone* Find(std::string_view name) const override {
    return name == "Europe/Zurich" && zurich_ ? &*zurich_ : nullptr;
  }
  bool known() const { return zurich_.has_value(); }

 private:
  std::optional<api::TimeZone> zurich_;
};

api::ScalingSchedule Schedule(const char* start, api::Millis duration, std::optional<int> min,
                              std::optional<int> max = {}, const char* zone = "UTC") {
  return {.start = start,
          .duration = duration,
          .time_zone = zone,
          .min_replicas = min,
          .max_replicas = max};
}

api::AutoscalerSpec With(std::vector<api::ScalingSchedule> schedules) {
  api::AutoscalerSpec spec = SpecOf(2, 10, {RequestRateOf(50)});
  spec.schedules = std::move(schedules);
  return spec;
}

TEST(Schedule, HoldsFromItsStartForItsDuration) {
  // 23 November 2026 is a Monday.
  const auto spec = With({Schedule("0 8 * * 1-5", hours(10), 6)});
  const auto min_at = [&](std::int64_t at) { return BoundsAt(spec, nullptr, at).min; };
  EXPECT_EQ(min_at(Utc(11, 23, 7, 59)), 2);
  EXPECT_EQ(min_at(Utc(11, 23, 8, 0)), 6);
  EXPECT_EQ(min_at(Utc(11, 23, 17, 59)), 6);
  EXPECT_EQ(min_at(Utc(11, 23, 18, 0)), 2);
  EXPECT_EQ(min_at(Utc(11, 22, 12, 0)), 2) << "Sunday";
  const Bounds bounds = BoundsAt(spec, nullptr, Utc(11, 23, 12));
  EXPECT_TRUE(bounds.min_scheduled);
  EXPECT_FALSE(bounds.max_scheduled);
  EXPECT_EQ(bounds.max, 10);
  EXPECT_EQ(bounds.until, Utc(11, 23, 18));
}

TEST(Schedule, ReachesOverMidnightAndOverMonths) {
  const auto night = With({Schedule("30 22 * * *", hours(9), 1)});
  EXPECT_EQ(BoundsAt(night, nullptr, Utc(12, 1, 7, 29)).min, 1);
  EXPECT_EQ(BoundsAt(night, nullptr, Utc(12, 1, 7, 30)).min, 2);
  const auto month = With({Schedule("0 0 1 * *", hours(24 * 31), 1)});
  for (int day = 1; day <= 28; ++day) EXPECT_EQ(BoundsAt(month, nullptr, Utc(2, day, 12)).min, 1);
  const auto leap = With({Schedule("0 0 29 2 *", hours(24), 1)});
  EXPECT_EQ(BoundsAt(leap, nullptr, Utc(2, 28, 12)).min, 2);
  EXPECT_EQ(BoundsAt(leap, nullptr, Utc(2, 29, 12, 0, 2028)).min, 1);
}

TEST(Schedule, OfSeveralTheLargestNumbersHold) {
  const auto spec = With({Schedule("0 8 * * *", hours(10), 6), Schedule("0 12 * * *", hours(1), 4),
                          Schedule("0 12 * * *", hours(2), std::nullopt, 20),
                          Schedule("0 0 * * *", hours(24), std::nullopt, 8)});
  const Bounds noon = BoundsAt(spec, nullptr, Utc(6, 1, 12, 30));
  EXPECT_EQ(noon.min, 6);
  EXPECT_EQ(noon.max, 20);
  EXPECT_EQ(noon.until, Utc(6, 1, 13));
  EXPECT_EQ(BoundsAt(spec, nullptr, Utc(6, 1, 20)).max, 8);
}

TEST(Schedule, AZoneThatNobodyKnowsIsNeverInForce) {
  const auto spec = With({Schedule("* * * * *", hours(1), 6, {}, "Mars/Olympus")});
  EXPECT_EQ(BoundsAt(spec, nullptr, Utc(6, 1)).min, 2);
  const Zones zones;
  EXPECT_EQ(BoundsAt(spec, &zones, Utc(6, 1)).min, 2);
}

TEST(Schedule, TheMaximumIsNeverBelowTheMinimum) {
  const auto spec = With({Schedule("* * * * *", hours(1), 15)});
  EXPECT_EQ(BoundsAt(spec, nullptr, Utc(6, 1)).max, 15);
}

TEST(Schedule, FollowsTheClocksOfItsZone) {
  const Zones zones;
  if (!zones.known()) GTEST_SKIP() << "this machine has no tzdata";
  const auto spec = With({Schedule("0 8 * * *", hours(1), 6, {}, "Europe/Zurich")});
  const auto min_at = [&](std::int64_t at) { return BoundsAt(spec, &zones, at).min; };
  EXPECT_EQ(min_at(Utc(1, 15, 6, 59)), 2);
  EXPECT_EQ(min_at(Utc(1, 15, 7, 0)), 6);
  EXPECT_EQ(min_at(Utc(7, 15, 5, 59)), 2);
  EXPECT_EQ(min_at(Utc(7, 15, 6, 0)), 6);
}

// 02:30 on 29 March is left out, on 25 October it is shown twice.
TEST(Schedule, OnTheDaysWhenTheClocksChange) {
  const Zones zones;
  if (!zones.known()) GTEST_SKIP() << "this machine has no tzdata";
  const auto spec = With({Schedule("30 2 * * *", minutes(20), 6, {}, "Europe/Zurich")});
  const auto starts = [&](std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> found;
    bool before = false;
    for (std::int64_t at = from; at < to; at += 60) {
      const bool in_force = BoundsAt(spec, &zones, at).min_scheduled;
      if (in_force && !before) found.push_back(at);
      before = in_force;
    }
    return found;
  };
  EXPECT_EQ(starts(Utc(3, 28, 12), Utc(3, 30, 12)),
            (std::vector<std::int64_t>{Utc(3, 29, 1, 0), Utc(3, 30, 0, 30)}));
  EXPECT_EQ(starts(Utc(10, 24, 12), Utc(10, 26, 12)),
            (std::vector<std::int64_t>{Utc(10, 25, 0, 30), Utc(10, 26, 1, 30)}));
}

// Against a search minute by minute.
TEST(Schedule, LatestStartAgreesWithASearch) {
  for (const char* text : {"*/7 3-5 * * *", "59 23 * * 0", "0 0 13 * 5", "15,45 */6 1,15 * *"}) {
    const auto cron = api::ParseCron(text);
    ASSERT_TRUE(cron.has_value());
    const api::TimeZone utc;
    std::optional<std::int64_t> last;
    for (std::int64_t at = Utc(1, 1); at < Utc(3, 1); at += 60) {
      const std::chrono::sys_days day{std::chrono::floor<std::chrono::days>(
          std::chrono::sys_seconds(std::chrono::seconds(at)))};
      const std::chrono::year_month_day date(day);
      const auto minute = static_cast<unsigned>(at / 60 % 60);
      const auto hour = static_cast<unsigned>(at / 3600 % 24);
      const bool on_day = (cron->days >> static_cast<unsigned>(date.day()) & 1) != 0;
      const bool on_weekday = (cron->weekdays >> std::chrono::weekday(day).c_encoding() & 1) != 0;
      const bool on =
          cron->any_day || cron->any_weekday ? on_day && on_weekday : on_day || on_weekday;
      if (on && (cron->minutes >> minute & 1) != 0 && (cron->hours >> hour & 1) != 0) last = at;
      if (at < Utc(2, 1) || at % 1380 != 0) continue;
      const auto found = LatestStart(*cron, utc, at + 30, 31 * 86'400);
      ASSERT_EQ(found, last) << text << " " << at;
    }
  }
}

TEST(Schedule, RaisesTheMinimumAndLetsGoAfterwards) {
  World world(SpecOf(2, 10, {RequestRateOf(50)}), 2);
  world.spec.schedules = {Schedule("0 * * * *", minutes(10), 6)};
  world.now = Utc(6, 1, 11, 59) + 50;
  world.Seconds(5, 10);
  EXPECT_EQ(world.current, 2);
  Decision decision = world.Seconds(10, 10);
  EXPECT_EQ(world.current, 6);
  EXPECT_EQ(decision.limit, ScalingLimit::kSchedule);
  EXPECT_EQ(decision.reason, "ScheduledMinimum");
  EXPECT_EQ(decision.min_replicas, 6);
  decision = world.Seconds(300, 10);
  EXPECT_EQ(decision.message,
            "RequestRate: 1.667 of 50, 1 replica; stays at 6: a schedule says 6 "
            "to 10");
  EXPECT_EQ(decision.next_change, At(Utc(6, 1, 12, 10)));
  world.Seconds(400, 10);
  EXPECT_EQ(world.current, 2);
}

}  // namespace
}  // namespace ballast::reconcilers
