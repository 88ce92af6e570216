// The load of web apps as Prometheus gauges. Only what changes is set, and what is not known any
// more is taken away. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "api/meta.h"
#include "reconcilers/autoscaler/load.h"
#include "reconcilers/ports/metrics.h"

namespace ballast::runtime {

class LoadGauges {
 public:
  static constexpr std::int64_t kForgottenAfter = 10;  // seconds without a sample

  explicit LoadGauges(reconcilers::Metrics& metrics) : metrics_(metrics) {}

  void Set(const api::ObjectKey& app, const reconcilers::LoadSample& sample);
  // Of web apps without a sample for too long.
  void Expire(std::int64_t now);
  void Remove(const api::ObjectKey& app);

 private:
  static constexpr std::size_t kCount = 5;
  struct Shown {
    std::int64_t second = 0;
    std::array<std::optional<double>, kCount> values;
  };
  void Change(const api::ObjectKey& app, Shown& shown,
              const std::array<std::optional<double>, kCount>& values);

  reconcilers::Metrics& metrics_;
  std::map<api::ObjectKey, Shown> shown_;
};

}  // namespace ballast::runtime
