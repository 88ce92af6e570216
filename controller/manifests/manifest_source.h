// A directory of manifests: follows it, keeps what is in force (on disk too), and tells which keys
// changed; ManifestApplier brings them into the store. What follows from what is PlanApply's
// business; this is the thread around it. Owned by controller/cmd. Readers: any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/codec.h"
#include "controller/manifests/accepted_file.h"
#include "controller/manifests/named_objects.h"
#include "controller/manifests/object_sink.h"
#include "controller/manifests/plan.h"
#include "controller/manifests/scan.h"
#include "controller/manifests/watcher.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/event_recorder.h"
#include "reconcilers/ports/metrics.h"
#include "reconcilers/ports/reconciler.h"

namespace ballast::manifests {

struct ManifestOptions {
  std::string dir;
  PruneMode prune = PruneMode::kSafe;
  std::string state_dir;  // keeps objects.json
  api::DecodeOptions decode;
  std::chrono::milliseconds quiet{100};      // after a change, before it is looked at
  std::chrono::milliseconds rescan{10'000};  // links and mounts make no event
};

// What is wrong with the manifests now, for people.
struct ManifestProblems {
  std::vector<api::FieldError> errors;
  std::vector<api::ObjectKey> held;  // in force although no manifest names them
  std::string hold_reason;
  std::string storage;   // why what is in force could not be written down
  std::string watching;  // why changes are seen late
};

class ManifestSource final : public NamedObjects {
 public:
  // `enqueuer` is the ManifestApplier; of `sink` only Find is used.
  ManifestSource(ManifestOptions options, const reconcilers::Clock& clock,
                 reconcilers::Enqueuer& enqueuer, ObjectSink& sink,
                 reconcilers::EventRecorder& events, reconcilers::Metrics& metrics);
  ~ManifestSource() override;  // stops

  // What was in force when the last controller ended; readers see it afterwards. Before Start, when
  // the sink can be asked.
  Result<void> Load();
  void Start();
  void Stop();
  // One pass over the directory, as the thread does it; when to come again at the latest. For
  // tests, without Start.
  std::chrono::milliseconds RunOnce();

  [[nodiscard]] bool LookedOnce() const;
  // With what could not be applied.
  [[nodiscard]] ManifestProblems Problems() const;
  // What is in force, in the order in which it is applied.
  [[nodiscard]] std::vector<api::ObjectKey> Keys() const;

  [[nodiscard]] NamedObject Find(const api::ObjectKey& key) const override;
  void OnLookedOnce(std::function<void()> callback) override;
  void Applied(const api::ObjectKey& key, const Result<void>& outcome) override;
  void Removed(const api::ObjectKey& key, const Result<void>& outcome) override;

 private:
  // What readers see; replaced as a whole.
  struct View {
    AcceptedSet objects;
    bool absence_known = false;
  };

  void Follow();
  void Apply(PlanResult result);
  void EnqueueAll(std::vector<api::ObjectKey> keys);
  // What follows from the new state for what is still to be stored and removed.
  void SettlePending(const std::vector<api::ObjectKey>& changed);
  void SetOutcome(const api::ObjectKey& key, const Result<void>& outcome);  // mutex_ is held
  void Save();
  void Publish();
  void SetMetrics(const PlanResult& result);
  [[nodiscard]] std::shared_ptr<const View> view() const;
  [[nodiscard]] bool Unchanged(const ScanResult& scan) const;

  const ManifestOptions options_;
  const reconcilers::Clock& clock_;
  reconcilers::Enqueuer& enqueuer_;
  ObjectSink& sink_;
  reconcilers::EventRecorder& events_;
  reconcilers::Metrics& metrics_;
  std::function<void()> on_looked_once_;

  // The thread's own.
  Scanner scanner_;
  Watcher watcher_;
  const AcceptedFile accepted_file_;
  PlanState state_;
  ScanResult last_scan_;
  std::chrono::milliseconds again_after_{0};  // 0: only a change matters
  std::string save_error_;
  std::map<std::string, std::size_t> file_errors_;  // gauges that are set

  std::atomic<bool> unsaved_ = false;  // by the applier's thread too

  mutable std::mutex mutex_;
  std::shared_ptr<const View> view_;  // guarded by mutex_
  ManifestProblems problems_;         // guarded by mutex_
  bool scanned_once_ = false;         // guarded by mutex_
  // As in AcceptedState; guarded by mutex_.
  std::set<api::ObjectKey> unstored_;
  std::set<api::ObjectKey> removing_;
  std::map<api::ObjectKey, Status> not_applied_;  // guarded by mutex_

  std::jthread thread_;
};

}  // namespace ballast::manifests
