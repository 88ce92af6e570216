#include "controller/runtime/manager.h"

#include <exception>
#include <ranges>

#include "controller/runtime/log.h"

namespace ballast::runtime {
namespace {

constexpr char kReconciles[] = "ballast_reconcile_total";
constexpr char kDuration[] = "ballast_reconcile_duration_seconds";
constexpr char kErrors[] = "ballast_reconcile_errors_total";
constexpr char kExceptions[] = "ballast_reconcile_exceptions_total";

}  // namespace

Manager::Manager(const reconcilers::Clock& clock, reconcilers::Metrics& metrics, Options options)
    : clock_(clock), metrics_(metrics), options_(options), queue_(clock, metrics) {}

Manager::~Manager() {
  Stop();
  for (std::thread& worker : workers_) {
    if (worker.joinable()) worker.join();
  }
}

void Manager::Register(const std::string& kind, reconcilers::Reconciler& reconciler) {
  reconcilers_[kind] = &reconciler;
}

void Manager::AddPart(std::string name, std::function<Result<void>()> start,
                      std::function<void()> stop) {
  parts_.push_back({std::move(name), std::move(start), std::move(stop)});
}

Result<void> Manager::Start() {
  for (Part& part : parts_) {
    const Result<void> started = part.start();
    if (!started) {
      Log(LogLevel::kError, "Part failed to start",
          {{"part", part.name}, {"error", started.error()}});
      Stop();
      return Wrap("start " + part.name, started.error());
    }
    part.started = true;
  }
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < options_.workers; ++i) {
    ++running_workers_;
    workers_.emplace_back([this] { Work(); });
  }
  return {};
}

bool Manager::Stop() {
  queue_.ShutDown();
  bool ended = false;
  {
    std::unique_lock lock(mutex_);
    ended = worker_ended_.wait_for(lock, options_.grace, [this] { return running_workers_ == 0; });
  }
  if (!ended) {
    Log(LogLevel::kError, "Reconciles still running at the end of the grace period",
        {{"grace_ms", options_.grace.count()}});
  }
  StopParts();
  return ended;
}

void Manager::StopParts() {
  for (Part& part : parts_ | std::views::reverse) {
    if (!part.started) continue;
    part.started = false;
    part.stop();
  }
}

void Manager::Enqueue(const api::ObjectKey& key) { queue_.Add(key); }

void Manager::EnqueueAfter(const api::ObjectKey& key, std::chrono::milliseconds delay) {
  queue_.AddAfter(key, delay);
}

bool Manager::ProcessOne() {
  const std::optional<api::ObjectKey> key = queue_.TryGet();
  if (!key) return false;
  Process(*key);
  return true;
}

void Manager::Work() {
  while (const std::optional<api::ObjectKey> key = queue_.Get()) Process(*key);
  const std::lock_guard lock(mutex_);
  --running_workers_;
  worker_ended_.notify_all();
}

void Manager::Process(const api::ObjectKey& key) {
  const LogScope id_scope("reconcile", next_reconcile_.fetch_add(1));
  const LogScope key_scope("object", key);
  const auto begin = clock_.Now();
  const Result<reconcilers::Outcome> outcome = CallReconciler(key);
  metrics_.Observe(kDuration, std::chrono::duration<double>(clock_.Now() - begin).count(),
                   {{"kind", key.kind}});

  // What happens next with the key is decided here and nowhere else.
  std::string_view result = "done";
  if (!outcome) {
    metrics_.Add(kErrors, 1, {{"kind", key.kind}, {"code", CodeName(outcome.error().code)}});
    std::chrono::milliseconds delay = options_.slow_retry;
    if (outcome.error().retryable()) {
      result = "error";
      delay = queue_.AddRateLimited(key);
    } else {
      result = "terminal";
      queue_.Forget(key);
      queue_.AddAfter(key, delay);
    }
    Log(LogLevel::kWarning, "Reconcile failed",
        {{"error", outcome.error()}, {"retry_in_ms", delay.count()}});
  } else {
    queue_.Forget(key);
    if (outcome->requeue_after) {
      result = "requeue_after";
      queue_.AddAfter(key, *outcome->requeue_after);
    }
  }
  metrics_.Add(kReconciles, 1, {{"kind", key.kind}, {"result", result}});
  queue_.Done(key);
}

Result<reconcilers::Outcome> Manager::CallReconciler(const api::ObjectKey& key) {
  const auto found = reconcilers_.find(key.kind);
  if (found == reconcilers_.end()) {
    Log(LogLevel::kError, "No reconciler for this kind", {});
    return reconcilers::Outcome{};  // our own mistake: retrying cannot help
  }
  try {
    return found->second->Reconcile(key);
  } catch (const std::exception& exception) {
    metrics_.Add(kExceptions, 1, {{"kind", key.kind}});
    return Error(Code::kInternal, std::string("exception in reconciler: ") + exception.what());
  }
}

}  // namespace ballast::runtime
