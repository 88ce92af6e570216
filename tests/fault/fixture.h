// What the fault tests share: a settled web app under load, and the checks that follow each fault.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/fault/harness/stack.h"
#include "tests/fault/loadgen/load.h"
#include "tests/fault/loadgen/long_lived.h"

namespace ballast::fault {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Section 1 of the design: twice the app's time + 60 ms; + 100 ms while the controller is away.
inline constexpr double kAppMs = 20;
inline constexpr double kSlowestMs = 2 * kAppMs + 60;
inline constexpr double kSlowestAwayMs = kSlowestMs + 100;

enum class Mode { kProcess, kContainer };

class FaultTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string why = Stack::Unavailable();
    if (!why.empty()) GTEST_SKIP() << why;
  }

  void TearDown() override {
    if (!stack_ || !HasFailure()) return;
    std::fprintf(stderr, "%s\nHAProxy:\n%s\n", stack_->Log(120).c_str(),
                 stack_->HaproxyLog(40).c_str());
  }

  // How a test's controller runs unless it says otherwise.
  [[nodiscard]] virtual StackOptions Defaults() const { return {}; }

  // A controller, its HAProxy, and `shop` with so many replicas in service.
  void Begin(int replicas) { Begin(replicas, Defaults()); }
  void Begin(int replicas, StackOptions options) {
    stack_ = std::make_unique<Stack>(std::move(options));
    app_.replicas = replicas;
    stack_->Apply(app_);
    stack_->StartController();
    ASSERT_TRUE(stack_->WaitSettled("shop", replicas))
        << stack_->Inconsistency("shop", replicas) << "\n"
        << stack_->Log();
    reloads_ = stack_->Reloads();
  }

  [[nodiscard]] loadgen::Options Requests(const std::string& method = "GET") const {
    loadgen::Options options;
    options.port = stack_->port();
    options.host = "shop.test";
    options.path = "/work?ms=20";
    options.method = method;
    options.body_bytes = method == "POST" ? 512 : 0;
    options.rate = method == "POST" ? 100 : 300;
    return options;
  }

  // 0 failed, and (GET) nothing slower than the bar.
  static void ExpectNoFailure(const loadgen::Report& report, const std::string& what,
                              double slowest_ms = 0) {
    std::printf("%s: %s\n", what.c_str(), report.Summary().c_str());
    EXPECT_EQ(report.failed, 0U) << what << "\n" << report.Details();
    EXPECT_GT(report.ok, 100U) << what;
    if (slowest_ms > 0) {
      EXPECT_LE(report.latency.max, slowest_ms) << what << "\n" << report.Details();
    }
  }

  void ExpectConsistent(int replicas, const std::string& what) {
    EXPECT_TRUE(stack_->WaitSettled("shop", replicas))
        << what << ": " << stack_->Inconsistency("shop", replicas);
  }

  void ExpectNoReload(const std::string& what) {
    EXPECT_EQ(stack_->Reloads(), reloads_) << what << ": HAProxy was reloaded";
  }

  void Scale(int replicas) {
    app_.replicas = replicas;
    stack_->Apply(app_);
  }

  std::unique_ptr<Stack> stack_;
  App app_;
  int reloads_ = 0;
};

// The same test with the controller as a process and as a container. A file of such tests ends with
//   INSTANTIATE_TEST_SUITE_P(Controller, X, kBothModes, ModeName);
class BothWays : public FaultTest, public testing::WithParamInterface<Mode> {
 protected:
  [[nodiscard]] StackOptions Defaults() const override { return Options(); }
  static StackOptions Options() {
    return {.controller_in_container = GetParam() == Mode::kContainer};
  }
  // The load balancer on a network of its own.
  static StackOptions Bridged() {
    StackOptions options = Options();
    options.host_network = false;
    return options;
  }
};
inline const auto kBothModes = testing::Values(Mode::kProcess, Mode::kContainer);
inline std::string ModeName(const testing::TestParamInfo<Mode>& info) {
  return info.param == Mode::kProcess ? "Process" : "Container";
}

}  // namespace ballast::fault
