#include "controller/runtime/load_table.h"

#include <algorithm>

namespace ballast::runtime {
namespace {

using reconcilers::LoadSample;

constexpr std::int64_t kMinute = 60;
constexpr std::size_t kMaxPendingMinutes = 10'000;

// The last second of the minute that a second is in.
std::int64_t MinuteOf(std::int64_t second) { return (second + kMinute - 1) / kMinute * kMinute; }

}  // namespace

void LoadTable::App::Sum(const LoadSample& sample) {
  sum.request_rate += sample.request_rate;
  sum.concurrency += sample.concurrency;
  sum.queued += sample.queued;
  sum.error_rate += sample.error_rate;
  sum.in_service = sample.in_service;
  if (sample.response_seconds >= 0) {
    sum.response_seconds += sample.response_seconds;
    ++responding;
  }
  ++seconds;
}

LoadSample LoadTable::App::MeanOfMinute() const {
  return {.second = minute,
          .request_rate = sum.request_rate / seconds,
          .concurrency = sum.concurrency / seconds,
          .queued = sum.queued / seconds,
          .response_seconds = responding > 0 ? sum.response_seconds / responding : -1,
          .error_rate = sum.error_rate / seconds,
          .in_service = sum.in_service};
}

const LoadTable::App* LoadTable::Find(const api::ObjectKey& app) const {
  const auto it = apps_.find(app);
  return it == apps_.end() ? nullptr : &it->second;
}

void LoadTable::Restore(const api::ObjectKey& app, const std::vector<LoadSample>& seconds,
                        std::int64_t minute) {
  if (apps_.contains(app) || seconds.empty()) return;
  for (const LoadSample& sample : seconds) {
    App& entry = apps_[app];
    if (sample.second > minute) {
      Add(app, {.sample = sample});
    } else {
      entry.recent.push_back(sample);
    }
    entry.written = sample.second;
    while (entry.recent.size() > kRecent) entry.recent.pop_front();
  }
}

void LoadTable::Follow(const api::ObjectKey& app, const std::vector<LoadSample>& seconds) {
  App& entry = apps_[app];
  if (entry.series) return;
  entry.series.emplace();
  for (const LoadSample& sample : seconds) entry.series->Add(sample);
  for (const LoadSample& sample : entry.recent) {
    const LoadSample* const last = entry.series->Last();
    if (last == nullptr || sample.second > last->second) entry.series->Add(sample);
  }
}

void LoadTable::Unfollow(const api::ObjectKey& app) {
  if (const auto it = apps_.find(app); it != apps_.end()) it->second.series.reset();
}

void LoadTable::Add(const api::ObjectKey& app, const reconcilers::AppLoad& load) {
  App& entry = apps_[app];
  entry.held = load.held;
  if (!load.sample) return;
  const LoadSample& sample = *load.sample;
  if (!entry.recent.empty() && sample.second <= entry.recent.back().second) {
    // The clock was set back.
    entry.recent.clear();
    entry.replicas.clear();
    entry.written = std::min(entry.written, sample.second - 1);
    entry.minute = 0;
  }
  entry.recent.push_back(sample);
  const auto waits = [&entry] { return entry.recent.front().second > entry.written; };
  while (entry.recent.size() > (waits() ? kMaxPending : kRecent)) entry.recent.pop_front();
  if (entry.series) entry.series->Add(sample);
  if (const std::int64_t minute = MinuteOf(sample.second); minute != entry.minute) {
    if (entry.minute != 0) minutes_.emplace_back(app, entry.MeanOfMinute());
    if (minutes_.size() > kMaxPendingMinutes) minutes_.erase(minutes_.begin());
    entry.minute = minute;
    entry.sum = {.response_seconds = 0};
    entry.seconds = 0;
    entry.responding = 0;
  }
  entry.Sum(sample);
  std::erase_if(entry.replicas,
                [&](const auto& replica) { return !load.replicas.contains(replica.first); });
  for (const auto& [name, replica] : load.replicas) {
    entry.replicas[name].Add(sample.second, replica);
  }
}

void LoadTable::SetHeld(const api::ObjectKey& app, int held) {
  if (const auto it = apps_.find(app); it != apps_.end()) {
    it->second.held = held;
  } else if (held > 0) {
    apps_[app].held = held;
  }
}

void LoadTable::Pending(Samples& seconds, Samples& minutes) const {
  for (const auto& [app, entry] : apps_) {
    auto it = std::ranges::upper_bound(entry.recent, entry.written, {}, &LoadSample::second);
    for (; it != entry.recent.end(); ++it) seconds.emplace_back(app, *it);
  }
  minutes = minutes_;
}

void LoadTable::Written() {
  for (auto& [app, entry] : apps_) {
    if (!entry.recent.empty()) entry.written = entry.recent.back().second;
    while (entry.recent.size() > kRecent) entry.recent.pop_front();
  }
  minutes_.clear();
}

}  // namespace ballast::runtime
