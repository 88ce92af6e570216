// What the load monitor knows of each web app: the last minute of all, the last 15 of those that
// have an Autoscaler (130 KiB each), sums of the current minute, and what waits to be written down.
// No lock of its own.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/meta.h"
#include "controller/runtime/replica_ring.h"
#include "reconcilers/autoscaler/load.h"
#include "reconcilers/autoscaler/load_tracker.h"

namespace ballast::runtime {

class LoadTable {
 public:
  static constexpr std::size_t kRecent = 60;
  // Of each web app, while the history cannot be written.
  static constexpr std::size_t kMaxPending = 900;

  using Samples = std::vector<std::pair<api::ObjectKey, reconcilers::LoadSample>>;

  struct App {
    std::deque<reconcilers::LoadSample> recent;  // the newest, ascending; at least a minute's
    std::optional<reconcilers::LoadSeries> series;
    std::map<std::string, ReplicaRing> replicas;
    int held = 0;

   private:
    friend class LoadTable;
    // Of the minute that is not over yet.
    std::int64_t minute = 0;  // its last second; 0: none
    reconcilers::LoadSample sum;
    int seconds = 0;
    int responding = 0;
    std::int64_t written = 0;  // seconds up to this one are in the history
    void Sum(const reconcilers::LoadSample& sample);
    [[nodiscard]] reconcilers::LoadSample MeanOfMinute() const;
  };

  [[nodiscard]] const App* Find(const api::ObjectKey& app) const;
  [[nodiscard]] const std::map<api::ObjectKey, App>& apps() const { return apps_; }

  // What was kept before a restart: `seconds` ascending, all of minutes after `minute` to be summed
  // again. Only of one that is not known yet.
  void Restore(const api::ObjectKey& app, const std::vector<reconcilers::LoadSample>& seconds,
               std::int64_t minute);
  // The series from now on, of these and the newest; `seconds` ascending.
  void Follow(const api::ObjectKey& app, const std::vector<reconcilers::LoadSample>& seconds);
  void Unfollow(const api::ObjectKey& app);

  void Add(const api::ObjectKey& app, const reconcilers::AppLoad& load);
  void SetHeld(const api::ObjectKey& app, int held);
  void Remove(const api::ObjectKey& app) { apps_.erase(app); }

  // What is not written yet, oldest first.
  void Pending(Samples& seconds, Samples& minutes) const;
  // All that Pending told is.
  void Written();

 private:
  std::map<api::ObjectKey, App> apps_;
  Samples minutes_;  // that are over, and not written yet
};

}  // namespace ballast::runtime
