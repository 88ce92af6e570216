#include "controller/manifests/manifest_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/reasons.h"
#include "controller/manifests/apply_order.h"
#include "controller/manifests/refusal.h"

namespace ballast::manifests {
namespace {

using reconcilers::EventType;
using reconcilers::Presence;

constexpr char kObjectsFile[] = "objects.json";

api::ObjectKey StateKey() { return {"State", "", kObjectsFile}; }

// What failed for the same reason, in one line: a full disk concerns every object.
std::vector<api::FieldError> Grouped(const std::map<api::ObjectKey, Status>& failed) {
  std::map<std::string, std::vector<const api::ObjectKey*>> keys;
  for (const auto& [key, status] : failed) keys[status.message].push_back(&key);
  std::vector<api::FieldError> errors;
  for (const auto& [message, concerned] : keys) {
    std::string text = concerned.front()->ToString();
    if (concerned.size() > 1) text += fmt::format(" and {} more", concerned.size() - 1);
    errors.push_back(
        {.file = "", .message = fmt::format("{}: {}; this is tried again", text, message)});
  }
  return errors;
}

}  // namespace

ManifestSource::ManifestSource(ManifestOptions options, const reconcilers::Clock& clock,
                               reconcilers::Enqueuer& enqueuer, ObjectSink& sink,
                               reconcilers::EventRecorder& events, reconcilers::Metrics& metrics)
    : options_(std::move(options)),
      clock_(clock),
      enqueuer_(enqueuer),
      sink_(sink),
      events_(events),
      metrics_(metrics),
      scanner_(options_.dir, options_.decode),
      watcher_(options_.dir),
      accepted_file_(options_.state_dir + "/" + kObjectsFile),
      view_(std::make_shared<const View>()) {}

ManifestSource::~ManifestSource() { Stop(); }

Result<void> ManifestSource::Load() {
  auto loaded = accepted_file_.Load(options_.decode,
                                    [this](const api::ObjectKey& key) { return sink_.Find(key); });
  if (!loaded) return std::unexpected(loaded.error());
  state_.accepted = std::move(loaded->state.objects);
  unsaved_ = loaded->old;
  for (const std::string& problem : loaded->problems) {
    events_.Record(StateKey(), EventType::kWarning, api::reason::kManifestInvalid, problem);
  }
  {
    const std::lock_guard lock(mutex_);
    unstored_ = std::move(loaded->state.unstored);
    removing_ = std::move(loaded->state.removing);
  }
  Publish();
  EnqueueAll(Keys());
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
  if (first && on_looked_once_) on_looked_once_();
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
  if (result.save) unsaved_ = true;
  SettlePending(result.changed);
  // On disk before anything acts on it: what was in force is never forgotten, and what has to be
  // removed neither.
  if (unsaved_) Save();
  Publish();
  SetMetrics(result);
  std::vector<api::ObjectKey> keys = std::move(result.changed);
  keys.insert(keys.end(), result.moved.begin(), result.moved.end());
  {
    const std::lock_guard lock(mutex_);
    problems_.errors = std::move(result.errors);
    problems_.held = std::move(result.held);
    problems_.hold_reason = std::move(result.hold_reason);
    // Left over from before the start: now it may be done.
    if (newly_known) keys.insert(keys.end(), removing_.begin(), removing_.end());
  }
  for (const PlannedEvent& event : result.events) {
    events_.Record(event.object, event.type, event.reason, event.message);
  }
  EnqueueAll(std::move(keys));
}

void ManifestSource::SettlePending(const std::vector<api::ObjectKey>& changed) {
  const std::lock_guard lock(mutex_);
  for (const api::ObjectKey& key : changed) {
    if (state_.accepted.contains(key)) {
      if (removing_.erase(key) > 0 || unstored_.contains(key)) unsaved_ = true;
    } else {
      removing_.insert(key);
      unstored_.erase(key);
    }
  }
}

void ManifestSource::EnqueueAll(std::vector<api::ObjectKey> keys) {
  SortForApply(keys);
  for (const api::ObjectKey& key : keys) enqueuer_.Enqueue(key);
}

void ManifestSource::Save() {
  unsaved_ = false;  // first: what is said meanwhile has to be saved again
  AcceptedState state{.objects = state_.accepted};
  {
    const std::lock_guard lock(mutex_);
    state.unstored = unstored_;
    state.removing = removing_;
  }
  const Result<void> saved = accepted_file_.Save(state);
  if (!saved) unsaved_ = true;
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
  auto view = std::make_shared<const View>(
      View{.objects = state_.accepted, .absence_known = state_.absence_known});
  const std::lock_guard lock(mutex_);
  view_.swap(view);
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
  ManifestProblems problems = problems_;
  std::map<api::ObjectKey, Status> passing;
  for (const auto& [key, status] : not_applied_) {
    const auto object = view_->objects.find(key);
    if (object == view_->objects.end() || !IsRefusal(status)) {
      passing.emplace(key, status);
      continue;
    }
    problems.errors.push_back({.file = object->second.file,
                               .line = object->second.line,
                               .column = object->second.column,
                               .message = RefusalText(key, status)});
  }
  std::ranges::move(Grouped(passing), std::back_inserter(problems.errors));
  return problems;
}

std::shared_ptr<const ManifestSource::View> ManifestSource::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

std::vector<api::ObjectKey> ManifestSource::Keys() const {
  const auto view = this->view();
  std::vector<api::ObjectKey> keys;
  keys.reserve(view->objects.size());
  for (const auto& [key, object] : view->objects) keys.push_back(key);
  SortForApply(keys);
  return keys;
}

NamedObject ManifestSource::Find(const api::ObjectKey& key) const {
  const auto view = this->view();
  const auto found = view->objects.find(key);
  if (found == view->objects.end()) {
    return {.presence = view->absence_known ? Presence::kAbsent : Presence::kUnknown};
  }
  const AcceptedObject& object = found->second;
  return {.presence = Presence::kPresent,
          .written = object.written,
          .file = object.file,
          .line = object.line};
}

void ManifestSource::OnLookedOnce(std::function<void()> callback) {
  on_looked_once_ = std::move(callback);
}

void ManifestSource::Applied(const api::ObjectKey& key, const Result<void>& outcome) {
  const std::lock_guard lock(mutex_);
  SetOutcome(key, outcome);
  if (outcome && unstored_.erase(key) > 0) unsaved_ = true;
}

void ManifestSource::Removed(const api::ObjectKey& key, const Result<void>& outcome) {
  const std::lock_guard lock(mutex_);
  SetOutcome(key, outcome);
  if (outcome && removing_.erase(key) > 0) unsaved_ = true;
}

void ManifestSource::SetOutcome(const api::ObjectKey& key, const Result<void>& outcome) {
  if (outcome) {
    not_applied_.erase(key);
  } else {
    not_applied_[key] = outcome.error();
  }
}

}  // namespace ballast::manifests
