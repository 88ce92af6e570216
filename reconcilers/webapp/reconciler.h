// The thin reconciler of kind WebApp: observe -> plan (plan.h) -> apply -> report. It never waits
// for Docker: containers come from the informer's cache, slow work goes to jobs; only HAProxy's
// runtime commands run inside a pass. Owner: controller/cmd. Any worker thread, one key at a time.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "reconcilers/ports/config_reader.h"
#include "reconcilers/ports/container_lister.h"
#include "reconcilers/ports/desired_state.h"
#include "reconcilers/ports/event_recorder.h"
#include "reconcilers/ports/health.h"
#include "reconcilers/ports/jobs.h"
#include "reconcilers/ports/metrics.h"
#include "reconcilers/ports/reconciler.h"
#include "reconcilers/ports/traffic.h"
#include "reconcilers/webapp/address_pool.h"
#include "reconcilers/webapp/config_values.h"
#include "reconcilers/webapp/image_pins.h"
#include "reconcilers/webapp/labelled_apps.h"
#include "reconcilers/webapp/observe.h"
#include "reconcilers/webapp/replica_network.h"
#include "reconcilers/webapp/status.h"

namespace ballast::reconcilers {

// Everything that the reconciler uses; all of it outlives the reconciler and its jobs.
struct WebAppDependencies {
  const DesiredState& desired;  // a LabelledApps in the real controller
  ContainerLister& containers;
  Engine& engine;
  HealthMonitor& health;
  Traffic& traffic;
  Jobs& jobs;
  StatusWriter& status;
  EventRecorder& events;
  Metrics& metrics;
  const Clock& clock;
  AddressPool& addresses;
  ReplicaNetwork& network;
  const ConfigReader& config;
};

struct ReplicaSpecs;

class WebAppReconciler final : public Reconciler {
 public:
  WebAppReconciler(WebAppDependencies dependencies, std::string owner)
      : d_(dependencies), owner_(std::move(owner)) {}

  Result<Outcome> Reconcile(const api::ObjectKey& key) override;

 private:
  struct Pass;      // one call of Reconcile
  struct Creation;  // what one replica is made from

  void ResolveConfigs(Pass& pass);
  void ResolveUpdate(Pass& pass);
  static void Hold(Pass& pass, const char* reason, std::string message);
  void TellMissing(Pass& pass, const ResolvedConfig& resolved);
  void NoteCause(Pass& pass);
  static ReplicaConfigPtr ValuesFor(const Pass& pass, const std::string& revision,
                                    const api::PodTemplate& pod_template);
  void Observe(Pass& pass);
  [[nodiscard]] int HoldSeconds(const api::ObjectKey& key) const;
  void ObserveReplica(Pass& pass, const AppContainers::Replica& replica);
  static void NoteRevision(Pass& pass, const AppContainers::Replica& replica);
  void ObserveAdopted(Pass& pass, const ObservedContainer& container,
                      const std::set<std::string>& taken_names);
  void ObserveHealth(Pass& pass, ReplicaView& view, const AppContainers::Replica& replica);
  void WatchContainer(Pass& pass, const ContainerInfo& info, const std::string& address,
                      const api::Container* container, bool serving, ReplicaView& view);
  void ResolveImages(Pass& pass);
  void TrackProgress(Pass& pass);
  void ApplyTraffic(Pass& pass);
  void MeasureTraffic(Pass& pass);
  void ApplyActions(Pass& pass);
  void Report(Pass& pass);
  void RecordTransitions(Pass& pass);
  Result<Outcome> NoWebApp(Pass& pass, Presence presence);
  void ReportStray(Pass& pass);

  bool StartJob(Pass& pass, const std::string& id, std::function<Result<void>()> work);
  void StartCreate(Pass& pass, const PlanAction& action);
  void StartRemove(Pass& pass, const std::string& id, const std::string& name);
  void StartEnsureSidecars(Pass& pass, const PlanAction& action);
  Result<void> CreateReplica(const api::ObjectKey& key, const Creation& creation);
  Result<void> OpenVolumes(const ReplicaSpecs& specs);
  void RemoveVolumes(const ReplicaSpecs& specs);
  Result<void> StartSidecars(const std::string& main_id, std::vector<ContainerSpec> sidecars);
  Result<void> Remove(const std::string& id, const std::string& name, const std::string& address,
                      bool volumes, const std::vector<std::string>& sidecars);

  AppMemory& MemoryOf(const api::ObjectKey& key);
  void Forget(Pass& pass);

  WebAppDependencies d_;
  const std::string owner_;
  ImagePins pins_;
  std::mutex mutex_;
  // Guarded by mutex_ as a map; an entry is used only by its key's one worker.
  std::map<api::ObjectKey, std::unique_ptr<AppMemory>> memory_;
  bool addresses_seen_ = false;  // guarded by mutex_
};

}  // namespace ballast::reconcilers
