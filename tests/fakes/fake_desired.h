// What users want, as a test says. One thread at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/ports/desired_state.h"

namespace ballast::fakes {

class FakeDesired final : public reconcilers::DesiredState {
 public:
  reconcilers::Presence GetWebApp(const api::ObjectKey& key,
                                  std::shared_ptr<const api::WebApp>& object) const override {
    return Get(apps, key, object);
  }
  reconcilers::Presence GetLoadBalancer(
      const std::string& name, std::shared_ptr<const api::LoadBalancer>& object) const override {
    return Get(load_balancers, name, object);
  }
  [[nodiscard]] bool LookedOnce() const override { return looked; }
  [[nodiscard]] std::vector<std::shared_ptr<const api::WebApp>> ListWebApps() const override {
    return List(apps);
  }
  [[nodiscard]] std::vector<std::shared_ptr<const api::LoadBalancer>> ListLoadBalancers()
      const override {
    return List(load_balancers);
  }
  reconcilers::Presence GetAutoscaler(
      const api::ObjectKey& key, std::shared_ptr<const api::Autoscaler>& object) const override {
    return Get(autoscalers, key, object);
  }
  [[nodiscard]] std::shared_ptr<const api::Autoscaler> AutoscalerOf(
      const api::ObjectKey& webapp) const override {
    for (const auto& [key, autoscaler] : autoscalers) {
      if (key.ns == webapp.ns && autoscaler->spec.scale_target_ref.name == webapp.name) {
        return autoscaler;
      }
    }
    return nullptr;
  }
  [[nodiscard]] std::vector<std::shared_ptr<const api::Autoscaler>> ListAutoscalers()
      const override {
    return List(autoscalers);
  }

  void Put(const api::WebApp& app) { apps[app.Key()] = std::make_shared<const api::WebApp>(app); }
  void Put(const api::Autoscaler& autoscaler) {
    autoscalers[autoscaler.Key()] = std::make_shared<const api::Autoscaler>(autoscaler);
  }
  void Add(const std::string& name, std::vector<api::Route> routes) {
    api::WebApp app;
    app.meta.name = name;
    app.spec.routes = std::move(routes);
    Put(app);
  }

  bool unknown = false;  // what is not here may be wished all the same
  bool looked = true;
  std::map<api::ObjectKey, std::shared_ptr<const api::WebApp>> apps;
  std::map<std::string, std::shared_ptr<const api::LoadBalancer>> load_balancers;
  std::map<api::ObjectKey, std::shared_ptr<const api::Autoscaler>> autoscalers;

 private:
  template <typename Map, typename Key, typename Object>
  reconcilers::Presence Get(const Map& map, const Key& key, Object& object) const {
    const auto it = map.find(key);
    if (it == map.end()) {
      return unknown ? reconcilers::Presence::kUnknown : reconcilers::Presence::kAbsent;
    }
    object = it->second;
    return reconcilers::Presence::kPresent;
  }
  template <typename Map>
  static std::vector<typename Map::mapped_type> List(const Map& map) {
    std::vector<typename Map::mapped_type> list;
    list.reserve(map.size());
    for (const auto& [key, object] : map) list.push_back(object);
    return list;
  }
};

}  // namespace ballast::fakes
