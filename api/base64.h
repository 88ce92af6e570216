// Base64 of RFC 4648 with padding: how Kubernetes writes bytes into JSON. Pure; callable from any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ballast::api {

[[nodiscard]] std::string EncodeBase64(std::string_view bytes);
// Nothing: not base64. Line breaks are skipped, as in blocks of YAML and in Kubernetes.
[[nodiscard]] std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace ballast::api
