// The decisions of an autoscaler for people: the newest one in full, those before it a line each.
// Pure, golden-tested.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/meta.h"

namespace ballast::cli {

struct WhyInput {
  const nlohmann::json& autoscaler;              // the object
  const std::vector<nlohmann::json>& decisions;  // items of its `decisions`, newest first
  api::Time now;
  std::size_t width = 0;  // of the terminal; 0: as wide as it gets
  bool color = false;
};

[[nodiscard]] std::string RenderWhy(const WhyInput& input);

}  // namespace ballast::cli
