#include "tests/fakes/fake_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <set>
#include <utility>

#include "tests/fakes/fake_engine_state.h"

namespace ballast::fakes {

using reconcilers::ContainerInfo;
using reconcilers::ContainerSpec;
using reconcilers::ContainerState;
using reconcilers::DockerHealth;
using reconcilers::EngineEvent;

namespace {

const std::set<std::string>& Readers() {
  static const std::set<std::string> readers{"Version",      "ListContainers", "InspectContainer",
                                             "Exec",         "ContainerStats", "TailLogs",
                                             "InspectImage", "InspectNetwork", "ListNetworks",
                                             "ListVolumes",  "StreamEvents"};
  return readers;
}

std::string ImageId(const std::string& reference) {
  return fmt::format("sha256:{:016x}{:0>48}", std::hash<std::string>{}(reference), "");
}

}  // namespace

std::vector<EngineEvent> FakeEngine::State::Publish() {
  std::vector<EngineEvent> out;
  for (const EngineEvent& event : world.TakeEvents()) {
    for (EngineEvent& sent : filter ? filter(event) : std::vector<EngineEvent>{event}) {
      for (const auto& stream : streams) stream->queue.push_back(sent);
      out.push_back(std::move(sent));
    }
  }
  if (!out.empty()) changed.notify_all();
  return out;
}

std::optional<Status> FakeEngine::State::Enter(const std::string& method,
                                               const std::string& argument) {
  std::unique_lock lock(mutex);
  calls.push_back(argument.empty() ? method : method + " " + argument);
  if (!Readers().contains(method)) writes.push_back(calls.back());
  const auto ask = hook;
  lock.unlock();
  if (ask) {
    if (auto status = ask(method, argument)) return status;
  }
  lock.lock();
  if (down) return down;
  if (auto& queue = failures[method]; !queue.empty()) {
    Status status = queue.front();
    queue.pop_front();
    return status;
  }
  return std::nullopt;
}

FakeEngine::FakeEngine(const reconcilers::Clock* clock) : state_(std::make_unique<State>(clock)) {}
FakeEngine::~FakeEngine() = default;

// --- The world, as a test sets it up -----------------------------------------------------------

void FakeEngine::AddImage(const std::string& reference, reconcilers::ImageInfo info) {
  if (info.id.empty()) info.id = ImageId(WithTag(reference));
  const std::lock_guard lock(state_->mutex);
  state_->world.images[WithTag(reference)] = std::move(info);
}

void FakeEngine::RemoveImage(const std::string& reference) {
  const std::lock_guard lock(state_->mutex);
  state_->world.images.erase(WithTag(reference));
}

void FakeEngine::AddRemoteImage(const std::string& reference, reconcilers::ImageInfo info) {
  if (info.id.empty()) info.id = ImageId(WithTag(reference));
  const std::lock_guard lock(state_->mutex);
  state_->world.remote_images[WithTag(reference)] = std::move(info);
}

std::string FakeEngine::AddContainer(ContainerInfo info) {
  return state_->Change([&] { return state_->world.Adopt(std::move(info)); });
}

// --- What happens to containers ----------------------------------------------------------------

void FakeEngine::Kill(const std::string& name, int exit_code, bool oom_killed) {
  state_->Happen(name, [&](FakeContainer& container) {
    state_->world.Die(container, exit_code, oom_killed);
    state_->world.MaybeRestart(container);
  });
}

void FakeEngine::StopByHand(const std::string& name) {
  state_->Happen(name, [&](FakeContainer& container) {
    if (!IsUp(container.info)) return;
    state_->world.Signal(container, SIGTERM);
    if (IsUp(container.info)) state_->world.Signal(container, SIGKILL);
  });
}

void FakeEngine::RemoveByHand(const std::string& name) {
  state_->Happen(name, [&](FakeContainer& container) { state_->world.Remove(container); });
}

void FakeEngine::Pause(const std::string& name) {
  state_->Happen(name, [&](FakeContainer& container) {
    if (container.info.state != ContainerState::kRunning) return;
    container.info.state = ContainerState::kPaused;
    state_->world.Emit(container, "pause");
  });
}

void FakeEngine::Unpause(const std::string& name) {
  state_->Happen(name, [&](FakeContainer& container) {
    if (container.info.state != ContainerState::kPaused) return;
    container.info.state = ContainerState::kRunning;
    state_->world.Emit(container, "unpause");
  });
}

void FakeEngine::SetHealth(const std::string& name, DockerHealth health) {
  state_->Happen(name, [&](FakeContainer& container) {
    container.info.health = health;
    const std::string text = health == DockerHealth::kHealthy     ? "healthy"
                             : health == DockerHealth::kUnhealthy ? "unhealthy"
                                                                  : "starting";
    state_->world.Emit(container, "health_status", {{"health", text}});
  });
}

void FakeEngine::SetUsage(const std::string& name, double cpus, std::int64_t memory) {
  state_->Happen(
      name, [&](FakeContainer& container) { state_->world.SetUsage(container, cpus, memory); });
}

void FakeEngine::IgnoreSignals(const std::string& name) {
  state_->Happen(name, [](FakeContainer& container) { container.ignores_signals = true; });
}

void FakeEngine::RestartEngine() {
  const std::lock_guard lock(state_->mutex);
  state_->BreakStreams();
  FakeWorld& world = state_->world;
  for (auto& [unused, container] : world.containers) {
    world.Die(container, 137, /*oom_killed=*/false);
  }
  for (auto& [unused, container] : world.containers) world.MaybeRestart(container);
  (void)world.TakeEvents();  // nobody could listen
}

// --- Faults ------------------------------------------------------------------------------------

void FakeEngine::FailNext(const std::string& method, const Status& status, int times) {
  const std::lock_guard lock(state_->mutex);
  for (int i = 0; i < times; ++i) state_->failures[method].push_back(status);
}

void FakeEngine::SetHook(
    std::function<std::optional<Status>(const std::string&, const std::string&)> hook) {
  const std::lock_guard lock(state_->mutex);
  state_->hook = std::move(hook);
}

void FakeEngine::SetDown(std::optional<Status> status) {
  const std::lock_guard lock(state_->mutex);
  state_->down = std::move(status);
  if (state_->down) state_->BreakStreams();
}

void FakeEngine::BreakEventStreams() {
  const std::lock_guard lock(state_->mutex);
  state_->BreakStreams();
}

void FakeEngine::SetEventFilter(
    std::function<std::vector<EngineEvent>(const EngineEvent&)> filter) {
  const std::lock_guard lock(state_->mutex);
  state_->filter = std::move(filter);
}

void FakeEngine::SetExec(std::function<Result<reconcilers::ExecResult>(
                             const std::string&, const std::vector<std::string>&)>
                             handler) {
  const std::lock_guard lock(state_->mutex);
  state_->exec = std::move(handler);
}

void FakeEngine::SetLogs(const std::string& name, std::string text) {
  state_->Happen(name, [&](FakeContainer& container) { container.logs = std::move(text); });
}

void FakeEngine::SetVersion(Result<reconcilers::EngineVersion> version) {
  const std::lock_guard lock(state_->mutex);
  state_->version = std::move(version);
}

// --- What a test asks --------------------------------------------------------------------------

std::vector<std::string> FakeEngine::Calls() const {
  const std::lock_guard lock(state_->mutex);
  return state_->calls;
}

std::vector<std::string> FakeEngine::Writes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->writes;
}

void FakeEngine::ClearCalls() {
  const std::lock_guard lock(state_->mutex);
  state_->calls.clear();
  state_->writes.clear();
}

std::vector<ContainerInfo> FakeEngine::Containers() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<ContainerInfo> out;
  for (const auto& [unused, container] : state_->world.containers) out.push_back(container.info);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

std::optional<ContainerInfo> FakeEngine::Find(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  const FakeContainer* container = state_->world.FindContainer(name);
  return container == nullptr ? std::nullopt : std::optional(container->info);
}

std::optional<ContainerSpec> FakeEngine::SpecOf(const std::string& name) const {
  const std::lock_guard lock(state_->mutex);
  const FakeContainer* container = state_->world.FindContainer(name);
  return container == nullptr ? std::nullopt : std::optional(container->spec);
}

std::map<std::string, reconcilers::FileEntry> FakeEngine::FilesOf(const std::string& volume) const {
  const std::lock_guard lock(state_->mutex);
  const auto it = state_->world.volume_files.find(volume);
  return it == state_->world.volume_files.end() ? std::map<std::string, reconcilers::FileEntry>{}
                                                : it->second;
}

std::vector<reconcilers::PullLogin> FakeEngine::LoginsOf(const std::string& reference) const {
  const std::lock_guard lock(state_->mutex);
  const auto it = state_->world.logins.find(reference);
  return it == state_->world.logins.end() ? std::vector<reconcilers::PullLogin>{} : it->second;
}

void FakeEngine::Subscribe(EventHandler handler) {
  const std::lock_guard lock(state_->mutex);
  state_->subscribers.push_back(std::move(handler));
}

void FakeEngine::AwaitStreams(int count) {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] {
    return std::count_if(state_->streams.begin(), state_->streams.end(),
                         [](const auto& stream) { return stream->open; }) >= count;
  });
}

}  // namespace ballast::fakes
