// Against a real Prometheus server, where there is one (Debian's package prometheus, or
// BALLAST_PROMETHEUS=the binary): what the stub of prometheus_queries_test says is what it says.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <regex>
#include <thread>

#include "controller/external/prometheus_queries.h"
#include "controller/runtime/system_clock.h"
#include "tests/fakes/recording_metrics.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fault/harness/process.h"

namespace ballast::external {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

constexpr std::chrono::seconds kLong{30};

std::string Binary() {
  if (const char* given = std::getenv("BALLAST_PROMETHEUS")) return given;
  return std::filesystem::exists("/usr/bin/prometheus") ? "/usr/bin/prometheus" : "";
}

class PrometheusTest : public testing::Test {
 protected:
  void SetUp() override {
    if (Binary().empty()) {
      GTEST_SKIP() << "SKIPPED: no Prometheus here: install Debian's package prometheus, or set "
                      "BALLAST_PROMETHEUS to the binary";
    }
    home_.Write("prometheus.yml", "scrape_configs: []\n");
    server_ = fault::Child(
        {Binary(), "--config.file=" + home_.path("prometheus.yml"),
         "--storage.tsdb.path=" + home_.path("data"), "--web.listen-address=127.0.0.1:0",
         "--web.external-url=http://localhost/team/prom"},
        home_.path("log"));
    ASSERT_TRUE(fault::Eventually(
        [this] {
          // The first line with an address has the one that was asked for.
          static const std::regex port(R"(Listening on" address=127\.0\.0\.1:(\d+))");
          std::smatch found;
          const std::string log = home_.Read("log");
          if (!std::regex_search(log, found, port) ||
              log.find("ready to receive web requests") == std::string::npos) {
            return false;
          }
          url_ = "http://127.0.0.1:" + found[1].str() + "/team/prom";
          return true;
        },
        kLong))
        << home_.Read("log");
    queries_.Start();
  }
  ~PrometheusTest() override { EXPECT_TRUE(queries_.Stop()); }

  reconcilers::ExternalReading Ask(const std::string& query) {
    reconcilers::ExternalReading reading;
    EXPECT_TRUE(fault::Eventually(
        [&] {
          reading = queries_.Read({.url = url_, .query = query});
          return !reading.problem.ends_with("not been asked yet");
        },
        kLong));
    return reading;
  }

  TempDir home_;
  fault::Child server_;
  std::string url_;
  runtime::SystemClock clock_;
  fakes::RecordingMetrics metrics_;
  PrometheusQueries queries_{clock_, metrics_};
};

TEST_F(PrometheusTest, AnswersAndRefuses) {
  EXPECT_EQ(Ask("vector(7)").value, 7);
  EXPECT_EQ(Ask("1.5e3").value, 1500);
  EXPECT_EQ(Ask("label_replace(vector(1),\"a\",\"b\",\"\",\"\") or vector(2.5)").value, 3.5);
  EXPECT_EQ(Ask("vector(1)" + std::string(4000, ' ') + "+ 1").value, 2) << "sent as a form";
  EXPECT_THAT(Ask("vector(0) / 0").problem, EndsWith("answered NaN, which is no number"));
  EXPECT_THAT(Ask("1 / 0").problem, EndsWith("answered infinity"));
  EXPECT_THAT(Ask("-vector(3)").problem, EndsWith("answered -3, which is less than 0"));
  EXPECT_THAT(Ask("up{job=\"none\"}").problem, EndsWith("found nothing: the query has no samples"));
  EXPECT_THAT(Ask("up[5m]").problem, HasSubstr("answered a range of samples"));
  EXPECT_THAT(Ask("\"hello\"").problem, EndsWith("answered a text, not a number"));
  EXPECT_THAT(Ask("sum(").problem, HasSubstr("refused the query (HTTP 400): "));
  url_.resize(url_.find("/team"));
  EXPECT_THAT(Ask("up").problem, HasSubstr("does not know /api/v1/query (HTTP 404)"));
}

TEST_F(PrometheusTest, ItsEndIsNoticed) {
  EXPECT_EQ(Ask("vector(7)").value, 7);
  server_.Kill();
  EXPECT_THAT(Ask("vector(8)").problem, EndsWith("does not answer: connections are refused"));
  EXPECT_EQ(Ask("vector(7)").value, 7) << "what it said last still holds";
}

}  // namespace
}  // namespace ballast::external
