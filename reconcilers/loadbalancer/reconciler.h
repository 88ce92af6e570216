// The reconciler of kind LoadBalancer: the containers of its HAProxy (planned by instance_plan.h,
// made and removed by jobs), and the upkeep of its traffic (LoadBalancerTraffic::Tick and reloads).
// A LoadBalancer named `default` that no YAML defines is implied as soon as a route needs it.
// Owner: controller/cmd. Any worker thread, one key at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/loadbalancer/instance_plan.h"
#include "reconcilers/loadbalancer/traffic_manager.h"
#include "reconcilers/ports/container_lister.h"
#include "reconcilers/ports/data_plane_factory.h"
#include "reconcilers/ports/desired_state.h"
#include "reconcilers/ports/engine.h"
#include "reconcilers/ports/event_recorder.h"
#include "reconcilers/ports/jobs.h"
#include "reconcilers/ports/reconciler.h"

namespace ballast::reconcilers {

// All of it outlives the reconciler and its jobs.
struct LoadBalancerDependencies {
  const DesiredState& desired;
  ContainerLister& containers;
  Engine& engine;
  TrafficManager& traffic;
  DataPlaneFactory& planes;
  Jobs& jobs;
  StatusWriter& status;
  EventRecorder& events;
  const Clock& clock;
};

class LoadBalancerReconciler final : public Reconciler {
 public:
  // How often the image's tag is resolved anew: an image that was rebuilt or pulled is an upgrade.
  static constexpr std::chrono::seconds kImageCheck{10};
  // A HAProxy that does not answer for so long is asked for its log.
  static constexpr std::chrono::seconds kAnswerWithin{3};

  LoadBalancerReconciler(LoadBalancerDependencies dependencies, std::string owner)
      : d_(dependencies), owner_(std::move(owner)) {}

  Result<Outcome> Reconcile(const api::ObjectKey& key) override;

 private:
  struct Pass;    // one call of Reconcile
  struct Memory;  // what is kept between two, losing it is harmless

  [[nodiscard]] Presence Find(const std::string& name,
                              std::shared_ptr<const api::LoadBalancer>& object) const;
  [[nodiscard]] std::string PortConflict(const api::LoadBalancer& load_balancer) const;
  void ResolveImage(Pass& pass);
  void Execute(Pass& pass, const InstanceAction& action);
  void Diagnose(Pass& pass);
  Result<std::string> WhySilent(const std::string& container, const std::string& image);
  void ReloadIfDue(Pass& pass, const TrafficTick& tick);
  void Report(Pass& pass);
  bool StartJob(Pass& pass, const std::string& id, std::function<Result<void>()> work);

  Result<void> CreateInstance(const std::string& name, int number, const ContainerSpec& spec,
                              const ConfigFiles& files);
  Result<void> CreatePause(const std::string& network, const ContainerSpec& spec);
  Result<void> CreateAndStart(const ContainerSpec& spec);
  Result<void> Retire(const std::string& id);
  Result<void> RemoveContainer(const std::string& id, const std::string& network);
  void SetMemory(const std::string& name, const std::function<void(Memory&)>& change);

  LoadBalancerDependencies d_;
  const std::string owner_;
  std::mutex mutex_;  // jobs write to the memory as well
  std::map<std::string, std::shared_ptr<Memory>> memory_;
};

}  // namespace ballast::reconcilers
