// What every LoadHistory must do: the SQLite file, and its twin in memory for tests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "controller/store/load_db.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_load_history.h"
#include "tests/fakes/temp_dir.h"

namespace ballast {
namespace {

using reconcilers::DecisionRow;
using reconcilers::LoadHistory;
using reconcilers::LoadSample;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
const api::ObjectKey kBlog{"WebApp", "default", "blog"};
const api::ObjectKey kScaler{"Autoscaler", "default", "shop"};
constexpr std::int64_t kNow = 1'800'000'000;

LoadSample At(std::int64_t second, double rate = 0) {
  return {.second = second,
          .request_rate = rate,
          .concurrency = rate / 50,
          .queued = 0.5,
          .response_seconds = rate > 0 ? 0.02 : -1,
          .error_rate = rate / 1000,
          .in_service = 2};
}

api::Time TimeAt(int seconds) { return api::Time(std::chrono::seconds(kNow + seconds)); }

struct Maker {
  std::string name;
  std::function<std::unique_ptr<LoadHistory>(const TempDir&, const reconcilers::Clock&)> make;
  friend void PrintTo(const Maker& maker, std::ostream* out) { *out << maker.name; }
};

class LoadHistoryContract : public testing::TestWithParam<Maker> {
 protected:
  void Append(std::vector<LoadSample> seconds, std::vector<LoadSample> minutes = {},
              const api::ObjectKey& app = kShop) {
    fakes::MemoryLoadHistory::Samples first;
    for (const LoadSample& sample : seconds) first.emplace_back(app, sample);
    fakes::MemoryLoadHistory::Samples second;
    for (const LoadSample& sample : minutes) second.emplace_back(app, sample);
    const auto done = history_->Append(first, second);
    ASSERT_TRUE(done) << done.error().message;
  }
  std::vector<LoadSample> Seconds(std::int64_t after = 0, const api::ObjectKey& app = kShop) {
    return history_->Seconds(app, after).value_or(std::vector<LoadSample>{});
  }
  std::vector<LoadSample> Minutes(std::int64_t after = 0) {
    return history_->Minutes(kShop, after).value_or(std::vector<LoadSample>{});
  }
  std::vector<std::string> Texts(std::size_t limit) {
    std::vector<std::string> texts;
    const auto rows = history_->Decisions(kScaler, limit);
    for (const DecisionRow& row : rows.value()) texts.push_back(row.json);
    return texts;
  }

  TempDir dir_;
  fakes::FakeClock clock_;
  std::unique_ptr<LoadHistory> history_ = GetParam().make(dir_, clock_);
};

TEST_P(LoadHistoryContract, NothingIsThereAtFirst) {
  EXPECT_THAT(Seconds(), IsEmpty());
  EXPECT_THAT(Minutes(), IsEmpty());
  EXPECT_EQ(history_->LoadState(kScaler).value_or("?"), "");
  EXPECT_THAT(*history_->Decisions(kScaler, 10), IsEmpty());
  EXPECT_TRUE(history_->Forget(kShop));
  EXPECT_TRUE(history_->Append({}, {}));
}

TEST_P(LoadHistoryContract, SamplesComeBackAsTheyWere) {
  Append({At(kNow, 10), At(kNow + 1, 10), At(kNow + 2, 12.5), At(kNow + 5)});
  Append({At(kNow + 6), At(kNow + 7), At(kNow + 8, 3)}, {At(kNow / 60 * 60, 9)});
  EXPECT_THAT(Seconds(), ElementsAre(At(kNow, 10), At(kNow + 1, 10), At(kNow + 2, 12.5),
                                     At(kNow + 5), At(kNow + 6), At(kNow + 7), At(kNow + 8, 3)));
  EXPECT_THAT(Seconds(kNow + 5), ElementsAre(At(kNow + 6), At(kNow + 7), At(kNow + 8, 3)));
  EXPECT_THAT(Seconds(kNow + 8), IsEmpty());
  EXPECT_THAT(Minutes(), ElementsAre(At(kNow / 60 * 60, 9)));
  EXPECT_THAT(Seconds(0, kBlog), IsEmpty());
}

TEST_P(LoadHistoryContract, EqualSamplesInARowAreStillEach) {
  for (std::int64_t i = 0; i < 100; i += 10) {
    std::vector<LoadSample> ten;
    for (std::int64_t j = 0; j < 10; ++j) ten.push_back(At(kNow + i + j));
    Append(ten, {At(kNow + 6 * i)});
  }
  ASSERT_THAT(Seconds(), SizeIs(100));
  EXPECT_EQ(Seconds()[57], At(kNow + 57));
  EXPECT_THAT(Seconds(kNow + 97), ElementsAre(At(kNow + 98), At(kNow + 99)));
  ASSERT_THAT(Minutes(), SizeIs(10));
  EXPECT_THAT(Minutes(kNow + 479), ElementsAre(At(kNow + 480), At(kNow + 540)));
  EXPECT_THAT(Minutes(kNow + 480), ElementsAre(At(kNow + 540)));
}

TEST_P(LoadHistoryContract, KeepsFifteenMinutesAndSevenDays) {
  constexpr std::int64_t kWeek = std::int64_t{7} * 24 * 3600;
  Append({At(kNow), At(kNow + 1), At(kNow + 2, 5)}, {At(kNow), At(kNow + 60, 7)});
  Append({At(kNow + 901)}, {At(kNow + kWeek)});
  EXPECT_THAT(Seconds(), ElementsAre(At(kNow + 2, 5), At(kNow + 901)));
  EXPECT_THAT(Minutes(), ElementsAre(At(kNow + 60, 7), At(kNow + kWeek)));
}

TEST_P(LoadHistoryContract, AClockThatIsSetBackBeginsAnewFromThere) {
  Append({At(kNow, 1), At(kNow + 1, 2), At(kNow + 2, 3)});
  Append({At(kNow + 1, 8), At(kNow + 2, 9)});
  EXPECT_THAT(Seconds(), ElementsAre(At(kNow, 1), At(kNow + 1, 8), At(kNow + 2, 9)));
  Append({At(kNow - 3600, 1)});
  EXPECT_THAT(Seconds(), ElementsAre(At(kNow - 3600, 1)));
}

TEST_P(LoadHistoryContract, StatesAreReplaced) {
  ASSERT_TRUE(history_->SaveState(kScaler, "{\"a\":1}"));
  ASSERT_TRUE(history_->SaveState(kScaler, "{\"a\":2}"));
  EXPECT_EQ(*history_->LoadState(kScaler), "{\"a\":2}");
  EXPECT_EQ(*history_->LoadState({"Autoscaler", "other", "shop"}), "");
}

TEST_P(LoadHistoryContract, DecisionsAreNewestFirstAndReplacedByTheirId) {
  DecisionRow a{.first = TimeAt(0), .last = TimeAt(0), .json = "a"};
  DecisionRow b{.first = TimeAt(5), .last = TimeAt(5), .json = "b"};
  ASSERT_TRUE(history_->SaveDecision(kScaler, a));
  ASSERT_TRUE(history_->SaveDecision(kScaler, b));
  EXPECT_NE(a.id, 0);
  EXPECT_NE(a.id, b.id);
  b.last = TimeAt(9);
  b.count = 5;
  b.json = "b again";
  ASSERT_TRUE(history_->SaveDecision(kScaler, b));
  EXPECT_THAT(Texts(10), ElementsAre("b again", "a"));
  EXPECT_THAT(Texts(1), ElementsAre("b again"));
  const DecisionRow row = history_->Decisions(kScaler, 1)->front();
  EXPECT_EQ(row.id, b.id);
  EXPECT_EQ(row.first, TimeAt(5));
  EXPECT_EQ(row.last, TimeAt(9));
  EXPECT_EQ(row.count, 5);
}

TEST_P(LoadHistoryContract, ARowThatWasForgottenIsMadeAgain) {
  DecisionRow mine{.first = TimeAt(0), .last = TimeAt(0), .json = "mine"};
  ASSERT_TRUE(history_->SaveDecision(kScaler, mine));
  ASSERT_TRUE(history_->Forget(kScaler));
  const api::ObjectKey other{"Autoscaler", "default", "other"};
  DecisionRow theirs{.first = TimeAt(1), .last = TimeAt(1), .json = "theirs"};
  ASSERT_TRUE(history_->SaveDecision(other, theirs));
  ASSERT_TRUE(history_->SaveDecision(kScaler, mine));
  EXPECT_THAT(Texts(10), ElementsAre("mine"));
  EXPECT_EQ(history_->Decisions(other, 10)->front().json, "theirs");
}

TEST_P(LoadHistoryContract, KeepsAThousandDecisionsOfEach) {
  for (int i = 0; i < 1010; ++i) {
    DecisionRow row{.first = TimeAt(i), .last = TimeAt(i), .json = std::to_string(i)};
    ASSERT_TRUE(history_->SaveDecision(kScaler, row));
  }
  DecisionRow other{.first = TimeAt(0), .last = TimeAt(0), .json = "x"};
  ASSERT_TRUE(history_->SaveDecision({"Autoscaler", "default", "other"}, other));
  const std::vector<std::string> texts = Texts(5000);
  ASSERT_THAT(texts, SizeIs(1000));
  EXPECT_EQ(texts.front(), "1009");
  EXPECT_EQ(texts.back(), "10");
}

TEST_P(LoadHistoryContract, ForgetsOneAndNoOther) {
  Append({At(kNow, 1)}, {At(kNow, 1)});
  Append({At(kNow, 2)}, {}, kBlog);
  ASSERT_TRUE(history_->SaveState(kScaler, "s"));
  ASSERT_TRUE(history_->Forget(kShop));
  EXPECT_THAT(Seconds(), IsEmpty());
  EXPECT_THAT(Minutes(), IsEmpty());
  EXPECT_THAT(Seconds(0, kBlog), SizeIs(1));
  EXPECT_EQ(*history_->LoadState(kScaler), "s");
  Append({At(kNow + 1, 3)});
  EXPECT_THAT(Seconds(), ElementsAre(At(kNow + 1, 3)));
}

INSTANTIATE_TEST_SUITE_P(
    All, LoadHistoryContract,
    testing::Values(Maker{"Sqlite",
                          [](const TempDir& dir, const reconcilers::Clock& clock) {
                            return std::make_unique<store::LoadDb>(dir.path("load.db"), clock);
                          }},
                    Maker{"Memory",
                          [](const TempDir&, const reconcilers::Clock&) {
                            return std::make_unique<fakes::MemoryLoadHistory>();
                          }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace ballast
