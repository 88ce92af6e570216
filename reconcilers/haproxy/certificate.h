// The PEM texts of a TLS Secret, checked before HAProxy sees them. What is handed on is written
// anew from what was understood: the certificate, its chain, the key, nothing else. Pure; any
// thread. No message names a byte of the key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/meta.h"
#include "api/status.h"

namespace ballast::reconcilers::haproxy {

struct Certificate {
  std::string pem;                 // a secret: the key is in it
  std::string fingerprint;         // SHA-1 as `show ssl cert` writes it; public
  std::vector<std::string> names;  // DNS names that it is for, as written in it
  api::Time not_before{};
  api::Time not_after{};
};

// `chain`: the server's certificate first, then those that signed it. InvalidArgument says what to
// do. Times are not judged here.
[[nodiscard]] Result<Certificate> ReadCertificate(std::string_view chain, std::string_view key);

// The same of Certificate::pem.
[[nodiscard]] Result<Certificate> ReadCertificateFile(std::string_view pem);

}  // namespace ballast::reconcilers::haproxy
