#include "controller/runtime/job_pool.h"

#include <algorithm>
#include <exception>

#include "controller/runtime/log.h"

namespace ballast::runtime {
namespace {

constexpr char kJobs[] = "ballast_jobs_total";
constexpr char kJobDuration[] = "ballast_job_duration_seconds";
constexpr char kUnderWay[] = "ballast_jobs_under_way";

// "create" of "create/default.shop-7f3a-2.0".
std::string_view VerbOf(std::string_view id) { return id.substr(0, id.find('/')); }

Result<void> Call(const std::function<Result<void>()>& work) {
  try {
    return work();
  } catch (const std::exception& exception) {
    return Error(Code::kInternal, std::string("exception in job: ") + exception.what());
  }
}

}  // namespace

JobPool::JobPool(const reconcilers::Clock& clock, reconcilers::Enqueuer& enqueuer,
                 reconcilers::Metrics& metrics, Options options)
    : clock_(clock), enqueuer_(enqueuer), metrics_(metrics), options_(options) {}

JobPool::~JobPool() {
  Stop();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void JobPool::Start() {
  const std::lock_guard lock(mutex_);
  if (stopping_ || !threads_.empty()) return;
  const auto run = [this](Lane& lane, int count) {
    for (int i = 0; i < count; ++i) {
      ++running_threads_;
      threads_.emplace_back([this, &lane] { Work(lane); });
    }
  };
  run(jobs_, options_.workers);
  run(pulls_, options_.pull_workers);
}

bool JobPool::Stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (Lane* lane : {&jobs_, &pulls_}) {
    for (const Job& job : lane->queue) under_way_.erase(job.id);
    lane->queue.clear();
    lane->wake.notify_all();
  }
  const bool ended =
      thread_ended_.wait_for(lock, options_.grace, [this] { return running_threads_ == 0; });
  if (!ended) {
    Log(LogLevel::kError, "Jobs still running at the end of the grace period",
        {{"jobs", under_way_.size()}, {"grace_ms", options_.grace.count()}});
  }
  return ended;
}

bool JobPool::Start(const api::ObjectKey& key, const std::string& id,
                    std::function<Result<void>()> work) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || under_way_.contains(id)) return false;
  const auto failure = failures_.find(id);
  if (failure != failures_.end() && clock_.Now() < failure->second.retry_at) return false;
  under_way_.emplace(id, false);
  metrics_.Set(kUnderWay, static_cast<double>(under_way_.size()), {});
  Lane& lane = LaneOf(id);
  lane.queue.push_back({key, id, std::move(work)});
  lane.wake.notify_one();
  return true;
}

bool JobPool::Running(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return under_way_.contains(id);
}

std::optional<reconcilers::JobFailure> JobPool::LastFailure(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(id);
  if (found == failures_.end()) return std::nullopt;
  return found->second;
}

void JobPool::Forget(const std::string& prefix) {
  const std::lock_guard lock(mutex_);
  for (auto it = failures_.lower_bound(prefix);
       it != failures_.end() && it->first.starts_with(prefix);) {
    it = failures_.erase(it);
  }
  for (auto it = under_way_.lower_bound(prefix);
       it != under_way_.end() && it->first.starts_with(prefix); ++it) {
    it->second = true;  // how it ends is of no interest
  }
}

void JobPool::Work(Lane& lane) {
  std::unique_lock lock(mutex_);
  while (true) {
    lane.wake.wait(lock, [&] { return stopping_ || !lane.queue.empty(); });
    if (stopping_) break;
    Job job = std::move(lane.queue.front());
    lane.queue.pop_front();
    lock.unlock();
    Run(std::move(job));
    lock.lock();
  }
  --running_threads_;
  thread_ended_.notify_all();
}

void JobPool::Run(Job job) {
  const LogScope id_scope("job", job.id);
  const LogScope key_scope("object", job.key);
  const auto begin = clock_.Now();
  const Result<void> result = Call(job.work);
  job.work = nullptr;  // what it holds goes before anybody learns that it ended
  metrics_.Observe(kJobDuration, std::chrono::duration<double>(clock_.Now() - begin).count(),
                   {{"job", VerbOf(job.id)}});
  metrics_.Add(kJobs, 1, {{"job", VerbOf(job.id)}, {"result", result ? "success" : "error"}});
  if (!result) Log(LogLevel::kWarning, "Job failed", {{"error", result.error()}});
  Finish(job, result);
  enqueuer_.Enqueue(job.key);
}

void JobPool::Finish(const Job& job, const Result<void>& result) {
  const std::lock_guard lock(mutex_);
  const auto entry = under_way_.find(job.id);
  const bool forgotten = entry != under_way_.end() && entry->second;
  if (entry != under_way_.end()) under_way_.erase(entry);
  metrics_.Set(kUnderWay, static_cast<double>(under_way_.size()), {});
  if (result || forgotten) {
    failures_.erase(job.id);
    return;
  }
  reconcilers::JobFailure& failure = failures_[job.id];
  failure.status = result.error();
  ++failure.failures;
  const int doublings = std::min(failure.failures - 1, 20);
  failure.retry_at =
      clock_.Now() + std::min(options_.max_back_off, options_.initial_back_off * (1 << doublings));
}

JobPool::Lane& JobPool::LaneOf(const std::string& id) {
  return id.starts_with("pull/") ? pulls_ : jobs_;
}

}  // namespace ballast::runtime
