#include "reconcilers/simulation/trace.h"

#include <algorithm>
#include <cmath>

#include "reconcilers/simulation/gaps.h"

namespace ballast::reconcilers {

double Trace::RateAt(double second) const {
  if (rates.empty() || !(second >= 0)) return -1;
  const double position = second / interval;
  const auto index = static_cast<std::size_t>(position);
  if (index >= rates.size()) return -1;
  const double here = rates[index];
  if (interval == 1 || here < 0 || index + 1 == rates.size() || rates[index + 1] < 0) return here;
  return here + ((rates[index + 1] - here) * (position - std::floor(position)));
}

double Trace::MeanRate(double second, double seconds) const {
  if (seconds <= 1) return RateAt(second);
  double sum = 0;
  int known = 0;
  for (int at = 0; at < seconds; ++at) {
    const double rate = RateAt(second + at);
    if (rate < 0) continue;
    sum += rate;
    ++known;
  }
  return known == 0 ? -1 : sum / known;
}

double Trace::Peak() const {
  const auto most = std::ranges::max_element(rates);
  return most == rates.end() ? 0 : std::max(0.0, *most);
}

void AddAfterGap(std::int64_t missing, double value, Trace& trace) {
  const double before = trace.rates.empty() ? value : trace.rates.back();
  for (std::int64_t i = 1; i <= missing; ++i) {
    if (missing > Trace::kMostFilled || before < 0) {
      trace.rates.push_back(-1);
      ++trace.unknown;
      continue;
    }
    const double share = static_cast<double>(i) / static_cast<double>(missing + 1);
    trace.rates.push_back(before + ((value - before) * share));
    ++trace.filled;
  }
  trace.rates.push_back(value);
}

Result<Trace> TraceOfSamples(const std::vector<LoadSample>& seconds,
                             const std::vector<LoadSample>& minutes) {
  constexpr std::int64_t kMinute = 60;
  const auto good = [](const LoadSample& sample) {
    return sample.second > kMinute && sample.request_rate >= 0 &&
           sample.request_rate <= LoadSeries::kMost;
  };
  Trace coarse;  // one rate a minute
  coarse.interval = kMinute;
  std::int64_t last = 0;
  for (const LoadSample& sample : minutes) {
    if (!good(sample)) continue;
    const std::int64_t begin = sample.second - kMinute + 1;
    if (coarse.rates.empty()) {
      coarse.start = begin;
    } else {
      if (begin <= last) continue;
      const std::int64_t steps = (begin - last + (kMinute / 2)) / kMinute;
      if (begin - coarse.start > Trace::kMostSeconds) break;
      if (steps < 1) continue;
      AddAfterGap(steps - 1, sample.request_rate, coarse);
      last += steps * kMinute;
      continue;
    }
    coarse.rates.push_back(sample.request_rate);
    last = begin;
  }
  Trace trace;
  trace.dated = true;
  trace.filled = coarse.filled * kMinute;
  const auto first = std::ranges::find_if(seconds, good);
  if (coarse.rates.empty() && first == seconds.end()) {
    return Error(Code::kInvalidArgument, "nothing was recorded in that time");
  }
  trace.start = coarse.rates.empty() ? first->second : coarse.start;
  for (std::int64_t second = 0; second < coarse.Seconds(); ++second) {
    trace.rates.push_back(coarse.RateAt(static_cast<double>(second)));
  }
  if (coarse.rates.empty()) trace.rates.push_back(first->request_rate);
  // Seconds are better than the line through minutes, and go on where these end.
  for (const LoadSample& sample : seconds) {
    const std::int64_t at = sample.second - trace.start;
    if (!good(sample) || at < 0 || at >= Trace::kMostSeconds) continue;
    if (at < static_cast<std::int64_t>(trace.rates.size())) {
      trace.rates[static_cast<std::size_t>(at)] = sample.request_rate;
    } else {
      AddAfterGap(at - static_cast<std::int64_t>(trace.rates.size()), sample.request_rate, trace);
    }
  }
  trace.unknown = std::ranges::count_if(trace.rates, [](double rate) { return rate < 0; });
  return trace;
}

}  // namespace ballast::reconcilers
