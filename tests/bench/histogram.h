// A Prometheus histogram read from the text of /metrics: quantiles by linear interpolation inside a
// bucket, as Prometheus' histogram_quantile does. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace ballast::bench {

struct Histogram {
  std::vector<std::pair<double, double>> buckets;  // upper bound, cumulative count
  double count = 0;
  double sum = 0;

  [[nodiscard]] double Quantile(double q) const;  // in the metric's unit
  // The smallest bucket's bound that holds every observation.
  [[nodiscard]] double Max() const;
  [[nodiscard]] Histogram Minus(const Histogram& before) const;
};

// The histogram `name` of the page, all its series added up.
[[nodiscard]] Histogram ParseHistogram(const std::string& page, const std::string& name);

}  // namespace ballast::bench
