// How long a piece of I/O may last: until a point in time, or a bounded silence between two bytes.
// Plain value.
#pragma once

#include <algorithm>
#include <chrono>
#include <climits>
#include <optional>

namespace ballast::docker {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] static Deadline After(std::chrono::milliseconds total) {
    Deadline deadline;
    deadline.at_ = Clock::now() + total;
    return deadline;
  }
  [[nodiscard]] static Deadline Silence(std::chrono::milliseconds between) {
    Deadline deadline;
    deadline.silence_ = between;
    return deadline;
  }
  [[nodiscard]] static Deadline Never() { return {}; }

  [[nodiscard]] bool Passed() const { return at_ && Clock::now() >= *at_; }

  // For poll(2), asked before each wait: milliseconds, -1 for ever.
  [[nodiscard]] int PollTimeout() const {
    if (silence_) return Clamp(*silence_);
    if (!at_) return -1;
    return Clamp(std::chrono::ceil<std::chrono::milliseconds>(*at_ - Clock::now()));
  }

 private:
  static int Clamp(std::chrono::milliseconds left) {
    return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, INT_MAX));
  }

  std::optional<Clock::time_point> at_;
  std::optional<std::chrono::milliseconds> silence_;
};

}  // namespace ballast::docker
