#include "reconcilers/autoscaler/load.h"

#include <algorithm>
#include <cmath>

namespace ballast::reconcilers {
namespace {

bool Credible(double value) { return value >= 0 && value <= LoadSeries::kMost; }  // NaN: neither

bool Credible(const LoadSample& sample) {
  return sample.second > 0 && Credible(sample.request_rate) && Credible(sample.concurrency) &&
         Credible(sample.queued) && Credible(sample.error_rate) &&
         (Credible(sample.response_seconds) || sample.response_seconds == -1) &&
         sample.in_service >= 0;
}

bool Active(const LoadSample& sample) {
  return sample.request_rate > 0 || sample.concurrency > 0 || sample.queued > 0;
}

// Differences of sums are off by the last bits: no mean is below zero for that.
double Quotient(double sum, double count) { return std::max(0.0, sum / count); }

}  // namespace

LoadSeries::Slot& LoadSeries::SlotOf(std::int64_t second) {
  return ring_[static_cast<std::size_t>(second % kSeconds)];
}

const LoadSeries::Slot& LoadSeries::SlotOf(std::int64_t second) const {
  return ring_[static_cast<std::size_t>(second % kSeconds)];
}

LoadSeries::Sums LoadSeries::UpTo(std::int64_t second) const {
  const Slot& slot = SlotOf(second);
  Sums sums = slot.before;
  const LoadSample& sample = slot.sample;
  if (sample.second == 0) return sums;
  const auto time = static_cast<double>(second - base_);
  sums.count += 1;
  sums.active += Active(sample) ? 1 : 0;
  sums.request_rate += sample.request_rate;
  sums.concurrency += sample.concurrency;
  sums.queued += sample.queued;
  if (sample.response_seconds >= 0) {
    sums.response_seconds += sample.response_seconds;
    sums.responding += 1;
  }
  sums.error_rate += sample.error_rate;
  sums.time += time;
  sums.time_squared += time * time;
  sums.rate_time += sample.request_rate * time;
  sums.rate_squared += sample.request_rate * sample.request_rate;
  return sums;
}

void LoadSeries::Append(std::int64_t second, const LoadSample& sample) {
  const Sums before = last_ < first_ ? Sums{} : UpTo(last_);
  if (last_ < first_) first_ = second;
  last_ = second;
  first_ = std::max(first_, last_ - kSeconds + 1);
  SlotOf(second) = {sample, before};
}

// Sums that run for days lose digits. Once in a ring's length they start anew.
void LoadSeries::Rebase() {
  base_ = first_;
  Sums before;
  for (std::int64_t second = first_; second <= last_; ++second) {
    SlotOf(second).before = before;
    before = UpTo(second);
  }
}

void LoadSeries::Add(const LoadSample& sample) {
  if (!Credible(sample)) return;
  if (newest_ > 0 && sample.second <= newest_) {
    if (sample.second + kClockSetBack >= newest_) return;
    SetBack(newest_ + 1 - sample.second);
  }
  if (ring_.empty()) ring_.resize(kSeconds);
  if (newest_ == 0 || sample.second - newest_ >= kSeconds) {
    first_ = 0;
    last_ = -1;
    base_ = sample.second;
  }
  while (last_ >= first_ && last_ + 1 < sample.second) Append(last_ + 1, {});
  Append(sample.second, sample);
  newest_ = sample.second;
  if (last_ - base_ >= 2 * kSeconds) Rebase();
}

void LoadSeries::SetBack(std::int64_t seconds) {
  std::vector<LoadSample> samples = Samples(0);
  *this = LoadSeries();
  for (LoadSample& sample : samples) {
    sample.second -= seconds;
    Add(sample);
  }
}

bool LoadSeries::Window(std::int64_t end, int seconds, Sums& sums) const {
  const std::int64_t from = std::max(first_, end - seconds + 1);
  const std::int64_t to = std::min(last_, end);
  if (newest_ == 0 || from > to) return false;
  sums = UpTo(to);
  const Sums& before = SlotOf(from).before;
  sums.count -= before.count;
  sums.active -= before.active;
  sums.request_rate -= before.request_rate;
  sums.concurrency -= before.concurrency;
  sums.queued -= before.queued;
  sums.response_seconds -= before.response_seconds;
  sums.responding -= before.responding;
  sums.error_rate -= before.error_rate;
  sums.time -= before.time;
  sums.time_squared -= before.time_squared;
  sums.rate_time -= before.rate_time;
  sums.rate_squared -= before.rate_squared;
  return sums.count > 0;
}

LoadWindow LoadSeries::Mean(std::int64_t end, int seconds) const {
  LoadWindow window;
  Sums sums;
  if (!Window(end, seconds, sums)) return window;
  window.seconds = static_cast<int>(sums.count);
  window.active = static_cast<int>(sums.active);
  // What all seconds have nothing of is nothing, not the last bit of a difference.
  if (window.active > 0) {
    window.request_rate = Quotient(sums.request_rate, sums.count);
    window.concurrency = Quotient(sums.concurrency, sums.count);
    window.queued = Quotient(sums.queued, sums.count);
  }
  window.error_rate = Quotient(sums.error_rate, sums.count);
  if (sums.responding > 0) {
    window.response_seconds = Quotient(sums.response_seconds, sums.responding);
  }
  return window;
}

LoadTrend LoadSeries::RequestRateTrend(std::int64_t end, int seconds) const {
  LoadTrend trend;
  Sums sums;
  if (!Window(end, seconds, sums)) return trend;
  const double n = sums.count;
  const double mean = sums.active > 0 ? Quotient(sums.request_rate, n) : 0;
  const double mean_time = sums.time / n;
  const double time_spread = sums.time_squared - n * mean_time * mean_time;
  const double together = sums.rate_time - sums.request_rate * mean_time;
  const double rate_spread = sums.rate_squared - sums.request_rate * mean;
  trend.seconds = static_cast<int>(n);
  trend.level = mean;
  if (n < 2 || time_spread <= 0 || sums.active == 0) return trend;
  trend.slope = together / time_spread;
  const double last = static_cast<double>(std::min(last_, end) - base_);
  trend.level = std::max(0.0, mean + trend.slope * (last - mean_time));
  if (n > 2) {
    const double left = std::max(0.0, rate_spread - trend.slope * together);
    trend.noise = std::sqrt(left / (n - 2));
  }
  return trend;
}

double LoadSeries::RequestRateSlope(std::int64_t end, int seconds) const {
  return RequestRateTrend(end, seconds).slope;
}

const LoadSample* LoadSeries::At(std::int64_t second) const {
  if (newest_ == 0 || second < first_ || second > last_) return nullptr;
  const LoadSample& sample = SlotOf(second).sample;
  return sample.second == 0 ? nullptr : &sample;
}

const LoadSample* LoadSeries::Last() const {
  return newest_ == 0 ? nullptr : &SlotOf(newest_).sample;
}

std::vector<LoadSample> LoadSeries::Samples(std::int64_t after) const {
  std::vector<LoadSample> samples;
  for (std::int64_t second = std::max(first_, after + 1); second <= last_; ++second) {
    if (const LoadSample* sample = At(second)) samples.push_back(*sample);
  }
  return samples;
}

}  // namespace ballast::reconcilers
