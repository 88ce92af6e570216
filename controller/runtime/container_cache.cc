#include "controller/runtime/container_cache.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/labels.h"
#include "controller/runtime/log.h"

namespace ballast::runtime {
namespace {

using reconcilers::ContainerInfo;

constexpr int kInspectAttempts = 3;
constexpr std::size_t kLaterBatch = 64;
constexpr std::chrono::milliseconds kRefreshRetry{250};
constexpr std::chrono::seconds kLongestWait{1};
// A stream that lived so long was a good one: reconnect at once.
constexpr std::chrono::seconds kGoodStream{1};

}  // namespace

ContainerCache::ContainerCache(reconcilers::Engine& engine, const reconcilers::Clock& clock,
                               reconcilers::Enqueuer& enqueuer, reconcilers::Metrics& metrics,
                               Options options)
    : engine_(engine),
      clock_(clock),
      enqueuer_(enqueuer),
      metrics_(metrics),
      options_(options),
      store_(clock) {}

ContainerCache::~ContainerCache() { Stop(); }

void ContainerCache::Start() {
  if (events_thread_.joinable()) return;
  maintenance_thread_ = std::jthread([this](const std::stop_token& stop) { Maintain(stop); });
  events_thread_ = std::jthread([this](const std::stop_token& stop) { FollowEvents(stop); });
}

void ContainerCache::Stop() {
  events_thread_.request_stop();
  maintenance_thread_.request_stop();
  if (events_thread_.joinable()) events_thread_.join();
  if (maintenance_thread_.joinable()) maintenance_thread_.join();
}

bool ContainerCache::Connected() const {
  const std::lock_guard lock(mutex_);
  return stream_open_ && listed_;
}

void ContainerCache::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  wake_.notify_all();
}

// --- The event stream -----------------------------------------------------------------------

void ContainerCache::FollowEvents(const std::stop_token& stop) {
  std::chrono::milliseconds back_off = options_.min_reconnect;
  while (!stop.stop_requested()) {
    const Steady begin = clock_.Now();
    const Status status = engine_.StreamEvents(
        stop, [this] { OnOpen(); },
        [this](const reconcilers::EngineEvent& event) { OnEvent(event); });
    std::unique_lock lock(mutex_);
    const bool was_open = stream_open_;
    stream_open_ = false;
    listed_ = false;
    gap_ = true;
    metrics_.Set("ballast_docker_connected", 0, {});
    if (stop.stop_requested()) return;
    if (was_open && clock_.Now() - begin >= kGoodStream) back_off = options_.min_reconnect;
    // Each attempt would be a line every half a second for as long as Docker is away.
    Log(was_open ? LogLevel::kWarning : LogLevel::kDebug, "Docker event stream broken",
        {{"error", status}, {"retry_in_ms", back_off.count()}});
    wake_.wait_for(lock, stop, back_off, [] { return false; });
    back_off = std::min(back_off * 2, options_.max_reconnect);
  }
}

void ContainerCache::OnOpen() {
  const std::lock_guard lock(mutex_);
  Log(LogLevel::kInfo, "Docker event stream open");
  metrics_.Set("ballast_docker_connected", 1, {});
  stream_open_ = true;
  ++connects_;
  next_list_ = clock_.Now();
  list_back_off_ = options_.min_reconnect;
  woken_ = true;
  wake_.notify_all();
}

void ContainerCache::OnEvent(const reconcilers::EngineEvent& event) {
  const StoreChanges changes = store_.ApplyEvent(event);
  if (!changes.relevant) return;
  Publish(changes);
  metrics_.Add("ballast_docker_events_total", 1, {{"action", event.action}});
}

// --- Lists, refreshes, deadlines ------------------------------------------------------------

void ContainerCache::Maintain(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (MaintainOnce(stop)) continue;
    std::unique_lock lock(mutex_);
    const auto wait = NextDeadlineLocked() - clock_.Now();
    wake_.wait_for(lock, stop, std::min<std::chrono::nanoseconds>(wait, kLongestWait),
                   [this] { return woken_; });
    woken_ = false;
  }
}

bool ContainerCache::MaintainOnce(const std::stop_token& stop) {
  const Steady now = clock_.Now();
  std::unique_lock lock(mutex_);
  if (stream_open_ && next_list_ && *next_list_ <= now) {
    next_list_.reset();
    lock.unlock();
    List(stop);
    return true;
  }
  if (!failed_.empty() && retry_at_ <= now) {
    for (const std::string& id : std::exchange(failed_, {})) QueueLocked(id);
  }
  if (!refreshes_.empty()) {
    const std::string id = std::move(refreshes_.front());
    refreshes_.pop_front();
    queued_.erase(id);
    later_.erase(id);
    lock.unlock();
    StoreChanges changes;
    RefreshQueued(id, changes);
    Publish(changes);
    return true;
  }
  const bool later = !later_.empty() && stream_open_;
  lock.unlock();
  const std::optional<Steady> expiry = store_.NextExpiry();
  if (expiry && *expiry <= now) {
    Publish(store_.Expire());
    return true;
  }
  if (later) RefreshLater(stop);
  return later;
}

ContainerCache::Steady ContainerCache::NextDeadlineLocked() const {
  if (woken_ || !refreshes_.empty() || (stream_open_ && !later_.empty())) return clock_.Now();
  Steady next = clock_.Now() + kLongestWait;
  if (stream_open_ && next_list_) next = std::min(next, *next_list_);
  if (!failed_.empty()) next = std::min(next, retry_at_);
  if (const std::optional<Steady> expiry = store_.NextExpiry()) next = std::min(next, *expiry);
  return next;
}

void ContainerCache::List(const std::stop_token& stop) {
  std::uint64_t connect = 0;
  bool after_gap = false;
  {
    const std::lock_guard lock(mutex_);
    connect = connects_;
    after_gap = gap_;
  }
  const Steady begin = clock_.Now();
  store_.BeginList();
  Result<std::vector<ContainerInfo>> list = ReadList();
  if (!list) {
    const std::lock_guard lock(mutex_);
    Log(LogLevel::kWarning, "Listing containers failed",
        {{"error", list.error()}, {"retry_in_ms", list_back_off_.count()}});
    if (connect == connects_) ScheduleListLocked(false);
    return;
  }
  Complete(*list, stop);
  if (stop.stop_requested()) return;
  const std::size_t count = list->size();
  const bool first = !store_.synced();
  const StoreChanges changes = store_.ApplyList(std::move(*list), after_gap);
  {
    const std::lock_guard lock(mutex_);
    // A stream that was opened meanwhile wants a list of its own.
    if (connect == connects_ && stream_open_) {
      gap_ = false;
      ScheduleListLocked(true);
      listed_ = true;
    }
  }
  metrics_.Add("ballast_docker_resyncs_total", 1, {});
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Now() - begin);
  Log(after_gap ? LogLevel::kInfo : LogLevel::kDebug, "Containers listed",
      {{"containers", count}, {"changed_apps", changes.enqueue.size()}, {"ms", took.count()}});
  Publish(changes);
  if (first && on_synced_) on_synced_();
}

Result<std::vector<ContainerInfo>> ContainerCache::ReadList() {
  Result<std::vector<ContainerInfo>> apps = engine_.ListContainers(api::kLabelWebApp);
  if (!apps) return apps;
  Result<std::vector<ContainerInfo>> balancers =
      engine_.ListContainers(api::kLabelLoadBalancerName);
  if (!balancers) return balancers;
  std::ranges::move(*balancers, std::back_inserter(*apps));
  return apps;
}

void ContainerCache::Complete(std::vector<ContainerInfo>& list, const std::stop_token& stop) {
  std::vector<std::string> incomplete = store_.Incomplete(list);
  if (incomplete.size() > options_.inspect_first) incomplete.resize(options_.inspect_first);
  const std::set<std::string> ids(incomplete.begin(), incomplete.end());
  std::set<std::string> gone;
  for (ContainerInfo& info : list) {
    if (!ids.contains(info.id) || stop.stop_requested()) continue;
    Result<ContainerInfo> inspected = engine_.InspectContainer(info.id);
    if (inspected) {
      info = std::move(*inspected);
    } else if (inspected.error().code == Code::kNotFound) {
      gone.insert(info.id);
    }
  }
  std::erase_if(list, [&gone](const ContainerInfo& info) { return gone.contains(info.id); });
}

void ContainerCache::ScheduleListLocked(bool succeeded) {
  const Steady now = clock_.Now();
  if (succeeded) {
    next_list_ = now + (listed_ ? options_.relist : options_.settle_relist);
    list_back_off_ = options_.min_reconnect;
  } else {
    next_list_ = now + list_back_off_;
    list_back_off_ = std::min(list_back_off_ * 2, options_.max_reconnect);
  }
}

void ContainerCache::RefreshLater(const std::stop_token& stop) {
  StoreChanges changes;
  for (std::size_t i = 0; i < kLaterBatch && !stop.stop_requested(); ++i) {
    std::unique_lock lock(mutex_);
    if (later_.empty() || !refreshes_.empty()) break;
    const std::string id = std::move(later_.extract(later_.begin()).value());
    lock.unlock();
    RefreshQueued(id, changes);
  }
  Publish(changes);
}

void ContainerCache::RefreshQueued(const std::string& id, StoreChanges& changes) {
  const Result<void> result = Inspect(id, changes);
  if (result) return;
  Log(LogLevel::kDebug, "Refresh failed", {{"container", id}, {"error", result.error()}});
  const std::lock_guard lock(mutex_);
  if (failed_.empty()) retry_at_ = clock_.Now() + kRefreshRetry;
  failed_.insert(id);
}

Result<void> ContainerCache::Inspect(const std::string& id, StoreChanges& changes) {
  for (int attempt = 1;; ++attempt) {
    const ContainerStore::Ticket ticket = store_.BeginInspect();
    Result<ContainerInfo> info = engine_.InspectContainer(id);
    if (!info && info.error().code != Code::kNotFound) {
      return Wrap("inspect " + id, info.error());
    }
    const std::string real_id = info ? info->id : id;
    StoreChanges news = info ? store_.ApplyInspect(ticket, id, std::move(*info))
                             : store_.ApplyInspect(ticket, id, std::nullopt);
    const bool again = attempt < kInspectAttempts && news.refresh.erase(real_id) > 0;
    changes.Merge(news);
    if (!again) return {};
  }
}

Result<void> ContainerCache::Refresh(const std::string& id) {
  StoreChanges changes;
  const Result<void> result = Inspect(id, changes);
  Publish(changes);
  return result;
}

void ContainerCache::Publish(const StoreChanges& changes) {
  for (const api::ObjectKey& key : changes.enqueue) enqueuer_.Enqueue(key);
  if (!changes.refresh.empty() || !changes.refresh_later.empty()) {
    const std::lock_guard lock(mutex_);
    for (const std::string& id : changes.refresh) QueueLocked(id);
    later_.insert(changes.refresh_later.begin(), changes.refresh_later.end());
    woken_ = true;
    wake_.notify_all();
  }
  if (changes.enqueue.empty()) return;
  const ContainerStore::Counts counts = store_.counts();
  const auto set = [this](std::string_view kind, std::size_t count) {
    metrics_.Set("ballast_containers", static_cast<double>(count), {{"kind", kind}});
  };
  set("webapp", counts.webapp);
  set("loadbalancer", counts.load_balancer);
  set("invalid", counts.invalid);
}

void ContainerCache::QueueLocked(const std::string& id) {
  if (queued_.insert(id).second) refreshes_.push_back(id);
}

// --- Reading ----------------------------------------------------------------------------------

bool ContainerCache::Synced() const { return store_.synced(); }

std::vector<reconcilers::ObservedContainer> ContainerCache::ForWebApp(
    const std::string& ns, const std::string& name) const {
  return store_.ForWebApp(ns, name);
}

std::vector<reconcilers::ObservedContainer> ContainerCache::ForLoadBalancer(
    const std::string& name) const {
  return store_.ForLoadBalancer(name);
}

std::vector<api::ObjectKey> ContainerCache::WebApps() const { return store_.WebApps(); }

}  // namespace ballast::runtime
