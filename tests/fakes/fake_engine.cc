#include "tests/fakes/fake_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <set>
#include <utility>

#include "tests/fakes/fake_world.h"

namespace ballast::fakes {

using reconcilers::ContainerInfo;
using reconcilers::ContainerSpec;
using reconcilers::ContainerState;
using reconcilers::DockerHealth;
using reconcilers::EngineEvent;

namespace {

struct Stream {
  std::deque<EngineEvent> queue;
  bool broken = false;
  bool open = false;  // its on_open has returned
};

const std::set<std::string>& Readers() {
  static const std::set<std::string> readers{
      "Version",      "ListContainers", "InspectContainer", "Exec",        "TailLogs",
      "InspectImage", "InspectNetwork", "ListNetworks",     "ListVolumes", "StreamEvents"};
  return readers;
}

bool HasLabel(const std::map<std::string, std::string>& labels, const std::string& label) {
  const std::size_t equals = label.find('=');
  const auto found = labels.find(label.substr(0, equals));
  return found != labels.end() &&
         (equals == std::string::npos || found->second == label.substr(equals + 1));
}

std::unexpected<Status> NoContainer(const std::string& id) {
  return Error(Code::kNotFound, "no such container: " + id);
}
std::unexpected<Status> NoNetwork(const std::string& name) {
  return Error(Code::kNotFound, fmt::format("network {} not found", name));
}

std::string ImageId(const std::string& reference) {
  return fmt::format("sha256:{:016x}{:0>48}", std::hash<std::string>{}(reference), "");
}

}  // namespace

struct FakeEngine::State {
  explicit State(const reconcilers::Clock* clock) : world(clock) {}

  mutable std::mutex mutex;
  std::condition_variable_any changed;
  FakeWorld world;
  std::vector<std::string> calls;
  std::vector<std::string> writes;
  std::map<std::string, std::deque<Status>> failures;
  std::optional<Status> down;
  std::vector<std::shared_ptr<Stream>> streams;
  std::vector<EventHandler> subscribers;
  std::function<std::optional<Status>(const std::string&, const std::string&)> hook;
  std::function<std::vector<EngineEvent>(const EngineEvent&)> filter;
  std::function<Result<reconcilers::ExecResult>(const std::string&,
                                                const std::vector<std::string>&)>
      exec;
  Result<reconcilers::EngineVersion> version =
      reconcilers::EngineVersion{.version = "20.10.24",
                                 .api_version = "1.41",
                                 .os_type = "linux",
                                 .data_root = "/var/lib/docker"};

  // With the lock held: queues what happened for the streams and returns it for the subscribers.
  std::vector<EngineEvent> Publish() {
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

  void BreakStreams() {
    for (const auto& stream : streams) stream->broken = true;
    streams.clear();
    changed.notify_all();
  }

  // Changes the world under the lock, then tells the subscribers without it.
  template <typename Body>
  auto Change(Body body) {
    std::unique_lock lock(mutex);
    auto result = body();
    const std::vector<EngineEvent> events = Publish();
    const std::vector<EventHandler> handlers =
        events.empty() ? std::vector<EventHandler>{} : subscribers;
    lock.unlock();
    for (const EngineEvent& event : events) {
      for (const EventHandler& handler : handlers) handler(event);
    }
    return result;
  }

  // Something that happens to the container of that name, which a test says is there.
  template <typename Body>
  void Happen(const std::string& name, Body body) {
    Change([&] {
      if (FakeContainer* container = world.FindContainer(name)) body(*container);
      return 0;
    });
  }

  // Notes a call and asks the faults whether it may go on.
  std::optional<Status> Enter(const std::string& method, const std::string& argument) {
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

  std::string NameOf(const std::string& id) {
    const std::lock_guard lock(mutex);
    return world.NameOf(id);
  }

  // A call of the port: notes it, asks the faults, runs `body` under the lock.
  template <typename T, typename Body>
  Result<T> Call(const std::string& method, const std::string& argument, Body body) {
    if (auto fault = Enter(method, argument)) return std::unexpected(*fault);
    return Change([&]() -> Result<T> { return body(); });
  }
  // The same for a container that must exist.
  template <typename T, typename Body>
  Result<T> CallOn(const std::string& method, const std::string& id, const std::string& more,
                   Body body) {
    std::string argument = NameOf(id);
    if (!more.empty()) argument += " " + more;
    return Call<T>(method, argument, [&]() -> Result<T> {
      FakeContainer* container = world.FindContainer(id);
      if (container == nullptr) return NoContainer(id);
      return body(*container);
    });
  }
};

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

// --- Engine: containers ------------------------------------------------------------------------

Result<reconcilers::EngineVersion> FakeEngine::Version() {
  return state_->Call<reconcilers::EngineVersion>("Version", "", [&] { return state_->version; });
}

Result<std::vector<ContainerInfo>> FakeEngine::ListContainers(const std::string& label) {
  return state_->Call<std::vector<ContainerInfo>>("ListContainers", label, [&] {
    std::vector<ContainerInfo> out;
    for (const auto& [unused, container] : state_->world.containers) {
      if (!HasLabel(container.info.labels, label)) continue;
      // A list of Docker's does not have these.
      ContainerInfo info = container.info;
      info.started_at = info.finished_at = {};
      info.oom_killed = false;
      info.stop_signal.clear();
      info.error.clear();
      if (!IsUp(info)) info.exposed_ports.clear();
      out.push_back(std::move(info));
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return out;
  });
}

Result<ContainerInfo> FakeEngine::InspectContainer(const std::string& id) {
  return state_->CallOn<ContainerInfo>("InspectContainer", id, "",
                                       [](FakeContainer& container) { return container.info; });
}

Result<std::string> FakeEngine::CreateContainer(const ContainerSpec& spec) {
  return state_->Call<std::string>("CreateContainer", spec.name,
                                   [&] { return state_->world.Create(spec); });
}

Result<void> FakeEngine::StartContainer(const std::string& id) {
  return state_->CallOn<void>("StartContainer", id, "", [&](FakeContainer& container) {
    return state_->world.Start(container);
  });
}

Result<void> FakeEngine::SignalContainer(const std::string& id, const std::string& signal) {
  return state_->CallOn<void>("SignalContainer", id, signal,
                              [&](FakeContainer& container) -> Result<void> {
                                const int number = SignalNumber(signal);
                                if (number == 0)
                                  return Error(Code::kInvalidArgument, "invalid signal: " + signal);
                                if (IsUp(container.info)) state_->world.Signal(container, number);
                                return {};
                              });
}

Result<void> FakeEngine::UpdateRestartPolicy(const std::string& id, const std::string& policy) {
  return state_->CallOn<void>("UpdateRestartPolicy", id, policy,
                              [&](FakeContainer& container) -> Result<void> {
                                container.spec.restart_policy = policy;
                                return {};
                              });
}

Result<void> FakeEngine::RemoveContainer(const std::string& id) {
  return state_->Call<void>("RemoveContainer", state_->NameOf(id), [&]() -> Result<void> {
    if (FakeContainer* container = state_->world.FindContainer(id)) {
      state_->world.Remove(*container);
    }
    return {};
  });
}

Result<reconcilers::ExecResult> FakeEngine::Exec(const std::string& id,
                                                 const std::vector<std::string>& command,
                                                 std::chrono::milliseconds /*timeout*/) {
  std::string text;
  for (const std::string& word : command) text += (text.empty() ? "" : " ") + word;
  std::function<Result<reconcilers::ExecResult>(const std::string&,
                                                const std::vector<std::string>&)>
      handler;
  std::string name;
  auto checked =
      state_->CallOn<void>("Exec", id, text, [&](FakeContainer& container) -> Result<void> {
        if (command.empty()) return Error(Code::kInvalidArgument, "the command is empty");
        if (container.info.state != ContainerState::kRunning) {
          return Error(Code::kConflict, fmt::format("container {} is not running", id));
        }
        handler = state_->exec;
        name = container.info.name;
        return {};
      });
  if (!checked) return std::unexpected(checked.error());
  return handler ? handler(name, command) : reconcilers::ExecResult{};
}

Result<std::string> FakeEngine::TailLogs(const std::string& id, int lines) {
  return state_->CallOn<std::string>("TailLogs", id, "", [&](FakeContainer& container) {
    const std::string& text = container.logs;
    std::size_t from = text.size();
    if (lines > 0 && from > 0) {
      std::size_t end = text.back() == '\n' ? from - 1 : from;
      for (int i = 0; i < lines; ++i) {
        const std::size_t newline = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
        from = newline == std::string::npos ? 0 : newline + 1;
        if (from == 0) break;
        end = newline;
      }
    }
    return text.substr(from);
  });
}

// --- Engine: images, networks, volumes -----------------------------------------------------------

Result<reconcilers::ImageInfo> FakeEngine::InspectImage(const std::string& reference) {
  return state_->Call<reconcilers::ImageInfo>(
      "InspectImage", reference, [&]() -> Result<reconcilers::ImageInfo> {
        const reconcilers::ImageInfo* image = state_->world.FindImage(reference);
        if (image == nullptr) return Error(Code::kNotFound, "no such image: " + reference);
        return *image;
      });
}

Result<void> FakeEngine::PullImage(
    const std::string& reference,
    const std::function<void(const reconcilers::PullProgress&)>& progress) {
  auto pulled = state_->Call<void>("PullImage", reference, [&]() -> Result<void> {
    const auto remote = state_->world.remote_images.find(WithTag(reference));
    if (remote == state_->world.remote_images.end()) {
      return Error(Code::kNotFound, fmt::format("pull image {}: manifest unknown", reference));
    }
    state_->world.images[WithTag(reference)] = remote->second;
    return {};
  });
  if (pulled && progress) {
    progress({"Pulling from " + reference});
    progress({"Downloading 1.0MB/2.0MB"});
  }
  return pulled;
}

Result<reconcilers::NetworkInfo> FakeEngine::InspectNetwork(const std::string& name) {
  return state_->Call<reconcilers::NetworkInfo>(
      "InspectNetwork", name, [&]() -> Result<reconcilers::NetworkInfo> {
        const FakeNetwork* network = state_->world.FindNetwork(name);
        if (network == nullptr) return NoNetwork(name);
        return state_->world.NetworkWithContainers(*network);
      });
}

Result<std::vector<reconcilers::NetworkInfo>> FakeEngine::ListNetworks() {
  return state_->Call<std::vector<reconcilers::NetworkInfo>>("ListNetworks", "", [&] {
    std::vector<reconcilers::NetworkInfo> out;
    for (const auto& [unused, network] : state_->world.networks) out.push_back(network.info);
    return out;
  });
}

Result<std::string> FakeEngine::CreateNetwork(const reconcilers::NetworkSpec& spec) {
  return state_->Call<std::string>("CreateNetwork", spec.name,
                                   [&] { return state_->world.CreateNetwork(spec); });
}

Result<void> FakeEngine::RemoveNetwork(const std::string& name) {
  return state_->Call<void>("RemoveNetwork", name,
                            [&] { return state_->world.RemoveNetwork(name); });
}

Result<void> FakeEngine::ConnectNetwork(const std::string& network, const std::string& container,
                                        const std::string& ip) {
  return state_->Call<void>("ConnectNetwork", network + " " + state_->NameOf(container),
                            [&]() -> Result<void> {
                              FakeNetwork* to = state_->world.FindNetwork(network);
                              if (to == nullptr) return NoNetwork(network);
                              FakeContainer* from = state_->world.FindContainer(container);
                              if (from == nullptr) return NoContainer(container);
                              return state_->world.Connect(*to, *from, ip);
                            });
}

Result<void> FakeEngine::DisconnectNetwork(const std::string& network,
                                           const std::string& container) {
  return state_->Call<void>("DisconnectNetwork", network + " " + state_->NameOf(container),
                            [&]() -> Result<void> {
                              FakeNetwork* from = state_->world.FindNetwork(network);
                              if (from == nullptr) return NoNetwork(network);
                              FakeContainer* what = state_->world.FindContainer(container);
                              if (what == nullptr) return NoContainer(container);
                              state_->world.Disconnect(*from, *what);
                              return {};
                            });
}

Result<std::vector<reconcilers::VolumeInfo>> FakeEngine::ListVolumes(const std::string& label) {
  return state_->Call<std::vector<reconcilers::VolumeInfo>>("ListVolumes", label, [&] {
    std::vector<reconcilers::VolumeInfo> out;
    for (const auto& [unused, volume] : state_->world.volumes) {
      if (HasLabel(volume.labels, label)) out.push_back(volume);
    }
    return out;
  });
}

Result<void> FakeEngine::CreateVolume(const reconcilers::VolumeSpec& spec) {
  return state_->Call<void>("CreateVolume", spec.name, [&]() -> Result<void> {
    state_->world.volumes.try_emplace(spec.name, reconcilers::VolumeInfo{spec.name, spec.labels});
    return {};
  });
}

Result<void> FakeEngine::RemoveVolume(const std::string& name) {
  return state_->Call<void>("RemoveVolume", name, [&]() -> Result<void> {
    if (state_->world.VolumeInUse(name)) {
      return Error(Code::kConflict, fmt::format("remove volume {}: volume is in use", name));
    }
    state_->world.volumes.erase(name);
    return {};
  });
}

// --- Engine: events ----------------------------------------------------------------------------

Status FakeEngine::StreamEvents(std::stop_token stop, const std::function<void()>& on_open,
                                const EventHandler& on_event) {
  if (auto fault = state_->Enter("StreamEvents", "")) return *fault;
  const auto stream = std::make_shared<Stream>();
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->down) return *state_->down;
    state_->streams.push_back(stream);
  }
  on_open();
  std::unique_lock lock(state_->mutex);
  stream->open = true;
  state_->changed.notify_all();
  for (;;) {
    state_->changed.wait(lock, stop, [&] { return stream->broken || !stream->queue.empty(); });
    if (stop.stop_requested()) {
      std::erase(state_->streams, stream);
      return {Code::kCancelled, "stream events: stopped"};
    }
    if (stream->broken && stream->queue.empty()) {
      return {Code::kUnavailable, "stream events: the stream broke"};
    }
    const EngineEvent event = std::move(stream->queue.front());
    stream->queue.pop_front();
    lock.unlock();
    on_event(event);
    lock.lock();
  }
}

}  // namespace ballast::fakes
