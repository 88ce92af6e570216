#include "controller/manifests/manifest_source.h"

#include <algorithm>
#include <utility>

#include "api/reasons.h"

namespace ballast::manifests {
namespace {

using reconcilers::EventType;
using reconcilers::Presence;

constexpr char kObjectsFile[] = "objects.json";

api::ObjectKey StateKey() { return {"State", "", kObjectsFile}; }

template <typename T>
std::shared_ptr<const T> PartOf(const std::shared_ptr<const api::Object>& object) {
  return std::shared_ptr<const T>(object, std::get_if<T>(object.get()));
}

}  // namespace

ManifestSource::ManifestSource(ManifestOptions options, const reconcilers::Clock& clock,
                               reconcilers::Enqueuer& enqueuer, reconcilers::EventRecorder& events,
                               reconcilers::Metrics& metrics)
    : options_(std::move(options)),
      clock_(clock),
      enqueuer_(enqueuer),
      events_(events),
      metrics_(metrics),
      scanner_(options_.dir, options_.decode),
      watcher_(options_.dir),
      accepted_file_(options_.state_dir + "/" + kObjectsFile),
      view_(std::make_shared<const View>()) {}

ManifestSource::~ManifestSource() { Stop(); }

Result<void> ManifestSource::Load() {
  auto loaded = accepted_file_.Load(options_.decode);
  if (!loaded) return std::unexpected(loaded.error());
  state_.accepted = std::move(loaded->objects);
  for (const std::string& problem : loaded->problems) {
    events_.Record(StateKey(), EventType::kWarning, api::reason::kManifestInvalid, problem);
  }
  Publish();
  for (const auto& [key, object] : state_.accepted) enqueuer_.Enqueue(key);
  return {};
}

void ManifestSource::Start() {
  if (!thread_.joinable()) thread_ = std::jthread([this] { Follow(); });
}

void ManifestSource::Stop() {
  if (!thread_.joinable()) return;
  watcher_.Stop();
  thread_.join();
}

void ManifestSource::Follow() {
  for (auto wait = RunOnce();; wait = RunOnce()) {
    if (watcher_.Wait(wait, options_.quiet) == Watcher::Woken::kStopped) return;
  }
}

std::chrono::milliseconds ManifestSource::RunOnce() {
  watcher_.BeginPass();
  ScanResult scan =
      scanner_.Scan([this](const std::string& path) { watcher_.WatchDirectory(path); });
  watcher_.EndPass();
  if (again_after_.count() > 0 || !LookedOnce() || !Unchanged(scan)) {
    Apply(PlanApply(state_, scan, clock_.Now(), options_.prune));
    last_scan_ = std::move(scan);
  }
  if (unsaved_) Save();
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    problems_.watching = watcher_.problem();
    first = !std::exchange(scanned_once_, true);
  }
  if (first && on_absence_known_) on_absence_known_();
  return again_after_.count() > 0 ? std::min(again_after_, options_.rescan) : options_.rescan;
}

// Files that did not change are the same objects, thanks to the scanner's cache.
bool ManifestSource::Unchanged(const ScanResult& scan) const {
  return scan.problem == last_scan_.problem && scan.files == last_scan_.files;
}

void ManifestSource::Apply(PlanResult result) {
  const bool newly_known = result.next.absence_known && !state_.absence_known;
  state_ = std::move(result.next);
  again_after_ = result.again_after.value_or(std::chrono::milliseconds(0));
  unsaved_ = unsaved_ || result.save;
  // On disk before anything acts on it: what containers are made from is never forgotten.
  if (unsaved_) Save();
  Publish();
  SetMetrics(result);
  {
    const std::lock_guard lock(mutex_);
    problems_.errors = std::move(result.errors);
    problems_.held = std::move(result.held);
    problems_.hold_reason = std::move(result.hold_reason);
  }
  for (const PlannedEvent& event : result.events) {
    events_.Record(event.object, event.type, event.reason, event.message);
  }
  for (const api::ObjectKey& key : result.changed) enqueuer_.Enqueue(key);
  if (newly_known && on_absence_known_) on_absence_known_();
}

void ManifestSource::Save() {
  const Result<void> saved = accepted_file_.Save(state_.accepted);
  unsaved_ = !saved;
  const std::string error = saved ? "" : saved.error().message;
  if (!saved) {
    metrics_.Add("ballast_state_write_errors_total", 1, {});
    if (error != save_error_) {
      events_.Record(StateKey(), EventType::kWarning, api::reason::kStateNotSaved,
                     error + "; the controller goes on, and tries again every 10 s");
    }
  }
  save_error_ = error;
  const std::lock_guard lock(mutex_);
  problems_.storage = error;
}

void ManifestSource::Publish() {
  auto view = std::make_shared<View>();
  view->absence_known = state_.absence_known;
  for (const auto& [key, accepted] : state_.accepted) {
    if (std::holds_alternative<api::WebApp>(*accepted.object)) {
      view->webapps.emplace(key, PartOf<api::WebApp>(accepted.object));
    } else {
      view->load_balancers.emplace(key.name, PartOf<api::LoadBalancer>(accepted.object));
    }
  }
  const std::lock_guard lock(mutex_);
  view_ = std::move(view);
}

void ManifestSource::SetMetrics(const PlanResult& result) {
  for (const auto& [file, count] : file_errors_) {
    if (!result.file_errors.contains(file)) {
      metrics_.Remove("ballast_manifest_errors", {{"file", file}});
    }
  }
  for (const auto& [file, count] : result.file_errors) {
    metrics_.Set("ballast_manifest_errors", static_cast<double>(count), {{"file", file}});
  }
  file_errors_ = result.file_errors;
  metrics_.Set("ballast_manifest_objects", static_cast<double>(state_.accepted.size()), {});
  metrics_.Set("ballast_manifest_objects_held", static_cast<double>(result.held.size()), {});
}

bool ManifestSource::LookedOnce() const {
  const std::lock_guard lock(mutex_);
  return scanned_once_;
}

ManifestProblems ManifestSource::Problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

std::shared_ptr<const ManifestSource::View> ManifestSource::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

Presence ManifestSource::GetWebApp(const api::ObjectKey& key,
                                   std::shared_ptr<const api::WebApp>& object) const {
  const auto view = this->view();
  const auto found = view->webapps.find(key);
  object = found == view->webapps.end() ? nullptr : found->second;
  if (object) return Presence::kPresent;
  return view->absence_known ? Presence::kAbsent : Presence::kUnknown;
}

Presence ManifestSource::GetLoadBalancer(const std::string& name,
                                         std::shared_ptr<const api::LoadBalancer>& object) const {
  const auto view = this->view();
  const auto found = view->load_balancers.find(name);
  object = found == view->load_balancers.end() ? nullptr : found->second;
  if (object) return Presence::kPresent;
  return view->absence_known ? Presence::kAbsent : Presence::kUnknown;
}

std::vector<std::shared_ptr<const api::WebApp>> ManifestSource::ListWebApps() const {
  std::vector<std::shared_ptr<const api::WebApp>> list;
  for (const auto& [key, object] : view()->webapps) list.push_back(object);
  return list;
}

std::vector<std::shared_ptr<const api::LoadBalancer>> ManifestSource::ListLoadBalancers() const {
  std::vector<std::shared_ptr<const api::LoadBalancer>> list;
  for (const auto& [name, object] : view()->load_balancers) list.push_back(object);
  return list;
}

}  // namespace ballast::manifests
