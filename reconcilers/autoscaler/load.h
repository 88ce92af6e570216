// How much a web app has to do, second by second, as its load balancers counted it: what the
// autoscaler decides on, what `top` shows and what `simulate` makes up. Plain values; a LoadSeries
// belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace ballast::reconcilers {

// One second of one web app, over all its load balancers.
struct LoadSample {
  std::int64_t second = 0;       // Unix time of its end, rounded
  double request_rate = 0;       // requests a second that came
  double concurrency = 0;        // requests in flight or queued, at its end
  double queued = 0;             // of those, the ones that wait for a replica (held ones too)
  double response_seconds = -1;  // mean of the requests that ended in it; -1: none did
  double error_rate = 0;         // answers 5xx a second
  int in_service = 0;            // replicas that take traffic, at its end
  bool operator==(const LoadSample&) const = default;
};

// Means over part of a series. Seconds without a sample do not count: no data is not zero.
struct LoadWindow {
  int seconds = 0;  // that have a sample; 0: nothing is known, and all below is 0
  double request_rate = 0;
  double concurrency = 0;
  double queued = 0;
  double response_seconds = -1;  // of the seconds in which requests ended; -1: none did
  double error_rate = 0;
};

// The last 15 minutes of one web app. Windows are asked for each second of each web app, and
// millions of times by a simulation: they cost the same whatever their length.
class LoadSeries {
 public:
  static constexpr std::int64_t kSeconds = 900;

  LoadSeries();

  // Seconds that are left out are gaps. One that is not newer than the last is ignored.
  void Add(const LoadSample& sample);

  // The mean over (end - seconds, end]; 1 <= seconds <= kSeconds.
  [[nodiscard]] LoadWindow Mean(std::int64_t end, int seconds) const;
  // Requests a second, more each second, by least squares over the same; 0 with fewer than two.
  [[nodiscard]] double RequestRateSlope(std::int64_t end, int seconds) const;

  [[nodiscard]] const LoadSample* At(std::int64_t second) const;  // null: a gap, or too old
  [[nodiscard]] const LoadSample* Last() const;                   // null: none yet
  // Those that are there, ascending.
  [[nodiscard]] std::vector<LoadSample> Samples(std::int64_t after) const;

 private:
  // Running sums up to and with each second, so that a window is a difference of two.
  struct Sums {
    std::int64_t second = 0;
    bool sampled = false;
    LoadSample sample;
    double count = 0;
    double request_rate = 0;
    double concurrency = 0;
    double queued = 0;
    double response_seconds = 0;
    double responding = 0;
    double error_rate = 0;
    double time = 0;  // of the seconds with a sample, from base_
    double time_squared = 0;
    double rate_time = 0;
  };
  [[nodiscard]] const Sums* SumsAt(std::int64_t second) const;

  std::vector<Sums> ring_;
  std::int64_t first_ = 0;  // oldest second in the ring; 0: none
  std::int64_t last_ = 0;
};

}  // namespace ballast::reconcilers
