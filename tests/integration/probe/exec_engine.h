// An Engine of which only Exec does something: it answers what the test says. Any thread.
#pragma once

#include <latch>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/ports/engine.h"

namespace ballast::probe {

class ExecEngine final : public reconcilers::Engine {
 public:
  void Answer(Result<reconcilers::ExecResult> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  // Every Exec waits for it from now on.
  void Block(std::latch* latch) {
    const std::lock_guard lock(mutex_);
    latch_ = latch;
  }
  // Container and command of the last one.
  [[nodiscard]] std::vector<std::string> Last() const {
    const std::lock_guard lock(mutex_);
    return last_;
  }

  Result<reconcilers::ExecResult> Exec(const std::string& id,
                                       const std::vector<std::string>& command,
                                       std::chrono::milliseconds) override {
    std::unique_lock lock(mutex_);
    last_ = {id};
    last_.insert(last_.end(), command.begin(), command.end());
    if (std::latch* const latch = latch_) {
      lock.unlock();
      latch->wait();
      lock.lock();
    }
    return answer_;
  }

  using Strings = std::vector<std::string>;
  using Text = std::string;
  Result<reconcilers::EngineVersion> Version() override { return None(); }
  Result<std::vector<reconcilers::ContainerInfo>> ListContainers(const Text&) override {
    return None();
  }
  Result<reconcilers::ContainerInfo> InspectContainer(const Text&) override { return None(); }
  Result<Text> CreateContainer(const reconcilers::ContainerSpec&) override { return None(); }
  Result<void> StartContainer(const Text&) override { return None(); }
  Result<void> SignalContainer(const Text&, const Text&) override { return None(); }
  Result<void> UpdateRestartPolicy(const Text&, const Text&) override { return None(); }
  Result<void> RemoveContainer(const Text&) override { return None(); }
  std::vector<Result<reconcilers::StatsSample>> ContainerStats(const Strings& ids) override {
    return {ids.size(), None()};
  }
  Result<Text> TailLogs(const Text&, int) override { return None(); }
  Result<void> StreamLogs(const Text&, const reconcilers::LogRequest&, std::stop_token,
                          const std::function<bool(std::string_view)>&) override {
    return None();
  }
  Result<void> PutFiles(const Text&, const Text&,
                        const std::vector<reconcilers::FileEntry>&) override {
    return None();
  }
  Result<reconcilers::ImageInfo> InspectImage(const Text&) override { return None(); }
  Result<void> PullImage(const Text&,
                         const std::function<void(const reconcilers::PullProgress&)>&) override {
    return None();
  }
  Result<void> PullImageWith(
      const Text&, const std::vector<reconcilers::PullLogin>&,
      const std::function<void(const reconcilers::PullProgress&)>&) override {
    return None();
  }
  Result<reconcilers::NetworkInfo> InspectNetwork(const Text&) override { return None(); }
  Result<std::vector<reconcilers::NetworkInfo>> ListNetworks() override { return None(); }
  Result<Text> CreateNetwork(const reconcilers::NetworkSpec&) override { return None(); }
  Result<void> RemoveNetwork(const Text&) override { return None(); }
  Result<void> ConnectNetwork(const Text&, const Text&, const Text&) override { return None(); }
  Result<void> DisconnectNetwork(const Text&, const Text&) override { return None(); }
  Result<std::vector<reconcilers::VolumeInfo>> ListVolumes(const Text&) override { return None(); }
  Result<void> CreateVolume(const reconcilers::VolumeSpec&) override { return None(); }
  Result<void> RemoveVolume(const Text&) override { return None(); }
  Status StreamEvents(std::stop_token, const std::function<void()>&,
                      const std::function<void(const reconcilers::EngineEvent&)>&) override {
    return {Code::kInternal, "not in this test"};
  }

 private:
  static std::unexpected<Status> None() { return Error(Code::kInternal, "not in this test"); }

  mutable std::mutex mutex_;
  Result<reconcilers::ExecResult> answer_;
  std::latch* latch_ = nullptr;
  Strings last_;
};

}  // namespace ballast::probe
