#include "controller/cmd/uid.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <array>

namespace ballast::cmd {

std::string NewUid() {
  std::array<unsigned char, 16> b{};
  // Up to 256 bytes come whole and without a signal in between, once the kernel has booted.
  while (getrandom(b.data(), b.size(), 0) != static_cast<ssize_t>(b.size())) continue;
  b[6] = static_cast<unsigned char>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<unsigned char>((b[8] & 0x3f) | 0x80);
  return fmt::format(
      "{:02x}{:02x}{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}-{:02x}{:02x}-"
      "{:02x}{:02x}{:02x}{:02x}{:02x}{:02x}",
      b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
      b[15]);
}

}  // namespace ballast::cmd
