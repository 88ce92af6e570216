// Makes loads of what load balancers counted: differences between two readings, summed over all
// load balancers that a web app is behind. Whatever makes a difference doubtful drops the second:
// another process, a counter that went down, a load balancer that does not answer. What is not
// known is left out and never told as zero, nor as the sum of a long time. Pure; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "api/meta.h"
#include "reconcilers/autoscaler/load.h"
#include "reconcilers/autoscaler/load_counters.h"
#include "reconcilers/autoscaler/response_meter.h"

namespace ballast::reconcilers {

// One replica in one second, over all load balancers.
struct ReplicaLoad {
  double request_rate = 0;  // requests a second that were sent to it
  double concurrency = 0;   // in flight or queued for it alone, now
  double queued = 0;
  double response_seconds = -1;  // HAProxy's own average, of the last 512; -1: none
  double error_rate = 0;
  bool operator==(const ReplicaLoad&) const = default;
};

struct AppLoad {
  std::optional<LoadSample> sample;  // nothing: this second is not known
  int held = 0;                      // requests that wait because there is no replica, now
  // Those that HAProxy has; only of a second that is known.
  std::map<std::string, ReplicaLoad> replicas;
};

// By load balancer; nothing: it did not answer. One that is not there any more is left out.
using LoadReadings = std::map<std::string, std::optional<LoadReading>>;

class LoadTracker {
 public:
  // One that is silent for so long is taken to serve what it served before: the others tell whether
  // there is more, and nothing is scaled down for what nobody sees. A web app behind no other stays
  // unknown. So long after the start those that have not answered yet are waited for.
  static constexpr std::chrono::seconds kGivenUpAfter{15};
  // What came in a longer time says little of its last second.
  static constexpr std::chrono::seconds kLongest{5};

  // The load in the time since the last call, which is kept as that of `second`.
  std::map<api::ObjectKey, AppLoad> Add(std::int64_t second, Clock::Steady now,
                                        LoadReadings readings);

 private:
  // What one load balancer serves of a web app; rates are smoothed over about ten seconds.
  struct Usual {
    double request_rate = 0;
    double error_rate = 0;
    double concurrency = 0;
    double queued = 0;
    bool known = false;
  };
  struct Balancer {
    LoadReading last;
    std::map<api::ObjectKey, Usual> usual;
    bool dropped = false;  // of the last reading the counts were not used
    std::map<api::ObjectKey, ResponseMeter> meters;
  };
  struct Sum;
  using Sums = std::map<api::ObjectKey, Sum>;

  void AddReading(Balancer& balancer, LoadReading reading, Sums& sums);
  static void AddUsual(const Balancer& silent, Sums& sums);
  static void AddBackend(const BackendCounters& before, const BackendCounters& now, double seconds,
                         Usual& usual, Sum& sum);

  std::optional<Clock::Steady> started_;
  std::map<std::string, Balancer> balancers_;
};

}  // namespace ballast::reconcilers
