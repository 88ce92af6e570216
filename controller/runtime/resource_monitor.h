// CPU and memory of the replicas of web apps, measured only while somebody asks for them: the
// autoscaler's metrics of type Resource, `ballast top`, `kubectl top pod`. One thread, which sleeps
// when nobody does; it alone waits for the engine. Owned by controller/cmd. Any thread may ask.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "controller/runtime/resource_table.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/container_lister.h"
#include "reconcilers/ports/engine.h"

namespace ballast::runtime {

class ResourceMonitor {
 public:
  struct Options {
    std::string owner;          // --instance
    std::size_t at_once = 100;  // containers that the engine is asked for together
    std::chrono::milliseconds grace{1'000};
    ResourceIntervals intervals;
  };

  ResourceMonitor(reconcilers::Engine& engine, const reconcilers::ContainerLister& containers,
                  const reconcilers::Clock& clock, Options options);
  ~ResourceMonitor();  // waits for the engine however long it takes
  ResourceMonitor(const ResourceMonitor&) = delete;
  ResourceMonitor& operator=(const ResourceMonitor&) = delete;

  void Start();
  // False: the engine still keeps it waiting, and what it uses must not be destroyed. Safe to call
  // twice.
  bool Stop();

  // The newest figures, as LoadReader::Resources has them; keeps the measuring going for 30 s.
  // Never waits.
  [[nodiscard]] std::map<std::string, reconcilers::ResourceSample> Resources(
      const api::ObjectKey& app);

  // Calls `done` once with what is known of each of `apps`: as soon as there are figures of all
  // that runs (two looks at each), or after `patience`, or at once when it is not started. On its
  // own thread, or on this one; `done` must not wait.
  using Measured = std::map<api::ObjectKey, MeasuredReplicas>;
  void WhenMeasured(const std::vector<api::ObjectKey>& apps, std::chrono::milliseconds patience,
                    std::function<void(const Measured&)> done);

  void Wake();  // makes it ask the clock again

 private:
  using Steady = reconcilers::Clock::Steady;
  struct Waiter {
    std::vector<api::ObjectKey> apps;
    Steady until{};
    std::function<void(const Measured&)> done;
  };

  void Run();
  void MeasureSome(std::unique_lock<std::mutex>& lock);
  void AnswerWaiters(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] Measured MeasuredLocked(const std::vector<api::ObjectKey>& apps, Steady now) const;

  reconcilers::Engine& engine_;
  const reconcilers::ContainerLister& containers_;
  const reconcilers::Clock& clock_;
  const Options options_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable ended_;
  bool running_ = false;  // guarded by mutex_, as all below
  bool stopping_ = false;
  bool woken_ = false;
  ResourceTable table_;
  std::list<Waiter> waiters_;
  std::thread thread_;
};

}  // namespace ballast::runtime
