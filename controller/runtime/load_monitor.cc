#include "controller/runtime/load_monitor.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "controller/runtime/log.h"

namespace ballast::runtime {

using reconcilers::LoadReading;
using reconcilers::LoadSample;
using reconcilers::LoadSeries;
using reconcilers::Presence;
using std::chrono::milliseconds;

namespace {

std::int64_t SecondOf(api::Time time) {
  return std::chrono::round<std::chrono::seconds>(time).time_since_epoch().count();
}

api::ObjectKey TargetOf(const api::Autoscaler& autoscaler) {
  return {"WebApp", autoscaler.meta.ns, autoscaler.spec.scale_target_ref.name};
}

// Rates over the last seconds, what is there now.
LoadNow NowOf(const LoadTable::App& app, std::int64_t second) {
  LoadNow now;
  const std::int64_t after = second - LoadMonitor::kNowSeconds;
  int count = 0;
  int responding = 0;
  double response = 0;
  for (const LoadSample& sample : app.recent | std::views::reverse) {
    if (sample.second <= after) break;
    if (count == 0) {
      now.concurrency = sample.concurrency;
      now.queued = sample.queued;
    }
    ++count;
    now.request_rate += sample.request_rate;
    now.error_rate += sample.error_rate;
    if (sample.response_seconds >= 0) {
      response += sample.response_seconds;
      ++responding;
    }
  }
  if (count == 0) return now;
  now.known = true;
  now.request_rate /= count;
  now.error_rate /= count;
  if (responding > 0) now.response_seconds = response / responding;
  return now;
}

LoadNow NowOf(const ReplicaRing& ring, std::int64_t second) {
  if (ring.last() <= second - LoadMonitor::kNowSeconds) return {};
  const auto mean = ring.Mean(second, static_cast<int>(LoadMonitor::kNowSeconds));
  return {.known = true,
          .request_rate = mean.request_rate,
          .concurrency = mean.concurrency,
          .queued = mean.queued,
          .response_seconds = mean.response_seconds,
          .error_rate = mean.error_rate};
}

}  // namespace

LoadMonitor::LoadMonitor(LoadMonitorDependencies dependencies)
    : d_(std::move(dependencies)), gauges_(d_.metrics), last_write_(d_.clock.Now()) {}

LoadMonitor::~LoadMonitor() { Stop(); }

void LoadMonitor::Start() {
  // A decision right after the start knows what was before.
  Follow(d_.desired.ListAutoscalers(), SecondOf(d_.clock.WallNow()));
  thread_ = std::jthread([this](const std::stop_token& stop) { Loop(stop); });
}

void LoadMonitor::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  Write();
}

void LoadMonitor::SampleSoon() {
  {
    const std::lock_guard lock(wake_mutex_);
    soon_ = true;
  }
  wake_.notify_all();
}

milliseconds LoadMonitor::UntilNextSecond() const {
  const api::Time now = d_.clock.WallNow();
  const api::Time next =
      std::chrono::floor<std::chrono::seconds>(now - kAfterSecond) + std::chrono::seconds(1);
  return std::chrono::ceil<milliseconds>(next + kAfterSecond - now);
}

void LoadMonitor::Loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    bool soon = false;
    {
      std::unique_lock lock(wake_mutex_);
      soon = wake_.wait_for(lock, stop, UntilNextSecond(), [this] { return soon_; });
    }
    if (stop.stop_requested()) return;
    if (!soon) {
      Sample();
      continue;
    }
    SampleHeld();
    std::unique_lock lock(wake_mutex_);
    soon_ = false;
    // Two hundred requests that come at once make two hundred wakes.
    wake_.wait_for(lock, stop, std::min(kSoonest, UntilNextSecond()), [] { return false; });
  }
}

void LoadMonitor::Sample() {
  const std::int64_t second = SecondOf(d_.clock.WallNow());
  const auto steady = d_.clock.Now();
  const bool early = second <= last_second_ && second + kClockSetBack >= last_second_;
  if (last_second_ != 0 && (early || steady - last_sample_ < kShortest)) return;
  reconcilers::LoadReadings readings;
  for (auto& [name, reading] : d_.source.ReadLoad()) {
    readings.emplace(name, reading ? std::optional(std::move(*reading)) : std::nullopt);
  }
  last_second_ = second;
  last_sample_ = steady;
  auto loads = tracker_.Add(second, d_.clock.Now(), std::move(readings));
  for (auto it = loads.begin(); it != loads.end();) {
    Restore(it->first, second);
    // A backend that HAProxy still has of one that is deleted.
    const bool known = [&] {
      const std::lock_guard lock(mutex_);
      return table_.Find(it->first) != nullptr;
    }();
    it = known || Exists(it->first) ? std::next(it) : loads.erase(it);
  }
  const Autoscalers autoscalers = d_.desired.ListAutoscalers();
  Follow(autoscalers, second);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [app, entry] : table_.apps()) {
      if (!loads.contains(app)) table_.SetHeld(app, 0);
    }
    for (const auto& [app, load] : loads) table_.Add(app, load);
  }
  for (const auto& [app, load] : loads) {
    if (load.sample) gauges_.Set(app, *load.sample);
  }
  gauges_.Expire(second);
  Enqueue(autoscalers);
  if (steady - last_write_ >= kWriteEvery) {
    last_write_ = steady;
    Write();
    DropGone();
  }
}

void LoadMonitor::SampleHeld() {
  std::map<api::ObjectKey, int> held;
  for (const auto& [name, reading] : d_.source.ReadLoad()) {
    if (!reading) continue;
    for (const reconcilers::BackendCounters& backend : reading->backends)
      held[backend.app] += backend.held;
  }
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [app, count] : held) table_.SetHeld(app, count);
  }
  Enqueue(d_.desired.ListAutoscalers());
}

void LoadMonitor::Enqueue(const Autoscalers& autoscalers) const {
  for (const auto& autoscaler : autoscalers) d_.enqueuer.Enqueue(autoscaler->Key());
}

bool LoadMonitor::Exists(const api::ObjectKey& app) const {
  std::shared_ptr<const api::WebApp> object;
  return d_.desired.GetWebApp(app, object) != Presence::kAbsent;
}

// The history's last 15 minutes; what a clock that was set back has told is not among them.
std::vector<LoadSample> LoadMonitor::Kept(const api::ObjectKey& app, std::int64_t now) const {
  auto samples = d_.history.Seconds(app, now - LoadSeries::kSeconds);
  if (!samples) return {};
  std::erase_if(*samples, [now](const LoadSample& sample) { return sample.second > now; });
  return *std::move(samples);
}

// Of one that was not measured since the start.
void LoadMonitor::Restore(const api::ObjectKey& app, std::int64_t now) {
  {
    const std::lock_guard lock(mutex_);
    if (table_.Find(app) != nullptr) return;
  }
  if (!Exists(app)) return;
  const std::vector<LoadSample> seconds = Kept(app, now);
  const auto minutes = d_.history.Minutes(app, now - LoadSeries::kSeconds);
  const std::int64_t minute = minutes && !minutes->empty() ? minutes->back().second : 0;
  const std::lock_guard lock(mutex_);
  table_.Restore(app, seconds, minute);
}

void LoadMonitor::Follow(const Autoscalers& autoscalers, std::int64_t now) {
  std::set<api::ObjectKey> scaled;
  for (const auto& autoscaler : autoscalers) scaled.insert(TargetOf(*autoscaler));
  std::vector<api::ObjectKey> added;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [app, entry] : table_.apps()) {
      if (entry.series && !scaled.contains(app)) table_.Unfollow(app);
    }
    for (const api::ObjectKey& app : scaled) {
      const LoadTable::App* entry = table_.Find(app);
      if (entry == nullptr || !entry->series) added.push_back(app);
    }
  }
  for (const api::ObjectKey& app : added) {
    if (!Exists(app)) continue;
    Restore(app, now);
    const std::vector<LoadSample> samples = Kept(app, now);
    const std::lock_guard lock(mutex_);
    table_.Follow(app, samples);
  }
}

void LoadMonitor::Write() {
  LoadTable::Samples seconds;
  LoadTable::Samples minutes;
  {
    const std::lock_guard lock(mutex_);
    table_.Pending(seconds, minutes);
  }
  if (seconds.empty() && minutes.empty()) return;
  if (const auto written = d_.history.Append(seconds, minutes); !written) {
    if (!std::exchange(told_unwritten_, true)) {
      Log(LogLevel::kWarning, "Loads cannot be written down; they are kept in memory meanwhile",
          {{"error", written.error()}});
    }
    return;
  }
  told_unwritten_ = false;
  const std::lock_guard lock(mutex_);
  table_.Written();
}

// Twice in a row: what is unknown for a moment is not gone.
void LoadMonitor::DropGone() {
  std::vector<api::ObjectKey> apps;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [app, entry] : table_.apps()) apps.push_back(app);
  }
  std::set<api::ObjectKey> gone;
  for (const api::ObjectKey& app : apps) {
    if (Exists(app)) continue;
    if (!gone_.contains(app)) {
      gone.insert(app);
      continue;
    }
    gauges_.Remove(app);
    static_cast<void>(d_.history.Forget(app));  // otherwise its age does it
    const std::lock_guard lock(mutex_);
    table_.Remove(app);
  }
  gone_ = std::move(gone);
}

std::optional<LoadSeries> LoadMonitor::Load(const api::ObjectKey& app) const {
  {
    const std::lock_guard lock(mutex_);
    const LoadTable::App* entry = table_.Find(app);
    if (entry != nullptr && entry->series) {
      return entry->series->Last() == nullptr ? std::nullopt : entry->series;
    }
  }
  const auto samples = Seconds(app, SecondOf(d_.clock.WallNow()) - LoadSeries::kSeconds);
  if (!samples || samples->empty()) return std::nullopt;
  LoadSeries series;
  for (const LoadSample& sample : *samples) series.Add(sample);
  return series;
}

int LoadMonitor::Held(const api::ObjectKey& app) const {
  const std::lock_guard lock(mutex_);
  const LoadTable::App* entry = table_.Find(app);
  return entry == nullptr ? 0 : entry->held;
}

std::map<std::string, reconcilers::ResourceSample> LoadMonitor::Resources(
    const api::ObjectKey& app) {
  if (!d_.resources) return {};
  auto resources = d_.resources(app);
  // A replica that is not in HAProxy yet is busy with its own start: that tells nothing.
  const std::lock_guard lock(mutex_);
  const LoadTable::App* known = table_.Find(app);
  if (known != nullptr && !known->replicas.empty()) {
    std::erase_if(resources,
                  [known](const auto& entry) { return !known->replicas.contains(entry.first); });
  }
  return resources;
}

std::vector<AppLoadNow> LoadMonitor::Now(const std::string& ns) const {
  const std::int64_t second = SecondOf(d_.clock.WallNow());
  std::vector<AppLoadNow> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [app, entry] : table_.apps()) {
    if (!ns.empty() && app.ns != ns) continue;
    AppLoadNow now{.app = app, .load = NowOf(entry, second), .held = entry.held, .replicas = {}};
    if (now.load.known) now.in_service = entry.recent.back().in_service;
    for (const auto& [name, ring] : entry.replicas) now.replicas.emplace(name, NowOf(ring, second));
    all.push_back(std::move(now));
  }
  return all;
}

Result<std::vector<LoadSample>> LoadMonitor::Seconds(const api::ObjectKey& app,
                                                     std::int64_t after) const {
  // First what is newest, so that nothing falls between the two.
  std::vector<LoadSample> recent;
  {
    const std::lock_guard lock(mutex_);
    if (const LoadTable::App* entry = table_.Find(app); entry != nullptr) {
      if (entry->series) return entry->series->Samples(after);
      recent.assign(entry->recent.begin(), entry->recent.end());
    }
  }
  auto samples = d_.history.Seconds(app, after);
  if (!samples) samples.emplace();  // what is not kept is still known for a minute
  for (const LoadSample& sample : recent) {
    const std::int64_t last = samples->empty() ? after : samples->back().second;
    if (sample.second > last) samples->push_back(sample);
  }
  return samples;
}

}  // namespace ballast::runtime
