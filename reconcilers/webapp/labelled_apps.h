// Desired state with the web apps that container labels make (`ballast.dev/host`): a wrapper around
// what the manifests say. A manifest's WebApp of the same key always wins. Any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "reconcilers/ports/container_lister.h"
#include "reconcilers/ports/desired_state.h"

namespace ballast::reconcilers {

// The WebApp that these containers' labels describe, null when none carries ballast.dev/host.
// Rubbish in a label leaves that container out and is told in `problems`. Pure.
[[nodiscard]] std::shared_ptr<const api::WebApp> WebAppFromLabels(
    const std::string& ns, const std::string& name,
    const std::vector<ObservedContainer>& containers, std::vector<std::string>* problems);

class LabelledApps final : public DesiredState {
 public:
  LabelledApps(const DesiredState& manifests, const ContainerLister& containers)
      : manifests_(manifests), containers_(containers) {}

  Presence GetWebApp(const api::ObjectKey& key,
                     std::shared_ptr<const api::WebApp>& object) const override;
  Presence GetLoadBalancer(const std::string& name,
                           std::shared_ptr<const api::LoadBalancer>& object) const override;
  [[nodiscard]] bool LookedOnce() const override { return manifests_.LookedOnce(); }
  [[nodiscard]] std::vector<std::shared_ptr<const api::WebApp>> ListWebApps() const override;
  [[nodiscard]] std::vector<std::shared_ptr<const api::LoadBalancer>> ListLoadBalancers()
      const override;
  Presence GetAutoscaler(const api::ObjectKey& key,
                         std::shared_ptr<const api::Autoscaler>& object) const override {
    return manifests_.GetAutoscaler(key, object);
  }
  [[nodiscard]] std::shared_ptr<const api::Autoscaler> AutoscalerOf(
      const api::ObjectKey& webapp) const override {
    return manifests_.AutoscalerOf(webapp);
  }
  [[nodiscard]] std::vector<std::shared_ptr<const api::Autoscaler>> ListAutoscalers()
      const override {
    return manifests_.ListAutoscalers();
  }

 private:
  // Without the routes that a manifest's app, or a label-made app of older containers, claims.
  [[nodiscard]] std::shared_ptr<const api::WebApp> Compose(const api::ObjectKey& key) const;

  const DesiredState& manifests_;
  const ContainerLister& containers_;
};

}  // namespace ballast::reconcilers
