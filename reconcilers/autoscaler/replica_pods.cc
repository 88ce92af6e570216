#include "reconcilers/autoscaler/replica_pods.h"

#include <chrono>

namespace ballast::reconcilers {

std::vector<hpa::Pod> PodsOf(const DecideInput& input, api::ResourceName resource) {
  std::vector<hpa::Pod> pods;
  pods.reserve(input.usage.size());
  for (const ReplicaUsage& replica : input.usage) {
    const bool cpu = resource == api::ResourceName::kCpu;
    const std::optional<double>& usage = cpu ? replica.cpu : replica.memory;
    const double limit = cpu ? replica.cpu_limit : replica.memory_limit;
    hpa::Pod pod;
    // When it became ready is not known: one that is not has never been, and a sample of one that
    // is counts.
    pod.ready = replica.ready;
    pod.start_age = std::chrono::duration<double>(input.now - replica.started).count();
    pod.ready_transition_age = *pod.start_age;
    pod.sample_window = 0;
    if (usage && *usage >= 0 && std::isfinite(*usage)) pod.usage = ToMilli(*usage);
    if (limit > 0 && std::isfinite(limit)) pod.request = ToMilli(limit);
    pods.push_back(pod);
  }
  return pods;
}

}  // namespace ballast::reconcilers
