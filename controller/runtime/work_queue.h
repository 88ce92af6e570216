// Keys that want to be looked at: each at most once in the queue, and never with two workers at
// once; a key added while it is being worked on comes again afterwards. Failing keys wait 5 ms,
// 10 ms ... 30 s. Owned by Manager. Any thread.
//
// Time comes from the Clock port. Under a fake clock, tests use TryGet() (never waits) and
// NextDeadline(), or call Wake() after advancing it so that blocked Get()s look again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "api/meta.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/metrics.h"

namespace ballast::runtime {

class WorkQueue {
 public:
  struct Options {
    std::chrono::milliseconds initial_back_off{5};
    std::chrono::milliseconds max_back_off{30'000};
  };

  WorkQueue(const reconcilers::Clock& clock, reconcilers::Metrics& metrics, Options options);
  WorkQueue(const reconcilers::Clock& clock, reconcilers::Metrics& metrics)
      : WorkQueue(clock, metrics, Options()) {}

  void Add(const api::ObjectKey& key);
  // Later; the earliest of several wins. Taking the key out of the queue cancels what is still to
  // come: who looks at it now decides anew when to look again.
  void AddAfter(const api::ObjectKey& key, std::chrono::milliseconds delay);
  // After a failure: AddAfter its back-off, which doubles with each failure until Forget. Returns
  // the delay.
  std::chrono::milliseconds AddRateLimited(const api::ObjectKey& key);
  void Forget(const api::ObjectKey& key);
  [[nodiscard]] int Failures(const api::ObjectKey& key) const;

  // Waits for a key; nothing once shut down. The caller owes a Done.
  std::optional<api::ObjectKey> Get();
  // The same without waiting.
  std::optional<api::ObjectKey> TryGet();
  void Done(const api::ObjectKey& key);

  // Every Get returns nothing from now on; additions are ignored.
  void ShutDown();

  // When the next delayed key is due; keys that are due already are not counted.
  [[nodiscard]] std::optional<reconcilers::Clock::Steady> NextDeadline() const;
  [[nodiscard]] std::size_t Depth() const;
  // Makes waiting Get()s ask the clock again.
  void Wake();

 private:
  using Steady = reconcilers::Clock::Steady;

  // All with mutex_ held.
  void AddLocked(const api::ObjectKey& key);
  void AddAtLocked(const api::ObjectKey& key, Steady when);
  void CancelDelayedLocked(const api::ObjectKey& key);
  void MoveDueLocked();
  std::optional<api::ObjectKey> TakeLocked();

  const reconcilers::Clock& clock_;
  reconcilers::Metrics& metrics_;
  const Options options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool shut_down_ = false;
  std::deque<api::ObjectKey> ready_;
  std::map<api::ObjectKey, Steady> waiting_;  // in ready_ or dirty; value: since when
  std::set<api::ObjectKey> processing_;
  std::map<api::ObjectKey, Steady> delayed_;
  std::set<std::pair<Steady, api::ObjectKey>> timers_;  // the same, by time
  std::map<api::ObjectKey, int> failures_;
};

}  // namespace ballast::runtime
