// Certificates for tests, made when they are needed: EC keys, signed by themselves. Any thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace ballast::fakes {

struct MadeCertificate {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

// For these DNS names; the first one is the common name too.
[[nodiscard]] MadeCertificate MakeCertificate(
    const std::vector<std::string>& names,
    std::chrono::system_clock::time_point not_before = std::chrono::system_clock::now() -
                                                       std::chrono::hours(24),
    std::chrono::system_clock::time_point not_after = std::chrono::system_clock::now() +
                                                      std::chrono::hours(24 * 90));

}  // namespace ballast::fakes
