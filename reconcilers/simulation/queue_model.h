// Replicas with a capacity and one queue in front of them, second by second: what HAProxy and the
// web app would do with a load. Requests flow: no randomness. First in, first out; who waited too
// long is turned away. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace ballast::reconcilers {

class QueueModel {
 public:
  // Who waited longer than `timeout` seconds is turned away (503), as by HAProxy's queue timeout.
  explicit QueueModel(int timeout);

  // One second in which `arrivals` requests come, evenly, and `capacity` can be served.
  void Second(double arrivals, double capacity);

  [[nodiscard]] double queued() const { return queued_; }
  [[nodiscard]] double served_last() const { return served_last_; }   // in the last second
  [[nodiscard]] double mean_wait_last() const { return wait_last_; }  // of these, seconds
  // Requests, of all.
  [[nodiscard]] double unserved() const {
    return unserved_;
  }  // beyond the capacity of their second
  [[nodiscard]] double lost() const { return lost_; }  // turned away
  // That waited longer than `seconds` (in hundredths), those turned away among them.
  [[nodiscard]] double Later(double seconds) const;
  // What `share` of all requests waited at most, in seconds.
  [[nodiscard]] double Quantile(double share) const;

 private:
  struct Chunk {
    std::int64_t second;  // in which they came
    double begin;         // of the first that is left, within that second
    double rate;
    double amount;
  };
  static void Spread(double amount, double from, double to, std::vector<double>& waits);
  // `amount` requests, of which the first waited `from` seconds and the last one `to`.
  void Waited(double amount, double from, double to);
  double ServeOld(double capacity);
  void ServeNew(double arrivals, double capacity, double start);

  static constexpr int kBuckets = 100;  // a second
  const int timeout_;
  std::int64_t now_ = 0;
  std::deque<Chunk> queue_;
  double queued_ = 0;
  double served_last_ = 0;
  double waited_last_ = 0;  // request seconds
  double wait_last_ = 0;
  double total_ = 0;
  double unserved_ = 0;
  double lost_ = 0;
  std::vector<double> waits_;  // requests by hundredths of a second
};

}  // namespace ballast::reconcilers
