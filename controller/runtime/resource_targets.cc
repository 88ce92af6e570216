#include "controller/runtime/resource_targets.h"

#include <map>
#include <set>

#include "api/labels.h"
#include "reconcilers/webapp/observe.h"

namespace ballast::runtime {
namespace {

using reconcilers::AppContainers;
using reconcilers::ContainerInfo;
using reconcilers::ContainerState;

bool Runs(const ContainerInfo& info) {
  return info.state == ContainerState::kRunning || info.state == ContainerState::kPaused;
}

}  // namespace

std::vector<ResourceTarget> ResourceTargetsOf(
    const std::vector<reconcilers::ObservedContainer>& containers, const std::string& owner) {
  const AppContainers sorted = reconcilers::SortContainers(containers, owner);
  std::set<std::string> names;
  // One that stops may run beside the one that takes its place.
  std::map<std::string, const AppContainers::Replica*> newest;
  const auto attempt = [](const AppContainers::Replica& replica) {
    return reconcilers::IntLabel(*replica.main, api::kLabelAttempt, 0);
  };
  for (const AppContainers::Replica& replica : sorted.replicas) {
    const std::string& name = reconcilers::TextLabel(*replica.main, api::kLabelReplica);
    names.insert(name);
    if (!Runs(*replica.main)) continue;
    const AppContainers::Replica*& known = newest[name];
    if (known == nullptr || attempt(*known) < attempt(replica)) known = &replica;
  }
  std::vector<ResourceTarget> targets;
  for (const auto& [name, replica] : newest) {
    targets.push_back({.id = replica->main->id, .replica = name, .sidecar = ""});
    for (const auto& sidecar : replica->sidecars) {
      if (!Runs(*sidecar.info)) continue;
      targets.push_back({.id = sidecar.info->id,
                         .replica = name,
                         .sidecar = reconcilers::TextLabel(*sidecar.info, api::kLabelSidecar)});
    }
  }
  for (const auto& container : sorted.adopted) {
    if (!Runs(*container.info)) continue;
    targets.push_back({.id = container.info->id,
                       .replica = reconcilers::AdoptedServer(*container.info, names),
                       .sidecar = ""});
  }
  return targets;
}

}  // namespace ballast::runtime
