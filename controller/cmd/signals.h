// SIGTERM, SIGINT and SIGHUP as a request to stop. They are blocked in every thread and taken by
// one, so that nothing is interrupted half-way. Made in main, before any other thread.
#pragma once

#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>

namespace ballast::cmd {

class SignalWatcher {
 public:
  // After the first signal what runs has `grace` to end; then, or at a second signal, the process
  // ends at once: 0 after the grace, 128 + signal at a second one. Ignores SIGPIPE.
  explicit SignalWatcher(std::chrono::milliseconds grace);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

 private:
  void Watch(std::chrono::milliseconds grace);

  std::atomic<bool> done_ = false;
  std::stop_source stop_;
  std::thread thread_;
};

}  // namespace ballast::cmd
