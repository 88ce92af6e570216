// The containers that a test puts in. With an engine (say FakeEngine), Refresh and Sync read from
// it; between them the lister is as stale as the test wants it. One thread at a time.
#pragma once

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/labels.h"
#include "reconcilers/ports/container_lister.h"

namespace ballast::fakes {

class FakeContainerLister final : public reconcilers::ContainerLister {
 public:
  explicit FakeContainerLister(reconcilers::Engine* engine = nullptr) : engine_(engine) {}

  void SetSynced(bool synced) { synced_ = synced; }
  void Put(reconcilers::ContainerInfo info, bool stopping = false) {
    const std::string id = info.id;
    containers_[id] = {std::make_shared<const reconcilers::ContainerInfo>(std::move(info)),
                       stopping};
  }
  void Remove(const std::string& id) { containers_.erase(id); }
  void SetStopping(const std::string& id, bool stopping) { containers_.at(id).stopping = stopping; }
  // Becomes what the engine has now; stays as it was while the engine does not answer.
  void Sync() {
    std::vector<reconcilers::ContainerInfo> all;
    for (const char* label : {api::kLabelWebApp, api::kLabelLoadBalancerName}) {
      auto list = engine_->ListContainers(label);
      if (!list) return;
      std::ranges::move(*list, std::back_inserter(all));
    }
    containers_.clear();
    for (reconcilers::ContainerInfo& info : all) Put(std::move(info));
  }

  [[nodiscard]] bool Synced() const override { return synced_; }
  [[nodiscard]] std::vector<reconcilers::ObservedContainer> ForWebApp(
      const std::string& ns, const std::string& name) const override {
    return Select([&](const Labels& labels) {
      return Get(labels, api::kLabelWebApp) == name && NamespaceOf(labels) == ns;
    });
  }
  [[nodiscard]] std::vector<reconcilers::ObservedContainer> ForLoadBalancer(
      const std::string& name) const override {
    return Select(
        [&](const Labels& labels) { return Get(labels, api::kLabelLoadBalancerName) == name; });
  }
  [[nodiscard]] std::vector<api::ObjectKey> WebApps() const override {
    std::set<api::ObjectKey> keys;
    for (const auto& [id, container] : containers_) {
      const Labels& labels = container.info->labels;
      const std::string name = Get(labels, api::kLabelWebApp);
      if (!name.empty()) keys.insert({"WebApp", NamespaceOf(labels), name});
    }
    return {keys.begin(), keys.end()};
  }
  Result<void> Refresh(const std::string& id) override {
    if (engine_ == nullptr) return {};
    auto info = engine_->InspectContainer(id);
    if (info) {
      Put(std::move(*info));
    } else if (info.error().code == Code::kNotFound) {
      std::erase_if(containers_, [&id](const auto& entry) {
        return entry.first == id || entry.second.info->name == id;
      });
    } else {
      return std::unexpected(info.error());
    }
    return {};
  }

 private:
  using Labels = std::map<std::string, std::string>;
  static std::string Get(const Labels& labels, const char* key) {
    const auto found = labels.find(key);
    return found == labels.end() ? "" : found->second;
  }
  static std::string NamespaceOf(const Labels& labels) {
    const std::string ns = Get(labels, api::kLabelNamespace);
    return ns.empty() ? "default" : ns;
  }
  template <typename Predicate>
  [[nodiscard]] std::vector<reconcilers::ObservedContainer> Select(Predicate wanted) const {
    std::vector<reconcilers::ObservedContainer> result;
    for (const auto& [id, container] : containers_) {
      if (wanted(container.info->labels)) result.push_back(container);
    }
    std::ranges::sort(result, {}, [](const auto& container) { return container.info->name; });
    return result;
  }

  reconcilers::Engine* engine_;
  bool synced_ = true;
  std::map<std::string, reconcilers::ObservedContainer> containers_;
};

}  // namespace ballast::fakes
