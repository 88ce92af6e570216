// TimeZone: the machine's own zones, and what is no zone.
#include "api/time_zone.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace ballast::api {
namespace {

std::int64_t Utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  const std::chrono::sys_days date{std::chrono::year(year) / static_cast<int>(month) /
                                   static_cast<int>(day)};
  return std::chrono::duration_cast<std::chrono::seconds>(date.time_since_epoch()).count() +
         hour * 3600 + minute * 60;
}

// A file of the modern, short kind: nothing but a rule.
std::string RuleFile(const std::string& rule, int offset) {
  std::string header = "TZif2" + std::string(15, '\0');
  const auto number = [](int value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
    return bytes;
  };
  const std::string counts = number(0) + number(0) + number(0) + number(0) + number(1) + number(4);
  const std::string body = number(offset) + std::string("\0\0", 2) + std::string("ABC\0", 4);
  return header + counts + body + header + counts + body + "\n" + rule + "\n";
}

TimeZone Rule(const std::string& rule, int offset) {
  const auto zone = TimeZone::Parse(RuleFile(rule, offset));
  EXPECT_TRUE(zone.has_value()) << rule;
  return zone.value_or(TimeZone());
}

TEST(TimeZone, UtcIsTheDefault) {
  const TimeZone utc;
  EXPECT_EQ(utc.OffsetAt(Utc(2026, 7, 1)), 0);
  EXPECT_EQ(utc.ToUtc(Utc(2026, 7, 1)), Utc(2026, 7, 1));
}

TEST(TimeZone, SummerTimeByRule) {
  const TimeZone zurich = Rule("CET-1CEST,M3.5.0,M10.5.0/3", 3600);
  EXPECT_EQ(zurich.OffsetAt(Utc(2026, 1, 15)), 3600);
  EXPECT_EQ(zurich.OffsetAt(Utc(2026, 7, 15)), 7200);
  // On 29 March 2026 at 01:00 UTC, and back on 25 October at 01:00 UTC.
  EXPECT_EQ(zurich.OffsetAt(Utc(2026, 3, 29, 0, 59)), 3600);
  EXPECT_EQ(zurich.OffsetAt(Utc(2026, 3, 29, 1, 0)), 7200);
  EXPECT_EQ(zurich.OffsetAt(Utc(2026, 10, 25, 0, 59)), 7200);
  EXPECT_EQ(zurich.OffsetAt(Utc(2026, 10, 25, 1, 0)), 3600);
  EXPECT_EQ(zurich.ToUtc(Utc(2026, 7, 15, 8)), Utc(2026, 7, 15, 6));
  // 02:30 is left out on the one day, and shown twice on the other.
  EXPECT_EQ(zurich.ToUtc(Utc(2026, 3, 29, 2, 30)), Utc(2026, 3, 29, 1, 0));
  EXPECT_EQ(zurich.ToUtc(Utc(2026, 3, 29, 2, 0)), Utc(2026, 3, 29, 1, 0));
  EXPECT_EQ(zurich.ToUtc(Utc(2026, 3, 29, 3, 0)), Utc(2026, 3, 29, 1, 0));
  EXPECT_EQ(zurich.ToUtc(Utc(2026, 10, 25, 2, 30)), Utc(2026, 10, 25, 0, 30));
  EXPECT_EQ(zurich.ToUtc(Utc(2026, 10, 25, 3, 30)), Utc(2026, 10, 25, 2, 30));
}

TEST(TimeZone, OtherKindsOfRules) {
  const TimeZone sydney = Rule("AEST-10AEDT,M10.1.0,M4.1.0/3", 36000);
  EXPECT_EQ(sydney.OffsetAt(Utc(2026, 1, 15)), 39600) << "south of the equator";
  EXPECT_EQ(sydney.OffsetAt(Utc(2026, 7, 15)), 36000);
  const TimeZone kathmandu = Rule("<+0545>-5:45", 20700);
  EXPECT_EQ(kathmandu.OffsetAt(Utc(2026, 7, 15)), 20700);
  EXPECT_EQ(kathmandu.ToUtc(Utc(2026, 7, 15, 5, 45)), Utc(2026, 7, 15));
  const TimeZone dublin = Rule("IST-1GMT0,M10.5.0,M3.5.0/1", 3600);
  EXPECT_EQ(dublin.OffsetAt(Utc(2026, 7, 15)), 3600) << "winter is the exception";
  EXPECT_EQ(dublin.OffsetAt(Utc(2026, 1, 15)), 0);
  const TimeZone julian = Rule("AAA0BBB,J60/0,J300/0", 0);
  EXPECT_EQ(julian.OffsetAt(Utc(2024, 2, 29, 23)), 0) << "J60 is always 1 March";
  EXPECT_EQ(julian.OffsetAt(Utc(2024, 3, 1, 0)), 3600);
  const TimeZone zero_based = Rule("AAA0BBB,59/0,300/0", 0);
  EXPECT_EQ(zero_based.OffsetAt(Utc(2024, 2, 29, 0)), 3600) << "59 is the 60th day";
  const TimeZone greenland = Rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -7200);
  EXPECT_EQ(greenland.OffsetAt(Utc(2026, 3, 29, 0, 59)), -7200);
  EXPECT_EQ(greenland.OffsetAt(Utc(2026, 3, 29, 1, 1)), -3600);
}

TEST(TimeZone, WhatIsNoZoneIsAnError) {
  for (const std::string& text :
       {std::string(), std::string("TZif"), std::string(100, 'x'), RuleFile("nonsense,", 0),
        RuleFile("CET", 0), RuleFile("CET-1CEST,M13.5.0,M10.5.0", 0),
        RuleFile("CET-1CEST,M3.5.0", 0), RuleFile("CET-1", 200'000), RuleFile("CET-999", 0)}) {
    EXPECT_FALSE(TimeZone::Parse(text).has_value()) << text;
  }
  // Cut and damaged everywhere.
  const std::string good = RuleFile("CET-1CEST,M3.5.0,M10.5.0/3", 3600);
  ASSERT_TRUE(TimeZone::Parse(good).has_value());
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(TimeZone::Parse(good.substr(0, i)).has_value()) << i;
  }
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = good;
    for (int j = 0; j < 3; ++j) damaged[random() % damaged.size()] = static_cast<char>(random());
    if (const auto zone = TimeZone::Parse(damaged)) {
      const std::int64_t utc = Utc(2026, 3, 29, 2, 30);
      EXPECT_LE(std::abs(zone->OffsetAt(utc)), 8 * 86'400);
      static_cast<void>(zone->ToUtc(utc));
    }
  }
}

// The machine's own, where it has them, with their tables.
TEST(TimeZone, TheMachinesZones) {
  const auto read = [](const std::string& name) {
    std::ifstream file("/usr/share/zoneinfo/" + name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  if (read("Europe/Zurich").empty()) GTEST_SKIP() << "this machine has no tzdata";
  const auto zurich = TimeZone::Parse(read("Europe/Zurich"));
  ASSERT_TRUE(zurich.has_value());
  const TimeZone rule = Rule("CET-1CEST,M3.5.0,M10.5.0/3", 3600);
  for (std::int64_t utc = Utc(2000, 1, 1); utc < Utc(2100, 1, 1); utc += 3599 * 7) {
    ASSERT_EQ(zurich->OffsetAt(utc), rule.OffsetAt(utc)) << utc;
  }
  EXPECT_EQ(zurich->OffsetAt(Utc(1970, 7, 1)), 3600) << "no summer time then";
  const auto apia = TimeZone::Parse(read("Pacific/Apia"));
  ASSERT_TRUE(apia.has_value());
  // Samoa left out a whole day, 30 December 2011.
  EXPECT_EQ(apia->ToUtc(Utc(2011, 12, 30, 12)), Utc(2011, 12, 30, 10));
  for (const char* name : {"America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
                           "Africa/Casablanca", "America/Sao_Paulo", "UTC"}) {
    const auto zone = TimeZone::Parse(read(name));
    ASSERT_TRUE(zone.has_value()) << name;
    for (std::int64_t utc = Utc(2020, 1, 1); utc < Utc(2045, 1, 1); utc += 1801 * 5) {
      const std::int64_t local = utc + zone->OffsetAt(utc);
      const std::int64_t back = zone->ToUtc(local);
      ASSERT_LE(back, utc) << name;  // the first of two
      ASSERT_EQ(back + zone->OffsetAt(back), local) << name;
    }
  }
}

}  // namespace
}  // namespace ballast::api
