#include "controller/cmd/status_reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "api/labels.h"
#include "reconcilers/webapp/labelled_apps.h"

namespace ballast::cmd {

using apiserver::StatusReport;
using reconcilers::Presence;

namespace {

bool OnlyAdopted(const runtime::WebAppRow& row) {
  return row.status.replicas == 0 &&
         std::ranges::all_of(row.replicas, [](const auto& replica) { return replica.adopted; });
}

}  // namespace

StatusReporter::StatusReporter(ReporterDependencies dependencies, const Options& options,
                               std::string version)
    : d_(dependencies),
      controller_{.version = std::move(version),
                  .instance = options.instance,
                  .started = dependencies.clock.WallNow(),
                  .manifests = options.manifests} {}

void StatusReporter::SetDocker(const std::string& version, const std::string& problem) {
  const std::lock_guard lock(mutex_);
  if (!version.empty()) docker_version_ = version;
  docker_problem_ = problem;
}

std::string StatusReporter::NotReady() const {
  {
    const std::lock_guard lock(mutex_);
    if (!docker_problem_.empty()) return "Docker: " + docker_problem_;
  }
  if (!d_.containers.Synced()) return "the containers have not been listed yet";
  if (!d_.containers.Connected()) return "Docker's event stream is interrupted";
  if (d_.manifests != nullptr && !d_.manifests->LookedOnce())
    return "the manifests have not been read yet";
  return "";
}

StatusReport StatusReporter::Report() const {
  StatusReport report;
  report.now = d_.clock.WallNow();
  report.controller = controller_;
  report.controller.not_ready_reason = NotReady();
  report.controller.ready = report.controller.not_ready_reason.empty();
  {
    const std::lock_guard lock(mutex_);
    report.controller.docker_version = docker_version_;
  }
  AddWebApps(report);
  AddLoadBalancers(report);
  AddManifestProblems(report);
  AddLabelProblems(report);
  const auto events = d_.events.Snapshot();
  for (std::size_t i = events.size() - std::min(events.size(), kMaxEvents); i < events.size();
       ++i) {
    const runtime::LoggedEvent& event = events[i];
    report.events.push_back({event.last, event.type == reconcilers::EventType::kWarning,
                             event.object, event.reason, event.message, event.count});
  }
  return report;
}

void StatusReporter::AddWebApps(StatusReport& report) const {
  std::map<api::ObjectKey, apiserver::WebAppReport> rows;
  for (const auto& row : d_.table.WebApps()) {
    std::shared_ptr<const api::WebApp> app;
    const Presence presence = d_.desired.GetWebApp(row->key, app);
    // Labels that name nothing are told as a problem; they make no web app.
    if (presence == Presence::kAbsent && OnlyAdopted(*row)) continue;
    rows[row->key] = {.key = row->key,
                      .from_labels = app != nullptr && app->from_labels,
                      .desired = presence != Presence::kAbsent,
                      .status = row->status,
                      .replicas = row->replicas};
  }
  for (const auto& app : d_.desired.ListWebApps()) {  // those that were never reconciled
    const auto [row, is_new] = rows.try_emplace(app->Key());
    if (!is_new) continue;
    row->second.key = app->Key();
    row->second.from_labels = app->from_labels;
    row->second.status.desired_replicas = app->spec.pod_template ? app->spec.replicas : 0;
  }
  for (auto& [key, row] : rows) report.webapps.push_back(std::move(row));
}

void StatusReporter::AddLoadBalancers(StatusReport& report) const {
  std::set<std::string> names;
  for (const auto& row : d_.table.LoadBalancers()) {
    std::shared_ptr<const api::LoadBalancer> object;
    const Presence presence = d_.desired.GetLoadBalancer(row->key.name, object);
    report.load_balancers.push_back({row->key, presence != Presence::kPresent, row->status});
    names.insert(row->key.name);
  }
  for (const auto& object : d_.desired.ListLoadBalancers()) {
    if (!names.contains(object->meta.name)) {
      report.load_balancers.push_back({object->Key(), false, {}});
    }
  }
}

void StatusReporter::AddManifestProblems(StatusReport& report) const {
  if (d_.manifests == nullptr) return;
  const manifests::ManifestProblems problems = d_.manifests->Problems();
  for (const api::FieldError& error : problems.errors) {
    report.problems.push_back({"Manifest", error.file.empty() ? error.message : error.ToString()});
  }
  for (const api::ObjectKey& key : problems.held) {
    report.problems.push_back(
        {"Prune", fmt::format("{} stays in force although no manifest names it: {}", key.ToString(),
                              problems.hold_reason)});
  }
  if (!problems.storage.empty()) report.problems.push_back({"Storage", problems.storage});
  if (!problems.watching.empty()) {
    report.problems.push_back(
        {"Manifest", problems.watching + "; changes are seen every 10 s only"});
  }
}

void StatusReporter::AddLabelProblems(StatusReport& report) const {
  for (const api::ObjectKey& key : d_.containers.WebApps()) {
    std::shared_ptr<const api::WebApp> app;
    const Presence presence = d_.desired.GetWebApp(key, app);
    const auto containers = d_.containers.ForWebApp(key.ns, key.name);
    std::vector<std::string> problems;
    static_cast<void>(reconcilers::WebAppFromLabels(key.ns, key.name, containers, &problems));
    if (presence == Presence::kAbsent && problems.empty()) problems = StrayLabels(key, containers);
    for (std::string& problem : problems) report.problems.push_back({"Label", std::move(problem)});
  }
}

std::vector<std::string> StrayLabels(
    const api::ObjectKey& key, const std::vector<reconcilers::ObservedContainer>& containers) {
  std::vector<std::string> found;
  for (const reconcilers::ObservedContainer& container : containers) {
    if (container.info->labels.contains(api::kLabelOwner)) continue;
    found.push_back(fmt::format(
        "container {} is labelled {}={}, but there is no WebApp {}/{}: add a manifest, or the "
        "label {} to make one",
        container.info->name, api::kLabelWebApp, key.name, key.ns, key.name, api::kLabelHost));
  }
  return found;
}

}  // namespace ballast::cmd
