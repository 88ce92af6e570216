#include "reconcilers/webapp/observe.h"

#include <algorithm>
#include <charconv>

#include "api/codec.h"
#include "api/labels.h"
#include "reconcilers/webapp/container_spec.h"

namespace ballast::reconcilers {
namespace {

ReplicaPhase PhaseOf(ContainerState state) {
  switch (state) {
    case ContainerState::kCreated:
      return ReplicaPhase::kCreated;
    case ContainerState::kRunning:
    case ContainerState::kRestarting:
      return ReplicaPhase::kRunning;
    case ContainerState::kPaused:
      return ReplicaPhase::kPaused;
    case ContainerState::kRemoving:
    case ContainerState::kExited:
    case ContainerState::kDead:
      return ReplicaPhase::kDead;
  }
  return ReplicaPhase::kDead;
}

}  // namespace

const std::string& TextLabel(const ContainerInfo& container, const char* label) {
  static const std::string none;
  const auto it = container.labels.find(label);
  return it == container.labels.end() ? none : it->second;
}

int IntLabel(const ContainerInfo& container, const char* label, int otherwise) {
  const std::string& text = TextLabel(container, label);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && value >= 0 ? value : otherwise;
}

AppContainers SortContainers(const std::vector<ObservedContainer>& containers,
                             const std::string& owner) {
  AppContainers sorted;
  std::map<std::string, std::size_t> by_name;  // main containers' index
  for (const ObservedContainer& container : containers) {
    const ContainerInfo& info = *container.info;
    if (!info.labels.contains(api::kLabelOwner)) {
      sorted.adopted.push_back(container);
      continue;
    }
    if (TextLabel(info, api::kLabelOwner) != owner) continue;
    // Without these labels it is not one of ours, whatever its owner label says.
    if (TextLabel(info, api::kLabelReplica).empty() || info.labels.contains(api::kLabelSidecar)) {
      continue;
    }
    by_name[info.name] = sorted.replicas.size();
    sorted.replicas.push_back({container.info, container.stopping, {}});
  }
  for (const ObservedContainer& container : containers) {
    const ContainerInfo& info = *container.info;
    const std::string sidecar = TextLabel(info, api::kLabelSidecar);
    if (sidecar.empty() || TextLabel(info, api::kLabelOwner) != owner) continue;
    const std::string main =
        ContainerName(owner, TextLabel(info, api::kLabelNamespace),
                      TextLabel(info, api::kLabelReplica), IntLabel(info, api::kLabelAttempt, 0));
    const auto it = by_name.find(main);
    if (it == by_name.end()) {
      sorted.orphaned_sidecars.push_back(container.info);
    } else {
      sorted.replicas[it->second].sidecars.push_back(container);
    }
  }
  return sorted;
}

void ReadTemplates(AppContainers& containers, TemplatesByText& known) {
  TemplatesByText carried;
  for (AppContainers::Replica& replica : containers.replicas) {
    const std::string& text = TextLabel(*replica.main, api::kLabelTemplate);
    auto it = carried.find(text);
    if (it == carried.end()) {
      if (auto node = known.extract(text)) {
        it = carried.insert(std::move(node)).position;
      } else {
        auto parsed = api::ParseCanonicalTemplate(text);
        TemplatePtr shared =
            parsed ? std::make_shared<const api::PodTemplate>(*std::move(parsed)) : nullptr;
        it = carried.emplace(text, std::move(shared)).first;
      }
    }
    replica.pod_template = it->second;
  }
  known = std::move(carried);
}

std::string AddressOf(const ContainerInfo& container) {
  return TextLabel(container, api::kLabelAddress);
}

std::string AdoptedServer(const ContainerInfo& container,
                          const std::set<std::string>& taken_names) {
  if (!taken_names.contains(container.name)) return container.name;
  return container.name + "." + container.id.substr(0, 6);
}

AdoptedAddress ResolveAdopted(const ContainerInfo& container, const api::WebApp& app,
                              const std::string& own_network,
                              const std::set<std::string>& taken_names) {
  AdoptedAddress result{.server = AdoptedServer(container, taken_names)};
  const std::string label = TextLabel(container, api::kLabelPort);
  if (!label.empty()) {
    const int port = IntLabel(container, api::kLabelPort, 0);
    if (port < 1 || port > 65535) {
      result.problem = std::string(api::kLabelPort) + " must be a number from 1 to 65535";
      return result;
    }
    result.port = static_cast<std::uint16_t>(port);
  } else if (container.exposed_ports.size() == 1) {
    result.port = container.exposed_ports.front();
  } else if (app.spec.pod_template) {
    result.port = app.spec.pod_template->ServingPort();
  } else {
    result.problem = "its port is not known: label it " + std::string(api::kLabelPort) + "=PORT";
    return result;
  }
  if (container.network_mode == "host") {
    result.address = "127.0.0.1";
    return result;
  }
  const auto own = container.networks.find(own_network);
  if (own != container.networks.end() && !own->second.empty()) {
    result.network = own->first;
    result.address = own->second;
    return result;
  }
  for (const auto& [network, address] : container.networks) {
    if (address.empty()) continue;
    result.network = network;
    result.address = address;
    return result;
  }
  result.problem = "it has no address on any Docker network";
  return result;
}

ReplicaView ViewReplica(const AppContainers::Replica& replica, const BackendObservation* backend,
                        const AppMemory& memory) {
  const ContainerInfo& info = *replica.main;
  ReplicaView view;
  view.name = TextLabel(info, api::kLabelReplica);
  view.revision = TextLabel(info, api::kLabelRevision);
  view.slot = IntLabel(info, api::kLabelSlot, 0);
  view.attempt = IntLabel(info, api::kLabelAttempt, 0);
  view.failures = IntLabel(info, api::kLabelFailures, 0);
  view.container_id = info.id;
  view.container_name = info.name;
  view.phase = PhaseOf(info.state);
  view.stopping = replica.stopping;
  view.created = info.created;
  view.started = info.started_at;
  view.finished = info.finished_at;
  view.exit_code = info.exit_code;
  view.oom_killed = info.oom_killed;
  const std::size_t wanted = replica.pod_template ? replica.pod_template->containers.size() : 0;
  for (std::size_t i = 1; i < wanted; ++i) {
    SidecarView sidecar{.name = replica.pod_template->containers[i].name};
    for (const ObservedContainer& container : replica.sidecars) {
      if (TextLabel(*container.info, api::kLabelSidecar) != sidecar.name) continue;
      sidecar.container_id = container.info->id;
      sidecar.running = container.info->state == ContainerState::kRunning;
      sidecar.finished_at = container.info->finished_at;
    }
    view.sidecars.push_back(std::move(sidecar));
  }
  if (backend != nullptr) {
    const auto it = backend->servers.find(view.name);
    // A server of that name may still be the one of an earlier attempt.
    if (it != backend->servers.end() &&
        (it->second.container_id == info.id ||
         (it->second.container_id.empty() && it->second.address == AddressOf(info)))) {
      view.server = it->second.admin;
      view.server_up = it->second.up;
      view.connections = it->second.connections;
    }
  }
  if (const auto it = memory.drain_since.find(info.id); it != memory.drain_since.end()) {
    view.drain_since = it->second;
  }
  if (const auto it = memory.stop_since.find(info.id); it != memory.stop_since.end()) {
    view.stop_since = it->second;
  }
  view.kill_sent = memory.kill_sent.contains(info.id);
  return view;
}

void MergeHealth(ReplicaView& view, const Health& health) {
  view.ready = view.ready && health.ready;
  view.decided = view.decided && health.decided;
  view.alive = view.alive && health.alive;
  if (view.health_message.empty() && (!health.ready || !health.alive)) {
    view.health_message = health.message;
  }
  if (health.ready && (!view.ready_since || health.ready_since > *view.ready_since)) {
    view.ready_since = health.ready_since;
  }
}

}  // namespace ballast::reconcilers
