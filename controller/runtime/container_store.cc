#include "controller/runtime/container_store.h"

#include <algorithm>
#include <tuple>

#include "controller/runtime/container_keys.h"
#include "controller/runtime/container_rules.h"
#include "controller/runtime/signals.h"

namespace ballast::runtime {
namespace {

using reconcilers::ContainerInfo;
using reconcilers::EngineEvent;
using reconcilers::ObservedContainer;

constexpr std::size_t kMaxDestroyed = 4096;
constexpr std::size_t kMaxPending = 64;

}  // namespace

void StoreChanges::Merge(const StoreChanges& other) {
  enqueue.insert(other.enqueue.begin(), other.enqueue.end());
  refresh.insert(other.refresh.begin(), other.refresh.end());
  refresh_later.insert(other.refresh_later.begin(), other.refresh_later.end());
}

StoreChanges ContainerStore::ApplyEvent(const EngineEvent& event) {
  StoreChanges changes;
  const std::string& id = ContainerOf(event);
  const std::lock_guard lock(mutex_);
  auto found = entries_.find(id);
  if (found == entries_.end()) {
    // Only what carries our labels is worth a place; the events of networks carry none.
    if (id.empty() || event.type != "container" || !KeysOf(event.attributes).relevant) {
      changes.relevant = false;
      return changes;
    }
    if (destroyed_.contains(id)) return changes;  // an event that came late
    if (event.action != "destroy") found = entries_.try_emplace(id).first;
  }
  if (event.type == "container" && event.action == "destroy") {
    BuryLocked(id);
    EraseLocked(id, changes);
    return changes;
  }
  Entry& entry = found->second;
  entry.last_event = next_ticket_++;
  if (!entry.info && entry.pending.size() < kMaxPending) entry.pending.push_back(event);
  ApplyToEntryLocked(id, entry, event, changes);
  return changes;
}

void ContainerStore::ApplyToEntryLocked(const std::string& id, Entry& entry,
                                        const EngineEvent& event, StoreChanges& changes) {
  if (event.action == "start" || event.action == "die") {
    SetStoppingLocked(id, entry, false, changes);
  }
  if (event.action == "kill") {
    const std::string& stop_signal = entry.info ? entry.info->stop_signal : std::string();
    const bool lives = !entry.info || Lives(*entry.info);
    if (lives && IsEndingSignal(Attribute(event, "signal"), stop_signal)) {
      SetStoppingLocked(id, entry, true, changes);
    }
    if (!entry.info) changes.refresh.insert(id);
    return;  // an inspect would tell nothing of it
  }
  if (!entry.info) {
    changes.refresh.insert(id);
    return;
  }
  ContainerInfo info = *entry.info;
  if (ApplyToInfo(event, clock_.WallNow(), info) == Told::kPart) changes.refresh.insert(id);
  if (info == *entry.info) return;
  entry.info = std::make_shared<const ContainerInfo>(std::move(info));
  changes.enqueue.insert(entry.keys.begin(), entry.keys.end());
}

ContainerStore::Ticket ContainerStore::BeginInspect() {
  const std::lock_guard lock(mutex_);
  return next_ticket_++;
}

StoreChanges ContainerStore::ApplyInspect(Ticket ticket, const std::string& id,
                                          std::optional<ContainerInfo> info) {
  StoreChanges changes;
  const std::lock_guard lock(mutex_);
  if (!info) {
    if (entries_.contains(id)) {
      BuryLocked(id);
      EraseLocked(id, changes);
      return changes;
    }
    const auto named = std::ranges::find_if(entries_, [&id](const auto& entry) {
      return entry.second.info && entry.second.info->name == id;
    });
    // Whoever had that name may only have another one now.
    if (named != entries_.end()) changes.refresh.insert(named->first);
    return changes;
  }
  const std::string real_id = info->id;
  if (destroyed_.contains(real_id)) return changes;
  const bool relevant = KeysOf(info->labels).relevant;
  auto found = entries_.find(real_id);
  if (found == entries_.end()) {
    if (!relevant) return changes;
    if (ticket < list_ticket_) {  // a list since then may have shown that it is gone
      changes.refresh.insert(real_id);
      return changes;
    }
    found = entries_.try_emplace(real_id).first;
  }
  Entry& entry = found->second;
  if (entry.last_event > ticket) {
    changes.refresh.insert(real_id);
  } else if (entry.as_of <= ticket) {
    entry.as_of = ticket;
    StoreLocked(real_id, entry, std::move(*info), changes);
  }
  return changes;
}

void ContainerStore::BeginList() {
  const std::lock_guard lock(mutex_);
  list_ticket_ = next_ticket_++;
}

std::vector<std::string> ContainerStore::Incomplete(const std::vector<ContainerInfo>& list) const {
  std::vector<std::string> result;
  const std::lock_guard lock(mutex_);
  for (const ContainerInfo& info : list) {
    if (destroyed_.contains(info.id)) continue;
    const auto found = entries_.find(info.id);
    const bool known = found != entries_.end() && found->second.info;
    const bool incomplete =
        known ? !Agrees(info, *found->second.info) : !Lives(info) && Lacking(info);
    if (incomplete) result.push_back(info.id);
  }
  return result;
}

StoreChanges ContainerStore::ApplyList(std::vector<ContainerInfo> list, bool after_gap) {
  StoreChanges changes;
  const std::lock_guard lock(mutex_);
  std::unordered_set<std::string> listed;
  for (ContainerInfo& info : list) {
    if (!listed.insert(info.id).second || destroyed_.contains(info.id)) continue;
    ApplyListedLocked(std::move(info), after_gap, changes);
  }
  std::vector<std::string> gone;
  for (const auto& [id, entry] : entries_) {
    if (listed.contains(id)) continue;
    if (entry.last_event > list_ticket_ || entry.as_of > list_ticket_) {
      changes.refresh.insert(id);  // made since the list began, or gone with it
    } else {
      gone.push_back(id);
    }
  }
  for (const std::string& id : gone) EraseLocked(id, changes);
  synced_ = true;
  return changes;
}

void ContainerStore::ApplyListedLocked(ContainerInfo info, bool after_gap, StoreChanges& changes) {
  const std::string id = info.id;
  if (!KeysOf(info.labels).relevant) return;
  Entry& entry = entries_[id];
  if (entry.info) {
    if (entry.as_of > list_ticket_) return;  // read since
    if (entry.last_event > list_ticket_) {
      changes.refresh.insert(id);
      return;
    }
    entry.as_of = list_ticket_;
    if (Agrees(info, *entry.info) && Lacking(info)) {
      // It may have ended and begun again while nobody listened.
      if (after_gap) changes.refresh_later.insert(id);
      return;
    }
    if (Lacking(info)) changes.refresh.insert(id);
    StoreLocked(id, entry, std::move(info), changes);
    return;
  }
  if (Lacking(info)) changes.refresh_later.insert(id);
  const std::vector<EngineEvent> pending = std::move(entry.pending);
  entry.as_of = list_ticket_;
  StoreLocked(id, entry, std::move(info), changes);
  for (const EngineEvent& event : pending) ApplyToEntryLocked(id, entry, event, changes);
}

void ContainerStore::StoreLocked(const std::string& id, Entry& entry, ContainerInfo info,
                                 StoreChanges& changes) {
  entry.pending.clear();
  const bool restarted = entry.info && entry.info->started_at != api::Time{} &&
                         entry.info->started_at != info.started_at;
  if (!Lives(info) || restarted) SetStoppingLocked(id, entry, false, changes);
  if (entry.info && *entry.info == info) return;
  if (!entry.info || entry.info->labels != info.labels) {
    UnindexLocked(id, entry);
    ContainerKeys keys = KeysOf(info.labels);
    for (const api::ObjectKey& key : keys.keys) {
      by_key_[key].insert(id);
      ++(key.kind == "WebApp" ? counts_.webapp : counts_.load_balancer);
    }
    if (keys.invalid) ++counts_.invalid;
    entry.keys = std::move(keys.keys);
    entry.invalid = keys.invalid;
  }
  entry.info = std::make_shared<const ContainerInfo>(std::move(info));
  changes.enqueue.insert(entry.keys.begin(), entry.keys.end());
}

void ContainerStore::SetStoppingLocked(const std::string& id, Entry& entry, bool stopping,
                                       StoreChanges& changes) {
  if (stopping) entry.stopping_until = clock_.Now() + kStoppingFor;
  if (entry.stopping == stopping) return;
  entry.stopping = stopping;
  if (stopping) {
    stopping_.insert(id);
  } else {
    stopping_.erase(id);
  }
  changes.enqueue.insert(entry.keys.begin(), entry.keys.end());
}

void ContainerStore::EraseLocked(const std::string& id, StoreChanges& changes) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  UnindexLocked(id, found->second);
  changes.enqueue.insert(found->second.keys.begin(), found->second.keys.end());
  changes.refresh.erase(id);
  stopping_.erase(id);
  entries_.erase(found);
}

void ContainerStore::UnindexLocked(const std::string& id, const Entry& entry) {
  for (const api::ObjectKey& key : entry.keys) {
    --(key.kind == "WebApp" ? counts_.webapp : counts_.load_balancer);
    const auto found = by_key_.find(key);
    found->second.erase(id);
    if (found->second.empty()) by_key_.erase(found);
  }
  if (entry.invalid) --counts_.invalid;
}

void ContainerStore::BuryLocked(const std::string& id) {
  if (!destroyed_.insert(id).second) return;
  destroyed_order_.push_back(id);
  if (destroyed_order_.size() <= kMaxDestroyed) return;
  destroyed_.erase(destroyed_order_.front());
  destroyed_order_.pop_front();
}

StoreChanges ContainerStore::Expire() {
  StoreChanges changes;
  const std::lock_guard lock(mutex_);
  const Steady now = clock_.Now();
  const std::set<std::string> stopping = stopping_;
  for (const std::string& id : stopping) {
    Entry& entry = entries_.at(id);
    if (entry.stopping_until <= now) SetStoppingLocked(id, entry, false, changes);
  }
  return changes;
}

std::optional<reconcilers::Clock::Steady> ContainerStore::NextExpiry() const {
  const std::lock_guard lock(mutex_);
  std::optional<Steady> next;
  for (const std::string& id : stopping_) {
    const Steady until = entries_.at(id).stopping_until;
    if (!next || until < *next) next = until;
  }
  return next;
}

bool ContainerStore::synced() const {
  const std::lock_guard lock(mutex_);
  return synced_;
}

ContainerStore::Counts ContainerStore::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::vector<ObservedContainer> ContainerStore::ForWebApp(const std::string& ns,
                                                         const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return ForKeyLocked({"WebApp", ns, name});
}

std::vector<ObservedContainer> ContainerStore::ForLoadBalancer(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return ForKeyLocked({"LoadBalancer", "", name});
}

std::vector<ObservedContainer> ContainerStore::ForKeyLocked(const api::ObjectKey& key) const {
  std::vector<ObservedContainer> result;
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return result;
  result.reserve(found->second.size());
  for (const std::string& id : found->second) {
    const Entry& entry = entries_.at(id);
    result.push_back({entry.info, entry.stopping});
  }
  std::ranges::sort(result, [](const ObservedContainer& a, const ObservedContainer& b) {
    return std::tie(a.info->name, a.info->id) < std::tie(b.info->name, b.info->id);
  });
  return result;
}

std::vector<api::ObjectKey> ContainerStore::WebApps() const {
  const std::lock_guard lock(mutex_);
  std::vector<api::ObjectKey> result;
  for (const auto& [key, ids] : by_key_) {
    if (key.kind == "WebApp") result.push_back(key);
  }
  return result;
}

}  // namespace ballast::runtime
