// Implements certificate.h with OpenSSL's libcrypto.
#include "reconcilers/haproxy/certificate.h"

#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <climits>
#include <ctime>
#include <memory>

#include "reconcilers/haproxy/quote.h"

namespace ballast::reconcilers::haproxy {
namespace {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Freer<&BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Freer<&X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<&EVP_PKEY_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Freer<&GENERAL_NAMES_free>>;

constexpr std::size_t kMaxChain = 20;
constexpr int kMinSecurityBits = 112;  // RSA of 2048 bits; less is refused by OpenSSL's defaults

std::unexpected<Status> Refuse(std::string message) {
  ERR_clear_error();  // it is the thread's, and may quote what was read
  return Error(Code::kInvalidArgument, std::move(message));
}

Bio Reader(std::string_view text) {
  return Bio(BIO_new_mem_buf(
      text.data(), static_cast<int>(std::min<std::size_t>(text.size(), std::size_t{INT_MAX}))));
}

Result<std::vector<X509Ptr>> ReadChain(std::string_view text) {
  const Bio bio = Reader(text);
  std::vector<X509Ptr> chain;
  while (X509* const one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    chain.emplace_back(one);
    if (chain.size() > kMaxChain) {
      return Refuse(fmt::format("tls.crt has more than {} certificates", kMaxChain));
    }
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (chain.empty()) {
    return Refuse("tls.crt is no certificate in PEM (-----BEGIN CERTIFICATE-----)");
  }
  if (!at_end) {
    return Refuse(
        fmt::format("tls.crt cannot be read after its certificate number {}", chain.size()));
  }
  return chain;
}

// Without this a key with a passphrase would be asked for on the terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

Result<Key> ReadKey(std::string_view text) {
  if (text.contains("ENCRYPTED")) {
    return Refuse("tls.key has a passphrase: take it away (`openssl pkey -in KEY -out NEW`)");
  }
  const Bio bio = Reader(text);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassphrase, nullptr));
  ERR_clear_error();
  if (!key) return Refuse("tls.key is no private key in PEM (-----BEGIN PRIVATE KEY-----)");
  return key;
}

api::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string Fingerprint(const X509* certificate) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha1(), bytes, &size) != 1) return "";
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02X}", bytes[i]);
  return text;
}

std::vector<std::string> DnsNames(const X509* certificate) {
  std::vector<std::string> result;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const ASN1_IA5STRING* const text = name->d.dNSName;
    result.push_back(Printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                static_cast<std::size_t>(ASN1_STRING_length(text))}));
  }
  return result;
}

Result<std::string> Write(const std::vector<X509Ptr>& chain, const EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  bool written = true;
  for (const X509Ptr& one : chain) {
    written = written && PEM_write_bio_X509(bio.get(), one.get()) == 1;
  }
  written = written &&
            PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  if (!written) return Refuse("cannot be written as PEM");
  const char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);  // NOLINT(google-runtime-int)
  return std::string(bytes, static_cast<std::size_t>(size));
}

}  // namespace

Result<Certificate> ReadCertificate(std::string_view chain_text, std::string_view key_text) {
  ERR_clear_error();
  const Result<std::vector<X509Ptr>> chain = ReadChain(chain_text);
  if (!chain) return std::unexpected(chain.error());
  const Result<Key> key = ReadKey(key_text);
  if (!key) return std::unexpected(key.error());
  const X509* const own = chain->front().get();
  if (X509_check_private_key(own, key->get()) != 1) {
    for (std::size_t i = 1; i < chain->size(); ++i) {
      if (X509_check_private_key((*chain)[i].get(), key->get()) != 1) continue;
      return Refuse("tls.crt begins with another certificate than the key's: put its own first");
    }
    return Refuse("tls.key is not the key of tls.crt: put both from the same order");
  }
  if (EVP_PKEY_get_security_bits(key->get()) < kMinSecurityBits) {
    return Refuse(fmt::format("the key of {} bits is too short: RSA needs 2048, EC 224",
                              EVP_PKEY_get_bits(key->get())));
  }
  Result<std::string> pem = Write(*chain, key->get());
  if (!pem) return std::unexpected(pem.error());
  ERR_clear_error();
  return Certificate{.pem = *std::move(pem),
                     .fingerprint = Fingerprint(own),
                     .names = DnsNames(own),
                     .not_before = TimeOf(X509_get0_notBefore(own)),
                     .not_after = TimeOf(X509_get0_notAfter(own))};
}

Result<Certificate> ReadCertificateFile(std::string_view pem) { return ReadCertificate(pem, pem); }

}  // namespace ballast::reconcilers::haproxy
