// Health as a test sets it. What nobody set is not ready, or, with SetDefault, something else. One
// thread at a time.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "reconcilers/ports/health.h"

namespace ballast::fakes {

class FakeHealth final : public reconcilers::HealthMonitor {
 public:
  void Watch(const reconcilers::ProbeTarget& target) override {
    targets_[target.container_id] = target;
  }
  void Forget(const std::string& container_id) override {
    targets_.erase(container_id);
    health_.erase(container_id);
  }
  [[nodiscard]] reconcilers::Health Get(const std::string& container_id) const override {
    if (!targets_.contains(container_id)) return {};
    const auto found = health_.find(container_id);
    return found == health_.end() ? default_ : found->second;
  }

  void Set(const std::string& container_id, reconcilers::Health health) {
    health_[container_id] = std::move(health);
  }
  void SetReady(const std::string& container_id, reconcilers::Clock::Steady since = {}) {
    Set(container_id,
        {.started = true, .ready = true, .alive = true, .decided = true, .ready_since = since});
  }
  void SetDefault(reconcilers::Health health) { default_ = std::move(health); }
  // By container id.
  [[nodiscard]] const std::map<std::string, reconcilers::ProbeTarget>& Watched() const {
    return targets_;
  }

 private:
  std::map<std::string, reconcilers::ProbeTarget> targets_;
  std::map<std::string, reconcilers::Health> health_;
  reconcilers::Health default_;
};

}  // namespace ballast::fakes
