#include "controller/store/subscribers.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace ballast::store {

struct Subscribers::State {
  std::mutex mutex;
  std::condition_variable returned;
  std::map<std::uint64_t, std::shared_ptr<const Callback>> callbacks;  // by number
  std::uint64_t next = 1;
  std::uint64_t running = 0;  // the number of the one that is being called
  std::thread::id notifier;

  void Remove(std::uint64_t number) {
    std::unique_lock lock(mutex);
    const auto removed = callbacks.extract(number);  // destroyed after the lock is gone
    // Within the callback itself nobody could wait for its return.
    if (running == number && notifier != std::this_thread::get_id()) {
      returned.wait(lock, [&] { return running != number; });
    }
    lock.unlock();
  }
};

Subscribers::Subscribers() : state_(std::make_shared<State>()) {}

reconcilers::Subscription Subscribers::Add(Callback callback) {
  const std::lock_guard lock(state_->mutex);
  const std::uint64_t number = state_->next++;
  state_->callbacks.emplace(number, std::make_shared<const Callback>(std::move(callback)));
  return reconcilers::Subscription([state = state_, number] { state->Remove(number); });
}

void Subscribers::Notify(std::uint64_t revision) {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.notifier = std::this_thread::get_id();
  // Looked up anew each time, since callbacks may add and remove others.
  for (auto it = state.callbacks.begin(); it != state.callbacks.end();) {
    const std::uint64_t number = it->first;
    const std::shared_ptr<const Callback> callback = it->second;
    state.running = number;
    lock.unlock();
    (*callback)(revision);
    lock.lock();
    state.running = 0;
    state.returned.notify_all();
    it = state.callbacks.upper_bound(number);
  }
}

}  // namespace ballast::store
