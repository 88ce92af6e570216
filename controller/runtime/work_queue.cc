#include "controller/runtime/work_queue.h"

#include <algorithm>

namespace ballast::runtime {
namespace {

constexpr char kDepth[] = "ballast_workqueue_depth";
constexpr char kAdds[] = "ballast_workqueue_adds_total";
constexpr char kRetries[] = "ballast_workqueue_retries_total";
constexpr char kQueueDuration[] = "ballast_workqueue_queue_duration_seconds";

// Waits are cut into pieces, so that a clock that was set back or a lost wake-up never hurts much.
constexpr std::chrono::seconds kLongestWait{1};

}  // namespace

WorkQueue::WorkQueue(const reconcilers::Clock& clock, reconcilers::Metrics& metrics,
                     Options options)
    : clock_(clock), metrics_(metrics), options_(options) {}

void WorkQueue::Add(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  if (shut_down_) return;
  AddLocked(key);
}

void WorkQueue::AddAfter(const api::ObjectKey& key, std::chrono::milliseconds delay) {
  const std::lock_guard lock(mutex_);
  if (shut_down_) return;
  if (delay.count() <= 0) {
    AddLocked(key);
    return;
  }
  AddAtLocked(key, clock_.Now() + delay);
}

std::chrono::milliseconds WorkQueue::AddRateLimited(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  const int failures = failures_[key]++;
  std::chrono::milliseconds delay = options_.max_back_off;
  if (failures < 30) {
    delay = std::min(options_.max_back_off, options_.initial_back_off * (1 << failures));
  }
  if (shut_down_) return delay;
  metrics_.Add(kRetries, 1, {});
  AddAtLocked(key, clock_.Now() + delay);
  return delay;
}

void WorkQueue::Forget(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  failures_.erase(key);
}

int WorkQueue::Failures(const api::ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

std::optional<api::ObjectKey> WorkQueue::Get() {
  std::unique_lock lock(mutex_);
  while (!shut_down_) {
    MoveDueLocked();
    if (auto key = TakeLocked()) return key;
    if (timers_.empty()) {
      wake_.wait(lock);
    } else {
      const auto wait = timers_.begin()->first - clock_.Now();
      wake_.wait_for(lock, std::min<std::chrono::nanoseconds>(wait, kLongestWait));
    }
  }
  return std::nullopt;
}

std::optional<api::ObjectKey> WorkQueue::TryGet() {
  const std::lock_guard lock(mutex_);
  if (shut_down_) return std::nullopt;
  MoveDueLocked();
  return TakeLocked();
}

void WorkQueue::Done(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  processing_.erase(key);
  if (!waiting_.contains(key)) return;
  // Added while it was being worked on.
  ready_.push_back(key);
  wake_.notify_one();
}

void WorkQueue::ShutDown() {
  const std::lock_guard lock(mutex_);
  shut_down_ = true;
  wake_.notify_all();
}

std::optional<WorkQueue::Steady> WorkQueue::NextDeadline() const {
  const std::lock_guard lock(mutex_);
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first;
}

std::size_t WorkQueue::Depth() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

void WorkQueue::Wake() {
  const std::lock_guard lock(mutex_);
  wake_.notify_all();
}

void WorkQueue::AddLocked(const api::ObjectKey& key) {
  if (!waiting_.try_emplace(key, clock_.Now()).second) return;
  metrics_.Add(kAdds, 1, {});
  metrics_.Set(kDepth, static_cast<double>(waiting_.size()), {});
  if (processing_.contains(key)) return;  // Done puts it into ready_
  ready_.push_back(key);
  wake_.notify_one();
}

void WorkQueue::AddAtLocked(const api::ObjectKey& key, Steady when) {
  const auto [entry, added] = delayed_.try_emplace(key, when);
  if (!added) {
    if (entry->second <= when) return;
    timers_.erase({entry->second, key});
    entry->second = when;
  }
  const auto timer = timers_.emplace(when, key).first;
  // Somebody has to wait for less long than before.
  if (timer == timers_.begin()) wake_.notify_one();
}

void WorkQueue::CancelDelayedLocked(const api::ObjectKey& key) {
  const auto found = delayed_.find(key);
  if (found == delayed_.end()) return;
  timers_.erase({found->second, key});
  delayed_.erase(found);
}

void WorkQueue::MoveDueLocked() {
  const Steady now = clock_.Now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const api::ObjectKey key = timers_.begin()->second;
    CancelDelayedLocked(key);
    AddLocked(key);
  }
}

std::optional<api::ObjectKey> WorkQueue::TakeLocked() {
  if (ready_.empty()) return std::nullopt;
  api::ObjectKey key = std::move(ready_.front());
  ready_.pop_front();
  const auto since = waiting_.find(key);
  metrics_.Observe(kQueueDuration,
                   std::chrono::duration<double>(clock_.Now() - since->second).count(), {});
  waiting_.erase(since);
  metrics_.Set(kDepth, static_cast<double>(waiting_.size()), {});
  CancelDelayedLocked(key);
  processing_.insert(key);
  return key;
}

}  // namespace ballast::runtime
