#include "reconcilers/simulation/simulate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "reconcilers/autoscaler/numbers.h"
#include "reconcilers/autoscaler/schedule.h"
#include "reconcilers/simulation/queue_model.h"
#include "reconcilers/simulation/replicas_model.h"

namespace ballast::reconcilers {
namespace {

constexpr double kHour = 3600;
constexpr std::int64_t kTellEvery = 100'000;  // seconds

std::int64_t Duration(const Trace& trace, double speed) {
  return std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::floor(static_cast<double>(trace.Seconds()) / speed)));
}

class Simulation {
 public:
  Simulation(const Trace& trace, const SimulationOptions& options)
      : trace_(trace),
        options_(options),
        duration_(Duration(trace, options.speed)),
        replicas_(First(), ToInt(std::ceil(options.startup_seconds)), options.drain_seconds),
        queue_(std::clamp(options.queue_seconds, 1, 3600)) {
    input_.spec = options.spec;
    input_.load = &series_;
    input_.startup_seconds = history_.startup_seconds = options.startup_seconds;
    input_.policy = options.policy;
    input_.zones = options.zones;
    input_.tuning = options.tuning;
    result_.seconds = duration_;
    result_.most_replicas = replicas_.asked();
    const auto points = static_cast<std::int64_t>(options.timeline_points);
    if (points > 0) point_seconds_ = std::max<std::int64_t>(1, (duration_ + points - 1) / points);
  }

  SimulationResult Run() {
    for (std::int64_t second = 0; second < duration_; ++second) {
      Second(second);
      if (options_.progress && second % kTellEvery == kTellEvery - 1 &&
          !options_.progress(second + 1)) {
        result_.stopped = true;
        break;
      }
    }
    result_.replica_hours = static_cast<double>(replica_seconds_) / kHour;
    result_.ideal_hours = static_cast<double>(ideal_seconds_) / kHour;
    result_.unserved = queue_.unserved();
    result_.lost = queue_.lost();
    result_.late = queue_.Later(options_.late_seconds);
    result_.p50 = queue_.Quantile(0.50);
    result_.p95 = queue_.Quantile(0.95);
    result_.p99 = queue_.Quantile(0.99);
    return std::move(result_);
  }

 private:
  // What the first second needs: what was before it nobody knows.
  int First() const {
    const Bounds bounds = BoundsAt(*options_.spec, options_.zones, trace_.start);
    const double rate = trace_.MeanRate(0, options_.speed);
    return std::clamp(CeilCount(std::max(0.0, rate) / options_.capacity), bounds.min, bounds.max);
  }

  void Second(std::int64_t second) {
    replicas_.Begin(second);
    const double known =
        trace_.MeanRate(static_cast<double>(second) * options_.speed, options_.speed);
    const double load = std::max(0.0, known);
    const double capacity = replicas_.ready() * options_.capacity;
    queue_.Second(load, capacity);
    result_.requests += load;
    replica_seconds_ += replicas_.running();
    Note(second, load, capacity);
    const std::int64_t now = trace_.start + second + 1;
    if (known >= 0) Sample(now, load);
    Decide(second, now, load);
  }

  void Sample(std::int64_t now, double load) {
    const double served = queue_.served_last();
    LoadSample sample{.second = now, .request_rate = load};
    sample.queued = queue_.queued();
    sample.concurrency = sample.queued + (served * options_.service_seconds);
    if (served > 0) {
      sample.response_seconds = options_.service_seconds + queue_.mean_wait_last();
    }
    sample.in_service = replicas_.ready();
    series_.Add(sample);
  }

  void Decide(std::int64_t second, std::int64_t now, double load) {
    input_.current = replicas_.asked();
    input_.in_service = replicas_.ready();
    input_.held = replicas_.ready() == 0 ? ToInt(std::ceil(queue_.queued())) : 0;
    input_.now = api::Time(std::chrono::seconds(now));
    const Decision decision = DecideSilently(input_, history_);
    const int needed = CeilCount(load / options_.capacity);
    ideal_seconds_ += std::max(needed, decision.min_replicas);
    if (decision.replicas == input_.current) return;
    NoteScaled(history_, now, input_.current, decision.replicas);
    const bool up = decision.replicas > input_.current;
    if (scaled_at_ && up != scaled_up_ && second - *scaled_at_ <= kFlapSeconds) ++result_.flaps;
    scaled_at_ = second;
    scaled_up_ = up;
    ++result_.scalings;
    replicas_.Scale(second, decision.replicas);
    result_.most_replicas = std::max(result_.most_replicas, decision.replicas);
  }

  void Note(std::int64_t second, double load, double capacity) {
    if (point_seconds_ == 0) return;
    if (second % point_seconds_ == 0) {
      result_.timeline.push_back({.second = static_cast<double>(second),
                                  .load = load,
                                  .capacity = capacity,
                                  .replicas = replicas_.asked()});
      return;
    }
    TimelinePoint& point = result_.timeline.back();
    point.load = std::max(point.load, load);
    point.capacity = std::min(point.capacity, capacity);
    point.replicas = std::max(point.replicas, replicas_.asked());
  }

  const Trace& trace_;
  const SimulationOptions& options_;
  const std::int64_t duration_;
  ReplicasModel replicas_;
  QueueModel queue_;
  LoadSeries series_;
  ScalingHistory history_;
  DecideInput input_;
  SimulationResult result_;
  std::int64_t replica_seconds_ = 0;
  std::int64_t ideal_seconds_ = 0;
  std::int64_t point_seconds_ = 0;
  std::optional<std::int64_t> scaled_at_;
  bool scaled_up_ = false;
};

}  // namespace

SimulationResult Simulate(const Trace& trace, const SimulationOptions& options) {
  return Simulation(trace, options).Run();
}

}  // namespace ballast::reconcilers
