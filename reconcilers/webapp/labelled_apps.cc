#include "reconcilers/webapp/labelled_apps.h"

#include <algorithm>
#include <set>

#include "api/codec.h"
#include "api/labels.h"

namespace ballast::reconcilers {
namespace {

std::string Label(const ContainerInfo& container, const char* key, const std::string& otherwise) {
  const auto it = container.labels.find(key);
  return it == container.labels.end() ? otherwise : it->second;
}

std::set<api::Route> RoutesOf(const std::vector<std::shared_ptr<const api::WebApp>>& apps) {
  std::set<api::Route> routes;
  for (const auto& app : apps) routes.insert(app->spec.routes.begin(), app->spec.routes.end());
  return routes;
}

// When the oldest of these containers was made.
api::Time Oldest(const std::vector<ObservedContainer>& containers) {
  api::Time oldest = api::Time::max();
  for (const ObservedContainer& container : containers) {
    oldest = std::min(oldest, container.info->created);
  }
  return oldest;
}

}  // namespace

std::shared_ptr<const api::WebApp> WebAppFromLabels(
    const std::string& ns, const std::string& name,
    const std::vector<ObservedContainer>& containers, std::vector<std::string>* problems) {
  if (!api::IsDnsLabel(ns) || !api::IsDnsLabel(name)) return nullptr;
  std::set<api::Route> routes;
  for (const ObservedContainer& container : containers) {
    const ContainerInfo& info = *container.info;
    if (info.labels.contains(api::kLabelOwner) || !info.labels.contains(api::kLabelHost)) continue;
    const auto host = api::NormalizeHost(Label(info, api::kLabelHost, ""));
    const auto path = api::NormalizePath(Label(info, api::kLabelPath, "/"));
    const std::string load_balancer = Label(info, api::kLabelLoadBalancer, "default");
    std::string problem;
    if (!host) problem = std::string(api::kLabelHost) + ": " + host.error().message;
    if (host && !path) problem = std::string(api::kLabelPath) + ": " + path.error().message;
    if (problem.empty() && !api::IsDnsLabel(load_balancer)) {
      problem = std::string(api::kLabelLoadBalancer) +
                ": must be a name of lower case letters, "
                "digits and '-'";
    }
    if (!problem.empty()) {
      if (problems != nullptr) problems->push_back("container " + info.name + ": " + problem);
      continue;
    }
    routes.insert({*host, *path, api::PathType::kPrefix, load_balancer});
  }
  if (routes.empty()) return nullptr;
  auto app = std::make_shared<api::WebApp>();
  app->meta.name = name;
  app->meta.ns = ns;
  app->from_labels = true;
  app->spec.replicas = 0;
  app->spec.routes.assign(routes.begin(), routes.end());
  return app;
}

std::shared_ptr<const api::WebApp> LabelledApps::Compose(const api::ObjectKey& key) const {
  auto app = WebAppFromLabels(key.ns, key.name, containers_.ForWebApp(key.ns, key.name), nullptr);
  if (app == nullptr) return nullptr;
  std::set<api::Route> claimed = RoutesOf(manifests_.ListWebApps());
  // Who was there first keeps a route: a container that starts takes nothing from one that serves.
  const auto mine = std::pair(Oldest(containers_.ForWebApp(key.ns, key.name)), key);
  for (const api::ObjectKey& rival : containers_.WebApps()) {
    if (rival == key) continue;
    std::shared_ptr<const api::WebApp> object;
    if (manifests_.GetWebApp(rival, object) == Presence::kPresent) continue;
    const auto containers = containers_.ForWebApp(rival.ns, rival.name);
    if (std::pair(Oldest(containers), rival) > mine) continue;
    const auto other = WebAppFromLabels(rival.ns, rival.name, containers, nullptr);
    if (other) claimed.insert(other->spec.routes.begin(), other->spec.routes.end());
  }
  auto own = std::make_shared<api::WebApp>(*app);
  std::erase_if(own->spec.routes, [&](const api::Route& r) {
    if (!claimed.contains(r)) return false;
    own->contested.push_back(r);
    return true;
  });
  return own;
}

Presence LabelledApps::GetWebApp(const api::ObjectKey& key,
                                 std::shared_ptr<const api::WebApp>& object) const {
  const Presence presence = manifests_.GetWebApp(key, object);
  if (presence == Presence::kPresent) return presence;
  if (!containers_.Synced()) return Presence::kUnknown;
  object = Compose(key);
  if (object) return Presence::kPresent;
  // What never was in force and has no container left is gone, whatever a broken file may hide.
  if (presence == Presence::kUnknown && manifests_.LookedOnce() &&
      containers_.ForWebApp(key.ns, key.name).empty()) {
    return Presence::kAbsent;
  }
  return presence;
}

Presence LabelledApps::GetLoadBalancer(const std::string& name,
                                       std::shared_ptr<const api::LoadBalancer>& object) const {
  return manifests_.GetLoadBalancer(name, object);
}

std::vector<std::shared_ptr<const api::WebApp>> LabelledApps::ListWebApps() const {
  auto apps = manifests_.ListWebApps();
  std::set<api::ObjectKey> known;
  for (const auto& app : apps) known.insert(app->Key());
  for (const api::ObjectKey& key : containers_.WebApps()) {
    if (known.contains(key)) continue;
    if (auto app = Compose(key)) apps.push_back(std::move(app));
  }
  return apps;
}

std::vector<std::shared_ptr<const api::LoadBalancer>> LabelledApps::ListLoadBalancers() const {
  return manifests_.ListLoadBalancers();
}

}  // namespace ballast::reconcilers
