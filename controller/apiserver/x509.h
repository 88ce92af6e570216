// Keys and certificates as PEM text, so that only x509.cc knows OpenSSL. Pure functions, any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/meta.h"
#include "api/status.h"

namespace ballast::apiserver {

struct KeyPair {
  std::string certificate;
  std::string key;
};

enum class CertificateUse { kAuthority, kServer, kClient };

struct CertificateRequest {
  CertificateUse use = CertificateUse::kServer;
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> hosts;  // host names and IP addresses, as subject alternative names
  api::Time not_before{};
  api::Time not_after{};
};

struct CertificateInfo {
  std::string common_name;
  std::vector<std::string> hosts;  // host names in lower case, IP addresses as FormatIp writes them
  bool authority = false;
  api::Time not_before{};
  api::Time not_after{};
};

// ECDSA on P-256.
[[nodiscard]] Result<std::string> NewKey();
// A certificate for `key`, by `authority`; by itself when that is null.
[[nodiscard]] Result<std::string> Sign(const CertificateRequest& request, std::string_view key,
                                       const KeyPair* authority);

[[nodiscard]] Result<CertificateInfo> Inspect(std::string_view certificate);
// InvalidArgument says which half is wrong, or that they are of two pairs.
[[nodiscard]] Result<void> CheckPair(const KeyPair& pair);
[[nodiscard]] bool IsKey(std::string_view key);
[[nodiscard]] bool IsSignedBy(std::string_view certificate, std::string_view authority);

// "0:0:0:0:0:0:0:1" -> "::1"; nothing: not an IP address.
[[nodiscard]] std::string FormatIp(std::string_view text);

}  // namespace ballast::apiserver
