#include "tests/fault/loadgen/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ballast::loadgen {
namespace {

TEST(Percentiles, NearestRank) {
  std::vector<std::uint32_t> micros;
  for (std::uint32_t i = 100; i >= 1; --i) micros.push_back(i * 1000);
  const Latency latency = Percentiles(&micros);
  EXPECT_DOUBLE_EQ(latency.p50, 50);
  EXPECT_DOUBLE_EQ(latency.p99, 99);
  EXPECT_DOUBLE_EQ(latency.p999, 100);
  EXPECT_DOUBLE_EQ(latency.max, 100);
  EXPECT_DOUBLE_EQ(latency.mean, 50.5);
}

TEST(Percentiles, OneAndNone) {
  std::vector<std::uint32_t> one{1500};
  EXPECT_DOUBLE_EQ(Percentiles(&one).p50, 1.5);
  std::vector<std::uint32_t> none;
  EXPECT_DOUBLE_EQ(Percentiles(&none).max, 0);
}

TEST(Report, JsonAndSummarySayTheSame) {
  Report report;
  report.sent = 3;
  report.ok = 1;
  report.failed = 2;
  report.outcomes[static_cast<int>(Outcome::kEofOnReused)] = 1;
  report.outcomes[static_cast<int>(Outcome::kStatus)] = 1;
  report.statuses = {{200, 1}, {503, 1}};
  report.failures.push_back({.wall_clock = "00:00:01.000", .replica = "\xff", .error = "x"});
  const auto json = nlohmann::json::parse(report.Json());
  EXPECT_EQ(json["failed"], 2);
  EXPECT_EQ(json["failures"]["eof_on_reused"], 1);
  EXPECT_EQ(json["statuses"]["503"], 1);
  EXPECT_EQ(json["failedRequests"].size(), 1u);
  EXPECT_NE(report.Summary().find("2 failed (status 1, eof_on_reused 1; 503 x 1)"),
            std::string::npos)
      << report.Summary();
  EXPECT_NE(report.Details().find("00:00:01.000"), std::string::npos);
}

TEST(WallClock, Format) { EXPECT_EQ(WallClock(86'399'999'000), "23:59:59.999"); }

}  // namespace
}  // namespace ballast::loadgen
