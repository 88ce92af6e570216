// Containers that somebody else starts and stops: in and out of the pool by their labels alone.
#include <nlohmann/json.hpp>

#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

class Adopted : public BothWays {
 protected:
  std::string StartContainer(const std::string& suffix, std::vector<std::string> flags) {
    const std::string name = stack_->instance() + "-" + suffix;
    names_.push_back(name);
    std::vector<std::string> run{"run", "-d", "--name", name};
    run.insert(run.end(), flags.begin(), flags.end());
    run.emplace_back("ballast/hello:latest");
    stack_->Docker(run);
    return name;
  }
  void TearDown() override {
    for (const std::string& name : names_) stack_->TryDocker({"rm", "-f", name});
    BothWays::TearDown();
  }
  std::vector<std::string> names_;
};

TEST_P(Adopted, JoinsAndIsStoppedUnderLoad) {
  Begin(2);
  loadgen::Load gets(Requests());
  gets.Start();
  // Another Docker network than Ballast's: the default bridge.
  const std::string name =
      StartContainer("guest", {"-l", "ballast.dev/webapp=shop", "-l", "ballast.dev/port=8080"});
  ASSERT_TRUE(Eventually([&] { return stack_->Servers("shop").contains(name); }, seconds(10)));
  RunFor(seconds(2));
  stack_->Docker({"stop", name});
  EXPECT_TRUE(Eventually([&] { return !stack_->Servers("shop").contains(name); }, seconds(10)));
  RunFor(seconds(1));
  const loadgen::Report report = gets.Stop();
  ExpectNoFailure(report, "GET", kSlowestMs);
  EXPECT_EQ(report.replicas.size(), 3U) << "the adopted container never answered";
  ExpectConsistent(2, "stopped");
  // Never counted, never removed.
  EXPECT_EQ(stack_->Docker({"inspect", "-f", "{{.State.Status}}", name}), "exited\n");
  stack_->Docker({"start", name});
  EXPECT_TRUE(Eventually([&] { return stack_->Servers("shop").contains(name); }, seconds(10)));
  ExpectNoReload("adoption");
}

// It says so once, and does not look again ten times a second.
TEST_P(Adopted, HostsNetworkIsOutOfReachOfABridgedLoadBalancer) {
  StackOptions options = Options();
  options.host_network = false;
  stack_ = std::make_unique<Stack>(options);
  app_.replicas = 1;
  stack_->Apply(app_);
  stack_->ApplyLoadBalancer();
  stack_->StartController();
  ASSERT_TRUE(stack_->WaitSettled("shop", 1)) << stack_->Log();
  const std::string port = std::to_string(FreePort());
  StartContainer("guest", {"--network", "host", "-e", "PORT=" + port, "-l",
                           "ballast.dev/webapp=shop", "-l", "ballast.dev/port=" + port});
  const auto told = [&] {
    int count = 0;
    const auto status = stack_->Status();
    if (!status.is_object()) return count;
    for (const auto& event : status.at("events")) {
      const auto message = event.at("message").get<std::string>();
      if (message.find("is on the host's network") != std::string::npos) ++count;
    }
    return count;
  };
  EXPECT_TRUE(Eventually([&] { return told() == 1; }, seconds(20))) << stack_->Log();
  const auto passes = [&] {
    const std::string page = stack_->Metrics();
    double sum = 0;
    constexpr std::string_view kName = "ballast_reconcile_total{kind=\"WebApp\"";
    for (std::size_t at = page.find(kName); at != std::string::npos; at = page.find(kName, at)) {
      at = page.find(' ', at);
      sum += std::stod(page.substr(at));
    }
    return sum;
  };
  RunFor(seconds(1));
  const double before = passes();
  RunFor(seconds(4));
  EXPECT_GT(before, 0);
  EXPECT_LT(passes() - before, 8);
  EXPECT_EQ(told(), 1);
  loadgen::Load gets(Requests());
  gets.Start();
  RunFor(seconds(1));
  ExpectNoFailure(gets.Stop(), "GET");
}

TEST_P(Adopted, LabelsAloneMakeAWebApp) {
  Begin(1);
  const std::string app = stack_->instance() + "-pool";
  const std::string name =
      StartContainer("solo", {"-l", "ballast.dev/webapp=" + app, "-l", "ballast.dev/port=8080",
                              "-l", "ballast.dev/host=solo.test"});
  EXPECT_TRUE(Eventually([&] { return stack_->Servers(app).contains(name); }, seconds(20)));
  loadgen::Options options = Requests();
  options.host = "solo.test";
  loadgen::Load gets(options);
  gets.Start();
  RunFor(seconds(1));
  ExpectNoFailure(gets.Stop(), "GET solo.test");
  stack_->Docker({"rm", "-f", name});
  EXPECT_TRUE(Eventually([&] { return stack_->Servers(app).empty(); }, seconds(20)));
}

TEST_P(Adopted, RubbishInLabelsHurtsNobody) {
  Begin(1);
  StartContainer("bad1", {"-l", "ballast.dev/webapp=shop", "-l", "ballast.dev/port=eighty"});
  StartContainer("bad2", {"-l", "ballast.dev/webapp=sh op\nserver x 1.2.3.4:80", "-l",
                          "ballast.dev/port=8080"});
  StartContainer("bad3", {"-l", "ballast.dev/webapp=evil", "-l", "ballast.dev/port=8080", "-l",
                          "ballast.dev/host=a.test; shutdown frontend http"});
  StartContainer("bad4", {"-l", "ballast.dev/webapp=evil2", "-l", "ballast.dev/port=8080", "-l",
                          "ballast.dev/host=b.test", "-l", "ballast.dev/path=/x\nacl y"});
  loadgen::Load gets(Requests());
  gets.Start();
  RunFor(seconds(3));
  ExpectNoFailure(gets.Stop(), "GET");
  ExpectConsistent(1, "rubbish labels");
  ExpectNoReload("rubbish labels");
}

INSTANTIATE_TEST_SUITE_P(Controller, Adopted, kBothModes, ModeName);

}  // namespace
}  // namespace ballast::fault
