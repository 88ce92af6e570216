#include <gmock/gmock.h>

#include "tests/contract/store/store_contract.h"

namespace ballast::contract {

using ::testing::HasSubstr;
using ::testing::SizeIs;

namespace {

constexpr store::HistoryLimits kShort{.keep_age = std::chrono::minutes(10), .keep_changes = 100};
// A history is trimmed in steps: so many changes may be kept beyond what must be.
constexpr int kSlack = 400;

}  // namespace

TEST_P(StoreContract, KeepsEverythingForTenMinutes) {
  Make(kShort);
  Put(App("shop"), 0, "");
  Churn(1000);
  clock_.Advance(std::chrono::minutes(9) + std::chrono::seconds(50));
  Churn(300);
  EXPECT_THAT(ReadAll("webapps", 0), SizeIs(1));
  EXPECT_THAT(ReadAll("events", 0), SizeIs(1300));
}

TEST_P(StoreContract, KeepsTheNewestChangesHoweverOld) {
  Make(kShort);
  Churn(100);
  clock_.Advance(std::chrono::hours(24 * 365));
  Churn(1);
  EXPECT_THAT(ReadAll("events", 1), SizeIs(100));
}

TEST_P(StoreContract, ForgetsWhatIsOldAndSaysSo) {
  Make(kShort);
  Put(App("shop"), 0, "here to stay");
  Churn(1000);
  const std::uint64_t before = store_->Revision();
  clock_.Advance(std::chrono::minutes(11));
  Churn(100 + kSlack);
  const auto expired = store_->ReadChanges("webapps", 1, 10);
  EXPECT_EQ(CodeOf(expired), Code::kExpired);
  EXPECT_THAT(MessageOf(expired), HasSubstr("no longer kept"));
  EXPECT_EQ(CodeOf(store_->ReadChanges("webapps", 0, 10)), Code::kExpired);
  EXPECT_EQ(CodeOf(store_->List({.resource = "webapps", .at_revision = 1})), Code::kExpired);
  // What is young, and what is there, is not touched.
  EXPECT_THAT(ReadAll("events", before), SizeIs(100 + kSlack));
  EXPECT_EQ(*store_->Get(App("shop"))->value, "here to stay");
  EXPECT_EQ(ListAll({.resource = "webapps"}).size(), 1U);
}

TEST_P(StoreContract, AQuietWatchThatGoesOnDoesNotExpire) {
  Make(kShort);
  std::uint64_t at = Put(App("shop"), 0, "");
  for (int i = 0; i < 5; ++i) {
    Churn(kSlack);
    clock_.Advance(std::chrono::minutes(11));
    const auto page = store_->ReadChanges("webapps", at, 10);
    ASSERT_OK(page);
    EXPECT_EQ(page->through, store_->Revision());
    at = page->through;
  }
  EXPECT_EQ(CodeOf(store_->ReadChanges("webapps", 1, 10)), Code::kExpired);
}

TEST_P(StoreContract, AClockThatWasPutBackDoesNotKeepTheHistoryForEver) {
  Make(kShort);
  Churn(500);
  clock_.StepWall(-std::chrono::hours(1000));
  Churn(500);
  EXPECT_THAT(ReadAll("events", 0), SizeIs(1000));
  clock_.Advance(std::chrono::minutes(11));
  Churn(kSlack);
  EXPECT_EQ(CodeOf(store_->ReadChanges("events", 0, 10)), Code::kExpired);
  EXPECT_THAT(ReadAll("events", 1000), SizeIs(kSlack));
}

// The first change of an object after a revision may be kept while those before it are gone.
TEST_P(StoreContract, WhatAChangeReplacedIsToldWhenItsOwnChangeIsGone) {
  Make(kShort);
  Put(App("shop"), 0, "old");
  Churn(1000);
  clock_.Advance(std::chrono::minutes(11));
  Churn(kSlack);
  const std::uint64_t before = store_->Revision();
  Put(App("shop"), 1, "new");
  const auto changes = ReadAll("webapps", before);
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(*changes[0].previous, "old");
  EXPECT_EQ(changes[0].previous_revision, 1U);
  EXPECT_EQ(*changes[0].value, "new");
}

}  // namespace ballast::contract
