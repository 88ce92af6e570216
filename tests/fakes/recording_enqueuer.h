// Remembers which keys were asked for, and lets a test wait for one without sleeping. Any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "reconcilers/ports/reconciler.h"

namespace ballast::fakes {

class RecordingEnqueuer final : public reconcilers::Enqueuer {
 public:
  void Enqueue(const api::ObjectKey& key) override {
    const std::lock_guard lock(mutex_);
    keys_.push_back(key);
    enqueued_.notify_all();
  }

  [[nodiscard]] std::vector<api::ObjectKey> Keys() const {
    const std::lock_guard lock(mutex_);
    return keys_;
  }
  std::vector<api::ObjectKey> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(keys_, {});
  }
  // Looks again whenever a key comes; false: it did not come true for so long that it is broken.
  bool WaitUntil(const std::function<bool()>& condition,
                 std::chrono::seconds limit = std::chrono::seconds(20)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    std::unique_lock lock(mutex_);
    while (true) {
      lock.unlock();
      const bool reached = condition();
      lock.lock();
      if (reached) return true;
      if (std::chrono::steady_clock::now() > deadline) return false;
      // Conditions may also come true without a key.
      enqueued_.wait_for(lock, std::chrono::milliseconds(2));
    }
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable enqueued_;
  std::vector<api::ObjectKey> keys_;
};

}  // namespace ballast::fakes
