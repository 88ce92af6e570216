// Port: counters and gauges that reconcilers report. Implemented over prometheus-cpp by
// controller/metrics; tests use NullMetrics. Callable from any thread; must be cheap.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::reconcilers {

using MetricLabels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class Metrics {
 public:
  virtual ~Metrics() = default;
  // Names are full Prometheus names, "ballast_haproxy_reloads_total".
  virtual void Add(std::string_view counter, double value, MetricLabels labels) = 0;
  virtual void Set(std::string_view gauge, double value, MetricLabels labels) = 0;
  virtual void Observe(std::string_view histogram, double seconds, MetricLabels labels) = 0;
  // Forgets the gauge of something that is gone.
  virtual void Remove(std::string_view /*gauge*/, MetricLabels /*labels*/) {}
};

class NullMetrics final : public Metrics {
 public:
  void Add(std::string_view, double, MetricLabels) override {}
  void Set(std::string_view, double, MetricLabels) override {}
  void Observe(std::string_view, double, MetricLabels) override {}
};

}  // namespace ballast::reconcilers
