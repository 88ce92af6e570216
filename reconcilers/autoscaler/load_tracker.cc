#include "reconcilers/autoscaler/load_tracker.h"

#include <algorithm>
#include <utility>

namespace ballast::reconcilers {
namespace {

constexpr double kMillis = 1000;

bool WentDown(const TrafficCounters& before, const TrafficCounters& now) {
  return now.arrived < before.arrived || now.ended < before.ended || now.errors < before.errors;
}

double Rate(std::int64_t before, std::int64_t now, double seconds) {
  return static_cast<double>(now - before) / seconds;
}

// A mean of means, each weighed by how many it is of.
void AddMean(double seconds, double weight, double& sum, double& weights) {
  if (seconds < 0 || weight <= 0) return;
  sum += seconds * weight;
  weights += weight;
}

}  // namespace

struct LoadTracker::Sum {
  LoadSample sample;
  bool known = true;
  int held = 0;
  bool in_service_known = false;
  double response_sum = 0;
  double responses = 0;
  struct Replica {
    ReplicaLoad load;
    double response_sum = 0;
    double responses = 0;
  };
  std::map<std::string, Replica> replicas;

  AppLoad Take(std::int64_t second) {
    AppLoad load{.held = held};
    if (!known) return load;
    sample.second = second;
    if (responses > 0) sample.response_seconds = response_sum / responses;
    load.sample = sample;
    for (auto& [name, replica] : replicas) {
      if (replica.responses > 0) {
        replica.load.response_seconds = replica.response_sum / replica.responses;
      }
      load.replicas.emplace(name, replica.load);
    }
    return load;
  }
};

std::map<api::ObjectKey, AppLoad> LoadTracker::Add(std::int64_t second, Clock::Steady now,
                                                   LoadReadings readings) {
  std::erase_if(balancers_, [&](const auto& entry) { return !readings.contains(entry.first); });
  if (!started_) started_ = now;
  Sums sums;
  bool waiting = false;  // for one of which nobody knows yet what it serves
  for (auto& [name, reading] : readings) {
    if (reading) {
      AddReading(balancers_[name], std::move(*reading), sums);
      continue;
    }
    const auto known = balancers_.find(name);
    if (known == balancers_.end()) {
      waiting = waiting || now - *started_ < kGivenUpAfter;
    } else if (now - known->second.last.at >= kGivenUpAfter) {
      balancers_.erase(known);
    } else {
      for (const BackendCounters& backend : known->second.last.backends) {
        sums[backend.app].known = false;
      }
    }
  }
  if (waiting) {
    for (auto& [app, sum] : sums) sum.known = false;
  }
  std::map<api::ObjectKey, AppLoad> loads;
  for (auto& [app, sum] : sums) loads.emplace(app, sum.Take(second));
  return loads;
}

void LoadTracker::AddReading(Balancer& balancer, LoadReading reading, Sums& sums) {
  const LoadReading before = std::exchange(balancer.last, std::move(reading));
  const LoadReading& now = balancer.last;
  const double seconds = std::chrono::duration<double>(now.at - before.at).count();
  const bool same = now.process == before.process;
  // The counters go on over a reload, only what came while it was done is missing. While there is a
  // reload every second, that is better than to know nothing at all.
  const bool goes_on = same || (balancer.dropped && now.reloads > before.reloads);
  const bool usable = goes_on && seconds > 0 && now.at - before.at <= kLongest;
  balancer.dropped = !usable;
  if (!same) {
    for (auto& [app, meter] : balancer.meters) meter.Restart();
  }
  auto old = before.backends.begin();
  for (const BackendCounters& backend : now.backends) {
    Sum& sum = sums[backend.app];
    sum.held += backend.held;
    ResponseMeter& meter = balancer.meters[backend.app];
    while (old != before.backends.end() && old->app < backend.app) ++old;
    const bool there = old != before.backends.end() && old->app == backend.app;
    const TrafficCounters& counters = backend.counters;
    const bool comparable = usable && there && !WentDown(old->counters, counters);
    if (!comparable) {
      meter.Restart();
      sum.known = false;
    }
    const auto mean = meter.Add(now.at, counters.ended, counters.mean_millis);
    if (!comparable) continue;
    if (mean) {
      AddMean(*mean, static_cast<double>(counters.ended - old->counters.ended), sum.response_sum,
              sum.responses);
    }
    AddBackend(*old, backend, seconds, sum);
  }
  std::erase_if(balancer.meters, [&](const auto& entry) {
    const auto it = std::ranges::lower_bound(now.backends, entry.first, {}, &BackendCounters::app);
    return it == now.backends.end() || it->app != entry.first;
  });
}

void LoadTracker::AddBackend(const BackendCounters& before, const BackendCounters& now,
                             double seconds, Sum& sum) {
  LoadSample& sample = sum.sample;
  const TrafficCounters& counters = now.counters;
  sample.request_rate += Rate(before.counters.arrived, counters.arrived, seconds);
  sample.error_rate += Rate(before.counters.errors, counters.errors, seconds);
  sample.concurrency += counters.current + now.elsewhere;
  sample.queued += counters.queued;
  // A replica takes traffic when it does so in all of them.
  sample.in_service =
      sum.in_service_known ? std::min(sample.in_service, now.active_servers) : now.active_servers;
  sum.in_service_known = true;
  auto old = before.servers.begin();
  for (const ServerCounters& server : now.servers) {
    while (old != before.servers.end() && old->name < server.name) ++old;
    const bool there = old != before.servers.end() && old->name == server.name;
    // A server that was added since counts from 0, and so does one that was deleted and added
    // again.
    const TrafficCounters from =
        there && !WentDown(old->counters, server.counters) ? old->counters : TrafficCounters{};
    Sum::Replica& replica = sum.replicas[server.name];
    replica.load.request_rate += Rate(from.arrived, server.counters.arrived, seconds);
    replica.load.error_rate += Rate(from.errors, server.counters.errors, seconds);
    replica.load.concurrency += server.counters.current;
    replica.load.queued += server.counters.queued;
    const auto ended = static_cast<double>(server.counters.ended - from.ended);
    AddMean(static_cast<double>(server.counters.mean_millis) / kMillis, ended, replica.response_sum,
            replica.responses);
  }
}

}  // namespace ballast::reconcilers
