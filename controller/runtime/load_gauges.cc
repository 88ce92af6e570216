#include "controller/runtime/load_gauges.h"

namespace ballast::runtime {
namespace {

constexpr const char* kNames[] = {"ballast_webapp_request_rate", "ballast_webapp_concurrency",
                                  "ballast_webapp_queued", "ballast_webapp_response_seconds",
                                  "ballast_webapp_error_rate"};

}  // namespace

void LoadGauges::Set(const api::ObjectKey& app, const reconcilers::LoadSample& sample) {
  Shown& shown = shown_[app];
  shown.second = sample.second;
  std::optional<double> response;
  if (sample.response_seconds >= 0) response = sample.response_seconds;
  Change(app, shown,
         {sample.request_rate, sample.concurrency, sample.queued, response, sample.error_rate});
}

void LoadGauges::Expire(std::int64_t now) {
  for (auto it = shown_.begin(); it != shown_.end();) {
    if (now - it->second.second <= kForgottenAfter) {
      ++it;
      continue;
    }
    Change(it->first, it->second, {});
    it = shown_.erase(it);
  }
}

void LoadGauges::Remove(const api::ObjectKey& app) {
  const auto it = shown_.find(app);
  if (it == shown_.end()) return;
  Change(app, it->second, {});
  shown_.erase(it);
}

void LoadGauges::Change(const api::ObjectKey& app, Shown& shown,
                        const std::array<std::optional<double>, kCount>& values) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (values[i] == shown.values[i]) continue;
    shown.values[i] = values[i];
    if (values[i]) {
      metrics_.Set(kNames[i], *values[i], {{"namespace", app.ns}, {"webapp", app.name}});
    } else {
      metrics_.Remove(kNames[i], {{"namespace", app.ns}, {"webapp", app.name}});
    }
  }
}

}  // namespace ballast::runtime
