// Port: the Secrets and ConfigMaps that web apps and load balancers refer to. Its owner outlives
// the reconcilers. Any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/core.h"
#include "api/status.h"

namespace ballast::reconcilers {

class ConfigReader {
 public:
  virtual ~ConfigReader() = default;

  // NotFound; Unavailable: nobody can say now. Callers never log or record values.
  virtual Result<std::shared_ptr<const api::Secret>> GetSecret(const std::string& ns,
                                                               const std::string& name) const = 0;
  virtual Result<std::shared_ptr<const api::ConfigMap>> GetConfigMap(
      const std::string& ns, const std::string& name) const = 0;

  // A keyed digest of bytes, 16 hex digits, stable for one installation: tells that values changed,
  // never what they are.
  [[nodiscard]] virtual std::string Digest(std::string_view bytes) const = 0;
};

}  // namespace ballast::reconcilers
