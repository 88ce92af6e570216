#include "controller/external/query_table.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ballast::external {
namespace {

using api::PrometheusQuery;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const PrometheusQuery kUp{.url = "http://p:9090", .query = "up"};
const PrometheusQuery kDown{.url = "http://p:9090", .query = "down"};

class QueryTableTest : public testing::Test {
 protected:
  reconcilers::ExternalReading Read(const PrometheusQuery& query = kUp) {
    return table_.Read(query, now_).reading;
  }
  std::vector<PrometheusQuery> Take() { return table_.Take(now_); }
  void Answer(double value, const PrometheusQuery& query = kUp) {
    table_.Record(KeyOf(query), {.evaluated = true, .value = value, .problem = ""}, now_);
  }
  void Fail(const std::string& problem, bool evaluated = false,
            const PrometheusQuery& query = kUp) {
    table_.Record(KeyOf(query), {.evaluated = evaluated, .value = std::nullopt, .problem = problem},
                  now_);
  }

  QueryTable table_{QueryLimits{}};
  QueryTable::Steady now_{std::chrono::hours(1)};
};

TEST_F(QueryTableTest, AsksAtOnceAndThenEveryFiveSeconds) {
  const auto first = table_.Read(kUp, now_);
  EXPECT_TRUE(first.is_new);
  EXPECT_EQ(first.reading.value, std::nullopt);
  EXPECT_EQ(first.reading.problem, "http://p:9090 has not been asked yet");
  EXPECT_FALSE(table_.Read(kUp, now_).is_new);
  EXPECT_EQ(table_.NextDue(), now_);
  EXPECT_THAT(Take(), ElementsAre(kUp));
  EXPECT_THAT(Take(), IsEmpty());
  EXPECT_EQ(table_.NextDue(), now_ + seconds(4)) << "it has so long";
  now_ += milliseconds(100);
  Answer(7);
  EXPECT_EQ(Read().value, 7);
  EXPECT_EQ(Read().problem, "");
  EXPECT_EQ(table_.NextDue(), now_ + milliseconds(4900));
  now_ += milliseconds(4899);
  EXPECT_THAT(Take(), IsEmpty());
  now_ += milliseconds(1);
  EXPECT_THAT(Take(), ElementsAre(kUp));
}

TEST_F(QueryTableTest, AnAnswerHoldsThirtySecondsWhateverFailsMeanwhile) {
  Read();
  EXPECT_THAT(Take(), SizeIs(1));
  Answer(7);
  for (int i = 0; i < 6; ++i) {
    now_ += seconds(5);
    EXPECT_EQ(Read().value, 7);
    EXPECT_THAT(Take(), SizeIs(1));
    Fail("answered HTTP 503");
  }
  now_ += milliseconds(1);
  EXPECT_EQ(Read().value, std::nullopt);
  EXPECT_EQ(Read().problem, "http://p:9090 answered HTTP 503");
}

TEST_F(QueryTableTest, ThatThereIsNoValueIsAnAnswer) {
  Read();
  EXPECT_THAT(Take(), SizeIs(1));
  Answer(7);
  now_ += seconds(5);
  EXPECT_THAT(Take(), SizeIs(1));
  Fail("found nothing", true);
  EXPECT_EQ(Read().value, std::nullopt);
  EXPECT_EQ(Read().problem, "http://p:9090 found nothing");
}

TEST_F(QueryTableTest, OneThatHangsIsCancelledOnceAndAskedLessOften) {
  Read();
  EXPECT_THAT(Take(), SizeIs(1));
  now_ += milliseconds(3999);
  EXPECT_THAT(table_.TakeOverdue(now_), IsEmpty());
  now_ += milliseconds(1);
  EXPECT_THAT(table_.TakeOverdue(now_), ElementsAre(KeyOf(kUp)));
  EXPECT_THAT(table_.TakeOverdue(now_), IsEmpty());
  EXPECT_EQ(Read().problem, "http://p:9090 does not answer within 4 s");
  now_ += seconds(16);
  EXPECT_THAT(Take(), IsEmpty()) << "it is still under way";
  Fail("was not waited for");
  EXPECT_EQ(Read().problem, "http://p:9090 does not answer within 4 s");
  now_ += seconds(19);
  EXPECT_THAT(Take(), IsEmpty());
  now_ += seconds(1);
  EXPECT_THAT(Take(), SizeIs(1));
}

TEST_F(QueryTableTest, NobodyReadsNothingIsAsked) {
  Read();
  Read(kDown);
  EXPECT_THAT(Take(), SizeIs(2));
  Answer(1);
  now_ += seconds(29);
  table_.Expire(now_);
  EXPECT_THAT(Take(), ElementsAre(kUp));
  Answer(2);
  now_ += seconds(1);
  table_.Expire(now_);
  EXPECT_EQ(Read().problem, "http://p:9090 has not been asked yet");
  // One under way is kept until it has ended.
  Fail("too late", false, kDown);
  table_.Expire(now_);
  EXPECT_TRUE(table_.Read(kDown, now_).is_new);
}

TEST_F(QueryTableTest, AServerThatHangsHoldsUpNoOther) {
  for (int i = 0; i < 20; ++i) Read({.url = "http://slow/a", .query = fmt::format("q{}", i)});
  EXPECT_THAT(Take(), SizeIs(4));
  EXPECT_NE(table_.NextDue(), now_) << "there is no room for the others";
  now_ += seconds(1);
  Read(kUp);
  EXPECT_THAT(Take(), ElementsAre(kUp));
  Answer(1);
  // Paths of one server count together.
  Read({.url = "http://slow/b", .query = "q"});
  EXPECT_THAT(Take(), IsEmpty());
}

TEST_F(QueryTableTest, SixteenAtOnceTheLongestWaitingFirst) {
  for (int i = 0; i < 30; ++i) {
    Read({.url = fmt::format("http://s{}", 30 - i), .query = "q"});
    now_ += milliseconds(1);
  }
  const auto taken = Take();
  ASSERT_THAT(taken, SizeIs(16));
  EXPECT_EQ(taken.front().url, "http://s30");
  Answer(1, taken.front());
  ASSERT_THAT(Take(), ElementsAre(PrometheusQuery{.url = "http://s14", .query = "q"}));
}

TEST_F(QueryTableTest, TooManyQueriesAreRefused) {
  for (int i = 0; i < 256; ++i) Read({.url = "http://p", .query = fmt::format("q{}", i)});
  EXPECT_THAT(Read().problem, HasSubstr("more than 256"));
  EXPECT_THAT(Read({.url = "http://p", .query = "q0"}).problem, HasSubstr("not been asked yet"));
}

TEST_F(QueryTableTest, WhatIsNotUnderWayCannotEnd) {
  Answer(1);
  Read();
  Answer(1);
  EXPECT_EQ(Read().value, std::nullopt);
}

}  // namespace
}  // namespace ballast::external
