// Keys that wait to be applied: each at most once, in the order of their rank, or not before some
// time. Time is what the caller says. Owned and locked by ManifestApplier.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "api/meta.h"
#include "reconcilers/ports/clock.h"

namespace ballast::manifests {

class ApplyQueue {
 public:
  using Steady = reconcilers::Clock::Steady;

  // Forced: because the manifests say so, or to try again. Otherwise a stored object changed, which
  // need not mean anything.
  struct Item {
    api::ObjectKey key;
    bool forced = false;
  };

  // Due at once. What waits for its time goes on waiting, unless this is forced.
  void Add(const api::ObjectKey& key, int rank, bool forced);
  // Due later; what is due at once because it was forced stays so.
  void AddAt(const api::ObjectKey& key, int rank, bool forced, Steady when);

  [[nodiscard]] std::optional<Item> Take(Steady now);
  // When something is due; the beginning of time: now.
  [[nodiscard]] std::optional<Steady> NextDue() const;

 private:
  struct Entry {
    int rank = 0;
    bool forced = false;
    std::optional<Steady> when;  // nothing: it is in ready_
  };

  std::map<api::ObjectKey, Entry> entries_;
  std::set<std::pair<int, api::ObjectKey>> ready_;      // by rank
  std::set<std::pair<Steady, api::ObjectKey>> timers_;  // the others, by time
};

}  // namespace ballast::manifests
