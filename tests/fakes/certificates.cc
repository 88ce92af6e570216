#include "tests/fakes/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>

namespace ballast::fakes {
namespace {

std::string Take(BIO* bio) {
  const char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);  // NOLINT(google-runtime-int)
  std::string text(bytes, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

void SetTime(ASN1_TIME* time, std::chrono::system_clock::time_point value) {
  ASN1_TIME_set(time, std::chrono::system_clock::to_time_t(value));
}

}  // namespace

MadeCertificate MakeCertificate(const std::vector<std::string>& names,
                                std::chrono::system_clock::time_point not_before,
                                std::chrono::system_clock::time_point not_after) {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const x509 = X509_new();
  X509_set_version(x509, X509_VERSION_3);
  std::uint32_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial);
  SetTime(X509_getm_notBefore(x509), not_before);
  SetTime(X509_getm_notAfter(x509), not_after);
  X509_NAME* const name = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(names.front().c_str()), -1, -1,
                             0);
  X509_set_issuer_name(x509, name);
  std::string alternatives;
  for (const std::string& one : names) {
    alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + one;
  }
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternatives.c_str());
  X509_add_ext(x509, extension, -1);
  X509_EXTENSION_free(extension);
  X509_set_pubkey(x509, key);
  X509_sign(x509, key, EVP_sha256());
  MadeCertificate made;
  BIO* certificate = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate, x509);
  made.certificate = Take(certificate);
  BIO* key_text = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(key_text, key, nullptr, nullptr, 0, nullptr, nullptr);
  made.key = Take(key_text);
  X509_free(x509);
  EVP_PKEY_free(key);
  return made;
}

}  // namespace ballast::fakes
