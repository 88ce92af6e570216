// Brings what the manifests name into the store, and keeps it there: applies what changed in the
// directory, removes what no manifest names any more, puts back what somebody else changed. One
// thread, a queue of keys without repetition. Owned by controller/cmd; the sink and the manifests
// outlive its thread (Stop). Enqueue, ObjectChanged and AppliedOnce: any thread, never block.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "api/codec.h"
#include "api/meta.h"
#include "api/status.h"
#include "controller/manifests/apply_queue.h"
#include "controller/manifests/named_objects.h"
#include "controller/manifests/object_sink.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/event_recorder.h"
#include "reconcilers/ports/metrics.h"
#include "reconcilers/ports/reconciler.h"

namespace ballast::manifests {

class ManifestApplier final : public reconcilers::Enqueuer {
 public:
  // Back-off of what failed, and of repairs when somebody keeps changing the same object. What was
  // refused is tried again at the longest, and whenever something else was written.
  static constexpr std::chrono::milliseconds kFirstRetry{1'000};
  static constexpr std::chrono::milliseconds kLastRetry{60'000};

  ManifestApplier(ObjectSink& sink, const reconcilers::Clock& clock,
                  reconcilers::EventRecorder& events, reconcilers::Metrics& metrics);
  ~ManifestApplier() override;  // stops

  // What it follows. Before anything is enqueued, once: ManifestSource is made with this object as
  // its Enqueuer, hence later.
  void Attach(NamedObjects& manifests);
  // Before Start; called once, from the thread: see AppliedOnce.
  void OnAppliedOnce(std::function<void()> callback) { on_applied_once_ = std::move(callback); }

  void Start();
  void Stop();

  // The manifests say something new about this key. From ManifestSource.
  void Enqueue(const api::ObjectKey& key) override;
  // A stored object changed, came or went, whoever did it: applied again if a manifest names it.
  void ObjectChanged(const api::ObjectKey& key);

  // Was everything that the first pass over the directory found applied, as far as that was
  // possible? For /readyz, and for DesiredState::LookedOnce.
  [[nodiscard]] bool AppliedOnce() const;

  // All that is due now, as the thread does it; when the next is due. For tests, without Start.
  std::optional<reconcilers::Clock::Steady> RunOnce();
  // The clock may have moved; for tests with a clock of their own.
  void Wake();

 private:
  using Steady = reconcilers::Clock::Steady;

  // What the thread remembers of a key.
  struct Known {
    bool applied = false;                       // since the start
    std::shared_ptr<const api::Object> stored;  // as the last apply left it, if that was told
    std::chrono::milliseconds retry{0};         // the last back-off; 0: all is well
    std::string told;                           // the last problem
    Steady repaired_at{};
    std::chrono::milliseconds repair_pause{0};
  };

  void Run(const std::stop_token& stop);
  std::optional<Steady> Drain(const std::stop_token& stop);
  // The next key that is due. Nothing: none is; then `next` says when.
  std::optional<ApplyQueue::Item> Take(std::optional<Steady>& next);
  // True once, when the first pass has been gone through.
  bool FirstPassEnds();
  void Process(const ApplyQueue::Item& item);
  void Apply(const api::ObjectKey& key, const NamedObject& named, bool forced);
  void Remove(const api::ObjectKey& key);
  // False: nothing needs to be done, or not yet.
  bool NeedsApply(const api::ObjectKey& key, const Known& known);
  void Report(const api::ObjectKey& key, const NamedObject& named, const SinkResult& result,
              const Known& known);
  void Succeeded(const api::ObjectKey& key, Known& known, bool wrote);
  void Failed(const api::ObjectKey& key, const NamedObject& named, const Status& status);
  void TellFailure(const api::ObjectKey& key, const NamedObject& named, const Status& status);
  void PauseRepairs(Known& known) const;

  ObjectSink& sink_;
  const reconcilers::Clock& clock_;
  reconcilers::EventRecorder& events_;
  reconcilers::Metrics& metrics_;
  NamedObjects* manifests_ = nullptr;
  std::function<void()> on_applied_once_;

  // The thread's own.
  std::map<api::ObjectKey, Known> known_;
  std::set<api::ObjectKey> refused_;
  bool wrote_since_refusal_ = false;
  // Nobody can write: one key at a time tries whether that is over.
  std::chrono::milliseconds hold_{0};
  Steady hold_until_{};
  std::string told_of_all_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  bool woken_ = false;         // guarded by mutex_
  bool first_pass_ = false;    // guarded by mutex_: its keys are in the queue, or were
  bool applied_once_ = false;  // guarded by mutex_
  ApplyQueue queue_;           // guarded by mutex_

  std::jthread thread_;
};

}  // namespace ballast::manifests
