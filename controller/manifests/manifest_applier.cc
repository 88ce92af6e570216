#include "controller/manifests/manifest_applier.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/reasons.h"
#include "controller/manifests/apply_order.h"
#include "controller/manifests/put_back.h"
#include "controller/manifests/refusal.h"

namespace ballast::manifests {
namespace {

using reconcilers::EventType;
using reconcilers::Presence;
using std::chrono::milliseconds;

// Repaired again only after this long, an object is repaired at once again.
constexpr std::chrono::minutes kCalm{5};
constexpr int kBehindAll = 1'000;
constexpr std::chrono::hours kLongestWait{1};  // a system clock's deadline may be far away

milliseconds NextPause(milliseconds last) {
  return std::clamp(2 * last, ManifestApplier::kFirstRetry, ManifestApplier::kLastRetry);
}

std::int64_t GenerationOf(const api::Object& object) {
  return std::visit([](const auto& value) { return value.meta.generation; }, object);
}

}  // namespace

ManifestApplier::ManifestApplier(ObjectSink& sink, const reconcilers::Clock& clock,
                                 reconcilers::EventRecorder& events, reconcilers::Metrics& metrics)
    : sink_(sink), clock_(clock), events_(events), metrics_(metrics) {}

ManifestApplier::~ManifestApplier() { Stop(); }

void ManifestApplier::Attach(NamedObjects& manifests) {
  manifests_ = &manifests;
  manifests.OnLookedOnce([this] {
    const std::lock_guard lock(mutex_);
    first_pass_ = true;
    woken_ = true;
    wake_.notify_all();
  });
}

void ManifestApplier::Start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void ManifestApplier::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void ManifestApplier::Enqueue(const api::ObjectKey& key) {
  if (manifests_ == nullptr) return;
  const bool present = manifests_->Find(key).presence == Presence::kPresent;
  const std::lock_guard lock(mutex_);
  queue_.Add(key, present ? ApplyRank(key.kind) : RemoveRank(key.kind), true);
  woken_ = true;
  wake_.notify_all();
}

void ManifestApplier::ObjectChanged(const api::ObjectKey& key) {
  if (manifests_ == nullptr || manifests_->Find(key).presence != Presence::kPresent) return;
  const std::lock_guard lock(mutex_);
  queue_.Add(key, ApplyRank(key.kind), false);
  woken_ = true;
  wake_.notify_all();
}

bool ManifestApplier::AppliedOnce() const {
  const std::lock_guard lock(mutex_);
  return applied_once_;
}

void ManifestApplier::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  wake_.notify_all();
}

void ManifestApplier::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      const std::lock_guard lock(mutex_);
      woken_ = false;
    }
    const std::optional<Steady> next = Drain(stop);
    std::unique_lock lock(mutex_);
    const auto woken = [this] { return woken_; };
    if (next) {
      const auto wait = *next - clock_.Now();
      wake_.wait_for(lock, stop, std::min<std::chrono::nanoseconds>(wait, kLongestWait), woken);
    } else {
      wake_.wait(lock, stop, woken);
    }
  }
}

std::optional<ManifestApplier::Steady> ManifestApplier::RunOnce() { return Drain({}); }

std::optional<ManifestApplier::Steady> ManifestApplier::Drain(const std::stop_token& stop) {
  std::optional<Steady> next;
  while (!stop.stop_requested()) {
    if (const auto item = Take(next)) {
      Process(*item);
    } else if (hold_.count() == 0 && std::exchange(wrote_since_refusal_, false) &&
               !refused_.empty()) {
      // What was refused may have been in conflict with what is not there any more, or have needed
      // what is there now. Each round takes a write, so there is an end to it.
      const std::lock_guard lock(mutex_);
      for (const api::ObjectKey& key : refused_) queue_.Add(key, ApplyRank(key.kind), true);
    } else {
      break;
    }
  }
  if (FirstPassEnds() && on_applied_once_) on_applied_once_();
  return next;
}

std::optional<ApplyQueue::Item> ManifestApplier::Take(std::optional<Steady>& next) {
  const auto now = clock_.Now();
  const std::lock_guard lock(mutex_);
  std::optional<ApplyQueue::Item> item;
  if (now >= hold_until_) item = queue_.Take(now);
  next = queue_.NextDue();
  if (next) next = std::max(*next, hold_until_);
  return item;
}

bool ManifestApplier::FirstPassEnds() {
  const std::lock_guard lock(mutex_);
  const auto next = queue_.NextDue();
  // While nobody can write, nobody should wait for it either.
  const bool through = !next || *next > clock_.Now() || hold_.count() > 0;
  return first_pass_ && through && !std::exchange(applied_once_, true);
}

void ManifestApplier::Process(const ApplyQueue::Item& item) {
  const NamedObject named = manifests_->Find(item.key);
  switch (named.presence) {
    case Presence::kUnknown:
      return;
    case Presence::kAbsent:
      if (item.forced) Remove(item.key);
      return;
    case Presence::kPresent:
      if (named.written) Apply(item.key, named, item.forced);
      return;
  }
}

void ManifestApplier::Apply(const api::ObjectKey& key, const NamedObject& named, bool forced) {
  Known& known = known_[key];
  if (!forced && !NeedsApply(key, known)) return;
  const auto result = sink_.Apply(key, *named.written, named.file);
  if (!result) {
    Failed(key, named, result.error());
    manifests_->Applied(key, std::unexpected(result.error()));
    return;
  }
  known.stored = result->stored;
  Report(key, named, *result, known);
  const bool repaired = !result->put_back.empty() || (result->created && known.applied);
  if (repaired) {
    PauseRepairs(known);
    metrics_.Add("ballast_manifest_drift_repaired_total", 1, {});
  }
  known.applied = true;
  Succeeded(key, known, result->changed || result->created);
  manifests_->Applied(key, {});
}

bool ManifestApplier::NeedsApply(const api::ObjectKey& key, const Known& known) {
  if (!known.applied) return true;
  if (known.stored) {
    const auto stored = sink_.Find(key);
    // Its status changed, or it was this object's own write.
    if (stored && *stored == *known.stored) return false;
  }
  if (known.repair_pause.count() == 0) return true;
  const Steady due = known.repaired_at + known.repair_pause;
  if (clock_.Now() >= due) return true;
  const std::lock_guard lock(mutex_);
  queue_.AddAt(key, ApplyRank(key.kind), false, due);
  return false;
}

void ManifestApplier::PauseRepairs(Known& known) const {
  const Steady now = clock_.Now();
  if (now - known.repaired_at >= kCalm) known.repair_pause = milliseconds(0);
  known.repair_pause = NextPause(known.repair_pause);
  known.repaired_at = now;
}

void ManifestApplier::Report(const api::ObjectKey& key, const NamedObject& named,
                             const SinkResult& result, const Known& known) {
  const auto drift = [&](const std::string& message) {
    events_.Record(key, EventType::kWarning, api::reason::kDriftRepaired, message);
  };
  const auto applied = [&](const std::string& message) {
    events_.Record(key, EventType::kNormal, api::reason::kApplied, message);
  };
  if (result.created) {
    if (known.applied) {
      drift(fmt::format("it was deleted, and made anew: {} names it", named.file));
    } else {
      applied(fmt::format("created from {}:{}", named.file, named.line));
    }
  } else if (!result.put_back.empty()) {
    drift(PutBackText(result.put_back, *named.written, named.file));
  } else if (result.changed) {
    applied(result.stored ? fmt::format("changed by {}:{}, generation {}", named.file, named.line,
                                        GenerationOf(*result.stored))
                          : fmt::format("changed by {}:{}", named.file, named.line));
  }
}

void ManifestApplier::Remove(const api::ObjectKey& key) {
  const auto removed = sink_.Remove(key);
  if (removed) {
    Succeeded(key, known_[key], true);
    known_.erase(key);
  } else {
    Failed(key, {.presence = Presence::kAbsent}, removed.error());
  }
  manifests_->Removed(key, removed);
}

void ManifestApplier::Succeeded(const api::ObjectKey& key, Known& known, bool wrote) {
  known.retry = milliseconds(0);
  known.told.clear();
  refused_.erase(key);
  hold_ = milliseconds(0);
  hold_until_ = Steady{};
  if (!wrote) return;
  wrote_since_refusal_ = true;
  told_of_all_.clear();
}

void ManifestApplier::Failed(const api::ObjectKey& key, const NamedObject& named,
                             const Status& status) {
  metrics_.Add("ballast_manifest_apply_errors_total", 1, {});
  const Steady now = clock_.Now();
  const bool refused = IsRefusal(status);
  Known& known = known_[key];
  known.retry = refused ? kLastRetry : NextPause(known.retry);
  if (refused) {
    refused_.insert(key);
  } else {
    refused_.erase(key);
  }
  if (ConcernsAll(status)) {
    hold_ = NextPause(hold_);
    hold_until_ = now + hold_;
  } else {
    hold_ = milliseconds(0);
    hold_until_ = Steady{};
  }
  TellFailure(key, named, status);
  // Behind the others, should it be this key's fault after all.
  const int rank =
      (named.presence == Presence::kPresent ? ApplyRank(key.kind) : RemoveRank(key.kind)) +
      (ConcernsAll(status) ? kBehindAll : 0);
  const std::lock_guard lock(mutex_);
  queue_.AddAt(key, rank, true, now + known.retry);
}

void ManifestApplier::TellFailure(const api::ObjectKey& key, const NamedObject& named,
                                  const Status& status) {
  // A full disk is told once, not once for each object.
  std::string& told = ConcernsAll(status) ? told_of_all_ : known_[key].told;
  if (told == status.message) return;
  told = status.message;
  if (IsRefusal(status)) {
    const std::string text = RefusalText(key, status);
    events_.Record(
        key, EventType::kWarning, api::reason::kManifestInvalid,
        named.file.empty() ? text : fmt::format("{}:{}: {}", named.file, named.line, text));
    return;
  }
  const char* const what =
      named.presence == Presence::kPresent ? "it cannot be stored" : "it cannot be removed";
  events_.Record(key, EventType::kWarning, api::reason::kStateNotSaved,
                 fmt::format("{}: {}; this is tried again, at least every {} s", what,
                             status.message, kLastRetry / std::chrono::seconds(1)));
}

}  // namespace ballast::manifests
