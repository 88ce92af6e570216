// What a pod template takes from Secrets and ConfigMaps: which objects it refers to, and what
// becomes of them in its containers. Pure: the caller hands in the objects and the digest. Values
// are in ReplicaConfig::env and ::files only, never in anything that is shown, logged or recorded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/core.h"
#include "api/webapp.h"
#include "reconcilers/ports/config_reader.h"
#include "reconcilers/ports/engine.h"

namespace ballast::reconcilers {

struct ConfigRef {
  enum class Kind { kConfigMap, kSecret } kind = Kind::kConfigMap;
  std::string name;
  auto operator<=>(const ConfigRef&) const = default;
};

// What is used of one object. A Secret that only names a login for a registry is not among them.
struct ConfigUse {
  bool whole = false;          // every key: envFrom, a volume without items
  std::set<std::string> keys;  // else these
  bool operator==(const ConfigUse&) const = default;
};
using ConfigUses = std::map<ConfigRef, ConfigUse>;

[[nodiscard]] ConfigUses ReferencesOf(const api::PodTemplate& pod_template);

// The objects as they are now; one that does not exist is null or missing.
struct ConfigObjects {
  std::map<std::string, std::shared_ptr<const api::Secret>> secrets;
  std::map<std::string, std::shared_ptr<const api::ConfigMap>> config_maps;
};

// Reads them. Fails when one cannot be read now; that one does not exist is no failure.
[[nodiscard]] Result<ConfigObjects> ReadConfigObjects(const ConfigReader& reader,
                                                      const std::string& ns,
                                                      const ConfigUses& uses);

// The values for one replica.
struct ReplicaConfig {
  std::vector<std::vector<std::string>> env;            // one list a container: "NAME=value"
  std::map<std::string, std::vector<FileEntry>> files;  // by volume of the template
};

using ReplicaConfigPtr = std::shared_ptr<const ReplicaConfig>;

struct ResolvedConfig {
  // "configmap/shop=0123456789abcdef,secret/db=..." for the label ballast.dev/config; "" for a
  // template without references. Tells that values that are used changed, and of which object.
  std::string label;
  ReplicaConfig values;              // meaningless when something is missing
  std::vector<std::string> missing;  // in words, with what to do; sorted
  std::vector<std::string> skipped;  // keys that cannot be names of variables, in words; sorted
};

using DigestFunction = std::function<std::string(std::string_view)>;

[[nodiscard]] ResolvedConfig ResolveConfig(const std::string& ns,
                                           const api::PodTemplate& pod_template,
                                           const ConfigObjects& objects,
                                           const DigestFunction& digest);

// Which objects differ between two labels that both name them: "secret db changed".
[[nodiscard]] std::vector<std::string> ConfigChanges(const std::string& before,
                                                     const std::string& after);

}  // namespace ballast::reconcilers
