#include "reconcilers/autoscaler/load_tracker.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ballast::reconcilers {
namespace {

constexpr double kMillis = 1000;
constexpr double kUsualSeconds = 10;

bool WentDown(const TrafficCounters& before, const TrafficCounters& now) {
  return now.arrived < before.arrived || now.ended < before.ended || now.errors < before.errors;
}

double Rate(std::int64_t before, std::int64_t now, double seconds) {
  return static_cast<double>(now - before) / seconds;
}

// Towards `value`, by as much of the way as `seconds` are of ten.
void Smooth(double value, double seconds, bool known, double& usual) {
  usual = known ? usual + std::min(1.0, seconds / kUsualSeconds) * (value - usual) : value;
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
  std::vector<const Balancer*> silent;
  for (auto& [name, reading] : readings) {
    if (reading) {
      AddReading(balancers_[name], std::move(*reading), sums);
      continue;
    }
    const auto known = balancers_.find(name);
    if (known == balancers_.end()) {
      waiting = waiting || now - *started_ < kGivenUpAfter;
    } else if (now - known->second.last.at >= kGivenUpAfter) {
      silent.push_back(&known->second);
    } else {
      for (const BackendCounters& backend : known->second.last.backends) {
        sums[backend.app].known = false;
      }
    }
  }
  for (const Balancer* const balancer : silent) AddUsual(*balancer, sums);
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
    AddBackend(*old, backend, seconds, balancer.usual[backend.app], sum);
  }
  const auto gone = [&](const auto& entry) {
    const auto it = std::ranges::lower_bound(now.backends, entry.first, {}, &BackendCounters::app);
    return it == now.backends.end() || it->app != entry.first;
  };
  std::erase_if(balancer.meters, gone);
  std::erase_if(balancer.usual, gone);
}

void LoadTracker::AddUsual(const Balancer& silent, Sums& sums) {
  for (const BackendCounters& backend : silent.last.backends) {
    const auto sum = sums.find(backend.app);
    if (sum == sums.end()) continue;  // nobody else knows anything of it
    const auto usual = silent.usual.find(backend.app);
    if (usual == silent.usual.end()) {
      sum->second.known = false;
      continue;
    }
    LoadSample& sample = sum->second.sample;
    sample.request_rate += usual->second.request_rate;
    sample.error_rate += usual->second.error_rate;
    sample.concurrency += usual->second.concurrency;
    sample.queued += usual->second.queued;
  }
}

void LoadTracker::AddBackend(const BackendCounters& before, const BackendCounters& now,
                             double seconds, Usual& usual, Sum& sum) {
  LoadSample& sample = sum.sample;
  const TrafficCounters& counters = now.counters;
  const double request_rate = Rate(before.counters.arrived, counters.arrived, seconds);
  const double error_rate = Rate(before.counters.errors, counters.errors, seconds);
  const double concurrency = counters.current + now.elsewhere;
  const double queued = counters.queued;
  sample.request_rate += request_rate;
  sample.error_rate += error_rate;
  sample.concurrency += concurrency;
  sample.queued += queued;
  Smooth(request_rate, seconds, usual.known, usual.request_rate);
  Smooth(error_rate, seconds, usual.known, usual.error_rate);
  Smooth(concurrency, seconds, usual.known, usual.concurrency);
  Smooth(queued, seconds, usual.known, usual.queued);
  usual.known = true;
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
