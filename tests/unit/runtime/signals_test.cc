#include "controller/runtime/signals.h"

#include <gtest/gtest.h>

namespace ballast::runtime {
namespace {

TEST(Signals, ReadsEverySpelling) {
  EXPECT_EQ(SignalNumber("15"), 15);
  EXPECT_EQ(SignalNumber("TERM"), 15);
  EXPECT_EQ(SignalNumber("SIGTERM"), 15);
  EXPECT_EQ(SignalNumber("SIGRTMIN+3"), 37);
  EXPECT_EQ(SignalNumber("SIGRTMAX-1"), 63);
  for (const char* rubbish : {"", "SIG", "TERMX", "-1", "65", "99999999999999", "RTMIN+99", "1 "}) {
    EXPECT_EQ(SignalNumber(rubbish), 0) << rubbish;
  }
}

TEST(Signals, KnowsWhichOnesEndAContainer) {
  struct Case {
    const char* signal;
    const char* stop_signal;
    bool ends;
  };
  const Case cases[] = {
      {"15", "", true},        {"9", "", true},
      {"2", "", true},         {"3", "SIGTERM", true},
      {"1", "", false},        {"10", "", false},
      {"10", "SIGUSR1", true}, {"37", "SIGRTMIN+3", true},
      {"37", "", false},       {"SIGKILL", "USR1", true},
      {"28", "WINCH", true},   {"", "", false},
      {"x", "x", false},       {"0", "", false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(IsEndingSignal(c.signal, c.stop_signal), c.ends) << c.signal << " " << c.stop_signal;
  }
}

}  // namespace
}  // namespace ballast::runtime
