// What the registry asks of metadata and status, which no kind's schema describes. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "controller/apiserver/api_error.h"
#include "controller/apiserver/registry.h"

namespace ballast::apiserver {

// `before`: the object as it is (null: none); `metadata`: as it is wanted.
[[nodiscard]] ApiResult<void> CheckFinalizers(const ObjectRef& ref, const nlohmann::json& before,
                                              const nlohmann::json& metadata);
[[nodiscard]] ApiResult<void> CheckOwners(const ObjectRef& ref, const nlohmann::json& metadata);
[[nodiscard]] ApiResult<void> CheckStatus(const ObjectRef& ref, const nlohmann::json& candidate);
// metadata.resourceVersion and uid, where the body names them.
[[nodiscard]] ApiResult<void> CheckPreconditions(const ObjectRef& ref,
                                                 const nlohmann::json& current,
                                                 const nlohmann::json& wanted);

}  // namespace ballast::apiserver
