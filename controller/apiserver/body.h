// What arrives in a request's body: JSON or YAML objects, patches, options of a deletion. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "controller/apiserver/http_types.h"
#include "controller/apiserver/registry.h"

namespace ballast::apiserver {

inline constexpr std::size_t kMaxBodyBytes = 3 * 1024 * 1024;

// By Content-Type: JSON (also without any), YAML or Kubernetes' protobuf; one document. 415 for
// what else there is.
[[nodiscard]] ApiResult<nlohmann::json> ParseBody(const HttpRequest& request);

enum class PatchType { kMerge, kJson, kApply };
[[nodiscard]] ApiResult<PatchType> PatchTypeOf(const HttpRequest& request, bool only_maps = false);
// RFC 7386 and RFC 6902.
[[nodiscard]] ApiResult<nlohmann::json> ApplyPatch(PatchType type, const nlohmann::json& patch,
                                                   const nlohmann::json& object);

[[nodiscard]] ApiResult<DeleteOptions> ParseDeleteOptions(const HttpRequest& request);

}  // namespace ballast::apiserver
