#include "reconcilers/simulation/queue_model.h"

#include <algorithm>
#include <cmath>

namespace ballast::reconcilers {
namespace {

constexpr double kNone = 1e-9;  // requests: what is left of a subtraction

}  // namespace

QueueModel::QueueModel(int timeout)
    : timeout_(timeout), waits_((static_cast<std::size_t>(timeout) + 1) * kBuckets + 1, 0.0) {}

// `amount` requests into buckets of a hundredth of a second, evenly from one wait to the other.
void QueueModel::Spread(double amount, double from, double to, std::vector<double>& waits) {
  const auto bucket = [&waits](double wait) {
    const double at = std::ceil((wait * kBuckets) - kNone);
    return static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(waits.size() - 1)));
  };
  const double least = std::min(from, to);
  const double most = std::max(from, to);
  const std::size_t first = bucket(least);
  const std::size_t last = bucket(most);
  if (first == last || most - least < kNone) {
    waits[last] += amount;
    return;
  }
  double edge = least;
  for (std::size_t i = first; i <= last; ++i) {
    const double end = i == last ? most : static_cast<double>(i) / kBuckets;
    waits[i] += amount * (end - edge) / (most - least);
    edge = end;
  }
}

void QueueModel::Waited(double amount, double from, double to) {
  from = std::max(0.0, from);
  to = std::max(0.0, to);
  served_last_ += amount;
  waited_last_ += amount * (from + to) / 2;
  Spread(amount, from, to, waits_);
}

// Those of earlier seconds. The time within this second at which it is done.
double QueueModel::ServeOld(double capacity) {
  while (!queue_.empty() && now_ - queue_.front().second > timeout_) {
    lost_ += queue_.front().amount;
    waits_.back() += queue_.front().amount;
    queued_ -= queue_.front().amount;
    queue_.pop_front();
  }
  double time = 0;
  while (!queue_.empty() && capacity > 0 && time < 1) {
    Chunk& chunk = queue_.front();
    const double amount = std::min(chunk.amount, capacity * (1 - time));
    const double came = static_cast<double>(chunk.second - now_) + chunk.begin;
    const double last_came = came + (amount / chunk.rate);
    const double end = time + (amount / capacity);
    Waited(amount, time - came, end - last_came);
    queued_ -= amount;
    chunk.amount -= amount;
    chunk.begin += amount / chunk.rate;
    time = end;
    if (chunk.amount > kNone) break;
    queue_.pop_front();
  }
  if (queue_.empty()) queued_ = 0;
  return queue_.empty() ? std::min(time, 1.0) : 1;
}

void QueueModel::ServeNew(double arrivals, double capacity, double start) {
  if (arrivals <= 0) return;
  double taken = 0;  // of the second, when all that came before is served
  if (capacity > 0 && start < 1) {
    // The backlog of this second is gone when arrivals * t == capacity * (t - start).
    const double even =
        capacity > arrivals ? capacity * start / (capacity - arrivals) : (start > 0 ? 2.0 : 1.0);
    if (even < 1 || (start == 0 && capacity >= arrivals)) {
      const double until = start == 0 ? 0 : even;
      if (until > 0) Waited(arrivals * until, start, 0);
      Waited(arrivals * (1 - until), 0, 0);
      return;
    }
    const double amount = std::min(arrivals, capacity * (1 - start));
    taken = amount / arrivals;
    Waited(amount, start, 1 - taken);
  }
  const double left = arrivals * (1 - taken);
  if (left <= kNone) return;
  queue_.push_back({.second = now_, .begin = taken, .rate = arrivals, .amount = left});
  queued_ += left;
}

void QueueModel::Second(double arrivals, double capacity) {
  served_last_ = waited_last_ = 0;
  total_ += arrivals;
  unserved_ += std::max(0.0, arrivals - capacity);
  if (queue_.empty() && arrivals <= capacity) {
    served_last_ = arrivals;
    waits_[0] += arrivals;
  } else {
    ServeNew(arrivals, capacity, ServeOld(capacity));
  }
  wait_last_ = served_last_ > 0 ? waited_last_ / served_last_ : 0;
  ++now_;
}

double QueueModel::Later(double seconds) const {
  double later = 0;
  for (auto i = static_cast<std::size_t>(seconds * kBuckets) + 1; i < waits_.size(); ++i) {
    later += waits_[i];
  }
  // The ones that wait still, for as long as they did.
  for (const Chunk& chunk : queue_) {
    const double end = chunk.begin + (chunk.amount / chunk.rate);
    const double until = static_cast<double>(now_ - chunk.second) - seconds;  // came before that
    if (until > chunk.begin) {
      later += chunk.amount * std::min(1.0, (until - chunk.begin) / (end - chunk.begin));
    }
  }
  return later;
}

double QueueModel::Quantile(double share) const {
  std::vector<double> waits = waits_;
  // The ones that wait still, for as long as they did.
  for (const Chunk& chunk : queue_) {
    const double first = static_cast<double>(now_ - chunk.second) - chunk.begin;
    Spread(chunk.amount, first, std::max(0.0, first - (chunk.amount / chunk.rate)), waits);
  }
  double all = 0;
  for (const double amount : waits) all += amount;
  double sum = 0;
  for (std::size_t i = 0; i < waits.size(); ++i) {
    sum += waits[i];
    if (sum > 0 && sum >= all * share * (1 - kNone)) {
      return std::min(static_cast<double>(i) / kBuckets, static_cast<double>(timeout_));
    }
  }
  return 0;
}

}  // namespace ballast::reconcilers
