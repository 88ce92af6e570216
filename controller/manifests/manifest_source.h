// The DesiredState port over a directory of manifests: follows it, keeps what is in force (on disk
// too), and tells which keys changed. What follows from what is PlanApply's business; this is the
// thread around it. Owned by controller/cmd. Readers: any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/codec.h"
#include "controller/manifests/accepted_file.h"
#include "controller/manifests/plan.h"
#include "controller/manifests/scan.h"
#include "controller/manifests/watcher.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/desired_state.h"
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

class ManifestSource final : public reconcilers::DesiredState {
 public:
  ManifestSource(ManifestOptions options, const reconcilers::Clock& clock,
                 reconcilers::Enqueuer& enqueuer, reconcilers::EventRecorder& events,
                 reconcilers::Metrics& metrics);
  ~ManifestSource() override;  // stops

  // Before Start: called from the source's thread once everything was looked at, and again once the
  // absence of an object means something.
  void OnAbsenceKnown(std::function<void()> callback) { on_absence_known_ = std::move(callback); }
  // What was in force when the last controller ended; readers see it afterwards. Before Start.
  Result<void> Load();
  void Start();
  void Stop();
  // One pass over the directory, as the thread does it; when to come again at the latest. For
  // tests, without Start.
  std::chrono::milliseconds RunOnce();

  [[nodiscard]] bool LookedOnce() const override;  // for /readyz too
  [[nodiscard]] ManifestProblems Problems() const;

  reconcilers::Presence GetWebApp(const api::ObjectKey& key,
                                  std::shared_ptr<const api::WebApp>& object) const override;
  reconcilers::Presence GetLoadBalancer(
      const std::string& name, std::shared_ptr<const api::LoadBalancer>& object) const override;
  [[nodiscard]] std::vector<std::shared_ptr<const api::WebApp>> ListWebApps() const override;
  [[nodiscard]] std::vector<std::shared_ptr<const api::LoadBalancer>> ListLoadBalancers()
      const override;

 private:
  // What readers see; replaced as a whole.
  struct View {
    std::map<api::ObjectKey, std::shared_ptr<const api::WebApp>> webapps;
    std::map<std::string, std::shared_ptr<const api::LoadBalancer>> load_balancers;
    bool absence_known = false;
  };

  void Follow();
  void Apply(PlanResult result);
  void Save();
  void Publish();
  void SetMetrics(const PlanResult& result);
  [[nodiscard]] std::shared_ptr<const View> view() const;
  [[nodiscard]] bool Unchanged(const ScanResult& scan) const;

  const ManifestOptions options_;
  const reconcilers::Clock& clock_;
  reconcilers::Enqueuer& enqueuer_;
  reconcilers::EventRecorder& events_;
  reconcilers::Metrics& metrics_;
  std::function<void()> on_absence_known_;

  // The thread's own.
  Scanner scanner_;
  Watcher watcher_;
  const AcceptedFile accepted_file_;
  PlanState state_;
  ScanResult last_scan_;
  std::chrono::milliseconds again_after_{0};  // 0: only a change matters
  bool unsaved_ = false;
  std::string save_error_;
  std::map<std::string, std::size_t> file_errors_;  // gauges that are set

  mutable std::mutex mutex_;
  std::shared_ptr<const View> view_;  // guarded by mutex_
  ManifestProblems problems_;         // guarded by mutex_
  bool scanned_once_ = false;         // guarded by mutex_

  std::jthread thread_;
};

}  // namespace ballast::manifests
