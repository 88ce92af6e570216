#include "controller/manifests/apply_queue.h"

namespace ballast::manifests {

void ApplyQueue::Add(const api::ObjectKey& key, int rank, bool forced) {
  const auto [found, is_new] = entries_.try_emplace(key);
  Entry& entry = found->second;
  if (entry.when) {
    if (!forced) return;
    timers_.erase({*entry.when, key});
    entry.when.reset();
  } else if (!is_new) {
    ready_.erase({entry.rank, key});
  }
  entry.rank = rank;
  entry.forced = entry.forced || forced;
  ready_.insert({rank, key});
}

void ApplyQueue::AddAt(const api::ObjectKey& key, int rank, bool forced, Steady when) {
  const auto [found, is_new] = entries_.try_emplace(key);
  Entry& entry = found->second;
  if (entry.when) {
    timers_.erase({*entry.when, key});
  } else if (!is_new) {
    if (entry.forced) return;
    ready_.erase({entry.rank, key});
  }
  entry.rank = rank;
  entry.forced = entry.forced || forced;
  entry.when = when;
  timers_.insert({when, key});
}

std::optional<ApplyQueue::Item> ApplyQueue::Take(Steady now) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const api::ObjectKey& key = timers_.begin()->second;
    Entry& entry = entries_.at(key);
    entry.when.reset();
    ready_.insert({entry.rank, key});
    timers_.erase(timers_.begin());
  }
  if (ready_.empty()) return std::nullopt;
  Item item{.key = ready_.begin()->second};
  ready_.erase(ready_.begin());
  const auto entry = entries_.find(item.key);
  item.forced = entry->second.forced;
  entries_.erase(entry);
  return item;
}

std::optional<ApplyQueue::Steady> ApplyQueue::NextDue() const {
  if (!ready_.empty()) return Steady{};
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first;
}

}  // namespace ballast::manifests
