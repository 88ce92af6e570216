// Bodies in Kubernetes' protobuf, which kubectl 1.32 and later sends when it creates a Namespace,
// ConfigMap or Secret without a file. Read into the same JSON as everything else. Pure; any thread.
// Source: k8s.io/api/core/v1/generated.proto, k8s.io/apimachinery/pkg/runtime/generated.proto.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "controller/apiserver/api_error.h"

namespace ballast::apiserver {

inline constexpr char kProtobufType[] = "application/vnd.kubernetes.protobuf";

// Fields that are not known are refused, as they are in JSON. Messages never show a value.
[[nodiscard]] ApiResult<nlohmann::json> ParseProtobuf(std::string_view bytes);

}  // namespace ballast::apiserver
