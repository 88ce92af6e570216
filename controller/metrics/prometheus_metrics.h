// The Metrics port over prometheus-cpp's registry, and the text that /metrics answers. Families and
// time series are made at first use; a name or label that Prometheus forbids is dropped and
// counted. Owned by controller/cmd. Any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "reconcilers/ports/metrics.h"

namespace ballast::metrics {

class PrometheusMetrics final : public reconcilers::Metrics {
 public:
  // More time series of one name are not kept, so that nothing outside can fill the memory.
  static constexpr std::size_t kMaxSeriesPerName = 20'000;

  explicit PrometheusMetrics(std::string_view version);
  ~PrometheusMetrics() override;

  void Add(std::string_view counter, double value, reconcilers::MetricLabels labels) override;
  void Set(std::string_view gauge, double value, reconcilers::MetricLabels labels) override;
  void Observe(std::string_view histogram, double seconds,
               reconcilers::MetricLabels labels) override;
  void Remove(std::string_view gauge, reconcilers::MetricLabels labels) override;

  // Prometheus' text format 0.0.4, with the process' own memory, CPU time and descriptors.
  [[nodiscard]] std::string Text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ballast::metrics
