// Measures the load: one thread reads every load balancer once a second, just after the second of
// the wall clock, keeps what it learned, writes it down every ten seconds, and enqueues the
// Autoscalers. Implements the port LoadReader. Owned by controller/cmd. Any thread; only the
// monitor's own one waits for HAProxy or the disk.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "controller/runtime/load_gauges.h"
#include "controller/runtime/load_table.h"
#include "reconcilers/autoscaler/load_tracker.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/desired_state.h"
#include "reconcilers/ports/load_history.h"
#include "reconcilers/ports/load_reader.h"
#include "reconcilers/ports/load_source.h"
#include "reconcilers/ports/metrics.h"
#include "reconcilers/ports/reconciler.h"

namespace ballast::runtime {

// All of it outlives the monitor.
struct LoadMonitorDependencies {
  const reconcilers::Clock& clock;
  reconcilers::LoadSource& source;
  const reconcilers::DesiredState& desired;
  reconcilers::LoadHistory& history;
  reconcilers::Enqueuer& enqueuer;
  reconcilers::Metrics& metrics;
  // CPU and memory of a web app's replicas; null: nobody knows.
  std::function<std::map<std::string, reconcilers::ResourceSample>(const api::ObjectKey&)>
      resources;
};

// How much a web app or a replica has to do at the moment: rates are means over the last seconds.
struct LoadNow {
  bool known = false;  // measured within the last seconds
  double request_rate = 0;
  double concurrency = 0;
  double queued = 0;
  double response_seconds = -1;
  double error_rate = 0;
};
struct AppLoadNow {
  api::ObjectKey app;
  LoadNow load;
  int in_service = 0;
  int held = 0;
  std::map<std::string, LoadNow> replicas;
};

class LoadMonitor final : public reconcilers::LoadReader {
 public:
  // The Autoscalers look at whole seconds: a sample is there when they have just begun.
  static constexpr std::chrono::milliseconds kAfterSecond{10};
  static constexpr std::chrono::milliseconds kShortest{500};  // what a rate is reckoned over
  static constexpr std::chrono::seconds kWriteEvery{10};
  static constexpr std::int64_t kNowSeconds = 5;  // of LoadNow
  // SampleSoon is not heard more often.
  static constexpr std::chrono::milliseconds kSoonest{100};
  // A clock that is set back by less is waited for.
  static constexpr std::int64_t kClockSetBack = reconcilers::LoadSeries::kClockSetBack;

  explicit LoadMonitor(LoadMonitorDependencies dependencies);
  ~LoadMonitor() override;

  void Start();
  void Stop();  // writes what was not written yet

  // Requests wait for a replica: look now, and not only with the next second.
  void SampleSoon();
  // What the thread does each second, and after SampleSoon.
  void Sample();
  void SampleHeld();

  [[nodiscard]] std::optional<reconcilers::LoadSeries> Load(
      const api::ObjectKey& app) const override;
  [[nodiscard]] int Held(const api::ObjectKey& app) const override;
  [[nodiscard]] std::map<std::string, reconcilers::ResourceSample> Resources(
      const api::ObjectKey& app) override;

  // Of one namespace; "": of all. Sorted by key.
  [[nodiscard]] std::vector<AppLoadNow> Now(const std::string& ns) const;
  // As LoadHistory, with what is not written yet.
  [[nodiscard]] Result<std::vector<reconcilers::LoadSample>> Seconds(const api::ObjectKey& app,
                                                                     std::int64_t after) const;

 private:
  using Autoscalers = std::vector<std::shared_ptr<const api::Autoscaler>>;

  void Loop(const std::stop_token& stop);
  [[nodiscard]] std::chrono::milliseconds UntilNextSecond() const;
  [[nodiscard]] std::vector<reconcilers::LoadSample> Kept(const api::ObjectKey& app,
                                                          std::int64_t now) const;
  [[nodiscard]] bool Exists(const api::ObjectKey& app) const;
  void Restore(const api::ObjectKey& app, std::int64_t now);
  void Follow(const Autoscalers& autoscalers, std::int64_t now);
  void Write();
  void DropGone();
  void Enqueue(const Autoscalers& autoscalers) const;

  const LoadMonitorDependencies d_;

  // Of the monitor's thread alone.
  reconcilers::LoadTracker tracker_;
  LoadGauges gauges_;
  std::int64_t last_second_ = 0;
  reconcilers::Clock::Steady last_sample_{};
  reconcilers::Clock::Steady last_write_{};
  std::set<api::ObjectKey> gone_;  // web apps that were not there when they were last looked for
  bool told_unwritten_ = false;

  mutable std::mutex mutex_;
  LoadTable table_;  // guarded by mutex_

  std::mutex wake_mutex_;
  std::condition_variable_any wake_;
  bool soon_ = false;  // guarded by wake_mutex_
  std::jthread thread_;
};

}  // namespace ballast::runtime
