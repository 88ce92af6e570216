#include "controller/external/prometheus_queries.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "controller/external/http_call.h"
#include "controller/runtime/log.h"

namespace ballast::external {
namespace {

// Waits are cut into pieces, so that a clock that was set back never hurts much.
constexpr std::chrono::seconds kLongestWait{1};

PrometheusAnswer AnswerOf(const Result<HttpReply>& reply) {
  if (!reply) return {.evaluated = false, .value = std::nullopt, .problem = reply.error().message};
  return ReadAnswer(reply->status, reply->body);
}

}  // namespace

class PrometheusQueries::Impl {
 public:
  using Steady = reconcilers::Clock::Steady;

  Impl(const reconcilers::Clock& clock, reconcilers::Metrics& metrics, const Options& options)
      : clock_(clock), metrics_(metrics), options_(options), table_(options.limits) {}

  ~Impl() {
    Stop();
    if (thread_.joinable()) thread_.join();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return calls_.empty(); });
  }

  void Start() {
    const std::lock_guard lock(mutex_);
    if (running_ || stopping_) return;
    running_ = true;
    thread_ = std::thread([this] { Run(); });
  }

  bool Stop() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    const bool ended =
        ended_.wait_for(lock, options_.grace, [this] { return !running_ && calls_.empty(); });
    if (!ended) {
      runtime::Log(runtime::LogLevel::kError, "Queries of Prometheus still under way at the end",
                   {{"queries", calls_.size()}});
    }
    return ended;
  }

  reconcilers::ExternalReading Read(const api::PrometheusQuery& query) {
    const std::lock_guard lock(mutex_);
    auto [reading, is_new] = table_.Read(query, clock_.Now());
    if (is_new) WakeLocked();
    return reading;
  }

  void Wake() {
    const std::lock_guard lock(mutex_);
    WakeLocked();
  }

 private:
  using CallPtr = std::shared_ptr<HttpCall>;

  void WakeLocked() {
    woken_ = true;
    wake_.notify_all();
  }

  void Run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      woken_ = false;
      const Steady now = clock_.Now();
      table_.Expire(now);
      std::vector<CallPtr> overdue;
      for (const QueryKey& key : table_.TakeOverdue(now)) overdue.push_back(calls_.at(key));
      std::vector<CallPtr> begin;
      for (const api::PrometheusQuery& query : table_.Take(now)) {
        begin.push_back(calls_[KeyOf(query)] = NewCall(query));
      }
      if (!overdue.empty() || !begin.empty()) {
        // Both may call End before they return.
        lock.unlock();
        for (const CallPtr& call : overdue) call->Cancel();
        for (const CallPtr& call : begin) call->Start();
        overdue.clear();
        begin.clear();
        lock.lock();
        continue;
      }
      const auto news = [this] { return stopping_ || woken_; };
      if (const auto next = table_.NextDue()) {
        wake_.wait_for(lock, std::clamp<Steady::duration>(*next - now, {}, kLongestWait), news);
      } else {
        wake_.wait(lock, news);
      }
    }
    std::vector<CallPtr> left;
    left.reserve(calls_.size());
    for (const auto& [key, call] : calls_) left.push_back(call);
    lock.unlock();
    for (const CallPtr& call : left) call->Cancel();
    left.clear();
    lock.lock();
    running_ = false;
    ended_.notify_all();
  }

  CallPtr NewCall(const api::PrometheusQuery& query) {
    const auto patience = options_.limits.patience;
    return std::make_shared<HttpCall>(
        RequestOf(query, static_cast<int>(patience.count())), HttpLimits{.silence = patience},
        [this, key = KeyOf(query)](const Result<HttpReply>& reply) { End(key, reply); });
  }

  void End(const QueryKey& key, const Result<HttpReply>& reply) {
    const PrometheusAnswer answer = AnswerOf(reply);
    metrics_.Add("ballast_external_queries_total", 1,
                 {{"result", answer.value       ? "value"
                             : answer.evaluated ? "no_value"
                                                : "error"}});
    const std::lock_guard lock(mutex_);
    table_.Record(key, answer, clock_.Now());
    calls_.erase(key);
    WakeLocked();
    // Under the lock: who waits for this may destroy everything once it is let go.
    ended_.notify_all();
  }

  const reconcilers::Clock& clock_;
  reconcilers::Metrics& metrics_;
  const Options options_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable ended_;
  bool running_ = false;  // guarded by mutex_, as all below
  bool stopping_ = false;
  bool woken_ = false;
  QueryTable table_;
  std::map<QueryKey, CallPtr> calls_;  // under way
  std::thread thread_;
};

PrometheusQueries::PrometheusQueries(const reconcilers::Clock& clock, reconcilers::Metrics& metrics,
                                     Options options)
    : impl_(std::make_unique<Impl>(clock, metrics, options)) {}
PrometheusQueries::~PrometheusQueries() = default;

void PrometheusQueries::Start() { impl_->Start(); }
bool PrometheusQueries::Stop() { return impl_->Stop(); }
reconcilers::ExternalReading PrometheusQueries::Read(const api::PrometheusQuery& query) {
  return impl_->Read(query);
}
void PrometheusQueries::Wake() { impl_->Wake(); }

}  // namespace ballast::external
