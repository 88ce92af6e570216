// What a load or a set of long-lived connections met: plain values, printed as one line or as JSON.
// Made by load.h and long_lived.h; no threads, no sockets. Times are milliseconds since Start().
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::loadgen {

// Everything that is not a complete answer with status 200 is a failure of exactly one class.
enum class Outcome {
  kOk,
  kStatus,       // a complete answer with another status
  kConnect,      // no connection
  kEof,          // closed or reset before the first byte of the answer, on a new connection
  kEofOnReused,  // the same on a kept-alive one, where a client may retry a GET; counted strictly
  kPartial,      // closed in the middle of the answer
  kTimeout,      // no complete answer in time
  kProtocol,     // bytes that are not HTTP
};
constexpr int kOutcomes = 8;
std::string_view Name(Outcome outcome);

// One request worth looking at: a failure, or one of the slowest.
struct Sample {
  double at_ms = 0;        // when it was begun
  std::string wall_clock;  // the same, as HH:MM:SS.mmm UTC, to find it in logs
  double latency_ms = 0;
  Outcome outcome = Outcome::kOk;
  int status = 0;
  bool reused = false;  // sent on a kept-alive connection
  int local_port = 0;   // the client port that HAProxy's log shows
  std::string replica;  // who answered, if anybody
  std::string error;
};

struct ReplicaCount {
  std::uint64_t answers = 0;
  double first_ms = 0;  // when its first and last answer were complete
  double last_ms = 0;
};

struct Latency {
  double p50 = 0, p90 = 0, p99 = 0, p999 = 0, max = 0, mean = 0;
};

struct Report {
  double seconds = 0;      // from Start() to Stop() or to this snapshot
  std::uint64_t sent = 0;  // requests begun
  std::uint64_t ok = 0;
  std::uint64_t failed = 0;
  std::uint64_t in_flight = 0;  // 0 after Stop()
  std::uint64_t outcomes[kOutcomes] = {};
  std::map<int, std::uint64_t> statuses;
  Latency latency;        // of the ok ones, in ms, from the moment the request was begun
  double lag_max_ms = 0;  // the latest a request was begun: large = this machine is too busy
  std::uint64_t connections = 0;  // opened
  std::uint64_t idle_closed = 0;  // kept-alive ones the server had closed before they were wanted
  std::map<std::string, ReplicaCount> replicas;
  std::vector<Sample> failures;  // the first 1000
  std::vector<Sample> slowest;   // of the ok ones: ten, slowest first

  std::uint64_t count(Outcome outcome) const { return outcomes[static_cast<int>(outcome)]; }
  std::string Summary() const;  // one line
  std::string Json() const;
  // The summary, then failures and slowest a line each: what a failed test should show.
  std::string Details(std::size_t max_lines = 20) const;
};

// Percentiles by nearest rank; sorts its argument, values in microseconds.
Latency Percentiles(std::vector<std::uint32_t>* micros);

// HH:MM:SS.mmm in UTC.
std::string WallClock(std::int64_t unix_micros);

}  // namespace ballast::loadgen
