// Ports Traffic and LoadSource over all load balancers: splits what a WebApp publishes by the load
// balancers that its routes name, and puts together what they observe. All the work is in
// LoadBalancerTraffic, one for each load balancer with a lock of its own. Owner: controller/cmd;
// any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "reconcilers/loadbalancer/load_balancer_traffic.h"
#include "reconcilers/ports/load_source.h"
#include "reconcilers/ports/traffic.h"

namespace ballast::reconcilers {

class TrafficManager final : public Traffic, public LoadSource {
 public:
  // `owner` is --instance.
  TrafficManager(TrafficDependencies dependencies, std::string owner)
      : d_(dependencies), owner_(std::move(owner)) {}

  Result<void> Publish(const BackendSpec& spec) override;
  Result<void> Withdraw(const api::ObjectKey& app) override;
  Result<BackendObservation> Observe(const api::ObjectKey& app, bool connections) override;
  std::map<std::string, Result<LoadReading>> ReadLoad() override;

  // The traffic of one load balancer, made when it is first asked for. Lives as long as this.
  LoadBalancerTraffic& Of(const std::string& load_balancer);

 private:
  [[nodiscard]] std::vector<LoadBalancerTraffic*> All() const;

  TrafficDependencies d_;
  const std::string owner_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<LoadBalancerTraffic>> load_balancers_;
  // Which load balancers the last Publish of an app named.
  std::map<api::ObjectKey, std::vector<std::string>> routed_;
};

}  // namespace ballast::reconcilers
