// Replicas that end by themselves: no event comes before their death.
#include <algorithm>
#include <csignal>

#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

class Crash : public BothWays {
 protected:
  void End(const std::string& container) {
    const std::string pid = stack_->Docker({"inspect", "--format", "{{.State.Pid}}", container});
    ASSERT_EQ(kill(std::stoi(pid), SIGKILL), 0) << container << " has process " << pid;
    // Until Docker knows, everything looks as before.
    ASSERT_TRUE(
        Eventually([&] { return std::ranges::count(stack_->Containers("shop"), container) == 0; },
                   seconds(30)));
  }
};

// One of two, again and again: what it was doing goes to the only other one.
TEST_P(Crash, OfOneInTwo) {
  Begin(2);
  loadgen::Options options = Requests();
  options.keep_alive = false;
  loadgen::Load gets(options);
  gets.Start();
  for (int i = 0; i < 5; ++i) {
    RunFor(milliseconds(700));
    End(stack_->Containers("shop").front());
    ExpectConsistent(2, "crashed");
  }
  ExpectNoFailure(gets.Stop(), "GET", kSlowestMs);
  ExpectNoReload("crashes");
}

INSTANTIATE_TEST_SUITE_P(Controller, Crash, kBothModes, ModeName);

}  // namespace
}  // namespace ballast::fault
