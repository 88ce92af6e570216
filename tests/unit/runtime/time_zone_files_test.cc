#include "controller/runtime/time_zone_files.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/fakes/temp_dir.h"

namespace ballast::runtime {
namespace {

TEST(TimeZoneFiles, ReadsTheMachinesZones) {
  const TimeZoneFiles zones;
  const api::TimeZone* zurich = zones.Find("Europe/Zurich");
  if (zurich == nullptr) GTEST_SKIP() << "no tz database here: apt-get install tzdata";
  EXPECT_EQ(zurich->OffsetAt(1'767'225'600), 3600);  // 2026-01-01
  EXPECT_EQ(zurich->OffsetAt(1'782'864'000), 7200);  // 2026-07-01
  EXPECT_EQ(zones.Find("Europe/Zurich"), zurich) << "read once";
}

TEST(TimeZoneFiles, KnowsNothingElse) {
  const TempDir dir;
  std::ofstream(dir.path() + "/Broken") << "no zone";
  const TimeZoneFiles zones(dir.path());
  for (const char* name : {"Broken", "Missing", "../etc/passwd", "", "/etc/localtime", "."}) {
    EXPECT_EQ(zones.Find(name), nullptr) << name;
  }
  ASSERT_NE(zones.Find("UTC"), nullptr) << "needs no file";
  EXPECT_EQ(zones.Find("UTC")->OffsetAt(0), 0);
}

}  // namespace
}  // namespace ballast::runtime
