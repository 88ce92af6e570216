// The StatusWriter port while there is no store: the latest status of every object, for `ballast
// status`. Rows are immutable; readers share them. Owned by controller/cmd. Any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/desired_state.h"

namespace ballast::runtime {

struct WebAppRow {
  api::ObjectKey key;
  api::WebAppStatus status;
  std::vector<api::ReplicaStatus> replicas;
  api::Time changed{};  // when something in it last changed
};

struct LoadBalancerRow {
  api::ObjectKey key;
  api::LoadBalancerStatus status;
  api::Time changed{};
};

struct AutoscalerRow {
  api::ObjectKey key;
  api::AutoscalerStatus status;
  api::Time changed{};
};

class StatusTable final : public reconcilers::StatusWriter {
 public:
  explicit StatusTable(const reconcilers::Clock& clock) : clock_(clock) {}

  void SetWebApp(const api::ObjectKey& key, api::WebAppStatus status,
                 std::vector<api::ReplicaStatus> replicas) override;
  void SetLoadBalancer(const api::ObjectKey& key, api::LoadBalancerStatus status) override;
  void SetAutoscaler(const api::ObjectKey& key, api::AutoscalerStatus status) override;
  void Remove(const api::ObjectKey& key) override;

  // Sorted by key. Null: nothing known.
  [[nodiscard]] std::vector<std::shared_ptr<const WebAppRow>> WebApps() const;
  [[nodiscard]] std::vector<std::shared_ptr<const LoadBalancerRow>> LoadBalancers() const;
  [[nodiscard]] std::vector<std::shared_ptr<const AutoscalerRow>> Autoscalers() const;
  [[nodiscard]] std::shared_ptr<const WebAppRow> WebApp(const api::ObjectKey& key) const;
  [[nodiscard]] std::shared_ptr<const LoadBalancerRow> LoadBalancer(
      const api::ObjectKey& key) const;

 private:
  const reconcilers::Clock& clock_;
  mutable std::mutex mutex_;
  std::map<api::ObjectKey, std::shared_ptr<const WebAppRow>> webapps_;
  std::map<api::ObjectKey, std::shared_ptr<const LoadBalancerRow>> load_balancers_;
  std::map<api::ObjectKey, std::shared_ptr<const AutoscalerRow>> autoscalers_;
};

}  // namespace ballast::runtime
