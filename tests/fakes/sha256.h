// SHA-256 for stand-ins that must name things by digest. Pure; not for anything secret.
#pragma once

#include <string>
#include <string_view>

namespace ballast::fakes {

[[nodiscard]] std::string Sha256Hex(std::string_view data);

}  // namespace ballast::fakes
