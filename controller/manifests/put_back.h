// Says what was put back, for an Event. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ballast::manifests {

// "spec.replicas (changed by kubectl-edit)" -> "spec.replicas (changed by kubectl-edit) put back:
// shop.yaml says 3". Shows numbers, true and false only: any other value may be a secret.
[[nodiscard]] std::string PutBackText(const std::vector<std::string>& put_back,
                                      const nlohmann::json& written, const std::string& file);

}  // namespace ballast::manifests
