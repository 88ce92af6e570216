// The small parsers behind the kinds that are stored: quantities of metrics, base64, cron
// expressions, names of time zones, long names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "api/base64.h"
#include "api/cron.h"
#include "api/metric_quantity.h"
#include "api/names.h"

namespace ballast::api {
namespace {

TEST(MetricQuantity, IsReadAndWrittenAsInKubernetes) {
  const struct {
    const char* text;
    std::int64_t millis;
    const char* canonical;
  } cases[] = {
      {"50", 50'000, "50"},
      {"200m", 200, "200m"},
      {"0", 0, "0"},
      {"0.5", 500, "500m"},
      {".5", 500, "500m"},
      {"5.", 5'000, "5"},
      {"1000m", 1'000, "1"},
      {"1500m", 1'500, "1500m"},
      {"1000", 1'000'000, "1k"},
      {"1500", 1'500'000, "1500"},
      {"1.5k", 1'500'000, "1500"},
      {"0.001k", 1'000, "1"},
      {"1000k", 1'000'000'000, "1M"},
      {"1e3", 1'000'000, "1k"},
      {"12E2", 1'200'000, "1200"},
      {"5e-1", 500, "500m"},
      {"5000000e-9", 5, "5m"},
      {"2e15", 2'000'000'000'000'000'000, "2P"},
      {"512Mi", 536'870'912'000, "512Mi"},
      {"1.5Gi", 1'610'612'736'000, "1536Mi"},
      {"1024Ki", 1'048'576'000, "1Mi"},
      {"0.5Ki", 512'000, "512"},
      {"1048576", 1'048'576'000, "1048576"},
      {"1000000u", 1'000, "1"},
      {"5000000n", 5, "5m"},
      {"9P", 9'000'000'000'000'000'000, "9P"},
      {"8Pi", 9'007'199'254'740'992'000, "8Pi"},
      {"0Mi", 0, "0"},
  };
  for (const auto& [text, millis, canonical] : cases) {
    const auto quantity = ParseMetricQuantity(text);
    ASSERT_TRUE(quantity.has_value()) << text << ": " << quantity.error().message;
    EXPECT_EQ(quantity->millis, millis) << text;
    EXPECT_EQ(FormatMetricQuantity(*quantity), canonical) << text;
    const auto back = ParseMetricQuantity(canonical);
    ASSERT_TRUE(back.has_value()) << canonical;
    EXPECT_EQ(*back, *quantity) << text;
  }
}

TEST(MetricQuantity, Refuses) {
  for (const char* text : {"",
                           "m",
                           "-1",
                           "+1",
                           "1 m",
                           " 1",
                           "1ms",
                           "1K",
                           "1ki",
                           "1MiB",
                           "1e",
                           "1e3m",
                           "0x10",
                           "1,5",
                           "1.2.3",
                           "NaN",
                           "inf",
                           "1E",
                           "1Ei",
                           "1e16",
                           "1e100",
                           "10P",
                           "9.3P",
                           "1e-10",
                           "0.0001",
                           "1u",
                           "1n",
                           "1.0000000001",
                           "9999999999999999999",
                           "1\n"}) {
    EXPECT_FALSE(ParseMetricQuantity(text).has_value()) << text;
  }
  EXPECT_EQ(ParseMetricQuantity("1\nx").error().message,
            "must be a quantity such as 50, 0.5, 200m or 512Mi, got \"1\\nx\"");
}

TEST(MetricQuantity, TheLargestSurvives) {
  const MetricQuantity most{.millis = std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(FormatMetricQuantity(most), "9223372036854775807m");
  EXPECT_EQ(*ParseMetricQuantity("9223372036854775807m"), most);
  EXPECT_FALSE(ParseMetricQuantity("9223372036854775808m").has_value());
  EXPECT_EQ(ParseMetricQuantity("9223372036854775.807")->millis, most.millis);
}

TEST(Base64, BothWays) {
  const struct {
    const char* bytes;
    const char* text;
  } cases[] = {{"", ""},
               {"f", "Zg=="},
               {"fo", "Zm8="},
               {"foo", "Zm9v"},
               {"foob", "Zm9vYg=="},
               {"fooba", "Zm9vYmE="},
               {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(EncodeBase64(bytes), text);
    EXPECT_EQ(DecodeBase64(text), bytes);
  }
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(DecodeBase64(EncodeBase64(all)), all);
  EXPECT_EQ(EncodeBase64("\xfb\xff"), "+/8=");
  EXPECT_EQ(DecodeBase64("Zm9v\nYmFy\r\n"), "foobar");
  EXPECT_EQ(DecodeBase64("Zm8\n=\n"), "fo");
}

TEST(Base64, Refuses) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zm8", "Zm8==", "=", "====", "Zm9v=",
                           "Zm9v====", "Zg==Zg==", "Zm 9v", "Zm9-", "Zm9_", "Z=g=", "Zm9v\t"}) {
    EXPECT_FALSE(DecodeBase64(text).has_value()) << text;
  }
}

TEST(Cron, ReadsEveryField) {
  const auto cron = ParseCron("0,30 8-18/2 1,15 jan-Mar,12 1-5");
  ASSERT_TRUE(cron.has_value()) << cron.error().message;
  EXPECT_EQ(cron->minutes, std::uint64_t{1} | std::uint64_t{1} << 30);
  EXPECT_EQ(cron->hours, 1U << 8 | 1U << 10 | 1U << 12 | 1U << 14 | 1U << 16 | 1U << 18);
  EXPECT_EQ(cron->days, 1U << 1 | 1U << 15);
  EXPECT_EQ(cron->months, 1U << 1 | 1U << 2 | 1U << 3 | 1U << 12);
  EXPECT_EQ(cron->weekdays, 0b0111110U);
  EXPECT_FALSE(cron->any_day);
  EXPECT_FALSE(cron->any_weekday);
}

TEST(Cron, StarsAndSundays) {
  const auto all = ParseCron("  *\t* * *  *  ");
  ASSERT_TRUE(all.has_value());
  EXPECT_EQ(all->minutes, (std::uint64_t{1} << 60) - 1);
  EXPECT_EQ(all->hours, (1U << 24) - 1);
  EXPECT_EQ(all->days, 0xFFFFFFFEU);
  EXPECT_EQ(all->months, 0x1FFEU);
  EXPECT_EQ(all->weekdays, 0x7FU);
  EXPECT_TRUE(all->any_day && all->any_weekday);
  EXPECT_EQ(ParseCron("0 0 * * 7")->weekdays, 1U);
  EXPECT_EQ(ParseCron("0 0 * * 5-7")->weekdays, 0b1100001U);
  EXPECT_EQ(ParseCron("0 0 * * SUN")->weekdays, 1U);
  EXPECT_EQ(ParseCron("0 0 * * */2")->weekdays, 0b1010101U);
  EXPECT_FALSE(ParseCron("0 0 * * */2")->any_weekday);
  EXPECT_EQ(ParseCron("*/15 0 * * *")->minutes, std::uint64_t{1} | std::uint64_t{1} << 15 |
                                                    std::uint64_t{1} << 30 |
                                                    std::uint64_t{1} << 45);
}

TEST(Cron, DaysThatNeverCome) {
  EXPECT_FALSE(ParseCron("0 0 30 2 *").has_value());
  EXPECT_FALSE(ParseCron("0 0 31 4,6,9,11 *").has_value());
  EXPECT_TRUE(ParseCron("0 0 29 2 *").has_value());
  EXPECT_TRUE(ParseCron("0 0 31 4,5 *").has_value());
  EXPECT_TRUE(ParseCron("0 0 30 2 1").has_value()) << "every Monday in February";
}

TEST(Cron, Refuses) {
  for (const char* text : {"",
                           "*",
                           "* * * *",
                           "* * * * * *",
                           "@daily",
                           "60 * * * *",
                           "* 24 * * *",
                           "* * 0 * *",
                           "* * 32 * *",
                           "* * * 0 *",
                           "* * * 13 *",
                           "* * * * 8",
                           "-1 * * * *",
                           "5-1 * * * *",
                           "*/0 * * * *",
                           "*/ * * * *",
                           "/5 * * * *",
                           "5/5 * * * *",
                           "1- * * * *",
                           "-5 * * * *",
                           ", * * * *",
                           "1, * * * *",
                           "1,,2 * * * *",
                           "? * * * *",
                           "a * * * *",
                           "* * * january *",
                           "* * * * mon-",
                           "jan * * * *",
                           "0x1 * * * *",
                           "+1 * * * *",
                           "1.5 * * * *",
                           "L * * * *",
                           "*/5/2 * * * *",
                           "1-2-3 * * * *",
                           "** * * * *",
                           "00000000001 * * * *"}) {
    EXPECT_FALSE(ParseCron(text).has_value()) << text;
  }
}

TEST(TimeZone, LooksLikeAName) {
  for (const char* text :
       {"UTC", "Europe/Zurich", "America/Argentina/Buenos_Aires", "Etc/GMT+1", "EST5EDT", "GB-Eire",
        "America/Port-au-Prince", "Africa/Dar_es_Salaam", "W-SU", "Asia/Ho_Chi_Minh"}) {
    EXPECT_EQ(RuleTimeZone(text), "") << text;
  }
  for (const char* text :
       {"", "Local", "local", "/etc/localtime", "../UTC", "Europe/../../etc/passwd", "Europe/",
        "/Europe", "Europe//Zurich", "posixrules", "posix/Europe/Berlin", "A/B/C/D", ":UTC",
        "Europe/Zürich", "UTC\n", "Europe Zurich", "<+01>-1"}) {
    EXPECT_NE(RuleTimeZone(text), "") << text;
  }
  EXPECT_NE(RuleTimeZone(std::string(65, 'A')), "");
}

TEST(LongName, IsASubdomain) {
  for (const std::string& text :
       {std::string("a"), std::string("shop.example.com"), std::string("1"), std::string(253, 'a'),
        std::string("a-b.c-d")}) {
    EXPECT_EQ(RuleLongName(text), "") << text;
  }
  for (const std::string& text :
       {std::string(), std::string("."), std::string("a."), std::string(".a"), std::string("a..b"),
        std::string("a-.b"), std::string("-a"), std::string("A"), std::string("a_b"),
        std::string("a/b"), std::string(254, 'a'), std::string("a\n")}) {
    EXPECT_NE(RuleLongName(text), "") << text;
  }
}

}  // namespace
}  // namespace ballast::api
