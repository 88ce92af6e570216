// An Engine in memory for tests: deterministic (ids, addresses and times come from counters),
// without latency, with hooks for faults. Passes the same contract test as the real adapter
// (tests/contract/engine). Any thread; a call never blocks except StreamEvents.
//
//   FakeEngine engine;
//   engine.AddImage("shop:1");
//   ... code under test ...
//   engine.Kill("default.shop-7f3a-0.0", 137);        // a "die" event goes out
//   engine.FailNext("StartContainer", {Code::kFailedPrecondition, "port 80 is taken"});
//   EXPECT_THAT(engine.Writes(), ElementsAre("CreateContainer a", "StartContainer a"));
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/engine.h"

namespace ballast::fakes {

class FakeEngine final : public reconcilers::Engine {
 public:
  using EventHandler = std::function<void(const reconcilers::EngineEvent&)>;

  // Has the networks "bridge", "host" and "none", and no image. Without a clock, time starts at
  // 2026-01-01T00:00:00Z and each event takes one millisecond.
  explicit FakeEngine(const reconcilers::Clock* clock = nullptr);
  ~FakeEngine() override;

  // --- The world, as a test sets it up -------------------------------------------------------
  // An image that is there. Its id is made from the reference unless `info` has one.
  void AddImage(const std::string& reference, reconcilers::ImageInfo info = {});
  void RemoveImage(const std::string& reference);
  // An image that PullImage can fetch.
  void AddRemoteImage(const std::string& reference, reconcilers::ImageInfo info = {});
  // A container that somebody else made, with the event "create", and "start" if its state is
  // kCreated or kRunning: it runs then. Empty fields (id, networks, addresses) are filled in,
  // networks that are not there made. Returns the id.
  std::string AddContainer(reconcilers::ContainerInfo info);

  // --- What happens to containers; each sends the events that Docker would ---------------------
  void Kill(const std::string& name, int exit_code, bool oom_killed = false);  // it dies by itself
  void StopByHand(const std::string& name);    // `docker stop`: kill, die, stop
  void RemoveByHand(const std::string& name);  // `docker rm -f`
  void Pause(const std::string& name);
  void Unpause(const std::string& name);
  void SetHealth(const std::string& name, reconcilers::DockerHealth health);
  // From now on it uses so many CPUs and so much memory (bytes); nothing until then.
  void SetUsage(const std::string& name, double cpus, std::int64_t memory);
  // SIGTERM and the like no longer end it; SIGKILL does.
  void IgnoreSignals(const std::string& name);
  // All containers die with 137 and all event streams break, as when the host goes down. Those with
  // restart policy "unless-stopped" run again afterwards.
  void RestartEngine();

  // --- Faults ----------------------------------------------------------------------------------
  // The next `times` calls of an Engine method ("StartContainer") fail and do nothing.
  void FailNext(const std::string& method, const Status& status, int times = 1);
  // Called before each call with the method and its main argument, outside the lock; an error is
  // returned instead of doing the call. To run code at an exact moment, or to fail by argument.
  void SetHook(
      std::function<std::optional<Status>(const std::string& method, const std::string& argument)>
          hook);
  // While set, every call fails with it and event streams are broken; nullopt: back again.
  void SetDown(std::optional<Status> status);
  void BreakEventStreams();  // each open StreamEvents returns Unavailable
  // What becomes of each event before it is sent: {} loses it, {e, e} doubles it, ...
  void SetEventFilter(
      std::function<std::vector<reconcilers::EngineEvent>(const reconcilers::EngineEvent&)> filter);
  void SetExec(std::function<Result<reconcilers::ExecResult>(
                   const std::string& name, const std::vector<std::string>& command)>
                   handler);  // default: exit 0, no output
  void SetLogs(const std::string& name, std::string text);
  void SetVersion(Result<reconcilers::EngineVersion> version);

  // --- What a test asks ------------------------------------------------------------------------
  // "Method argument" of every call in order; Writes() without those that only read.
  [[nodiscard]] std::vector<std::string> Calls() const;
  [[nodiscard]] std::vector<std::string> Writes() const;
  void ClearCalls();
  [[nodiscard]] std::vector<reconcilers::ContainerInfo> Containers() const;  // sorted by name
  [[nodiscard]] std::optional<reconcilers::ContainerInfo> Find(const std::string& name) const;
  [[nodiscard]] std::optional<reconcilers::ContainerSpec> SpecOf(const std::string& name) const;
  // By path in the volume, as PutFiles wrote them; the volume's own directory is ".".
  [[nodiscard]] std::map<std::string, reconcilers::FileEntry> FilesOf(
      const std::string& volume) const;
  // What the last pull of the image had.
  [[nodiscard]] std::vector<reconcilers::PullLogin> LoginsOf(const std::string& reference) const;
  // Called synchronously with each event, on the thread of the call that caused it, without a lock.
  void Subscribe(EventHandler handler);
  // Blocks until `count` StreamEvents are open (their on_open has returned).
  void AwaitStreams(int count);

  // --- Engine ----------------------------------------------------------------------------------
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
  // What is there; never follows.
  Result<void> StreamLogs(const std::string& id, const reconcilers::LogRequest& request,
                          std::stop_token stop,
                          const std::function<bool(std::string_view)>& on_data) override;
  Result<void> PutFiles(const std::string& id, const std::string& directory,
                        const std::vector<reconcilers::FileEntry>& files) override;
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
  Status StreamEvents(std::stop_token stop, const std::function<void()>& on_open,
                      const EventHandler& on_event) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballast::fakes
