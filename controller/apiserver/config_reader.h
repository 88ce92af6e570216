// The ConfigReader port over the store: decodes a Secret or ConfigMap when it is asked for, and
// keeps none. Owned by controller/cmd; any thread.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "reconcilers/ports/config_reader.h"
#include "reconcilers/ports/store.h"

namespace ballast::apiserver {

class StoredConfig final : public reconcilers::ConfigReader {
 public:
  explicit StoredConfig(reconcilers::Store& store) : store_(store) {}

  // The key of digests: 32 bytes in a file (0600) that is made when it is missing. Before anything
  // else. With another key every digest is another one, and what refers to Secrets rolls out once.
  Result<void> LoadKey(const std::string& path);

  Result<std::shared_ptr<const api::Secret>> GetSecret(const std::string& ns,
                                                       const std::string& name) const override;
  Result<std::shared_ptr<const api::ConfigMap>> GetConfigMap(
      const std::string& ns, const std::string& name) const override;
  [[nodiscard]] std::string Digest(std::string_view bytes) const override;

 private:
  template <typename T>
  Result<std::shared_ptr<const T>> Get(const char* resource, const std::string& ns,
                                       const std::string& name) const;

  reconcilers::Store& store_;
  std::array<unsigned char, 32> key_{};
};

}  // namespace ballast::apiserver
