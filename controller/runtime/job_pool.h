// The Jobs port: slow work for Docker on a few threads, image pulls (ids "pull/...") on two of
// their own, so that a slow registry never holds up the creation of a replica. Owned by
// controller/cmd. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/jobs.h"
#include "reconcilers/ports/metrics.h"
#include "reconcilers/ports/reconciler.h"

namespace ballast::runtime {

class JobPool final : public reconcilers::Jobs {
 public:
  struct Options {
    int workers = 6;
    int pull_workers = 2;
    std::chrono::milliseconds initial_back_off{1'000};  // doubles with each failure in a row
    std::chrono::milliseconds max_back_off{60'000};
    std::chrono::milliseconds grace{10'000};
  };

  JobPool(const reconcilers::Clock& clock, reconcilers::Enqueuer& enqueuer,
          reconcilers::Metrics& metrics, Options options);
  JobPool(const reconcilers::Clock& clock, reconcilers::Enqueuer& enqueuer,
          reconcilers::Metrics& metrics)
      : JobPool(clock, enqueuer, metrics, Options()) {}
  ~JobPool() override;  // stops; waits for running jobs however long they take

  // Jobs may be added before; they run once started.
  void Start();
  // Drops jobs that have not begun, gives running ones `grace`. False: some still run, and what
  // they use must not be destroyed (leave the process with _exit). Safe to call twice.
  bool Stop();

  bool Start(const api::ObjectKey& key, const std::string& id,
             std::function<Result<void>()> work) override;
  [[nodiscard]] bool Running(const std::string& id) const override;
  [[nodiscard]] std::optional<reconcilers::JobFailure> LastFailure(
      const std::string& id) const override;
  void Forget(const std::string& prefix) override;

 private:
  struct Job {
    api::ObjectKey key;
    std::string id;
    std::function<Result<void>()> work;
  };
  struct Lane {  // one queue and the threads that empty it
    std::string name;
    std::deque<Job> queue;
    std::condition_variable wake;
  };

  void Work(Lane& lane);
  void Run(Job job);
  void Finish(const Job& job, const Result<void>& result);
  [[nodiscard]] Lane& LaneOf(const std::string& id);

  const reconcilers::Clock& clock_;
  reconcilers::Enqueuer& enqueuer_;
  reconcilers::Metrics& metrics_;
  const Options options_;

  mutable std::mutex mutex_;
  bool stopping_ = false;
  Lane jobs_{.name = "docker"};
  Lane pulls_{.name = "pull"};
  std::map<std::string, bool> under_way_;  // id -> forgotten meanwhile
  std::map<std::string, reconcilers::JobFailure> failures_;
  int running_threads_ = 0;
  std::condition_variable thread_ended_;
  std::vector<std::thread> threads_;
};

}  // namespace ballast::runtime
