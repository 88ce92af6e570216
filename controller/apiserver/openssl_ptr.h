// OpenSSL's objects with an owner, and its errors as text. Included by .cc files of this folder
// only.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace ballast::apiserver {

template <auto Free>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using BioPtr = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using SslPtr = std::unique_ptr<SSL, OpensslDeleter<SSL_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, OpensslDeleter<SSL_CTX_free>>;

// The last error of this thread, which is then forgotten.
[[nodiscard]] inline std::string OpensslError() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

// Reads `text` in place; it must outlive the result.
[[nodiscard]] inline BioPtr ReadBio(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// For an encrypted key: there is nobody to ask, and OpenSSL would ask the terminal.
inline int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

[[nodiscard]] inline CertificatePtr ReadCertificate(BIO* bio) {
  return CertificatePtr(PEM_read_bio_X509(bio, nullptr, NoPassword, nullptr));
}
[[nodiscard]] inline KeyPtr ReadKey(std::string_view pem) {
  const BioPtr bio = ReadBio(pem);
  return KeyPtr(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr) : nullptr);
}

}  // namespace ballast::apiserver
