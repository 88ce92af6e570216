// The port's methods over ApiClient; split over containers.cc, exec.cc, streams.cc,
// images.cc and networks.cc. Any thread. Owner: whoever called NewDockerEngine.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/docker/api_client.h"
#include "controller/docker/docker_engine.h"
#include "controller/docker/reference.h"
#include "controller/docker/registry_config.h"

namespace ballast::docker {

class DockerEngine final : public reconcilers::Engine {
 public:
  explicit DockerEngine(DockerOptions options);

  Result<reconcilers::EngineVersion> Version() override;
  Result<std::vector<reconcilers::ContainerInfo>> ListContainers(const std::string& label) override;
  Result<reconcilers::ContainerInfo> InspectContainer(const std::string& id) override;
  Result<std::string> CreateContainer(const reconcilers::ContainerSpec& spec) override;
  Result<void> StartContainer(const std::string& id) override;
  Result<void> SignalContainer(const std::string& id, const std::string& signal) override;
  Result<void> UpdateRestartPolicy(const std::string& id, const std::string& policy) override;
  Result<void> RemoveContainer(const std::string& id) override;

  Result<reconcilers::ExecResult> Exec(const std::string& id,
                                       const std::vector<std::string>& command,
                                       std::chrono::milliseconds timeout) override;
  std::vector<Result<reconcilers::StatsSample>> ContainerStats(
      const std::vector<std::string>& ids) override;
  Result<std::string> TailLogs(const std::string& id, int lines) override;
  Result<void> StreamLogs(const std::string& id, const reconcilers::LogRequest& request,
                          std::stop_token stop,
                          const std::function<bool(std::string_view)>& on_data) override;
  Result<void> PutFiles(const std::string& id, const std::string& directory,
                        const std::vector<reconcilers::FileEntry>& files) override;
  Status StreamEvents(
      std::stop_token stop, const std::function<void()>& on_open,
      const std::function<void(const reconcilers::EngineEvent&)>& on_event) override;

  Result<reconcilers::ImageInfo> InspectImage(const std::string& reference) override;
  Result<void> PullImage(
      const std::string& reference,
      const std::function<void(const reconcilers::PullProgress&)>& progress) override;

  Result<void> PullImageWith(
      const std::string& reference, const std::vector<reconcilers::PullLogin>& logins,
      const std::function<void(const reconcilers::PullProgress&)>& progress) override;

  Result<reconcilers::NetworkInfo> InspectNetwork(const std::string& name) override;
  Result<std::vector<reconcilers::NetworkInfo>> ListNetworks() override;
  Result<std::string> CreateNetwork(const reconcilers::NetworkSpec& spec) override;
  Result<void> RemoveNetwork(const std::string& name) override;
  Result<void> ConnectNetwork(const std::string& network, const std::string& container,
                              const std::string& ip) override;
  Result<void> DisconnectNetwork(const std::string& network, const std::string& container) override;
  Result<std::vector<reconcilers::VolumeInfo>> ListVolumes(const std::string& label) override;
  Result<void> CreateVolume(const reconcilers::VolumeSpec& spec) override;
  Result<void> RemoveVolume(const std::string& name) override;

 private:
  using Accept = std::function<bool(int http_status, std::string_view text)>;

  // Sends it; a success is a 2xx, or a failure that `accept` says is none (may be empty).
  Result<void> Do(std::string_view operation, const std::string& what, Request request,
                  const Accept& accept = {});
  // The same, returning member `member` of the answer (an id).
  Result<std::string> DoForId(std::string_view operation, const std::string& what, Request request,
                              const char* member);
  std::vector<Result<reconcilers::StatsSample>> StatsAtOnce(std::span<const std::string> ids);
  // One attempt with these credentials.
  Result<void> PullAs(const ImageReference& image, const std::string& reference,
                      const RegistryAuth& auth,
                      const std::function<void(const reconcilers::PullProgress&)>& progress);
  Result<void> AwaitRemoval(const std::string& id, const std::string& what);

  using ExecKey = std::pair<std::string, std::vector<std::string>>;  // container, command
  Result<bool> StillRuns(const ExecKey& key, const std::string& what);
  Status DidNotEnd(const ExecKey& key, const std::string& exec, const nlohmann::json& json,
                   const std::string& what);

  const DockerOptions options_;
  ApiClient client_;
  RegistryConfig registries_;
  std::mutex exec_mutex_;
  std::map<ExecKey, std::string> unended_;  // execs that did not end in time
};

// Docker answers a missing name with a list, and a strange one with a redirect: refused before.
[[nodiscard]] Result<void> CheckName(std::string_view kind, std::string_view name);

// ?filters={"label":["key=value"]}, escaped.
[[nodiscard]] std::string LabelFilter(const std::string& label);

}  // namespace ballast::docker
