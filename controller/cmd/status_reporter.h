// What the status server shows, put together from the runtime, the manifests and the containers'
// labels. Owned by Controller; any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controller/apiserver/status_source.h"
#include "controller/cmd/options.h"
#include "controller/manifests/manifest_source.h"
#include "controller/metrics/prometheus_metrics.h"
#include "controller/runtime/container_cache.h"
#include "controller/runtime/event_log.h"
#include "controller/runtime/status_table.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/desired_state.h"

namespace ballast::cmd {

// All of it outlives the reporter.
struct ReporterDependencies {
  const reconcilers::Clock& clock;
  const runtime::StatusTable& table;
  const runtime::EventLog& events;
  const runtime::ContainerCache& containers;
  const std::unique_ptr<manifests::ManifestSource>& manifests;  // null without --manifests
  const reconcilers::DesiredState& desired;
  const metrics::PrometheusMetrics& metrics;
};

class StatusReporter final : public apiserver::StatusSource {
 public:
  static constexpr std::size_t kMaxEvents = 200;

  StatusReporter(ReporterDependencies dependencies, const Options& options, std::string version);

  // What Docker said; `problem` is why it does not answer, "" when it does.
  void SetDocker(const std::string& version, const std::string& problem);

  [[nodiscard]] apiserver::StatusReport Report() const override;
  [[nodiscard]] std::string NotReady() const override;
  [[nodiscard]] std::string MetricsText() const override { return d_.metrics.Text(); }

 private:
  void AddWebApps(apiserver::StatusReport& report) const;
  void AddLoadBalancers(apiserver::StatusReport& report) const;
  void AddManifestProblems(apiserver::StatusReport& report) const;
  void AddLabelProblems(apiserver::StatusReport& report) const;

  const ReporterDependencies d_;
  apiserver::ControllerReport controller_;
  mutable std::mutex mutex_;
  std::string docker_version_;                    // guarded by mutex_
  std::string docker_problem_ = "not asked yet";  // guarded by mutex_
};

// Containers whose labels name a WebApp that nobody defines, in words. Pure.
[[nodiscard]] std::vector<std::string> StrayLabels(
    const api::ObjectKey& key, const std::vector<reconcilers::ObservedContainer>& containers);

}  // namespace ballast::cmd
