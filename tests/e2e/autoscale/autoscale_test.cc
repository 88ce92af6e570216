// Autoscaling for real: load on HAProxy, replicas in Docker, and what no client may notice.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

// Requests a second that one replica is to have.
constexpr int kTarget = 50;

class Autoscale : public FaultTest {
 protected:
  // `shop` with an autoscaler from 2 to 12 replicas, settled at two.
  void Serve(const std::string& more = "") {
    stack_ = std::make_unique<Stack>();
    stack_->Write("autoscaler.yaml",
                  "apiVersion: ballast.dev/v1alpha1\n"
                  "kind: Autoscaler\n"
                  "metadata: {name: shop}\n"
                  "spec:\n"
                  "  scaleTargetRef: {kind: WebApp, name: shop}\n"
                  "  minReplicas: 2\n"
                  "  maxReplicas: 12\n"
                  "  metrics:\n"
                  "  - {type: RequestRate, requestRate: {target: {averageValue: \"" +
                      std::to_string(kTarget) + "\"}}}\n" + more);
    app_.replicas = 2;
    stack_->Apply(app_);
    stack_->StartController();
    ASSERT_TRUE(stack_->WaitSettled("shop", 2)) << stack_->Log();
    reloads_ = stack_->Reloads();
  }

  loadgen::Options Rate(double rate) {
    loadgen::Options options = Requests();
    options.rate = rate;
    return options;
  }

  // What is asked for now; nothing while no controller answers.
  std::optional<int> Asked() {
    const json status = stack_->Status();
    if (!status.is_object()) return std::nullopt;
    for (const json& entry : status.at("webapps")) {
      if (entry.at("name") == "shop") return entry.at("status").at("desiredReplicas").get<int>();
    }
    return std::nullopt;
  }

  // The numbers that were asked for within that time, in order, each once in a row.
  std::vector<int> Watch(milliseconds duration) {
    std::vector<int> seen;
    const auto end = Clock::now() + duration;
    while (Clock::now() < end) {
      if (const auto asked = Asked(); asked && (seen.empty() || seen.back() != *asked)) {
        seen.push_back(*asked);
      }
      RunFor(milliseconds(100));
    }
    return seen;
  }

  void ScaleUpTo(int replicas) {
    EXPECT_TRUE(Eventually([&] { return Asked() == replicas; }, seconds(30), milliseconds(100)))
        << stack_->Log();
    EXPECT_TRUE(stack_->WaitSettled("shop", replicas)) << stack_->Log();
  }
};

TEST_F(Autoscale, TenTimesTheLoadGetsTheRightCountAndFailsNothing) {
  Serve("  behavior: {scaleDown: {stabilizationWindowSeconds: 10}}\n");
  loadgen::Load before(Rate(40));
  before.Start();
  EXPECT_THAT(Watch(seconds(4)), testing::ElementsAre(2));
  loadgen::Load surge(Rate(360));
  const auto started = Clock::now();
  surge.Start();
  // 400 requests a second, 50 for each replica.
  ASSERT_TRUE(Eventually([&] { return Asked().value_or(0) >= 8; }, seconds(20), milliseconds(50)))
      << stack_->Log();
  const std::chrono::duration<double> took = Clock::now() - started;
  std::printf("decided %d replicas after %.1f s\n", Asked().value_or(0), took.count());
  EXPECT_LE(took.count(), 3.0);
  EXPECT_TRUE(Eventually(
      [&] {
        const int asked = Asked().value_or(0);
        return asked >= 8 && asked <= 9 && stack_->Inconsistency("shop", asked).empty();
      },
      seconds(60), milliseconds(200)))
      << stack_->Inconsistency("shop", 8) << stack_->Log();
  ExpectNoFailure(surge.Stop(), "surge");
  // The load is gone: back to what it was, once the window is over.
  EXPECT_TRUE(Eventually([&] { return Asked() == 2; }, seconds(60), milliseconds(200)));
  ExpectConsistent(2, "the load is gone");
  ExpectNoFailure(before.Stop(), "all the time");
  ExpectNoReload("scaling");

  const std::string socket = "--socket=" + stack_->socket();
  const CommandResult why =
      ::ballast::fault::Run({BALLAST_BINARY, "why", "shop", "--limit", "100", socket});
  EXPECT_EQ(why.exit_code, 0) << why.output;
  EXPECT_THAT(why.output, testing::HasSubstr("autoscaler/shop of webapp/shop: "));
  EXPECT_THAT(why.output, testing::ContainsRegex("[2-7] -> [89] "))
      << "the decision that scaled up";
  // What was recorded of it, played again to the same autoscaler: the surge is in it.
  const CommandResult again = ::ballast::fault::Run(
      {BALLAST_BINARY, "simulate", "-f", stack_->manifests() + "/autoscaler.yaml", "--from", "shop",
       "--since", "5m", "--policy", "ballast", "-o", "json", socket});
  ASSERT_EQ(again.exit_code, 0) << again.output;
  const json report = json::parse(again.output.substr(again.output.find('{')), nullptr, false);
  ASSERT_TRUE(report.is_object()) << again.output;
  EXPECT_GE(report["runs"][0]["mostReplicas"], 8) << again.output;
}

// One minute here; hack/test soak -- -R Noise gives it ten.
TEST_F(Autoscale, NoisyConstantLoadChangesNothing) {
  Serve();
  const char* given = std::getenv("BALLAST_NOISE_SECONDS");
  const seconds duration(given == nullptr ? 60 : std::atoi(given));
  loadgen::Load base(Rate(150));
  base.Start();
  std::mt19937 random(20260101);
  std::uniform_int_distribution<int> pause(100, 1500);
  std::uniform_int_distribution<int> more(5, 35);
  // Time to find its number: noise from the first second on.
  std::vector<int> seen;
  const auto begin = Clock::now();
  int most = 0;
  while (Clock::now() - begin < duration + seconds(30)) {
    loadgen::Load noise(Rate(more(random)));
    noise.Start();
    for (const int count : Watch(milliseconds(pause(random)))) {
      if (Clock::now() - begin < seconds(30)) continue;
      if (seen.empty() || seen.back() != count) seen.push_back(count);
    }
    const loadgen::Report report = noise.Stop();
    EXPECT_EQ(report.failed, 0U) << report.Details();
    RunFor(milliseconds(pause(random)));
    most = std::max(most, Asked().value_or(0));
  }
  EXPECT_EQ(seen.size(), 1U) << "changed " << seen.size() - 1 << " times, up to " << most;
  ExpectNoFailure(base.Stop(), "base");
}

TEST_F(Autoscale, AControllerThatIsKilledForgetsNothing) {
  Serve("  behavior: {scaleDown: {stabilizationWindowSeconds: 60}}\n");
  loadgen::Load surge(Rate(380));
  surge.Start();
  ScaleUpTo(8);
  const loadgen::Report peak = surge.Stop();
  EXPECT_EQ(peak.failed, 0U) << peak.Details();
  // Nothing comes any more, and whoever has forgotten the peak would go down at once.
  loadgen::Load few(Rate(20));
  few.Start();
  RunFor(seconds(2));
  stack_->KillController();
  stack_->StartController();
  EXPECT_THAT(Watch(seconds(20)), testing::ElementsAre(8));
  ExpectNoFailure(few.Stop(), "few");
}

TEST_F(Autoscale, AReloadAndARestartOfHaproxyAreNoPeak) {
  Serve();
  loadgen::Load steady(Rate(80));
  steady.Start();
  EXPECT_THAT(Watch(seconds(4)), testing::ElementsAre(2));
  stack_->ApplyLoadBalancer("  timeouts: {client: 61s}\n");
  EXPECT_TRUE(
      Eventually([&] { return stack_->Reloads() > reloads_; }, seconds(20), milliseconds(100)));
  EXPECT_THAT(Watch(seconds(6)), testing::ElementsAre(2));
  ExpectNoFailure(steady.Stop(), "reload");
  // Not without a failed request: who kills HAProxy kills connections. But no replica more or less.
  loadgen::Load rough(Rate(80));
  rough.Start();
  stack_->Docker({"restart", "-t", "0", stack_->HaproxyContainer()});
  EXPECT_THAT(Watch(seconds(10)), testing::ElementsAre(2));
  rough.Stop();
}

}  // namespace
}  // namespace ballast::fault
