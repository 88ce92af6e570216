// Writes what the controller finds out into the store, where API clients see it: statuses, replicas
// (also as pods), revisions, events. Reconcilers never wait for it: a thread of its own writes the
// latest of each, and tries again what could not be written. Owned by controller/cmd; any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "controller/apiserver/registry.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/desired_state.h"
#include "reconcilers/ports/event_recorder.h"

namespace ballast::apiserver {

struct PublisherDeps {
  Registry& registry;
  const reconcilers::Clock& clock;
  // Told first, and at once: `ballast status`, the controller's log.
  reconcilers::StatusWriter& table;
  reconcilers::EventRecorder& log;
  std::string instance;
};

class Publisher final : public reconcilers::StatusWriter, public reconcilers::EventRecorder {
 public:
  static constexpr std::chrono::hours kEventLife{1};
  static constexpr std::size_t kMaxPendingEvents = 2'000;

  explicit Publisher(PublisherDeps deps) : deps_(std::move(deps)) {}
  ~Publisher() override;  // stops
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void Start();
  // Writes what is pending, as far as that works at once.
  void Stop();
  // One round of the thread, for tests without Start. False: something is to be tried again.
  bool RunOnce();

  void SetWebApp(const api::ObjectKey& key, api::WebAppStatus status,
                 std::vector<api::ReplicaStatus> replicas) override;
  void SetLoadBalancer(const api::ObjectKey& key, api::LoadBalancerStatus status) override;
  void SetAutoscaler(const api::ObjectKey& key, api::AutoscalerStatus status) override;
  // It is taken down: what is left of it in the store goes.
  void Remove(const api::ObjectKey& key) override;
  void Record(const api::ObjectKey& object, reconcilers::EventType type, std::string_view reason,
              std::string_view message) override;

 private:
  struct Pending {
    bool removed = false;
    std::optional<api::WebAppStatus> webapp;
    std::vector<api::ReplicaStatus> replicas;
    std::optional<api::LoadBalancerStatus> load_balancer;
    std::optional<api::AutoscalerStatus> autoscaler;
  };
  struct PendingEvent {
    api::ObjectKey object;
    reconcilers::EventType type = reconcilers::EventType::kNormal;
    std::string reason;
    std::string message;
    int count = 1;
    api::Time first{};
    api::Time last{};
  };

  void Put(const api::ObjectKey& key, Pending pending);
  void Loop(const std::stop_token& stop);
  [[nodiscard]] ApiResult<void> Publish(const api::ObjectKey& key, const Pending& pending);
  [[nodiscard]] ApiResult<void> PublishWebApp(const api::ObjectKey& key, const Pending& pending);
  [[nodiscard]] ApiResult<void> PublishReplicas(const api::ObjectKey& key,
                                                const std::vector<api::ReplicaStatus>& replicas,
                                                const nlohmann::json& webapp);
  [[nodiscard]] ApiResult<void> PublishRevision(const api::ObjectKey& key,
                                                const nlohmann::json& webapp,
                                                const api::WebAppStatus& status);
  [[nodiscard]] ApiResult<void> PublishEvent(const PendingEvent& event);
  [[nodiscard]] ApiResult<void> Forget(const api::ObjectKey& key);
  void DropOldEvents();

  const PublisherDeps deps_;

  // The thread's own: what was written of each replica, by web app and name.
  std::map<api::ObjectKey, std::map<std::string, std::string>> replicas_;
  std::map<api::ObjectKey, std::string> revisions_;  // the newest that was written down
  reconcilers::Clock::Steady events_looked_at_{};

  std::mutex mutex_;
  std::condition_variable_any wake_cv_;
  std::map<api::ObjectKey, Pending> pending_;  // guarded by mutex_
  std::deque<PendingEvent> events_;            // guarded by mutex_
  std::jthread thread_;
};

}  // namespace ballast::apiserver
