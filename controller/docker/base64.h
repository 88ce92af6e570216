// Base64 in both alphabets (RFC 4648). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ballast::docker {

// With padding. The URL alphabet is what X-Registry-Auth wants.
[[nodiscard]] std::string EncodeBase64Url(std::string_view bytes);

// Either alphabet, padding optional, white space at the end ignored; nullopt: it is no base64.
[[nodiscard]] std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace ballast::docker
