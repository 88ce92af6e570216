#include "controller/store/change_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ballast::store {
namespace {

using reconcilers::StoreChange;
using ::testing::SizeIs;

void Append(ChangeLog& log, std::uint64_t revision, const std::string& resource,
            std::size_t bytes) {
  const ChangePtr change = std::make_shared<const StoreChange>(
      StoreChange{.key = {resource, "", "x"},
                  .revision = revision,
                  .value = std::make_shared<const std::string>(bytes, 'x')});
  log.Append({&change, 1});
}

TEST(ChangeLog, BeginsAtARevisionAndKnowsNothingBefore) {
  ChangeLog log(41);
  EXPECT_EQ(log.newest(), 41U);
  EXPECT_FALSE(log.Read("webapps", 40, 10));
  ASSERT_TRUE(log.Read("webapps", 41, 10));
  EXPECT_EQ(log.Read("webapps", 41, 10)->through, 41U);
  EXPECT_FALSE(log.Read("webapps", 42, 10));
  Append(log, 42, "webapps", 1);
  EXPECT_THAT(log.Read("webapps", 41, 10)->items, SizeIs(1));
  EXPECT_THAT(log.Read("webapps", 42, 10)->items, SizeIs(0));
}

TEST(ChangeLog, KeepsNoMoreBytesThanItMay) {
  ChangeLog log(0, 10'000);
  for (std::uint64_t i = 1; i <= 100; ++i) Append(log, i, "webapps", 1000);
  EXPECT_EQ(log.newest(), 100U);
  EXPECT_GT(log.before(), 90U);
  EXPECT_LT(log.before(), 95U);
  EXPECT_FALSE(log.Read("webapps", log.before() - 1, 10));
  EXPECT_THAT(log.Read("webapps", log.before(), 100)->items, SizeIs(100 - log.before()));
  // One that is larger than all of it.
  Append(log, 101, "webapps", 20'000);
  EXPECT_EQ(log.before(), 101U);
  EXPECT_TRUE(log.Read("webapps", 101, 10));
}

TEST(ChangeLog, PassesOverOtherResources) {
  ChangeLog log(0);
  for (std::uint64_t i = 1; i <= 10; ++i) Append(log, i, i % 5 == 0 ? "webapps" : "events", 1);
  auto page = log.Read("webapps", 0, 1);
  ASSERT_THAT(page->items, SizeIs(1));
  EXPECT_EQ(page->through, 5U);
  page = log.Read("webapps", 5, 10);
  ASSERT_THAT(page->items, SizeIs(1));
  EXPECT_EQ(page->through, 10U);
  EXPECT_EQ(log.Read("secrets", 0, 10)->through, 10U);
}

TEST(ChangeLog, ForgetsFromTheFront) {
  ChangeLog log(0);
  for (std::uint64_t i = 1; i <= 10; ++i) Append(log, i, "webapps", 1);
  log.RemoveThrough(4);
  log.RemoveThrough(2);
  EXPECT_EQ(log.before(), 4U);
  std::vector<std::uint64_t> rest;
  log.ForEachAfter(7, [&](const StoreChange& change) { rest.push_back(change.revision); });
  EXPECT_THAT(rest, ::testing::ElementsAre(8, 9, 10));
}

}  // namespace
}  // namespace ballast::store
