// The ExternalMetrics port: asks Prometheus servers every five seconds for what somebody reads. One
// thread, which sleeps when nobody does; the requests run on cpprestsdk's. Owned by controller/cmd.
// Any thread may read; it never waits.
#pragma once

#include <chrono>
#include <memory>

#include "controller/external/query_table.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/external_metrics.h"
#include "reconcilers/ports/metrics.h"

namespace ballast::external {

class PrometheusQueries final : public reconcilers::ExternalMetrics {
 public:
  struct Options {
    QueryLimits limits;
    std::chrono::milliseconds grace{1'000};
  };

  PrometheusQueries(const reconcilers::Clock& clock, reconcilers::Metrics& metrics,
                    Options options);
  PrometheusQueries(const reconcilers::Clock& clock, reconcilers::Metrics& metrics)
      : PrometheusQueries(clock, metrics, Options()) {}
  ~PrometheusQueries() override;  // waits for requests under way however long they take

  void Start();
  // Cancels what is under way. False: some request still hangs (in the look-up of a name), and what
  // it uses must not be destroyed. Safe to call twice.
  bool Stop();

  [[nodiscard]] reconcilers::ExternalReading Read(const api::PrometheusQuery& query) override;

  void Wake();  // makes it ask the clock again

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ballast::external
