#include "controller/apiserver/x509.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "controller/apiserver/openssl_ptr.h"

namespace ballast::apiserver {
namespace {

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslDeleter<X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslDeleter<GENERAL_NAMES_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, OpensslDeleter<BN_free>>;

constexpr int kVersion3 = 2;
constexpr int kSerialBits = 127;  // positive, and within the 20 bytes that are allowed

std::unexpected<Status> Fail(const std::string& what) {
  return Error(Code::kInternal, what + ": " + OpensslError());
}

std::string Text(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

CertificatePtr Parse(std::string_view pem) {
  const BioPtr bio = ReadBio(pem);
  return bio ? ReadCertificate(bio.get()) : nullptr;
}

bool SetTime(ASN1_TIME* to, api::Time time) {
  return ASN1_TIME_set(to, std::chrono::system_clock::to_time_t(time)) != nullptr;
}

bool SetSerial(X509* certificate) {
  const NumberPtr number(BN_new());
  return number && BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool AddName(X509_NAME* name, int nid, const std::string& value) {
  return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1;
}

bool SetSubject(X509* certificate, const CertificateRequest& request) {
  X509_NAME* name = X509_get_subject_name(certificate);
  return std::ranges::all_of(request.organizations,
                             [&](const auto& organization) {
                               return AddName(name, NID_organizationName, organization);
                             }) &&
         AddName(name, NID_commonName, request.common_name);
}

bool AddExtension(X509* certificate, X509V3_CTX* context, int nid, const char* value) {
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// Built as objects: text would give commas in a name a meaning.
bool AddHosts(X509* certificate, const std::vector<std::string>& hosts) {
  if (hosts.empty()) return true;
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  for (const std::string& host : hosts) {
    const std::string ip = FormatIp(host);
    GENERAL_NAME* name =
        ip.empty() ? GENERAL_NAME_new()
                   : a2i_GENERAL_NAME(nullptr, nullptr, nullptr, GEN_IPADD, ip.c_str(), 0);
    if (name == nullptr || sk_GENERAL_NAME_push(names.get(), name) == 0) return false;
    if (!ip.empty()) continue;
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    if (text == nullptr || ASN1_STRING_set(text, host.data(), static_cast<int>(host.size())) != 1) {
      return false;
    }
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) ==
         1;
}

bool AddExtensions(X509* certificate, X509* issuer, const CertificateRequest& request) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const auto add = [&](int nid, const char* value) {
    return AddExtension(certificate, &context, nid, value);
  };
  if (!add(NID_subject_key_identifier, "hash")) return false;
  if (request.use == CertificateUse::kAuthority) {
    return add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add(NID_key_usage, "critical,keyCertSign,cRLSign");
  }
  return add(NID_basic_constraints, "critical,CA:FALSE") &&
         add(NID_key_usage, "critical,digitalSignature") &&
         add(NID_ext_key_usage,
             request.use == CertificateUse::kServer ? "serverAuth" : "clientAuth") &&
         add(NID_authority_key_identifier, "keyid:always") && AddHosts(certificate, request.hosts);
}

std::vector<std::string> HostsOf(X509* certificate) {
  std::vector<std::string> hosts;
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    const ASN1_STRING* value = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    const auto* data = ASN1_STRING_get0_data(value);
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(value));
    if (name->type == GEN_DNS) {
      hosts.emplace_back(reinterpret_cast<const char*>(data), size);
      continue;
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (size == 4) inet_ntop(AF_INET, data, text.data(), text.size());
    if (size == 16) inet_ntop(AF_INET6, data, text.data(), text.size());
    hosts.emplace_back(text.data());
  }
  return hosts;
}

}  // namespace

Result<std::string> NewKey() {
  const KeyPtr key(EVP_EC_gen("P-256"));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!key || !bio ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return Fail("make a key");
  }
  return Text(bio.get());
}

Result<std::string> Sign(const CertificateRequest& request, std::string_view key,
                         const KeyPair* authority) {
  const KeyPtr own = ReadKey(key);
  const KeyPtr signer = authority == nullptr ? nullptr : ReadKey(authority->key);
  const CertificatePtr issuer = authority == nullptr ? nullptr : Parse(authority->certificate);
  if (!own || (authority != nullptr && (!signer || !issuer))) {
    return Error(Code::kInvalidArgument,
                 "a key or the CA's certificate is no PEM: " + OpensslError());
  }
  const CertificatePtr made(X509_new());
  if (!made || X509_set_version(made.get(), kVersion3) != 1 || !SetSerial(made.get()) ||
      !SetTime(X509_getm_notBefore(made.get()), request.not_before) ||
      !SetTime(X509_getm_notAfter(made.get()), request.not_after) ||
      X509_set_pubkey(made.get(), own.get()) != 1) {
    return Fail("make a certificate");
  }
  if (!SetSubject(made.get(), request)) {
    return Error(Code::kInvalidArgument,
                 fmt::format("\"{}\" and its groups cannot be the subject of a certificate, whose "
                             "names have 1 to 64 characters: {}",
                             request.common_name, OpensslError()));
  }
  X509* by = issuer ? issuer.get() : made.get();
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (X509_set_issuer_name(made.get(), X509_get_subject_name(by)) != 1 ||
      !AddExtensions(made.get(), by, request) ||
      X509_sign(made.get(), signer ? signer.get() : own.get(), EVP_sha256()) == 0 || !bio ||
      PEM_write_bio_X509(bio.get(), made.get()) != 1) {
    return Fail("sign a certificate");
  }
  return Text(bio.get());
}

Result<CertificateInfo> Inspect(std::string_view certificate) {
  const CertificatePtr parsed = Parse(certificate);
  std::tm begin{};
  std::tm end{};
  if (!parsed || ASN1_TIME_to_tm(X509_get0_notBefore(parsed.get()), &begin) != 1 ||
      ASN1_TIME_to_tm(X509_get0_notAfter(parsed.get()), &end) != 1) {
    return Error(Code::kInvalidArgument, "no PEM certificate: " + OpensslError());
  }
  CertificateInfo info{.hosts = HostsOf(parsed.get()),
                       .authority = X509_check_ca(parsed.get()) == 1,
                       .not_before = std::chrono::system_clock::from_time_t(timegm(&begin)),
                       .not_after = std::chrono::system_clock::from_time_t(timegm(&end))};
  std::array<char, 256> name{};
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(parsed.get()), NID_commonName, name.data(),
                                name.size()) > 0) {
    info.common_name = name.data();
  }
  return info;
}

Result<void> CheckPair(const KeyPair& pair) {
  const CertificatePtr certificate = Parse(pair.certificate);
  if (!certificate) return Error(Code::kInvalidArgument, "no PEM certificate: " + OpensslError());
  const KeyPtr key = ReadKey(pair.key);
  if (!key) return Error(Code::kInvalidArgument, "no PEM key: " + OpensslError());
  const bool belongs = X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!belongs) return Error(Code::kInvalidArgument, "key and certificate do not belong together");
  return {};
}

bool IsKey(std::string_view key) {
  const bool is = ReadKey(key) != nullptr;
  ERR_clear_error();
  return is;
}

bool IsSignedBy(std::string_view certificate, std::string_view authority) {
  const CertificatePtr parsed = Parse(certificate);
  const CertificatePtr by = Parse(authority);
  const bool is = parsed && by && X509_check_issued(by.get(), parsed.get()) == X509_V_OK &&
                  X509_verify(parsed.get(), X509_get0_pubkey(by.get())) == 1;
  ERR_clear_error();
  return is;
}

std::string FormatIp(std::string_view text) {
  const std::string terminated(text);
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> formatted{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, terminated.c_str(), bytes.data()) == 1) {
      return inet_ntop(family, bytes.data(), formatted.data(), formatted.size());
    }
  }
  return "";
}

}  // namespace ballast::apiserver
