// One web app under load for a long time while everything that happens to it happens in a random
// order: no GET fails, it ends as it should, and the controller's memory does not grow.
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <random>

#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

class Soak : public FaultTest {
 protected:
  static std::chrono::minutes Duration() {
    const char* text = std::getenv("BALLAST_SOAK_MINUTES");
    return std::chrono::minutes(text == nullptr ? 20 : std::max(1, std::atoi(text)));
  }

  double ResidentMib() {
    std::ifstream status("/proc/" + std::to_string(stack_->controller_pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
    }
    return 0;
  }

  std::string Act(int which) {
    const std::vector<std::string> replicas = stack_->Containers("shop");
    const std::string victim = replicas.at(static_cast<std::size_t>(which) % replicas.size());
    switch (which % 7) {
      case 0:
      case 1:
        Scale(2 + which % 5);
        return "scale to " + std::to_string(app_.replicas);
      case 2:
        app_.env["HELLO_TAG"] = "v" + std::to_string(which);
        stack_->Apply(app_);
        return "roll out";
      case 3:
        stack_->Docker({"stop", victim});
        return "stop " + victim;
      case 4:
        kill(std::stoi(stack_->Docker({"inspect", "--format", "{{.State.Pid}}", victim})), SIGKILL);
        return "crash " + victim;
      case 5:
        stack_->KillController();
        RunFor(milliseconds(500));
        stack_->StartController();
        return "kill the controller";
      default:
        app_.more_spec = which % 2 == 0 ? "  traffic: {balance: roundrobin}\n" : "";
        stack_->Apply(app_);
        return "change the structure";
    }
  }
};

TEST_F(Soak, NothingFailsAndNothingGrows) {
  const unsigned seed = std::random_device{}();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  Begin(3);
  loadgen::Load gets(Requests());
  gets.Start();
  const auto end = std::chrono::steady_clock::now() + Duration();
  double first = 0;
  for (int round = 0; std::chrono::steady_clock::now() < end; ++round) {
    const std::string what = Act(static_cast<int>(random() % 70));
    ASSERT_TRUE(stack_->WaitSettled("shop", app_.replicas, seconds(120)))
        << "round " << round << ": " << what << ": "
        << stack_->Inconsistency("shop", app_.replicas);
    const double resident = ResidentMib();
    std::printf("round %d: %s; %.1f MiB\n", round, what.c_str(), resident);
    if (round == 10) first = resident;
  }
  ExpectNoFailure(gets.Stop(), "GET");
  if (first > 0) {
    EXPECT_LT(ResidentMib(), first + 10);
  }
}

}  // namespace
}  // namespace ballast::fault
