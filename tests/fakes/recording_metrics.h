// Sums counters, keeps the last value of gauges and counts observations, by "name" or
// "name{label=value,...}" in the order in which the labels were given. Any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "reconcilers/ports/metrics.h"

namespace ballast::fakes {

class RecordingMetrics final : public reconcilers::Metrics {
 public:
  void Add(std::string_view counter, double value, reconcilers::MetricLabels labels) override {
    const std::lock_guard lock(mutex_);
    values_[Name(counter, labels)] += value;
  }
  void Set(std::string_view gauge, double value, reconcilers::MetricLabels labels) override {
    const std::lock_guard lock(mutex_);
    values_[Name(gauge, labels)] = value;
  }
  void Observe(std::string_view histogram, double, reconcilers::MetricLabels labels) override {
    const std::lock_guard lock(mutex_);
    values_[Name(histogram, labels)] += 1;
  }
  void Remove(std::string_view gauge, reconcilers::MetricLabels labels) override {
    const std::lock_guard lock(mutex_);
    values_.erase(Name(gauge, labels));
  }

  [[nodiscard]] bool Has(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    return values_.contains(name);
  }
  [[nodiscard]] double Get(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(name);
    return found == values_.end() ? 0 : found->second;
  }

 private:
  static std::string Name(std::string_view name, reconcilers::MetricLabels labels) {
    std::string result(name);
    const char* separator = "{";
    for (const auto& [key, value] : labels) {
      result.append(separator).append(key).append("=").append(value);
      separator = ",";
    }
    if (labels.size() > 0) result += '}';
    return result;
  }

  mutable std::mutex mutex_;
  std::map<std::string, double> values_;
};

}  // namespace ballast::fakes
