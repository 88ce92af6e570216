// A web app in the hands of Decide: a series of seconds, replicas that take their time to start,
// and a history. No clock but the one that is told.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/autoscaler/decide.h"

namespace ballast::reconcilers {

inline constexpr std::int64_t kEpoch = 1'700'000'040;  // a whole minute

inline api::Metric MetricOfType(api::MetricType type, double target,
                                api::TargetType target_type = api::TargetType::kAverageValue) {
  api::Metric metric;
  metric.type = type;
  metric.target.type = target_type;
  metric.target.quantity.millis = static_cast<std::int64_t>(target * 1000);
  return metric;
}

inline api::Metric RequestRateOf(double target) {
  return MetricOfType(api::MetricType::kRequestRate, target);
}

inline api::AutoscalerSpec SpecOf(int min, int max, std::vector<api::Metric> metrics) {
  api::AutoscalerSpec spec;
  spec.scale_target_ref.kind = "WebApp";
  spec.scale_target_ref.name = "shop";
  spec.min_replicas = min;
  spec.max_replicas = max;
  spec.metrics = std::move(metrics);
  return spec;
}

inline api::Time At(std::int64_t second) { return api::Time(std::chrono::seconds(second)); }

class World {
 public:
  World(api::AutoscalerSpec wanted, int replicas, int startup_seconds = 3)
      : spec(std::move(wanted)), current(replicas), startup(startup_seconds), ready(replicas) {
    input.startup_seconds = startup_seconds;
  }

  // One second with this load: counted, decided, carried out.
  Decision Second(const LoadSample& load) {
    ++now;
    while (!coming.empty() && coming.front() <= now) {
      coming.pop_front();
      ++ready;
    }
    LoadSample sample = load;
    sample.second = now;
    sample.in_service = ready;
    if (count) series.Add(sample);
    return Decided();
  }
  Decision Second(double rate) {
    LoadSample sample;
    sample.request_rate = rate;
    sample.concurrency = rate * 0.1;
    sample.response_seconds = rate > 0 ? 0.1 : -1;
    return Second(sample);
  }
  // The last decision of so many seconds.
  Decision Seconds(int seconds, double rate) {
    Decision decision;
    for (int i = 0; i < seconds; ++i) decision = Second(rate);
    return decision;
  }
  // As visitors come: by chance.
  Decision Noisy(int seconds, double rate) {
    std::poisson_distribution<int> visitors(rate);
    Decision decision;
    for (int i = 0; i < seconds; ++i) decision = Second(visitors(random));
    return decision;
  }

  Decision Decided() {
    input.spec = &spec;
    input.load = &series;
    input.current = current;
    input.in_service = ready;
    input.now = At(now);
    const Decision decision = Decide(input, history);
    if (decision.replicas != current && carry_out) Scale(decision.replicas);
    return decision;
  }

  void Scale(int to) {
    NoteScaled(history, now, current, to);
    for (int i = current; i < to; ++i) coming.push_back(now + startup);
    for (int i = to; i < current; ++i) {
      if (!coming.empty()) {
        coming.pop_back();
      } else {
        --ready;
      }
    }
    current = to;
    ++scalings;
  }

  api::AutoscalerSpec spec;
  LoadSeries series;
  ScalingHistory history;
  DecideInput input;
  std::int64_t now = kEpoch;
  int current;
  int startup;
  int ready;
  int scalings = 0;
  bool count = true;      // false: no samples come
  bool carry_out = true;  // false: decisions stay decisions
  std::deque<std::int64_t> coming;
  std::mt19937 random{42};
};

}  // namespace ballast::reconcilers
