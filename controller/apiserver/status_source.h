// What the status server shows, and where it gets it from. Plain values; controller/cmd fills them
// from the runtime, so that this folder knows none of the other adapters.
#pragma once

#include <string>
#include <vector>

#include "api/load_balancer.h"
#include "api/meta.h"
#include "api/webapp.h"

namespace ballast::apiserver {

struct ControllerReport {
  std::string version;
  std::string instance;
  api::Time started{};
  bool ready = false;
  std::string not_ready_reason;  // empty when ready
  std::string docker_version;    // empty: it has not answered yet
  std::string manifests;         // the directory
};

struct WebAppReport {
  api::ObjectKey key;
  bool from_labels = false;
  bool desired = true;  // false: nobody asks for it any more, it is being taken down
  api::WebAppStatus status;
  std::vector<api::ReplicaStatus> replicas;
};

struct LoadBalancerReport {
  api::ObjectKey key;
  bool implied = false;  // no manifest defines it
  api::LoadBalancerStatus status;
};

struct EventReport {
  api::Time last{};
  bool warning = false;
  api::ObjectKey object;
  std::string reason;
  std::string message;
  int count = 1;
};

// Something that a person should look at: a manifest that is refused, a label that names nothing.
struct ProblemReport {
  std::string kind;  // Manifest, Prune, Label, Storage
  std::string message;
};

struct StatusReport {
  api::Time now{};
  ControllerReport controller;
  std::vector<WebAppReport> webapps;
  std::vector<LoadBalancerReport> load_balancers;
  std::vector<ProblemReport> problems;
  std::vector<EventReport> events;  // the last ones, oldest first
};

// Called on the server's worker threads, two at once too; answers from memory.
class StatusSource {
 public:
  virtual ~StatusSource() = default;
  [[nodiscard]] virtual StatusReport Report() const = 0;
  // Empty: ready. Else what is still missing.
  [[nodiscard]] virtual std::string NotReady() const = 0;
  // Prometheus' text format.
  [[nodiscard]] virtual std::string MetricsText() const = 0;
};

}  // namespace ballast::apiserver
