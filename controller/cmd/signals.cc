#include "controller/cmd/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "controller/runtime/log.h"

namespace ballast::cmd {
namespace {

using runtime::Log;
using runtime::LogLevel;

constexpr int kSignalExit = 128;
constexpr int kWakeUp = SIGUSR1;  // from the destructor

// What whoever started us has told to be ignored stays so: nohup.
sigset_t Signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, kWakeUp}) {
    struct sigaction now{};
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) continue;
    sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

SignalWatcher::SignalWatcher(std::chrono::milliseconds grace) {
  signal(SIGPIPE, SIG_IGN);
  signal(kWakeUp, SIG_DFL);
  const sigset_t set = Signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this, grace] { Watch(grace); });
}

SignalWatcher::~SignalWatcher() {
  done_ = true;
  pthread_kill(thread_.native_handle(), kWakeUp);
  thread_.join();
}

void SignalWatcher::Watch(std::chrono::milliseconds grace) {
  const sigset_t set = Signals();
  int signal = 0;
  // Anybody may send the signal that wakes this thread; only the destructor means it.
  do {
    if (sigwait(&set, &signal) != 0) continue;
    if (signal == kWakeUp && done_) return;
  } while (signal == 0 || signal == kWakeUp);
  Log(LogLevel::kInfo, "Signal received", {{"signal", signal}});
  stop_.request_stop();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(grace);
  const timespec wait{.tv_sec = seconds.count(),
                      .tv_nsec = std::chrono::nanoseconds(grace - seconds).count()};
  do {
    signal = sigtimedwait(&set, nullptr, &wait);
    if (signal == kWakeUp && done_) return;
  } while (signal == kWakeUp || (signal < 0 && errno == EINTR));
  if (signal < 0) {
    Log(LogLevel::kWarning, "Something did not end in time; leaving it");
    _exit(0);
  }
  _exit(kSignalExit + signal);
}

}  // namespace ballast::cmd
