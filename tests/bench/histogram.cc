#include "tests/bench/histogram.h"

#include <cstdlib>
#include <limits>
#include <map>
#include <sstream>

namespace ballast::bench {

double Histogram::Quantile(double q) const {
  const double rank = q * count;
  double lower = 0;
  double below = 0;
  for (const auto& [bound, cumulative] : buckets) {
    if (cumulative >= rank && cumulative > below) {
      if (bound == std::numeric_limits<double>::infinity()) return lower;
      return lower + (bound - lower) * (rank - below) / (cumulative - below);
    }
    lower = bound;
    below = cumulative;
  }
  return lower;
}

double Histogram::Max() const {
  for (const auto& [bound, cumulative] : buckets) {
    if (cumulative >= count) return bound;
  }
  return 0;
}

Histogram Histogram::Minus(const Histogram& before) const {
  Histogram result = *this;
  result.count -= before.count;
  result.sum -= before.sum;
  for (std::size_t i = 0; i < result.buckets.size() && i < before.buckets.size(); ++i) {
    result.buckets[i].second -= before.buckets[i].second;
  }
  return result;
}

Histogram ParseHistogram(const std::string& page, const std::string& name) {
  Histogram result;
  std::map<double, double> buckets;
  std::istringstream in(page);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t space = line.rfind(' ');
    if (space == std::string::npos) continue;
    const double value = std::strtod(line.c_str() + space, nullptr);
    if (line.starts_with(name + "_sum")) result.sum += value;
    if (line.starts_with(name + "_count")) result.count += value;
    const std::size_t le = line.find("le=\"");
    if (line.starts_with(name + "_bucket") && le != std::string::npos) {
      buckets[std::strtod(line.c_str() + le + 4, nullptr)] += value;  // "+Inf" reads as infinity
    }
  }
  result.buckets.assign(buckets.begin(), buckets.end());
  return result;
}

}  // namespace ballast::bench
