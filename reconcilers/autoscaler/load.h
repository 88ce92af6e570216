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
  int active = 0;   // of them, those in which a request came, waited or was in flight
  double request_rate = 0;
  double concurrency = 0;
  double queued = 0;
  double response_seconds = -1;  // of the seconds in which requests ended; -1: none did
  double error_rate = 0;
};

// The straight line through the request rates of a window, by least squares.
struct LoadTrend {
  int seconds = 0;   // that have a sample; below 2 the line is level
  double level = 0;  // requests a second, of the line at the window's end
  double slope = 0;  // requests a second, more each second
  double noise = 0;  // standard deviation of the seconds from the line
};

// The last 15 minutes of one web app. Windows are asked for each second of each web app, and
// millions of times by a simulation: they cost the same whatever their length.
class LoadSeries {
 public:
  static constexpr std::int64_t kSeconds = 900;
  static constexpr std::int64_t kClockSetBack = 2;
  // What is larger than this cannot have been measured.
  static constexpr double kMost = 1e9;

  // Seconds that are left out are gaps. One that is not newer than the last is ignored, unless it
  // is more than kClockSetBack older: then the clock was set back, and so is all that is kept, by
  // as much as the sample follows the last. A sample
  // with a number that no load has (NaN, infinite, negative, above kMost) is a gap.
  void Add(const LoadSample& sample);

  // The mean over (end - seconds, end]; 1 <= seconds <= kSeconds.
  [[nodiscard]] LoadWindow Mean(std::int64_t end, int seconds) const;
  // The trend over the same.
  [[nodiscard]] LoadTrend RequestRateTrend(std::int64_t end, int seconds) const;
  // Requests a second, more each second, by least squares over the same; 0 with fewer than two.
  [[nodiscard]] double RequestRateSlope(std::int64_t end, int seconds) const;

  [[nodiscard]] const LoadSample* At(std::int64_t second) const;  // null: a gap, or too old
  [[nodiscard]] const LoadSample* Last() const;                   // null: none yet
  // Those that are there, ascending.
  [[nodiscard]] std::vector<LoadSample> Samples(std::int64_t after) const;

 private:
  // Sums over all seconds before this one (and after base_), so that a window is a difference of
  // two. Times count from base_.
  struct Sums {
    double count = 0;
    double active = 0;
    double request_rate = 0;
    double concurrency = 0;
    double queued = 0;
    double response_seconds = 0;
    double responding = 0;
    double error_rate = 0;
    double time = 0;
    double time_squared = 0;
    double rate_time = 0;
    double rate_squared = 0;
  };
  struct Slot {
    LoadSample sample;  // second == 0: a gap
    Sums before;
  };
  [[nodiscard]] Slot& SlotOf(std::int64_t second);
  [[nodiscard]] const Slot& SlotOf(std::int64_t second) const;
  [[nodiscard]] Sums UpTo(std::int64_t second) const;
  // What the window has, cut to what is kept. False: nothing.
  bool Window(std::int64_t end, int seconds, Sums& sums) const;
  void Append(std::int64_t second, const LoadSample& sample);
  void Rebase();
  void SetBack(std::int64_t seconds);

  std::vector<Slot> ring_;   // empty until the first sample, then kSeconds of them
  std::int64_t first_ = 0;   // oldest second in the ring
  std::int64_t last_ = -1;   // newest; < first_: none
  std::int64_t newest_ = 0;  // newest with a sample; 0: none
  std::int64_t base_ = 0;
};

}  // namespace ballast::reconcilers
