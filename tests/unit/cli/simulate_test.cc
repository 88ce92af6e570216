// `ballast simulate`: its command line, its input, its table, its pictures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "controller/cli/simulate_plan.h"
#include "controller/cli/simulate_view.h"
#include "controller/cli/svg.h"
#include "tests/unit/cli/sample_answers.h"

namespace ballast::cli {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kAutoscaler[] = R"(apiVersion: ballast.dev/v1alpha1
kind: Autoscaler
metadata: {name: by-rate}
spec:
  scaleTargetRef: {kind: WebApp, name: shop}
  minReplicas: 1
  maxReplicas: 20
  metrics:
  - {type: RequestRate, requestRate: {target: {averageValue: "40"}}}
)";

class Simulate : public testing::Test {
 protected:
  Simulate() {
    AddDiscovery(server_);
    std::string pattern = (std::filesystem::temp_directory_path() / "ballast-test.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    std::string trace = "seconds,requests\n";
    for (int i = 0; i < 600; ++i) {
      trace += std::to_string(i) + "," + (i < 300 ? "30" : "300") + "\n";
    }
    trace_ = Put("traffic.csv", trace);
    manifest_ = Put("autoscaler.yaml", kAutoscaler);
  }
  ~Simulate() override {
    std::error_code error;
    std::filesystem::remove_all(directory_, error);
  }

  std::string Put(const std::string& name, const std::string& text) const {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  static std::string Get(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Outcome Ballast(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), "simulate");
    return RunOn(server_, arguments, input);
  }
  Outcome OnTrace(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"-f", manifest_, "--trace", trace_});
    return Ballast(std::move(arguments));
  }

  FakeServer server_;
  std::string directory_;
  std::string trace_;
  std::string manifest_;
};

TEST_F(Simulate, AllPoliciesSideBySide) {
  const Outcome outcome = OnTrace({});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("traffic.csv against autoscaler/by-rate: 99000 requests in 10 "
                                     "min, at most 300/s"));
  EXPECT_THAT(outcome.out, HasSubstr("a replica takes 50/s and starts in 3 s"));
  EXPECT_THAT(outcome.out, HasSubstr("POLICY"));
  for (const char* policy : {"\nballast ", "\nhpa ", "\nkpa "}) {
    EXPECT_THAT(outcome.out, HasSubstr(policy));
  }
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(server_.calls.empty());  // no controller is needed
  EXPECT_EQ(OnTrace({}).out, outcome.out);
}

TEST_F(Simulate, Json) {
  const Outcome outcome =
      OnTrace({"-o", "json", "--policy", "kpa", "--policy", "ballast", "--capacity", "60"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json answer = json::parse(outcome.out);
  EXPECT_EQ(answer["capacity"], 60);
  EXPECT_EQ(answer["requests"], 99000);
  EXPECT_EQ(answer["metric"], "RequestRate");
  EXPECT_EQ(answer["seconds"], 600);
  ASSERT_EQ(answer["runs"].size(), 2U);
  EXPECT_EQ(answer["runs"][0]["policy"], "kpa");
  EXPECT_EQ(answer["runs"][1]["policy"], "ballast");
  EXPECT_EQ(answer["runs"][1]["target"], 40);
  EXPECT_GT(answer["runs"][1]["unserved"], 0);
  EXPECT_GE(answer["runs"][1]["replicaHours"], answer["idealReplicaHours"]);
  EXPECT_GE(answer["runs"][1]["mostReplicas"], 8);
}

TEST_F(Simulate, Sweep) {
  const std::string picture = directory_ + "/frontier.svg";
  const Outcome outcome =
      OnTrace({"-o", "json", "--sweep", "30..50:10", "--policy", "hpa,kpa", "--svg", picture});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json runs = json::parse(outcome.out)["runs"];
  ASSERT_EQ(runs.size(), 6U);
  EXPECT_EQ(runs[0]["target"], 30);
  EXPECT_EQ(runs[5]["target"], 50);
  EXPECT_GT(runs[0]["replicaHours"], runs[2]["replicaHours"]);
  const std::string svg = Get(picture);
  EXPECT_THAT(svg, HasSubstr("replica-hours"));
  EXPECT_THAT(svg, HasSubstr("ideal: "));
  EXPECT_THAT(svg, HasSubstr(">hpa<"));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(outcome.err, HasSubstr("picture written to "));
}

TEST_F(Simulate, Timeline) {
  const std::string picture = directory_ + "/time.svg";
  const std::string odd = Put("<odd> & trace.csv",
                              "time,requests\n2026-01-01T00:00:00Z,6000\n"
                              "2026-01-01T00:01:00Z,600\n");
  const Outcome outcome = Ballast({"-f", manifest_, "--trace", odd, "--svg", picture});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const std::string svg = Get(picture);
  EXPECT_THAT(svg, HasSubstr("&lt;odd&gt; &amp; trace.csv"));
  EXPECT_THAT(svg, HasSubstr("times are UTC"));
  EXPECT_THAT(svg, HasSubstr("kpa, target 40"));
  EXPECT_THAT(svg, HasSubstr("prefers-color-scheme:dark"));
  const Outcome unwritable =
      Ballast({"-f", manifest_, "--trace", odd, "--svg", directory_ + "/no/x.svg"});
  EXPECT_EQ(unwritable.code, 1);
  EXPECT_THAT(unwritable.err, HasSubstr("x.svg: cannot be written: No such file"));
  EXPECT_EQ(unwritable.out, outcome.out) << "the figures are there nevertheless";
}

TEST_F(Simulate, CommandLine) {
  const std::pair<std::vector<std::string>, const char*> wrong[] = {
      {{}, "-f FILE with an Autoscaler is missing"},
      {{"-f", "a"}, "--trace FILE.csv, or --from WEBAPP"},
      {{"-f", "a", "--trace", "t", "--from", "shop"}, "either --trace or --from"},
      {{"-f", "a", "--trace", "t", "--since", "1h"}, "--since belongs to --from"},
      {{"-f", "a", "--from", "shop", "--since", "8d"}, "--since is a duration up to 7 days"},
      {{"-f", "a", "--trace", "t", "--policy", "vpa"}, "ballast, hpa or kpa, not \"vpa\""},
      {{"-f", "a", "--trace", "t", "--capacity", "0"}, "--capacity is requests a second"},
      {{"-f", "a", "--trace", "t", "--capacity", "nan"}, "--capacity is"},
      {{"-f", "a", "--trace", "t", "--startup-seconds", "-1"}, "--startup-seconds is a number"},
      {{"-f", "a", "--trace", "t", "--speed", "0"}, "--speed is a factor"},
      {{"-f", "a", "--trace", "t", "--drain-seconds", "x"}, "--drain-seconds is a whole number"},
      {{"-f", "a", "--trace", "t", "--sweep", "55..25:5"}, "--sweep is FROM..TO:STEP"},
      {{"-f", "a", "--trace", "t", "-o", "yaml"}, "--output is table or json"},
      {{"-f", "a", "--trace", "t", "shop"}, "only flags are wanted"}};
  for (const auto& [arguments, message] : wrong) {
    const Outcome outcome = Ballast(arguments);
    EXPECT_EQ(outcome.code, kExitUsage) << message;
    EXPECT_THAT(outcome.err, HasSubstr(message));
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(ParseSweep, Ranges) {
  EXPECT_THAT(*ParseSweep("25..55:10"), ElementsAre(25, 35, 45, 55));
  EXPECT_THAT(*ParseSweep("25..40:10"), ElementsAre(25, 35));
  EXPECT_THAT(*ParseSweep("0.1..0.3:0.1"), ElementsAre(0.1, 0.2, 0.3));
  EXPECT_THAT(*ParseSweep("5..5:1"), ElementsAre(5));
  EXPECT_EQ(ParseSweep("25..55")->size(), 7U);
  for (const char* wrong : {"", "25", "25-55", "0..5:1", "5..1:1", "1..5:0", "1..5:-1", "a..b:c",
                            "1..1e9:1", "1..inf:1", "1..1000:1", "1..5:nan", "1..5:"}) {
    EXPECT_FALSE(ParseSweep(wrong).has_value()) << wrong;
  }
}

TEST_F(Simulate, ManifestsThatCannotBePlayed) {
  const auto with = [&](const std::string& text) {
    const Outcome outcome = Ballast({"-f", "-", "--trace", trace_}, text);
    EXPECT_EQ(outcome.code, 1) << text;
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  const std::string text = kAutoscaler;
  EXPECT_THAT(with("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"),
              HasSubstr("no object of kind Autoscaler; exactly one is wanted"));
  std::string second = text;
  second.replace(second.find("by-rate"), 7, "another");
  EXPECT_THAT(with(text + "---\n" + second), HasSubstr("2 objects of kind Autoscaler"));
  std::string broken = text;
  broken.replace(broken.find("maxReplicas: 20"), 15, "maxReplicas: 0");
  EXPECT_THAT(with(broken), HasSubstr("spec.maxReplicas"));
  std::string other = text;
  other = other.substr(0, other.find("  - {type")) +
          "  - {type: Resource, resource: {name: cpu, target: {type: Utilization, "
          "averageUtilization: 70}}}\n";
  EXPECT_THAT(with(other), HasSubstr("neither a RequestRate nor a Concurrency metric"));
  EXPECT_THAT(Ballast({"-f", directory_ + "/none.yaml", "--trace", trace_}).err,
              HasSubstr("none.yaml: No such file or directory"));
}

TEST_F(Simulate, WhatIsLeftOutIsSaid) {
  const std::string text = std::string(kAutoscaler) +
                           "  - {type: ResponseTime, responseTime: {target: {value: 200m}}}\n"
                           "  schedules: [{start: \"0 8 * * *\", duration: 1h, minReplicas: 2}]\n";
  const std::string trace = Put("gap.csv", "seconds,requests\n0,10\n1,10\n4,2000\n50,10\n");
  const Outcome outcome = Ballast({"-f", "-", "--trace", trace}, text);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("metric ResponseTime is left out"));
  EXPECT_THAT(outcome.err, HasSubstr("2 missing intervals of 1 s are filled in"));
  EXPECT_THAT(outcome.err, HasSubstr("45 intervals of 1 s are missing, more than 10 in a row"));
  EXPECT_THAT(outcome.err,
              HasSubstr("maxReplicas is 20, but the most that comes, 2000/s, needs 40"));
  EXPECT_THAT(outcome.err, HasSubstr("schedules go by simulated time"));
}

TEST_F(Simulate, TracesThatCannotBeRead) {
  const auto with = [&](const std::string& text) {
    const Outcome outcome = Ballast({"-f", manifest_, "--trace", Put("bad.csv", text)});
    EXPECT_EQ(outcome.code, 1) << text.substr(0, 100);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_THAT(with(""), HasSubstr("bad.csv is empty"));
  EXPECT_THAT(with("a,b\n1,2\n"), HasSubstr("bad.csv: line 1: the columns must be"));
  EXPECT_THAT(with("seconds,requests\n0,1\n1,NaN\n"), HasSubstr("bad.csv: line 3: \"NaN\""));
  EXPECT_THAT(with(std::string(100000, 'x')), HasSubstr("line 1: longer than"));
  EXPECT_THAT(Ballast({"-f", manifest_, "--trace", directory_}).err, HasSubstr("is a directory"));
  EXPECT_THAT(Ballast({"-f", manifest_, "--trace", directory_ + "/none.csv"}).err,
              HasSubstr("none.csv: No such file or directory"));
}

TEST_F(Simulate, WhatWasRecorded) {
  server_.On("GET /apis/ballast.dev/v1alpha1/namespaces/web/webapps/shop", "{}");
  server_.On("GET /ballast/v1/load/namespaces/web/webapps/shop?since=7200",
             R"({"app":"web/shop","seconds":[{"second":1795257600,"requestRate":120},
                {"second":1795257601,"requestRate":130},{"second":"x"},7],
                "minutes":[{"second":1795257599,"requestRate":100}]})");
  const Outcome outcome =
      Ballast({"-f", manifest_, "--from", "webapp/shop", "--since", "2h", "-n", "web"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("webapp/shop against autoscaler/by-rate: 6250 requests"));
}

TEST_F(Simulate, NothingWasRecorded) {
  server_.On("GET /apis/ballast.dev/v1alpha1/namespaces/default/webapps/shop", "{}");
  server_.On("GET /ballast/v1/load/namespaces/default/webapps/shop",
             R"({"app":"default/shop","seconds":[],"minutes":[]})");
  const Outcome outcome = Ballast({"-f", manifest_, "--from", "shop"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no load of webapp/shop was recorded in that time"));
  server_.On("GET /apis/ballast.dev/v1alpha1/namespaces/default/webapps/cart", NotFound("cart"),
             404);
  server_.On("GET /apis/ballast.dev/v1alpha1/namespaces/default/webapps", ListOf(""));
  const Outcome missing = Ballast({"-f", manifest_, "--from", "cart"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("cart"));
  server_.away = true;
  EXPECT_EQ(Ballast({"-f", manifest_, "--from", "shop"}).code, 1);
}

TEST(SimulateView, Percent) {
  EXPECT_EQ(PercentText(0), "0 %");
  EXPECT_EQ(PercentText(1e-9), "<0.0001 %");
  EXPECT_EQ(PercentText(0.000034), "0.0034 %");
  EXPECT_EQ(PercentText(0.0123), "1.23 %");
  EXPECT_EQ(PercentText(1), "100.0 %");
}

TEST(SimulateView, Ticks) {
  EXPECT_THAT(RoundTicks(0, 95, 5), ElementsAre(0, 20, 40, 60, 80, 100));
  EXPECT_THAT(RoundTicks(1949, 2160, 5), ElementsAre(1900, 1950, 2000, 2050, 2100, 2150, 2200));
  EXPECT_THAT(RoundTicks(3, 3, 2), ElementsAre(3, 3.5, 4));
  EXPECT_THAT(TimeTicks(0, 3600, 4), ElementsAre(0, 1800, 3600));
  EXPECT_THAT(TimeTicks(100, 130, 3), ElementsAre(100, 110, 120, 130));
  const Axis axis{.from = 0.001, .to = 1, .begin = 300, .end = 0, .logarithmic = true};
  EXPECT_NEAR(axis.At(0.1), 100, 1e-9);
  EXPECT_EQ(axis.At(5), 0);
}

}  // namespace
}  // namespace ballast::cli
