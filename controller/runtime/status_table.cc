#include "controller/runtime/status_table.h"

namespace ballast::runtime {
namespace {

template <typename Row>
std::vector<std::shared_ptr<const Row>> Rows(
    const std::map<api::ObjectKey, std::shared_ptr<const Row>>& rows) {
  std::vector<std::shared_ptr<const Row>> result;
  result.reserve(rows.size());
  for (const auto& [key, row] : rows) result.push_back(row);
  return result;
}

template <typename Row>
std::shared_ptr<const Row> Find(const std::map<api::ObjectKey, std::shared_ptr<const Row>>& rows,
                                const api::ObjectKey& key) {
  const auto found = rows.find(key);
  return found == rows.end() ? nullptr : found->second;
}

}  // namespace

void StatusTable::SetWebApp(const api::ObjectKey& key, api::WebAppStatus status,
                            std::vector<api::ReplicaStatus> replicas) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const WebAppRow>& row = webapps_[key];
  if (row && row->status == status && row->replicas == replicas) return;
  row = std::make_shared<const WebAppRow>(
      WebAppRow{key, std::move(status), std::move(replicas), clock_.WallNow()});
}

void StatusTable::SetLoadBalancer(const api::ObjectKey& key, api::LoadBalancerStatus status) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const LoadBalancerRow>& row = load_balancers_[key];
  if (row && row->status == status) return;
  row = std::make_shared<const LoadBalancerRow>(
      LoadBalancerRow{key, std::move(status), clock_.WallNow()});
}

void StatusTable::SetAutoscaler(const api::ObjectKey& key, api::AutoscalerStatus status) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const AutoscalerRow>& row = autoscalers_[key];
  if (row && row->status == status) return;
  row = std::make_shared<const AutoscalerRow>(
      AutoscalerRow{key, std::move(status), clock_.WallNow()});
}

void StatusTable::Remove(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  webapps_.erase(key);
  load_balancers_.erase(key);
  autoscalers_.erase(key);
}

std::vector<std::shared_ptr<const WebAppRow>> StatusTable::WebApps() const {
  const std::lock_guard lock(mutex_);
  return Rows(webapps_);
}

std::vector<std::shared_ptr<const LoadBalancerRow>> StatusTable::LoadBalancers() const {
  const std::lock_guard lock(mutex_);
  return Rows(load_balancers_);
}

std::vector<std::shared_ptr<const AutoscalerRow>> StatusTable::Autoscalers() const {
  const std::lock_guard lock(mutex_);
  return Rows(autoscalers_);
}

std::shared_ptr<const WebAppRow> StatusTable::WebApp(const api::ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  return Find(webapps_, key);
}

std::shared_ptr<const LoadBalancerRow> StatusTable::LoadBalancer(const api::ObjectKey& key) const {
  const std::lock_guard lock(mutex_);
  return Find(load_balancers_, key);
}

}  // namespace ballast::runtime
