// Secrets and ConfigMaps as a test says. Its digests are made from the bytes alone (SHA-256), where
// the real ones have a key. One thread at a time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "reconcilers/ports/config_reader.h"
#include "tests/fakes/sha256.h"

namespace ballast::fakes {

class FakeConfig final : public reconcilers::ConfigReader {
 public:
  using Data = std::map<std::string, std::string>;

  void PutSecret(const std::string& name, Data data, std::string type = api::kSecretOpaque) {
    api::Secret secret;
    secret.meta.name = name;
    secret.type = std::move(type);
    secret.data = std::move(data);
    secrets[{"default", name}] = std::make_shared<const api::Secret>(std::move(secret));
  }
  void PutConfigMap(const std::string& name, Data data, Data binary = {}) {
    api::ConfigMap map;
    map.meta.name = name;
    map.data = std::move(data);
    map.binary_data = std::move(binary);
    config_maps[{"default", name}] = std::make_shared<const api::ConfigMap>(std::move(map));
  }

  Result<std::shared_ptr<const api::Secret>> GetSecret(const std::string& ns,
                                                       const std::string& name) const override {
    return Get(secrets, "Secret", ns, name);
  }
  Result<std::shared_ptr<const api::ConfigMap>> GetConfigMap(
      const std::string& ns, const std::string& name) const override {
    return Get(config_maps, "ConfigMap", ns, name);
  }
  [[nodiscard]] std::string Digest(std::string_view bytes) const override {
    return Sha256Hex(key + std::string(bytes)).substr(0, 16);
  }

  template <typename Object>
  using Objects = std::map<std::pair<std::string, std::string>, std::shared_ptr<const Object>>;
  Objects<api::Secret> secrets;  // by namespace and name
  Objects<api::ConfigMap> config_maps;
  std::optional<Status> down;  // while set, nothing can be read
  std::string key;             // another one: another installation

 private:
  template <typename Object>
  Result<std::shared_ptr<const Object>> Get(const Objects<Object>& objects, const char* kind,
                                            const std::string& ns, const std::string& name) const {
    if (down) return std::unexpected(*down);
    const auto it = objects.find({ns, name});
    if (it == objects.end()) {
      return Error(Code::kNotFound, std::string("there is no ") + kind + " " + ns + "/" + name);
    }
    return it->second;
  }
};

}  // namespace ballast::fakes
