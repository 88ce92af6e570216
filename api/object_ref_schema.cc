// What a pod template takes from Secrets and ConfigMaps: variables and files. References only: the
// values are looked up when a replica is made.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/schemas.h"

namespace ballast::api {
namespace {

constexpr char kDataKey[] = "letters, digits and -_., at most 253";

Type<std::string> ObjectName() { return Text("a DNS subdomain, at most 253", RuleLongName); }

template <typename Selector>
Type<Selector> KeySelector(const std::string& kind, const std::string& name,
                           const std::string& key) {
  Schema<Selector> schema;
  schema.Required("name", &Selector::name, ObjectName(), fmt::format("The {}", kind), name)
      .Required("key", &Selector::key, Text(kDataKey, RuleDataKey), "The key whose value it gets",
                key)
      .Add("optional", &Selector::optional, Boolean(),
           "true: without the key there is no variable. false: the replica waits for it", "true");
  return MapOf("map", std::move(schema));
}

template <typename Source>
Type<Source> EnvSource(const std::string& kind, const std::string& name) {
  Schema<Source> schema;
  schema.Required("name", &Source::name, ObjectName(), fmt::format("The {}", kind), name)
      .Add("optional", &Source::optional, Boolean(),
           fmt::format("true: the {} need not exist. false: the replica waits for it", kind),
           "true");
  return MapOf("map", std::move(schema));
}

Schema<KeyToPath> ItemSchema() {
  Schema<KeyToPath> schema;
  schema
      .Required("key", &KeyToPath::key, Text(kDataKey, RuleDataKey), "The key whose value it gets",
                "tls.key")
      .Required("path", &KeyToPath::path,
                Text("relative, without \".\" and \"..\", at most 1024", RuleRelativePath),
                "The file, below where the volume is mounted", "tls/key.pem")
      .Refuse("mode", "is not built yet: set defaultMode");
  return schema;
}

// A file can be neither another one's directory nor that file again.
void CheckPaths(const Cursor& at, const std::vector<KeyToPath>& items) {
  const Member* member = at.node().Find("items");
  if (member == nullptr) return;
  const Cursor list_at = at.At(*member);
  for (std::size_t i = 0; i < std::min(items.size(), member->value.items.size()); ++i) {
    const std::string& path = items[i].path;
    if (path.empty()) continue;
    for (std::size_t j = 0; j < i; ++j) {
      const std::string& other = items[j].path;
      if (other.empty() ||
          (path != other && !path.starts_with(other + "/") && !other.starts_with(path + "/"))) {
        continue;
      }
      list_at.At(i).DerivedError(
          "path", path == other ? fmt::format("{} is the path of items[{}] already", Quote(path), j)
                                : fmt::format("{} cannot be with {} of items[{}]: one would be the "
                                              "other's directory",
                                              Quote(path), Quote(other), j));
      break;
    }
  }
}

template <typename V>
Type<V> ObjectVolume(const std::string& kind, const std::string& name_field, std::string V::* name,
                     const std::string& other_field) {
  Schema<V> schema;
  schema.Required(name_field, name, ObjectName(), fmt::format("The {}", kind), "shop")
      .Add("items", &V::items, List(MapOf("item", ItemSchema()), 0, 100),
           "Only these keys, as these files; left out: every key, as a file of its name",
           "[{key: tls.key, path: key.pem}]")
      .Add("defaultMode", &V::default_mode, Integer<int>(0, 0777),
           "The files' permissions: 0o400 in YAML, 256 in JSON. The default is 0o644", "0o400")
      .Add("optional", &V::optional, Boolean(),
           fmt::format(
               "true: the {} and its keys need not exist. false: the replica waits for them", kind),
           "true")
      .Refuse(other_field, fmt::format("is called {} here", name_field))
      .Check([](const Cursor& at, V& volume) { CheckPaths(at, volume.items); });
  return MapOf("map", std::move(schema));
}

}  // namespace

Schema<EnvVar> EnvSchema() {
  Schema<EnvVar> from;
  from.Alternative<SecretKeySelector>("secretKeyRef", &EnvVar::value_from,
                                      KeySelector<SecretKeySelector>("Secret", "db", "password"),
                                      "A key of a Secret in the app's namespace",
                                      "{name: db, key: password}")
      .Alternative<ConfigMapKeySelector>(
          "configMapKeyRef", &EnvVar::value_from,
          KeySelector<ConfigMapKeySelector>("ConfigMap", "shop", "log-level"),
          "A key of a ConfigMap in the app's namespace", "{name: shop, key: log-level}")
      .Check(
          [](const Cursor& at, EnvVar&) { CheckOneOf(at, {"secretKeyRef", "configMapKeyRef"}); });
  for (const char* name : {"fieldRef", "resourceFieldRef", "fileKeyRef"}) {
    from.Refuse(name, "is not built yet: use secretKeyRef or configMapKeyRef");
  }
  Schema<EnvVar> schema;
  schema
      .Required("name", &EnvVar::name,
                Text("letters, digits and _-., not starting with a digit", RuleEnvName),
                "The variable's name", "TZ")
      .Add("value", &EnvVar::value, Text("no NUL, at most 128 KiB", RuleEnvValue),
           "Its value. $(OTHER) is not expanded", "Europe/Zurich")
      .Group(
          "valueFrom", std::move(from),
          "Where its value is. One of secretKeyRef and configMapKeyRef; `value` is left out then")
      .Switch(&Features::env_references,
              "is not built yet (secretKeyRef, configMapKeyRef, fieldRef): write the value, or "
              "mount a file")
      .Check([](const Cursor& at, EnvVar& env) {
        if (!std::holds_alternative<std::monostate>(env.value_from) &&
            at.node().Find("value") != nullptr) {
          at.DerivedError("value", "must be left out, since there is valueFrom already");
        }
      });
  return schema;
}

Schema<EnvFromSource> EnvFromSchema() {
  Schema<EnvFromSource> schema;
  schema
      .Add("prefix", &EnvFromSource::prefix,
           Text("letters, digits and _-., not starting with a digit; empty: none",
                [](std::string_view text) { return text.empty() ? "" : RuleEnvName(text); }),
           "Put in front of each key", "DB_")
      .Alternative<SecretEnvSource>("secretRef", &EnvFromSource::source,
                                    EnvSource<SecretEnvSource>("Secret", "db"),
                                    "A Secret in the app's namespace. One of secretRef and "
                                    "configMapRef is needed",
                                    "{name: db}")
      .Alternative<ConfigMapEnvSource>("configMapRef", &EnvFromSource::source,
                                       EnvSource<ConfigMapEnvSource>("ConfigMap", "shop"),
                                       "A ConfigMap in the app's namespace", "{name: shop}")
      .Check(
          [](const Cursor& at, EnvFromSource&) { CheckOneOf(at, {"secretRef", "configMapRef"}); });
  return schema;
}

Type<ConfigMapVolume> ConfigMapVolumeType() {
  return ObjectVolume("ConfigMap", "name", &ConfigMapVolume::name, "secretName");
}

Type<SecretVolume> SecretVolumeType() {
  return ObjectVolume("Secret", "secretName", &SecretVolume::secret_name, "name");
}

}  // namespace ballast::api
