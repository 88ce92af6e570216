// What ContainerCache knows: containers by id, indexed by web app and load balancer, and the rules
// by which events, inspects and lists change them. It never talks to the engine and never waits, so
// that every interleaving can be tested. One mutex; any thread.
//
// Order: a ticket is drawn before each inspect or list. What was asked before a container's last
// event never overwrites what the event said.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/container_lister.h"
#include "reconcilers/ports/engine.h"

namespace ballast::runtime {

// What follows from a change: objects to look at again, containers to inspect. No duplicates.
struct StoreChanges {
  std::set<api::ObjectKey> enqueue;
  std::set<std::string> refresh;
  std::set<std::string> refresh_later;  // details only; may wait
  bool relevant = true;                 // false: an event of a container that is none of ours

  void Merge(const StoreChanges& other);
};

class ContainerStore {
 public:
  using Ticket = std::uint64_t;

  // A container that was sent a signal that ends it and lives on is "stopping" no longer after:
  static constexpr std::chrono::seconds kStoppingFor{15};

  explicit ContainerStore(const reconcilers::Clock& clock) : clock_(clock) {}

  StoreChanges ApplyEvent(const reconcilers::EngineEvent& event);

  // Before asking the engine for one container.
  [[nodiscard]] Ticket BeginInspect();
  // What it said about `id` (an id or a name); no info: there is no such container. `refresh` names
  // it again when an event came in between, so that the answer may be old.
  StoreChanges ApplyInspect(Ticket ticket, const std::string& id,
                            std::optional<reconcilers::ContainerInfo> info);

  // A list: begin, ask the engine, inspect what is incomplete, apply. Events go on being applied
  // meanwhile, and hold against the list. One list at a time.
  void BeginList();
  // Ids in `list` to inspect before it is applied: those that are new or differ from what is known
  // and where a list does not tell enough.
  [[nodiscard]] std::vector<std::string> Incomplete(
      const std::vector<reconcilers::ContainerInfo>& list) const;
  // `after_gap`: events were missed before this list.
  StoreChanges ApplyList(std::vector<reconcilers::ContainerInfo> list, bool after_gap);

  // Containers whose "stopping" has lasted long enough.
  StoreChanges Expire();
  [[nodiscard]] std::optional<reconcilers::Clock::Steady> NextExpiry() const;

  [[nodiscard]] bool synced() const;
  [[nodiscard]] std::vector<reconcilers::ObservedContainer> ForWebApp(
      const std::string& ns, const std::string& name) const;
  [[nodiscard]] std::vector<reconcilers::ObservedContainer> ForLoadBalancer(
      const std::string& name) const;
  [[nodiscard]] std::vector<api::ObjectKey> WebApps() const;

  struct Counts {
    std::size_t webapp = 0;
    std::size_t load_balancer = 0;
    std::size_t invalid = 0;  // labels that cannot be the name of anything
  };
  [[nodiscard]] Counts counts() const;

 private:
  using Steady = reconcilers::Clock::Steady;
  struct Entry {
    reconcilers::ContainerPtr info;                 // none: only events so far
    std::vector<reconcilers::EngineEvent> pending;  // those events, for when a list brings the info
    bool stopping = false;
    Steady stopping_until{};
    Ticket last_event = 0;
    Ticket as_of = 0;  // when the stored answer was asked for
    std::vector<api::ObjectKey> keys;
    bool invalid = false;
  };

  // All with mutex_ held.
  void ApplyToEntryLocked(const std::string& id, Entry& entry,
                          const reconcilers::EngineEvent& event, StoreChanges& changes);
  void ApplyListedLocked(reconcilers::ContainerInfo info, bool after_gap, StoreChanges& changes);
  void StoreLocked(const std::string& id, Entry& entry, reconcilers::ContainerInfo info,
                   StoreChanges& changes);
  void SetStoppingLocked(const std::string& id, Entry& entry, bool stopping, StoreChanges& changes);
  void EraseLocked(const std::string& id, StoreChanges& changes);
  void UnindexLocked(const std::string& id, const Entry& entry);
  void BuryLocked(const std::string& id);
  [[nodiscard]] std::vector<reconcilers::ObservedContainer> ForKeyLocked(
      const api::ObjectKey& key) const;

  const reconcilers::Clock& clock_;
  mutable std::mutex mutex_;
  bool synced_ = false;
  Ticket next_ticket_ = 1;
  Ticket list_ticket_ = 0;  // of the list that is under way, else of the last one
  std::unordered_map<std::string, Entry> entries_;
  std::map<api::ObjectKey, std::unordered_set<std::string>> by_key_;
  std::set<std::string> stopping_;  // ids of entries that are
  Counts counts_;
  // Ids never come back: the last few thousand that were destroyed, so that an answer from before
  // brings none of them back to life.
  std::unordered_set<std::string> destroyed_;
  std::deque<std::string> destroyed_order_;
};

}  // namespace ballast::runtime
