#include "controller/store/retention.h"

#include <gtest/gtest.h>

namespace ballast::store {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const api::Time kStart{std::chrono::hours(500'000)};
constexpr HistoryLimits kLimits{.keep_age = minutes(10), .keep_changes = 100};

TEST(Retention, MarksAFewTimesAMinute) {
  Retention retention(kLimits);
  ASSERT_TRUE(retention.WantsMark(1, kStart));
  retention.Add({1, kStart});
  EXPECT_FALSE(retention.WantsMark(2, kStart + seconds(4)));
  const auto mark = retention.WantsMark(3, kStart + seconds(5));
  ASSERT_TRUE(mark);
  EXPECT_EQ(mark->revision, 3U);
  EXPECT_EQ(mark->time, kStart + seconds(5));
  EXPECT_TRUE(retention.WantsMark(3, kStart - seconds(1))) << "the clock was put back";
}

TEST(Retention, RemovesWhatIsBothOldAndNotAmongTheNewest) {
  Retention retention(kLimits);
  EXPECT_EQ(retention.Removable(1000, kStart), 0U) << "nothing is known of its age";
  retention.Add({1, kStart});
  retention.Add({501, kStart + minutes(5)});
  retention.Add({951, kStart + minutes(6)});
  EXPECT_EQ(retention.Removable(1000, kStart + minutes(10)), 0U) << "some came a little later";
  EXPECT_EQ(retention.Removable(1000, kStart + minutes(10) + seconds(5)), 500U);
  EXPECT_EQ(retention.Removable(1000, kStart + minutes(15)), 500U);
  EXPECT_EQ(retention.Removable(1000, kStart + minutes(15) + seconds(5)), 900U);
  EXPECT_EQ(retention.Removable(5000, kStart + minutes(16)), 950U);
  EXPECT_EQ(retention.Removable(5000, kStart + minutes(17)), 4900U);
  EXPECT_EQ(retention.Removable(99, kStart + minutes(60)), 0U);
  EXPECT_EQ(retention.Removable(100, kStart + minutes(60)), 0U);
  EXPECT_EQ(retention.Removable(101, kStart + minutes(60)), 1U);
}

TEST(Retention, AMarkOfAnEarlierTimeCountsForAllBeforeIt) {
  Retention retention(kLimits);
  retention.Add({1, kStart + minutes(1000)});
  retention.Add({501, kStart});
  retention.Add({601, kStart + minutes(9)});
  EXPECT_EQ(retention.Removable(1000, kStart + minutes(11)), 600U);
}

TEST(Retention, SaysWhenToLookAgain) {
  Retention retention(kLimits);
  retention.Add({1, kStart});
  retention.Add({501, kStart + minutes(5)});
  EXPECT_FALSE(retention.Due(0, 100, kStart)) << "few enough to be kept";
  EXPECT_EQ(retention.Due(0, 1000, kStart + minutes(6)), minutes(4) + seconds(5));
  EXPECT_EQ(retention.Due(500, 1000, kStart + minutes(6)), minutes(9) + seconds(5));
  EXPECT_FALSE(retention.Due(500, 1000, kStart + minutes(16))) << "no mark tells more";
}

TEST(Retention, ForgetsMarksThatSayNothing) {
  Retention retention(kLimits);
  for (std::uint64_t i = 0; i < 5; ++i) {
    retention.Add({1 + i * 100, kStart + minutes(static_cast<int>(i))});
  }
  EXPECT_EQ(retention.FirstUseful(0), 1U);
  EXPECT_EQ(retention.FirstUseful(99), 1U);
  EXPECT_EQ(retention.FirstUseful(100), 101U);
  EXPECT_EQ(retention.FirstUseful(150), 101U);
  retention.Forget(150);
  EXPECT_EQ(retention.Removable(1000, kStart + minutes(11)), 0U);
  EXPECT_EQ(retention.Removable(1000, kStart + minutes(12)), 200U);
  retention.Forget(5000);
  EXPECT_FALSE(retention.WantsMark(402, kStart + minutes(4))) << "the last one stays";
}

}  // namespace
}  // namespace ballast::store
