// A LoadHistory in memory, the twin of store::LoadDb (one contract: tests/contract/load_history).
// Outlives a "restart" of what uses it. Any thread.
#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/ports/load_history.h"

namespace ballast::fakes {

class MemoryLoadHistory final : public reconcilers::LoadHistory {
 public:
  using Samples = std::vector<std::pair<api::ObjectKey, reconcilers::LoadSample>>;

  Result<std::vector<reconcilers::LoadSample>> Seconds(const api::ObjectKey& app,
                                                       std::int64_t after) const override {
    return Read(seconds_, app, after, 900);
  }
  Result<std::vector<reconcilers::LoadSample>> Minutes(const api::ObjectKey& app,
                                                       std::int64_t after) const override {
    return Read(minutes_, app, after, 7 * 24 * 3600);
  }
  Result<void> Append(const Samples& seconds, const Samples& minutes) override {
    const std::lock_guard lock(mutex_);
    if (fail) return std::unexpected(*fail);
    ++appends;
    for (const auto& [from, to] :
         {std::pair(&seconds, &seconds_), std::pair(&minutes, &minutes_)}) {
      for (const auto& [app, sample] : *from) {
        auto& samples = (*to)[app];
        samples.erase(samples.lower_bound(sample.second), samples.end());
        samples[sample.second] = sample;
      }
    }
    return {};
  }

  Result<std::string> LoadState(const api::ObjectKey& autoscaler) const override {
    const std::lock_guard lock(mutex_);
    if (fail) return std::unexpected(*fail);
    const auto it = states_.find(autoscaler);
    return it == states_.end() ? "" : it->second;
  }
  Result<void> SaveState(const api::ObjectKey& autoscaler, const std::string& json) override {
    const std::lock_guard lock(mutex_);
    if (fail) return std::unexpected(*fail);
    states_[autoscaler] = json;
    return {};
  }
  Result<std::vector<reconcilers::DecisionRow>> Decisions(const api::ObjectKey& autoscaler,
                                                          std::size_t limit) const override {
    const std::lock_guard lock(mutex_);
    if (fail) return std::unexpected(*fail);
    std::vector<reconcilers::DecisionRow> rows;
    const auto it = decisions_.find(autoscaler);
    if (it == decisions_.end()) return rows;
    for (auto row = it->second.rbegin(); row != it->second.rend() && rows.size() < limit; ++row) {
      rows.push_back(row->second);
    }
    return rows;
  }
  Result<void> SaveDecision(const api::ObjectKey& autoscaler,
                            reconcilers::DecisionRow& row) override {
    const std::lock_guard lock(mutex_);
    if (fail) return std::unexpected(*fail);
    auto& rows = decisions_[autoscaler];
    if (row.id == 0 || !rows.contains(row.id)) row.id = ++last_id_;
    rows[row.id] = row;
    while (rows.size() > 1000) rows.erase(rows.begin());
    return {};
  }
  Result<void> Forget(const api::ObjectKey& key) override {
    const std::lock_guard lock(mutex_);
    if (fail) return std::unexpected(*fail);
    seconds_.erase(key);
    minutes_.erase(key);
    states_.erase(key);
    decisions_.erase(key);
    return {};
  }

  std::optional<Status> fail;  // what every call answers
  int appends = 0;

 private:
  using Table = std::map<api::ObjectKey, std::map<std::int64_t, reconcilers::LoadSample>>;

  Result<std::vector<reconcilers::LoadSample>> Read(const Table& table, const api::ObjectKey& app,
                                                    std::int64_t after, std::int64_t kept) const {
    const std::lock_guard lock(mutex_);
    if (fail) return std::unexpected(*fail);
    std::vector<reconcilers::LoadSample> samples;
    const auto it = table.find(app);
    if (it == table.end() || it->second.empty()) return samples;
    after = std::max(after, it->second.rbegin()->first - kept);
    for (auto at = it->second.upper_bound(after); at != it->second.end(); ++at) {
      samples.push_back(at->second);
    }
    return samples;
  }

  mutable std::mutex mutex_;
  Table seconds_;
  Table minutes_;
  std::map<api::ObjectKey, std::string> states_;
  std::map<api::ObjectKey, std::map<std::int64_t, reconcilers::DecisionRow>> decisions_;
  std::int64_t last_id_ = 0;
};

}  // namespace ballast::fakes
