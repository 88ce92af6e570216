// The kinds of Kubernetes' core group (apiVersion v1) that people write: Namespace, ConfigMap,
// Secret. Plain values with Kubernetes' own names; built by the codec (api/codec.h), never changed
// afterwards, so a shared_ptr<const Secret> may be read by any thread.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "api/meta.h"

namespace ballast::api {

inline constexpr char kCoreApiVersion[] = "v1";

// All values of a ConfigMap or Secret together, decoded.
inline constexpr std::size_t kMaxDataBytes = 1 << 20;

inline constexpr char kSecretOpaque[] = "Opaque";
inline constexpr char kSecretTls[] = "kubernetes.io/tls";
inline constexpr char kSecretDockerConfigJson[] = "kubernetes.io/dockerconfigjson";
inline constexpr char kSecretBasicAuth[] = "kubernetes.io/basic-auth";

// Keys that those types need.
inline constexpr char kTlsCertKey[] = "tls.crt";
inline constexpr char kTlsPrivateKeyKey[] = "tls.key";
inline constexpr char kDockerConfigJsonKey[] = ".dockerconfigjson";
inline constexpr char kBasicAuthUsernameKey[] = "username";
inline constexpr char kBasicAuthPasswordKey[] = "password";

// Core kinds have no spec, hence no generation that grows. Lets code for all kinds ask for it.
struct NoSpec {
  bool operator==(const NoSpec&) const = default;
};

struct Namespace {
  ObjectMeta meta{.ns = ""};
  NoSpec spec;
  bool operator==(const Namespace&) const = default;

  [[nodiscard]] ObjectKey Key() const { return {"Namespace", "", meta.name}; }
};

struct ConfigMap {
  ObjectMeta meta;
  NoSpec spec;
  std::map<std::string, std::string> data;         // UTF-8
  std::map<std::string, std::string> binary_data;  // bytes, decoded; no key of `data`
  std::optional<bool> immutable;                   // as given: Kubernetes shows no default
  bool operator==(const ConfigMap&) const = default;

  [[nodiscard]] ObjectKey Key() const { return {"ConfigMap", meta.ns, meta.name}; }
};

// Its values must not get into logs, events, labels or errors; EncodeObject writes them out.
struct Secret {
  ObjectMeta meta;
  NoSpec spec;
  std::string type = kSecretOpaque;
  std::map<std::string, std::string> data;  // bytes, decoded; `stringData` is in it
  std::optional<bool> immutable;
  bool operator==(const Secret&) const = default;

  [[nodiscard]] ObjectKey Key() const { return {"Secret", meta.ns, meta.name}; }
};

}  // namespace ballast::api
