// Runs the reconcilers: a few worker threads take keys from one work queue and call the reconciler
// of their kind. The only place that maps an outcome to what happens with the key. Also starts and
// stops, in order, what feeds it. Owned by controller/cmd; Enqueue from any thread, the rest from
// the one that owns it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "controller/runtime/work_queue.h"
#include "reconcilers/ports/reconciler.h"

namespace ballast::runtime {

class Manager final : public reconcilers::Enqueuer {
 public:
  struct Options {
    int workers = 4;
    std::chrono::milliseconds slow_retry{30'000};  // for errors that retrying cannot help
    std::chrono::milliseconds grace{10'000};       // for running reconciles when stopping
  };

  Manager(const reconcilers::Clock& clock, reconcilers::Metrics& metrics, Options options);
  Manager(const reconcilers::Clock& clock, reconcilers::Metrics& metrics)
      : Manager(clock, metrics, Options()) {}
  ~Manager() override;  // stops; waits for workers however long they take

  // Before Start. The reconciler outlives the manager.
  void Register(const std::string& kind, reconcilers::Reconciler& reconciler);
  // Before Start. Parts start in this order, before the workers, and stop in the opposite one,
  // after them. `stop` is called once for each part that was started, also when a later one failed.
  void AddPart(std::string name, std::function<Result<void>()> start, std::function<void()> stop);

  // Starts the parts, then the workers. On an error everything is stopped again.
  Result<void> Start();
  // No new reconcile begins; running ones have `grace` to end. False: some did not, and what they
  // use must not be destroyed (leave the process with _exit). Safe to call twice.
  bool Stop();

  void Enqueue(const api::ObjectKey& key) override;
  // Enqueues later: "the earliest wins", as WorkQueue::AddAfter.
  void EnqueueAfter(const api::ObjectKey& key, std::chrono::milliseconds delay);

  // One key on the calling thread, if one is due; true when there was one. For tests, unstarted.
  bool ProcessOne();
  [[nodiscard]] WorkQueue& queue() { return queue_; }

 private:
  struct Part {
    std::string name;
    std::function<Result<void>()> start;
    std::function<void()> stop;
    bool started = false;
  };

  void Work();
  void Process(const api::ObjectKey& key);
  Result<reconcilers::Outcome> CallReconciler(const api::ObjectKey& key);
  void StopParts();

  const reconcilers::Clock& clock_;
  reconcilers::Metrics& metrics_;
  const Options options_;
  WorkQueue queue_;
  std::map<std::string, reconcilers::Reconciler*> reconcilers_;
  std::vector<Part> parts_;
  std::vector<std::thread> workers_;
  std::atomic<std::uint64_t> next_reconcile_{1};

  std::mutex mutex_;
  std::condition_variable worker_ended_;
  int running_workers_ = 0;
};

}  // namespace ballast::runtime
