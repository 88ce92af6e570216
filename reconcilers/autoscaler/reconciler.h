// The thin reconciler of kind Autoscaler: once a second (the load monitor enqueues it) it reads
// what was measured, asks Decide (decide.h), and sets the web app's scale. It keeps each
// autoscaler's history in the LoadHistory, so that a restart forgets nothing, and every decision
// and non-decision as a row for `ballast why`. Owner: controller/cmd. Any worker thread, one key at
// a time.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "reconcilers/autoscaler/decide.h"
#include "reconcilers/autoscaler/status.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/desired_state.h"
#include "reconcilers/ports/event_recorder.h"
#include "reconcilers/ports/external_metrics.h"
#include "reconcilers/ports/load_history.h"
#include "reconcilers/ports/load_reader.h"
#include "reconcilers/ports/metrics.h"
#include "reconcilers/ports/reconciler.h"
#include "reconcilers/ports/scaler.h"
#include "reconcilers/ports/time_zones.h"

namespace ballast::reconcilers {

// All of it outlives the reconciler.
struct AutoscalerDependencies {
  const DesiredState& desired;
  LoadReader& load;
  ExternalMetrics& external;
  LoadHistory& history;
  Scaler& scaler;
  StatusWriter& status;
  EventRecorder& events;
  Metrics& metrics;
  const Clock& clock;
  const TimeZones& zones;
};

class AutoscalerReconciler final : public Reconciler {
 public:
  // Without samples nobody enqueues it; it looks by itself then.
  static constexpr std::chrono::milliseconds kLookAgain{5'000};
  static constexpr std::chrono::seconds kSaveEvery{10};
  static constexpr std::chrono::seconds kShowEvery{15};
  static constexpr std::chrono::seconds kTellMissingAfter{15};

  explicit AutoscalerReconciler(AutoscalerDependencies dependencies);
  ~AutoscalerReconciler() override;

  Result<Outcome> Reconcile(const api::ObjectKey& key) override;

 private:
  struct Memory;
  struct Pass;

  Memory& MemoryOf(const api::ObjectKey& key);
  void Forget(const api::ObjectKey& key);
  void Recall(Pass& pass);
  Result<Outcome> Idle(Pass& pass, std::string why);
  void Observe(Pass& pass);
  void LearnStartup(Pass& pass);
  void TellMissing(Pass& pass);
  Result<void> Act(Pass& pass);
  void KeepDecision(Pass& pass);
  void SaveHistory(Pass& pass, bool now);
  void Show(Pass& pass, api::AutoscalerStatus status);

  AutoscalerDependencies d_;
  std::mutex mutex_;
  // Guarded by mutex_ as a map; an entry is used only by its key's one worker.
  std::map<api::ObjectKey, std::unique_ptr<Memory>> memory_;
};

}  // namespace ballast::reconcilers
