// What a trace may look like, and what is said about one that may not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/simulation/testing.h"

namespace ballast::reconcilers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Wrong(std::string_view text) {
  const auto trace = ParseTrace(text);
  return trace ? "fine" : trace.error().message;
}

TEST(Trace, Minutes) {
  const auto trace = ParseTrace(
      "time,requests\n1998-06-08T00:00:00Z,600\n1998-06-08T00:01:00Z,1200\n"
      "1998-06-08T00:02:00Z,0\n");
  ASSERT_TRUE(trace.has_value()) << trace.error().message;
  EXPECT_EQ(trace->start, 897264000);
  EXPECT_EQ(trace->interval, 60);
  EXPECT_THAT(trace->rates, ElementsAre(10, 20, 0));
  EXPECT_EQ(trace->Seconds(), 180);
  EXPECT_EQ(trace->RateAt(0), 10);
  EXPECT_EQ(trace->RateAt(30), 15);
  EXPECT_EQ(trace->RateAt(90), 10);
  EXPECT_EQ(trace->RateAt(179), 0);  // the last interval is level
  EXPECT_EQ(trace->RateAt(180), -1);
  EXPECT_EQ(trace->RateAt(-1), -1);
  EXPECT_EQ(trace->Peak(), 20);
}

TEST(Trace, SecondsAsTheyAre) {
  const auto trace = ParseTrace("\xef\xbb\xbfseconds,requests\r\n 5 , 2.5\r\n\r\n6,0\r\n7,1e3");
  ASSERT_TRUE(trace.has_value()) << trace.error().message;
  EXPECT_EQ(trace->start, Trace::kSomeStart + 5);
  EXPECT_EQ(trace->interval, 1);
  EXPECT_THAT(trace->rates, ElementsAre(2.5, 0, 1000));
  EXPECT_EQ(trace->RateAt(0.5), 2.5);
  EXPECT_EQ(trace->MeanRate(0, 2), 1.25);
}

TEST(Trace, TimesInManyWays) {
  for (const char* time : {"2026-11-21T10:00:00Z", "2026-11-21 10:00", "2026-11-21T10:00:00.000Z",
                           "2026-11-21T12:00:00+02:00", "2026-11-21T05:30:00-0430"}) {
    const auto trace = ParseTrace(std::string("time,requests\n") + time + ",1\n");
    ASSERT_TRUE(trace.has_value()) << time << trace.error().message;
    EXPECT_EQ(trace->start, 1795255200) << time;
    EXPECT_EQ(trace->interval, 60);
  }
  for (const char* time : {"2026-11-31T10:00:00Z", "2026-13-01T10:00:00Z", "10:00", "yesterday",
                           "2026-11-21T25:00:00Z", "2026-11-21T10:00:00.5Z", "2026/11/21T10:00:00Z",
                           "2026-11-21T10:00:00 CET", "", "1e9"}) {
    EXPECT_THAT(Wrong(std::string("time,requests\n") + time + ",1\n"), HasSubstr("line 2:"))
        << time;
  }
}

TEST(Trace, WhatIsWrongHasItsLine) {
  EXPECT_EQ(Wrong(""), "is empty");
  EXPECT_EQ(Wrong("\n\n"), "is empty");
  EXPECT_EQ(Wrong("seconds,requests\n"), "has no line but the first one");
  EXPECT_EQ(Wrong("time;requests\n"),
            "line 1: the columns must be \"time,requests\" or \"seconds,requests\", not "
            "\"time;requests\"");
  EXPECT_THAT(Wrong("1,2\n"), HasSubstr("line 1: the columns must be"));
  EXPECT_THAT(Wrong("seconds,requests,errors\n1,2,3\n"), HasSubstr("line 1: the columns must be"));
  EXPECT_THAT(Wrong("seconds,requests\n0,1,2\n"), HasSubstr("line 2: two values"));
  EXPECT_THAT(Wrong("seconds,requests\n0\n"), HasSubstr("line 2: two values"));
  EXPECT_EQ(Wrong("seconds,requests\n0,many\n"), "line 2: \"many\" is no number of requests");
  for (const char* number : {"nan", "inf", "-inf", "", "1x", "0x10", "1e999"}) {
    EXPECT_THAT(Wrong(std::string("seconds,requests\n0,") + number),
                HasSubstr("is no number of requests"))
        << number;
  }
  EXPECT_EQ(Wrong("seconds,requests\n0,1\n1,-2\n"), "line 3: -2 requests: less than none");
  EXPECT_THAT(Wrong("seconds,requests\n0,1e10\n"), HasSubstr("more than 1e9"));
  EXPECT_THAT(Wrong("seconds,requests\n0.5,1\n"), HasSubstr("no whole number of seconds"));
  EXPECT_THAT(Wrong("seconds,requests\n-1,1\n"), HasSubstr("before 1970"));
  EXPECT_THAT(Wrong("seconds,requests\n1,1\n1,1\n"), HasSubstr("line 3: is not later"));
  EXPECT_THAT(Wrong("seconds,requests\n2,1\n1,1\n"), HasSubstr("line 3: is not later"));
  EXPECT_THAT(Wrong("seconds,requests\n0,1\n60,1\n90,1\n"),
              HasSubstr("line 4: is 30 s after the line before it: not a multiple of the 60 s"));
  EXPECT_THAT(Wrong("seconds,requests\n0,1\n100000,1\n"), HasSubstr("more than a day"));
  EXPECT_THAT(Wrong("seconds,requests\n0,1\n1,1\n253402300000,1\n"),
              HasSubstr("line 4: is more than 400 days after the first line"));
  EXPECT_THAT(Wrong("seconds,requests\n0,\x1b[31m\n"), ::testing::Not(HasSubstr("\x1b")));
  EXPECT_LT(Wrong("seconds," + std::string(100000, 'x')).size(), 200U);
}

TEST(Trace, ShortGapsAreFilled) {
  const auto trace = ParseTrace("seconds,requests\n0,10\n1,10\n4,40\n");
  ASSERT_TRUE(trace.has_value());
  EXPECT_THAT(trace->rates, ElementsAre(10, 10, 20, 30, 40));
  EXPECT_EQ(trace->filled, 2);
  EXPECT_EQ(trace->unknown, 0);
}

TEST(Trace, LongGapsAreNotKnown) {
  const auto trace = ParseTrace("seconds,requests\n0,10\n1,10\n13,40\n14,40\n");
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->rates.size(), 15U);
  EXPECT_EQ(trace->filled, 0);
  EXPECT_EQ(trace->unknown, 11);
  EXPECT_EQ(trace->RateAt(1), 10);
  EXPECT_EQ(trace->RateAt(2), -1);
  EXPECT_EQ(trace->RateAt(12), -1);
  EXPECT_EQ(trace->RateAt(13), 40);
  EXPECT_EQ(trace->MeanRate(11, 4), 40);
}

// A line costs eight bytes and less than a microsecond, so that ten million are no matter.
TEST(Trace, ManyLines) {
  TraceReader reader;
  constexpr int kLines = 1'000'000;
  ASSERT_TRUE(reader.AddLine("seconds,requests"));
  char line[32];
  for (int i = 0; i < kLines; ++i) {
    const int length = snprintf(line, sizeof line, "%d,7", i);
    ASSERT_TRUE(reader.AddLine({line, static_cast<std::size_t>(length)}));
  }
  const auto trace = reader.Finish();
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->rates.size(), static_cast<std::size_t>(kLines));
  EXPECT_EQ(trace->RateAt(kLines - 1), 7);
}

TEST(Trace, TheGivenOnes) {
  const Trace cup = testing::Golden(testing::kWorldCup);
  EXPECT_EQ(cup.rates.size(), 12960U);
  EXPECT_EQ(cup.interval, 60);
  EXPECT_EQ(cup.filled + cup.unknown, 0);
  const Trace nasa = testing::Golden(testing::kNasa);
  EXPECT_EQ(nasa.rates.size(), 172800U);
  EXPECT_EQ(nasa.interval, 1);
}

LoadSample At(std::int64_t second, double rate) { return {.second = second, .request_rate = rate}; }

TEST(Recorded, MinutesThenSeconds) {
  const auto trace = TraceOfSamples({At(1000180, 5), At(1000181, 6), At(1000183, 8)},
                                    {At(1000059, 10), At(1000119, 70), At(1000179, 10)});
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->start, 1000000);
  EXPECT_EQ(trace->interval, 1);
  ASSERT_EQ(trace->rates.size(), 184U);
  EXPECT_EQ(trace->RateAt(0), 10);
  EXPECT_EQ(trace->RateAt(30), 40);
  EXPECT_EQ(trace->RateAt(60), 70);
  EXPECT_EQ(trace->RateAt(180), 5);
  EXPECT_EQ(trace->RateAt(182), 7);  // filled in
  EXPECT_EQ(trace->RateAt(183), 8);
}

TEST(Recorded, NothingAndRubbish) {
  EXPECT_FALSE(TraceOfSamples({}, {}).has_value());
  EXPECT_FALSE(TraceOfSamples({At(0, 1), At(-5, 1)}, {At(100, -1)}).has_value());
  const auto trace = TraceOfSamples({At(1000, 1), At(900, 5), At(1001, 2)}, {});
  ASSERT_TRUE(trace.has_value());
  EXPECT_THAT(trace->rates, ElementsAre(1, 2));
}

TEST(Recorded, TheControllerWasAway) {
  const auto trace = TraceOfSamples({}, {At(1000059, 10), At(1001259, 10)});
  ASSERT_TRUE(trace.has_value());
  EXPECT_EQ(trace->unknown, 19 * 60);
  EXPECT_EQ(trace->rates.size(), 21 * 60U);
}

}  // namespace
}  // namespace ballast::reconcilers
