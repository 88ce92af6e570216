// Port: what users want. Today a directory of manifests (controller/manifests), later the store
// behind the API server. Readers get immutable objects; changes come as keys only. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/autoscaler.h"
#include "api/load_balancer.h"
#include "api/webapp.h"

namespace ballast::reconcilers {

// kUnknown: nothing may be concluded (not loaded yet, or pruning is on hold): leave things alone.
enum class Presence { kPresent, kAbsent, kUnknown };

class DesiredState {
 public:
  virtual ~DesiredState() = default;
  // `object` is set exactly when the answer is kPresent.
  virtual Presence GetWebApp(const api::ObjectKey& key,
                             std::shared_ptr<const api::WebApp>& object) const = 0;
  virtual Presence GetLoadBalancer(const std::string& name,
                                   std::shared_ptr<const api::LoadBalancer>& object) const = 0;
  // Was everything looked at once that could be? What is unknown from then on may still be wanted
  // (a broken file hides it), but nobody should wait for it any longer before serving the others.
  [[nodiscard]] virtual bool LookedOnce() const = 0;
  [[nodiscard]] virtual std::vector<std::shared_ptr<const api::WebApp>> ListWebApps() const = 0;
  [[nodiscard]] virtual std::vector<std::shared_ptr<const api::LoadBalancer>> ListLoadBalancers()
      const = 0;

  virtual Presence GetAutoscaler(const api::ObjectKey& key,
                                 std::shared_ptr<const api::Autoscaler>& object) const = 0;
  // The one that has this web app as its target; null: none.
  [[nodiscard]] virtual std::shared_ptr<const api::Autoscaler> AutoscalerOf(
      const api::ObjectKey& webapp) const = 0;
  [[nodiscard]] virtual std::vector<std::shared_ptr<const api::Autoscaler>> ListAutoscalers()
      const = 0;
};

// Where a reconciler leaves its object's status. Later the status subresource of the store.
class StatusWriter {
 public:
  virtual ~StatusWriter() = default;
  virtual void SetWebApp(const api::ObjectKey& key, api::WebAppStatus status,
                         std::vector<api::ReplicaStatus> replicas) = 0;
  virtual void SetLoadBalancer(const api::ObjectKey& key, api::LoadBalancerStatus status) = 0;
  virtual void SetAutoscaler(const api::ObjectKey& key, api::AutoscalerStatus status) = 0;
  virtual void Remove(const api::ObjectKey& key) = 0;
};

}  // namespace ballast::reconcilers
