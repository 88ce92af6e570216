#include "controller/runtime/resource_monitor.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "controller/runtime/log.h"

namespace ballast::runtime {
namespace {

// Waits are cut into pieces, so that a clock that was set back never hurts much.
constexpr std::chrono::seconds kLongestWait{1};

}  // namespace

ResourceMonitor::ResourceMonitor(reconcilers::Engine& engine,
                                 const reconcilers::ContainerLister& containers,
                                 const reconcilers::Clock& clock, Options options)
    : engine_(engine),
      containers_(containers),
      clock_(clock),
      options_(std::move(options)),
      table_(options_.intervals) {}

ResourceMonitor::~ResourceMonitor() {
  Stop();
  if (thread_.joinable()) thread_.join();
}

void ResourceMonitor::Start() {
  const std::lock_guard lock(mutex_);
  if (running_ || stopping_) return;
  running_ = true;
  thread_ = std::thread([this] { Run(); });
}

bool ResourceMonitor::Stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  wake_.notify_all();
  const bool ended = ended_.wait_for(lock, options_.grace, [this] { return !running_; });
  if (!ended) Log(LogLevel::kError, "Docker has not answered yet how much the containers use");
  return ended;
}

std::map<std::string, reconcilers::ResourceSample> ResourceMonitor::Resources(
    const api::ObjectKey& app) {
  const std::lock_guard lock(mutex_);
  const Steady now = clock_.Now();
  if (table_.Ask(app, now)) {
    woken_ = true;
    wake_.notify_all();
  }
  std::map<std::string, reconcilers::ResourceSample> samples;
  for (const auto& [name, replica] : table_.Replicas(app, now)) samples[name] = replica.total;
  return samples;
}

void ResourceMonitor::WhenMeasured(const std::vector<api::ObjectKey>& apps,
                                   std::chrono::milliseconds patience,
                                   std::function<void(const Measured&)> done) {
  {
    const std::lock_guard lock(mutex_);
    if (running_ && !stopping_) {
      const Steady now = clock_.Now();
      for (const api::ObjectKey& app : apps) {
        table_.Ask(app, now);
        table_.LookAgain(app);
      }
      waiters_.push_back({apps, now + patience, std::move(done)});
      woken_ = true;
      wake_.notify_all();
      return;
    }
  }
  done({});
}

void ResourceMonitor::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  wake_.notify_all();
}

void ResourceMonitor::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    woken_ = false;
    MeasureSome(lock);
    AnswerWaiters(lock);
    if (stopping_) break;
    const Steady now = clock_.Now();
    std::optional<Steady> next = table_.NextDue();
    for (const Waiter& waiter : waiters_)
      next = next ? std::min(*next, waiter.until) : waiter.until;
    const auto news = [this] { return stopping_ || woken_; };
    if (!next) {
      wake_.wait(lock, news);
    } else if (*next > now) {
      wake_.wait_for(lock, std::min<std::chrono::nanoseconds>(*next - now, kLongestWait), news);
    }
  }
  // Nobody answers them any more: their requests end with them, outside of the lock.
  std::list<Waiter> dropped = std::exchange(waiters_, {});
  lock.unlock();
  dropped.clear();
  lock.lock();
  running_ = false;
  ended_.notify_all();
}

void ResourceMonitor::MeasureSome(std::unique_lock<std::mutex>& lock) {
  const Steady now = clock_.Now();
  table_.Expire(now);
  for (const api::ObjectKey& app : table_.ToSync(now)) {
    table_.Sync(app, ResourceTargetsOf(containers_.ForWebApp(app.ns, app.name), options_.owner),
                now);
  }
  const std::vector<std::string> ids = table_.Take(now, options_.at_once);
  if (ids.empty()) return;
  lock.unlock();
  const auto samples = engine_.ContainerStats(ids);
  lock.lock();
  const Steady then = clock_.Now();
  const api::Time wall = clock_.WallNow();
  for (std::size_t i = 0; i < ids.size(); ++i) table_.Record(ids[i], samples[i], then, wall);
}

void ResourceMonitor::AnswerWaiters(std::unique_lock<std::mutex>& lock) {
  const Steady now = clock_.Now();
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    const bool settled = std::ranges::all_of(
        it->apps, [this](const api::ObjectKey& app) { return table_.Settled(app); });
    if (!settled && now < it->until) {
      ++it;
      continue;
    }
    Waiter waiter = std::move(*it);
    it = waiters_.erase(it);
    const Measured measured = MeasuredLocked(waiter.apps, now);
    lock.unlock();
    try {
      waiter.done(measured);
    } catch (const std::exception& exception) {
      Log(LogLevel::kError, "Exception while figures were shown", {{"error", exception.what()}});
    }
    waiter = {};
    lock.lock();  // others are only ever added at the end: `it` is still good
  }
}

ResourceMonitor::Measured ResourceMonitor::MeasuredLocked(const std::vector<api::ObjectKey>& apps,
                                                          Steady now) const {
  Measured measured;
  for (const api::ObjectKey& app : apps) measured[app] = table_.Replicas(app, now);
  return measured;
}

}  // namespace ballast::runtime
