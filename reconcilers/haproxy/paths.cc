// Implements paths.h.
#include "reconcilers/haproxy/paths.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

namespace ballast::reconcilers::haproxy {
namespace {

// A file system takes 255 bytes, and the temporary file's name is longer.
constexpr std::size_t kMaxName = 180;

// FNV-1a: stable over versions and machines.
std::uint64_t StableHash(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

}  // namespace

std::string CertificateFile(const api::NamespacedName& secret) {
  std::string name = secret.ns + "_" + secret.name;  // '_' is in neither
  if (name.size() > kMaxName) {
    name = fmt::format("{}_{:016x}", name.substr(0, kMaxName), StableHash(name));
  }
  return kCertificateDir + name + ".pem";
}

std::string CertificateListFile(const std::string& listener) {
  return kCertificateDir + listener + ".list";
}

std::string UsersFileName(const std::string& backend) { return kUsersDir + backend; }

std::string CertificatePath(const api::NamespacedName& secret) {
  return fmt::format("{}/{}", kConfigDir, CertificateFile(secret));
}

}  // namespace ballast::reconcilers::haproxy
