// From what Docker, the probes and HAProxy show to the planner's view of one web app. Pure: the
// caller hands in what was read.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/ports/container_lister.h"
#include "reconcilers/ports/health.h"
#include "reconcilers/ports/traffic.h"
#include "reconcilers/webapp/plan.h"

namespace ballast::reconcilers {

using TemplatePtr = std::shared_ptr<const api::PodTemplate>;
using TemplatesByText = std::map<std::string, TemplatePtr>;

// What the controller remembers of an app between two passes. Losing it is harmless.
struct AppMemory {
  std::map<std::string, Clock::Steady> drain_since;  // by container id
  std::map<std::string, Clock::Steady> stop_since;   // by container id
  std::set<std::string> kill_sent;                   // container ids
  std::set<std::string> creating;                    // replica names
  std::map<std::string, std::string> last_seen;      // container id -> state, for Events
  std::set<std::string> watched;                     // container ids with probes
  std::optional<Clock::Steady> progress_at;
  std::string progress_signature;
  std::shared_ptr<const api::WebApp> last_app;  // to drain by when it is deleted
  std::string last_revision;                    // the last update revision that was known
  std::string rollout_told;                     // the revision whose rollout an Event told
  std::string config_told;                      // what an Event said is missing
  std::string skipped_told;                     // ... or is no name of a variable
  bool traffic_seen = false;                    // HAProxy's states were read at least once
  std::string traffic_difference;  // between what was wished and what HAProxy had, last time
  bool keeps_last = false;         // PlanInput::keep_last of the last pass
  std::map<std::string, api::Condition> conditions;  // for last_transition
  TemplatesByText templates;                         // those that its replicas carry, parsed
};

// The containers of one web app, sorted out by whose they are.
struct AppContainers {
  struct Replica {
    ContainerPtr main;
    bool stopping = false;
    std::vector<ObservedContainer> sidecars;
    TemplatePtr pod_template;  // by ReadTemplates; null: its label cannot be read
  };
  std::vector<Replica> replicas;                // ours, by container name
  std::vector<ObservedContainer> adopted;       // nobody's, by name
  std::vector<ContainerPtr> orphaned_sidecars;  // ours, their main container is gone
};
[[nodiscard]] AppContainers SortContainers(const std::vector<ObservedContainer>& containers,
                                           const std::string& owner);

// Sets each replica's template. A text is parsed once, for as long as some replica carries it:
// thousands of replicas share a few.
void ReadTemplates(AppContainers& containers, TemplatesByText& known);

// HAProxy's name for an adopted container: its own, unless a replica has it.
[[nodiscard]] std::string AdoptedServer(const ContainerInfo& container,
                                        const std::set<std::string>& taken_names);

// Where to reach an adopted container.
struct AdoptedAddress {
  std::string server;   // HAProxy's name for it
  std::string address;  // "" with a problem
  std::uint16_t port = 0;
  std::string network;
  std::string problem;  // why it cannot be adopted, for an Event
};
[[nodiscard]] AdoptedAddress ResolveAdopted(const ContainerInfo& container, const api::WebApp& app,
                                            const std::string& own_network,
                                            const std::set<std::string>& taken_names);

// The address that Ballast gave a replica; known for dead ones too.
[[nodiscard]] std::string AddressOf(const ContainerInfo& container);
// An integer label, `otherwise` when it is missing or rubbish.
[[nodiscard]] int IntLabel(const ContainerInfo& container, const char* label, int otherwise);
// "" when it is missing. Lives as long as the container's info.
[[nodiscard]] const std::string& TextLabel(const ContainerInfo& container, const char* label);

// One replica's view, without what only the caller knows (busy, health).
[[nodiscard]] ReplicaView ViewReplica(const AppContainers::Replica& replica,
                                      const BackendObservation* backend, const AppMemory& memory);
// Adds what the probes say; several containers count as one: the worst of them.
void MergeHealth(ReplicaView& view, const Health& health);

}  // namespace ballast::reconcilers
