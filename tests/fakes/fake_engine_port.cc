// The methods of the port.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/fakes/fake_engine_state.h"

namespace ballast::fakes {

using reconcilers::ContainerInfo;
using reconcilers::ContainerSpec;
using reconcilers::ContainerState;
using reconcilers::EngineEvent;

namespace {

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

}  // namespace

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

Result<void> FakeEngine::PutFiles(const std::string& id, const std::string& directory,
                                  const std::vector<reconcilers::FileEntry>& files) {
  return state_->CallOn<void>("PutFiles", id, directory,
                              [&](FakeContainer& container) -> Result<void> {
                                for (const reconcilers::FileEntry& file : files) {
                                  container.files[directory + "/" + file.path] = file;
                                  state_->world.PutInVolume(container, directory, file);
                                }
                                return {};
                              });
}

Result<void> FakeEngine::StreamLogs(const std::string& id, const reconcilers::LogRequest& request,
                                    std::stop_token,
                                    const std::function<bool(std::string_view)>& on_data) {
  constexpr int kAll = 1'000'000;
  const auto text = TailLogs(id, request.tail < 0 ? kAll : request.tail);
  if (!text) return std::unexpected(text.error());
  if (!on_data(*text)) return Error(Code::kCancelled, "nobody listens any more");
  return {};
}

std::vector<Result<reconcilers::StatsSample>> FakeEngine::ContainerStats(
    const std::vector<std::string>& ids) {
  std::vector<Result<reconcilers::StatsSample>> out;
  for (const std::string& id : ids) {
    out.push_back(state_->CallOn<reconcilers::StatsSample>(
        "ContainerStats", id, "",
        [&](FakeContainer& container) -> Result<reconcilers::StatsSample> {
          if (!IsUp(container.info)) {
            return Error(Code::kFailedPrecondition,
                         fmt::format("measure container {}: it does not run", id));
          }
          return state_->world.Stats(container);
        }));
  }
  return out;
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
  return PullImageWith(reference, {}, progress);
}

Result<void> FakeEngine::PullImageWith(
    const std::string& reference, const std::vector<reconcilers::PullLogin>& logins,
    const std::function<void(const reconcilers::PullProgress&)>& progress) {
  auto pulled = state_->Call<void>("PullImage", reference, [&]() -> Result<void> {
    state_->world.logins[reference] = logins;
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
    state_->world.volume_files.erase(name);
    return {};
  });
}

// --- Engine: events ----------------------------------------------------------------------------

Status FakeEngine::StreamEvents(std::stop_token stop, const std::function<void()>& on_open,
                                const EventHandler& on_event) {
  if (auto fault = state_->Enter("StreamEvents", "")) return *fault;
  const auto stream = std::make_shared<FakeStream>();
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
