// A ConfigReader in memory: tests put Secrets in and take them away. One thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "reconcilers/ports/config_reader.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/sha256.h"

namespace ballast::fakes {

class FakeSecrets final : public reconcilers::ConfigReader {
 public:
  void Put(const std::string& name, const std::string& type,
           std::map<std::string, std::string> data) {
    auto secret = std::make_shared<api::Secret>();
    secret->meta.name = name;
    secret->type = type;
    secret->data = std::move(data);
    secrets[name] = std::move(secret);
  }
  void PutTls(const std::string& name, const MadeCertificate& made) {
    Put(name, api::kSecretTls,
        {{api::kTlsCertKey, made.certificate}, {api::kTlsPrivateKeyKey, made.key}});
  }
  void PutUser(const std::string& name, const std::string& user, const std::string& password) {
    Put(name, api::kSecretBasicAuth,
        {{api::kBasicAuthUsernameKey, user}, {api::kBasicAuthPasswordKey, password}});
  }

  Result<std::shared_ptr<const api::Secret>> GetSecret(const std::string& ns,
                                                       const std::string& name) const override {
    if (away) return Error(Code::kUnavailable, "the store does not answer");
    const auto it = secrets.find(name);
    if (ns != "default" || it == secrets.end()) return Error(Code::kNotFound, ns + "/" + name);
    return it->second;
  }
  Result<std::shared_ptr<const api::ConfigMap>> GetConfigMap(
      const std::string& ns, const std::string& name) const override {
    return Error(Code::kNotFound, ns + "/" + name);
  }
  [[nodiscard]] std::string Digest(std::string_view bytes) const override {
    return Sha256Hex("key of the test" + std::string(bytes)).substr(0, 16);
  }

  std::map<std::string, std::shared_ptr<const api::Secret>> secrets;  // by name, in `default`
  bool away = false;
};

}  // namespace ballast::fakes
