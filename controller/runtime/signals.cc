#include "controller/runtime/signals.h"

#include <array>
#include <charconv>
#include <csignal>
#include <utility>

namespace ballast::runtime {
namespace {

// As Docker counts them, whatever the C library keeps for itself.
constexpr int kRealTimeMin = 34;
constexpr int kRealTimeMax = 64;

constexpr std::array<std::pair<std::string_view, int>, 20> kNames{{
    {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ILL", SIGILL},   {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT}, {"IOT", SIGABRT},  {"BUS", SIGBUS},   {"FPE", SIGFPE},   {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"SEGV", SIGSEGV}, {"USR2", SIGUSR2}, {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},
    {"TERM", SIGTERM}, {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"TSTP", SIGTSTP}, {"WINCH", SIGWINCH},
}};

int ParseNumber(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return -1;
  return value;
}

}  // namespace

int SignalNumber(std::string_view text) {
  const int number = ParseNumber(text);
  if (number >= 0) return number <= kRealTimeMax ? number : 0;
  if (text.starts_with("SIG")) text.remove_prefix(3);
  for (const auto& [name, value] : kNames) {
    if (text == name) return value;
  }
  if (text == "RTMIN") return kRealTimeMin;
  if (text == "RTMAX") return kRealTimeMax;
  int real_time = 0;
  if (text.starts_with("RTMIN+")) real_time = kRealTimeMin + ParseNumber(text.substr(6));
  if (text.starts_with("RTMAX-")) real_time = kRealTimeMax - ParseNumber(text.substr(6));
  return real_time >= kRealTimeMin && real_time <= kRealTimeMax ? real_time : 0;
}

bool IsEndingSignal(std::string_view signal, std::string_view stop_signal) {
  const int number = SignalNumber(signal);
  switch (number) {
    case 0:
      return false;
    case SIGTERM:
    case SIGKILL:
    case SIGINT:
    case SIGQUIT:
      return true;
    default:
      return number == SignalNumber(stop_signal);
  }
}

}  // namespace ballast::runtime
