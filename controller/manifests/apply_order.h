// In which order objects of one pass are applied: what others refer to comes first. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "api/meta.h"

namespace ballast::manifests {

inline constexpr std::array<std::string_view, 6> kApplyOrder = {
    "Namespace", "Secret", "ConfigMap", "LoadBalancer", "WebApp", "Autoscaler"};

[[nodiscard]] constexpr int ApplyRank(std::string_view kind) {
  return static_cast<int>(std::ranges::find(kApplyOrder, kind) - kApplyOrder.begin());
}

// The other way round, and after everything that is applied.
[[nodiscard]] constexpr int RemoveRank(std::string_view kind) {
  return 2 * static_cast<int>(kApplyOrder.size()) + 1 - ApplyRank(kind);
}

inline void SortForApply(std::vector<api::ObjectKey>& keys) {
  std::ranges::stable_sort(keys, {}, [](const api::ObjectKey& key) { return ApplyRank(key.kind); });
}

}  // namespace ballast::manifests
