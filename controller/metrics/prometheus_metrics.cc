#include "controller/metrics/prometheus_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>
#include <vector>

#include "controller/metrics/help.h"
#include "controller/metrics/process.h"

namespace ballast::metrics {
namespace {

using reconcilers::MetricLabels;

// From a runtime command of HAProxy (microseconds) to an image that is pulled (minutes); finest
// where the promises are, at 10 and 50 ms.
const prometheus::Histogram::BucketBoundaries& Buckets() {
  static const prometheus::Histogram::BucketBoundaries buckets = {
      0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03,
      0.04,   0.05,    0.075,  0.1,   0.25,  0.5,   1,     2.5,   5,      10,   30,    60,   300};
  return buckets;
}

std::string SeriesKey(MetricLabels labels) {
  std::string key;
  for (const auto& [name, value] : labels) {
    key.append(name).push_back('\0');
    key.append(value).push_back('\0');
  }
  return key;
}

prometheus::Labels ToLabels(MetricLabels labels) {
  prometheus::Labels converted;
  for (const auto& [name, value] : labels) converted.emplace(name, value);
  return converted;
}

// The time series of one kind, found by name and labels; Family::Add itself is slow.
template <typename T>
class Table {
 public:
  using Builder = prometheus::Family<T>& (*)(prometheus::Registry&, const std::string&);

  // Null: Prometheus refuses the name or a label, or there are too many.
  template <typename... Args>
  T* Find(prometheus::Registry& registry, Builder build, std::string_view name, MetricLabels labels,
          Args&&... args) {
    auto entry = entries_.find(name);
    if (entry == entries_.end()) {
      entry = entries_.emplace(std::string(name), Entry{}).first;
      try {
        entry->second.family = &build(registry, entry->first);
      } catch (const std::exception&) {
        entry->second.family = nullptr;  // remembered: not tried again
      }
    }
    auto& [family, series] = entry->second;
    if (family == nullptr) return nullptr;
    std::string key = SeriesKey(labels);
    if (const auto found = series.find(key); found != series.end()) return found->second;
    if (series.size() >= PrometheusMetrics::kMaxSeriesPerName) return nullptr;
    try {
      T& added = family->Add(ToLabels(labels), std::forward<Args>(args)...);
      series.emplace(std::move(key), &added);
      return &added;
    } catch (const std::exception&) {
      return nullptr;
    }
  }

  void Remove(std::string_view name, MetricLabels labels) {
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) return;
    const auto found = entry->second.series.find(SeriesKey(labels));
    if (found == entry->second.series.end()) return;
    entry->second.family->Remove(found->second);
    entry->second.series.erase(found);
  }

 private:
  struct Entry {
    prometheus::Family<T>* family = nullptr;
    std::map<std::string, T*> series;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

prometheus::Family<prometheus::Counter>& BuildCounter(prometheus::Registry& registry,
                                                      const std::string& name) {
  return prometheus::BuildCounter().Name(name).Help(HelpOf(name)).Register(registry);
}
prometheus::Family<prometheus::Gauge>& BuildGauge(prometheus::Registry& registry,
                                                  const std::string& name) {
  return prometheus::BuildGauge().Name(name).Help(HelpOf(name)).Register(registry);
}
prometheus::Family<prometheus::Histogram>& BuildHistogram(prometheus::Registry& registry,
                                                          const std::string& name) {
  return prometheus::BuildHistogram().Name(name).Help(HelpOf(name)).Register(registry);
}

prometheus::MetricFamily Single(const char* name, prometheus::MetricType type, double value) {
  prometheus::MetricFamily family{name, HelpOf(name), type, {}};
  prometheus::ClientMetric metric;
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  family.metric.push_back(std::move(metric));
  return family;
}

void AppendProcess(std::vector<prometheus::MetricFamily>& families) {
  const ProcessUsage usage = ReadProcessUsage();
  using prometheus::MetricType;
  families.push_back(Single("process_cpu_seconds_total", MetricType::Counter, usage.cpu_seconds));
  families.push_back(
      Single("process_resident_memory_bytes", MetricType::Gauge, usage.resident_bytes));
  families.push_back(Single("process_open_fds", MetricType::Gauge, usage.open_descriptors));
  families.push_back(Single("process_threads", MetricType::Gauge, usage.threads));
  families.push_back(
      Single("process_start_time_seconds", MetricType::Gauge, usage.start_time_seconds));
}

}  // namespace

class PrometheusMetrics::Impl {
 public:
  mutable std::mutex mutex;
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Throw};
  Table<prometheus::Counter> counters;
  Table<prometheus::Gauge> gauges;
  Table<prometheus::Histogram> histograms;

  // With the mutex held.
  void Drop() {
    auto* const dropped =
        counters.Find(registry, BuildCounter, "ballast_metrics_dropped_total", {});
    if (dropped != nullptr) dropped->Increment();
  }
};

PrometheusMetrics::PrometheusMetrics(std::string_view version) : impl_(std::make_unique<Impl>()) {
  Set("ballast_build_info", 1, {{"version", version}});
}

PrometheusMetrics::~PrometheusMetrics() = default;

void PrometheusMetrics::Add(std::string_view counter, double value, MetricLabels labels) {
  const std::lock_guard lock(impl_->mutex);
  auto* const found = impl_->counters.Find(impl_->registry, BuildCounter, counter, labels);
  if (found == nullptr) return impl_->Drop();
  if (value >= 0) found->Increment(value);
}

void PrometheusMetrics::Set(std::string_view gauge, double value, MetricLabels labels) {
  const std::lock_guard lock(impl_->mutex);
  auto* const found = impl_->gauges.Find(impl_->registry, BuildGauge, gauge, labels);
  if (found == nullptr) return impl_->Drop();
  found->Set(value);
}

void PrometheusMetrics::Observe(std::string_view histogram, double seconds, MetricLabels labels) {
  const std::lock_guard lock(impl_->mutex);
  auto* const found =
      impl_->histograms.Find(impl_->registry, BuildHistogram, histogram, labels, Buckets());
  if (found == nullptr) return impl_->Drop();
  found->Observe(seconds);
}

void PrometheusMetrics::Remove(std::string_view gauge, MetricLabels labels) {
  const std::lock_guard lock(impl_->mutex);
  impl_->gauges.Remove(gauge, labels);
}

std::string PrometheusMetrics::Text() const {
  std::vector<prometheus::MetricFamily> families;
  {
    const std::lock_guard lock(impl_->mutex);
    families = impl_->registry.Collect();
  }
  AppendProcess(families);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace ballast::metrics
