// The ContainerLister port: an informer over the engine. One thread follows the event stream, one
// lists after each connect, re-reads containers and lets deadlines pass. What it knows and how
// events change it is ContainerStore's business. Owned by controller/cmd; any thread may read.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "controller/runtime/container_store.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/container_lister.h"
#include "reconcilers/ports/engine.h"
#include "reconcilers/ports/metrics.h"
#include "reconcilers/ports/reconciler.h"

namespace ballast::runtime {

class ContainerCache final : public reconcilers::ContainerLister {
 public:
  struct Options {
    std::chrono::milliseconds min_reconnect{10};   // doubles while the engine does not answer
    std::chrono::milliseconds max_reconnect{500};  // + the list: resynchronised within a second
    std::chrono::milliseconds relist{300'000};
    // Docker's list may lag behind its own events for as long as a container's cleanup takes, so a
    // second list follows each connect.
    std::chrono::milliseconds settle_relist{2'000};
    // So many containers are inspected before a list counts; the rest afterwards.
    std::size_t inspect_first = 256;
  };

  ContainerCache(reconcilers::Engine& engine, const reconcilers::Clock& clock,
                 reconcilers::Enqueuer& enqueuer, reconcilers::Metrics& metrics, Options options);
  ContainerCache(reconcilers::Engine& engine, const reconcilers::Clock& clock,
                 reconcilers::Enqueuer& enqueuer, reconcilers::Metrics& metrics)
      : ContainerCache(engine, clock, enqueuer, metrics, Options()) {}
  ~ContainerCache() override;

  // Before Start: called once, from the cache's own thread, after the first complete list.
  void OnSynced(std::function<void()> callback) { on_synced_ = std::move(callback); }
  void Start();
  void Stop();
  // Is the event stream open and the list after it done? For /readyz and `ballast status`.
  [[nodiscard]] bool Connected() const;
  // Makes the thread that waits for deadlines ask the clock again (fake clocks).
  void Wake();

  [[nodiscard]] bool Synced() const override;
  [[nodiscard]] std::vector<reconcilers::ObservedContainer> ForWebApp(
      const std::string& ns, const std::string& name) const override;
  [[nodiscard]] std::vector<reconcilers::ObservedContainer> ForLoadBalancer(
      const std::string& name) const override;
  [[nodiscard]] std::vector<api::ObjectKey> WebApps() const override;
  Result<void> Refresh(const std::string& id) override;

 private:
  using Steady = reconcilers::Clock::Steady;

  void FollowEvents(const std::stop_token& stop);
  void OnOpen();
  void OnEvent(const reconcilers::EngineEvent& event);

  void Maintain(const std::stop_token& stop);
  // Does the most urgent thing that is due, if any.
  bool MaintainOnce(const std::stop_token& stop);
  [[nodiscard]] Steady NextDeadlineLocked() const;
  void List(const std::stop_token& stop);
  Result<std::vector<reconcilers::ContainerInfo>> ReadList();
  void Complete(std::vector<reconcilers::ContainerInfo>& list, const std::stop_token& stop);
  void ScheduleListLocked(bool succeeded);
  void RefreshLater(const std::stop_token& stop);
  void RefreshQueued(const std::string& id, StoreChanges& changes);
  // Inspects until the answer is newer than every event, but not for ever.
  Result<void> Inspect(const std::string& id, StoreChanges& changes);

  // Enqueues keys, queues refreshes, sets gauges. Never under a lock.
  void Publish(const StoreChanges& changes);
  void QueueLocked(const std::string& id);

  reconcilers::Engine& engine_;
  const reconcilers::Clock& clock_;
  reconcilers::Enqueuer& enqueuer_;
  reconcilers::Metrics& metrics_;
  const Options options_;
  std::function<void()> on_synced_;

  ContainerStore store_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  bool woken_ = false;
  bool stream_open_ = false;
  bool listed_ = false;  // since the stream was opened
  bool gap_ = true;      // events were missed since the last list
  std::uint64_t connects_ = 0;
  std::optional<Steady> next_list_;
  std::chrono::milliseconds list_back_off_{};
  std::deque<std::string> refreshes_;  // without duplicates:
  std::set<std::string> queued_;
  std::set<std::string> later_;
  std::set<std::string> failed_;  // to be tried again at:
  Steady retry_at_{};
  std::jthread events_thread_;
  std::jthread maintenance_thread_;
};

}  // namespace ballast::runtime
