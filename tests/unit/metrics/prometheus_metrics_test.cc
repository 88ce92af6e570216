#include "controller/metrics/prometheus_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "controller/metrics/help.h"

namespace ballast::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PrometheusMetrics, CountsAddsUpAndObserves) {
  PrometheusMetrics metrics("1.2.3");
  metrics.Add("ballast_events_total", 1, {{"type", "Normal"}, {"reason", "Created"}});
  metrics.Add("ballast_events_total", 2, {{"type", "Normal"}, {"reason", "Created"}});
  metrics.Set("ballast_workqueue_depth", 3, {});
  metrics.Set("ballast_workqueue_depth", 1, {});
  metrics.Observe("ballast_reconcile_duration_seconds", 0.002, {{"kind", "WebApp"}});
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("ballast_events_total{reason=\"Created\",type=\"Normal\"} 3"));
  EXPECT_THAT(text, HasSubstr("# TYPE ballast_events_total counter"));
  EXPECT_THAT(text, HasSubstr("# HELP ballast_events_total Events recorded"));
  EXPECT_THAT(text, HasSubstr("ballast_workqueue_depth 1\n"));
  EXPECT_THAT(text, HasSubstr("ballast_reconcile_duration_seconds_count{kind=\"WebApp\"} 1"));
  EXPECT_THAT(text, HasSubstr("le=\"0.003\"} 1"));
  EXPECT_THAT(text, HasSubstr("ballast_build_info{version=\"1.2.3\"} 1"));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes "));
  EXPECT_THAT(text, HasSubstr("process_cpu_seconds_total "));
}

TEST(PrometheusMetrics, ForgetsAGauge) {
  PrometheusMetrics metrics("v");
  metrics.Set("ballast_manifest_errors", 1, {{"file", "a.yaml"}});
  metrics.Set("ballast_manifest_errors", 1, {{"file", "b.yaml"}});
  metrics.Remove("ballast_manifest_errors", {{"file", "a.yaml"}});
  metrics.Remove("ballast_manifest_errors", {{"file", "never.yaml"}});
  metrics.Remove("ballast_never_set", {});
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("a.yaml")));
  EXPECT_THAT(metrics.Text(), HasSubstr("b.yaml"));
  metrics.Set("ballast_manifest_errors", 7, {{"file", "a.yaml"}});
  EXPECT_THAT(metrics.Text(), HasSubstr("ballast_manifest_errors{file=\"a.yaml\"} 7"));
}

TEST(PrometheusMetrics, DropsWhatPrometheusForbids) {
  PrometheusMetrics metrics("v");
  metrics.Add("no spaces", 1, {});
  metrics.Set("ballast_x", 1, {{"not-a-label", "x"}});
  metrics.Add("ballast_events_total", -5, {});
  metrics.Add("ballast_kind", 1, {});
  metrics.Set("ballast_kind", 1, {});  // a counter already
  const std::string text = metrics.Text();
  EXPECT_THAT(text, Not(HasSubstr("no spaces")));
  EXPECT_THAT(text, Not(HasSubstr("not-a-label")));
  EXPECT_THAT(text, HasSubstr("ballast_metrics_dropped_total 3"));
  EXPECT_THAT(text, HasSubstr("ballast_events_total 0"));
}

TEST(PrometheusMetrics, EscapesWhatUsersWrite) {
  PrometheusMetrics metrics("v");
  metrics.Set("ballast_manifest_errors", 1, {{"file", "a\"} 1\nfake_metric 5\\"}});
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("\nfake_metric")));
}

TEST(PrometheusMetrics, KeepsNoMoreSeriesThanItShould) {
  PrometheusMetrics metrics("v");
  for (std::size_t i = 0; i < PrometheusMetrics::kMaxSeriesPerName + 10; ++i) {
    metrics.Set("ballast_manifest_errors", 1, {{"file", std::to_string(i)}});
  }
  EXPECT_THAT(metrics.Text(), HasSubstr("ballast_metrics_dropped_total 10"));
}

TEST(PrometheusMetrics, TakesManyThreads) {
  PrometheusMetrics metrics("v");
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics, t] {
      for (int i = 0; i < 500; ++i) {
        metrics.Add("ballast_events_total", 1, {{"reason", std::to_string(i % 7)}});
        metrics.Set("ballast_workqueue_depth", i, {});
        metrics.Observe("ballast_job_duration_seconds", i, {{"job", std::to_string(t)}});
        if (i % 100 == 0) {
          EXPECT_FALSE(metrics.Text().empty());
        }
        metrics.Remove("ballast_workqueue_depth", {});
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(metrics.Text(), HasSubstr("ballast_events_total{reason=\"0\"} 288"));
}

// Every metric that the code reports has a line of help.
TEST(Help, KnowsEveryMetric) {
  const std::regex name(R"re("(ballast_[a-z_]+)")re");
  std::set<std::string> names;
  for (const char* folder : {"/controller", "/reconcilers"}) {
    const std::string top = std::string(BALLAST_SOURCE_DIR) + folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
      if (entry.path().extension() != ".cc" || entry.path().filename() == "help.cc") continue;
      std::ifstream in(entry.path());
      const std::string text((std::istreambuf_iterator<char>(in)), {});
      for (std::sregex_iterator it(text.begin(), text.end(), name), end; it != end; ++it) {
        names.insert((*it)[1]);
      }
    }
  }
  EXPECT_GT(names.size(), 20U);
  for (const std::string& metric : names) {
    EXPECT_NE(HelpOf(metric), metric) << "give it a line in controller/metrics/help.cc";
  }
}

}  // namespace
}  // namespace ballast::metrics
