#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/base64.h"
#include "api/codec.h"
#include "api/schemas.h"

namespace ballast::api {
namespace {

using Data = std::map<std::string, std::string>;

constexpr char kKeys[] = "keys: letters, digits and -_., at most 253; 1 MiB in all";

std::string RuleAnything(std::string_view) { return ""; }

// Calls `take` with each key that is allowed. A key that is not may be a piece of a secret.
template <typename Take>
void ReadEntries(const Cursor& at, Take take) {
  if (at.node().bad) return;
  if (at.node().kind != Value::Kind::kMap) return at.ErrorWanted("a map of strings");
  for (const Member& member : at.node().members) {
    if (RuleDataKey(member.key).empty()) {
      take(member.key, at.At(member));
    } else if (at.context().secret) {
      at.context().errors.Add(member.at, at.Path(), "has a key that is not " + RuleDataKey(""));
    } else {
      at.KeyError(member, "must be " + RuleDataKey(""));
    }
  }
}

// Bytes, written as base64. What is there already stays: stringData comes first, wherever it is.
Type<Data> Bytes() {
  return {.name = "map of base64",
          .allowed = kKeys,
          .read =
              [](const Cursor& at, Data& out) {
                ReadEntries(at, [&out](const std::string& key, const Cursor& value_at) {
                  std::string text;
                  if (!ReadText(value_at, "a string of base64", text)) return;
                  auto bytes = DecodeBase64(text);
                  if (!bytes) {
                    return value_at.Error("must be base64, as `base64 -w0` writes it" +
                                          std::string(value_at.context().secret
                                                          ? "; text as it is goes into stringData"
                                                          : "; text as it is goes into data"));
                  }
                  out.try_emplace(key, std::move(*bytes));
                });
              },
          .write =
              [](const Data& data, Style) {
                Value node = Value::Map();
                for (const auto& [key, bytes] : data) {
                  node.Set(key, Value::Text(EncodeBase64(bytes)));
                }
                return node;
              },
          .is_empty = [](const Data& data) { return data.empty(); },
          .describe = nullptr};
}

// Text that is put over `data` and never written.
Type<Data> StringData() {
  Type<Data> type = StringMap(kKeys, RuleDataKey, RuleAnything);
  type.read = [](const Cursor& at, Data& out) {
    ReadEntries(at, [&out](const std::string& key, const Cursor& value_at) {
      std::string text;
      if (ReadText(value_at, "a string", text)) out.insert_or_assign(key, std::move(text));
    });
  };
  return type;
}

std::size_t SizeOf(const Data& data) {
  std::size_t size = 0;
  for (const auto& [key, value] : data) size += value.size();
  return size;
}

void CheckSize(const Cursor& at, std::string_view field, std::size_t size) {
  if (size <= kMaxDataBytes) return;
  at.DerivedError(field,
                  fmt::format("must be at most {} bytes in all, got {}", kMaxDataBytes, size));
}

void CheckConfigMap(const Cursor& at, ConfigMap& config) {
  const Member* binary = at.node().Find("binaryData");
  for (const auto& [key, bytes] : config.binary_data) {
    if (binary == nullptr || !config.data.contains(key)) continue;
    at.At(*binary).DerivedError(key, "is a key of data already");
  }
  CheckSize(at, at.node().Find("data") != nullptr ? "data" : "binaryData",
            SizeOf(config.data) + SizeOf(config.binary_data));
}

void CheckSecret(const Cursor& at, Secret& secret) {
  CheckSize(at, at.node().Find("data") != nullptr ? "data" : "stringData", SizeOf(secret.data));
  // In the text is enough: what is wrong with the value has been said.
  const auto has = [&](std::string_view key) {
    for (const char* field : {"data", "stringData"}) {
      const Member* member = at.node().Find(field);
      if (member != nullptr && member->value.Find(key) != nullptr) return true;
    }
    return false;
  };
  const auto needs = [&](const std::string& what) {
    at.DerivedError("data", fmt::format("needs {} with type: {}", what, secret.type));
  };
  if (secret.type == kSecretTls) {
    for (const char* key : {kTlsCertKey, kTlsPrivateKeyKey}) {
      if (!has(key)) needs(key);
    }
  } else if (secret.type == kSecretBasicAuth) {
    if (!has(kBasicAuthUsernameKey) && !has(kBasicAuthPasswordKey)) {
      needs(fmt::format("{} or {}", kBasicAuthUsernameKey, kBasicAuthPasswordKey));
    }
  } else if (secret.type == kSecretDockerConfigJson) {
    const auto found = secret.data.find(kDockerConfigJsonKey);
    if (!has(kDockerConfigJsonKey)) {
      needs(kDockerConfigJsonKey);
    } else if (found != secret.data.end()) {
      const auto json = ParseJsonStrict(found->second, kMaxDataBytes, 64);
      if (!json || !json->is_object()) {
        at.DerivedError("data", fmt::format("needs a JSON object as {}", kDockerConfigJsonKey));
      }
    }
  }
}

std::string RuleSecretType(std::string_view text) {
  const bool allowed =
      !text.empty() && text.size() <= 253 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  return allowed ? "" : "a word without spaces such as Opaque or kubernetes.io/tls, at most 253";
}

constexpr char kImmutable[] = "true: `data` can no longer be changed, only deleted with the object";

}  // namespace

const Schema<Namespace>& NamespaceSchema() {
  static const Schema<Namespace> schema = [] {
    const std::string none = "is not allowed: a Namespace has metadata only";
    Schema<Namespace> ns;
    ns.Constant("apiVersion", kCoreApiVersion, "The version of this schema")
        .Constant("kind", "Namespace", "What names of other objects are unique in")
        .Required("metadata", &Namespace::meta,
                  MapOf("map", MetaSchema(false, {.kind = "Namespace", .from_kubectl = true})),
                  "Name and labels", "{name: staging}")
        .Refuse("spec", none, "{}")
        .Refuse("status", none, "{}");
    return ns;
  }();
  return schema;
}

const Schema<ConfigMap>& ConfigMapSchema() {
  static const Schema<ConfigMap> schema = [] {
    Schema<ConfigMap> config;
    config.Constant("apiVersion", kCoreApiVersion, "The version of this schema")
        .Constant("kind", "ConfigMap", "Settings and files for containers, nothing secret")
        .Required("metadata", &ConfigMap::meta,
                  MapOf("map", MetaSchema(true, {.long_names = true, .from_kubectl = true})),
                  "Name and labels", "{name: shop}")
        .Add("data", &ConfigMap::data, StringMap(kKeys, RuleDataKey, RuleAnything),
             "Text by its key", "{log-level: debug}")
        .Add("binaryData", &ConfigMap::binary_data, Bytes(),
             "Bytes by their key, as base64; no key of `data`", "{logo.png: iVBORw0KGgo=}")
        .Optional("immutable", &ConfigMap::immutable, Boolean(), kImmutable, "true")
        .Check(CheckConfigMap);
    return config;
  }();
  return schema;
}

const Schema<Secret>& SecretSchema() {
  static const Schema<Secret> schema = [] {
    Schema<Secret> secret;
    secret.Constant("apiVersion", kCoreApiVersion, "The version of this schema")
        .Constant("kind", "Secret", "Passwords, keys and certificates")
        .Required("metadata", &Secret::meta,
                  MapOf("map", MetaSchema(true, {.long_names = true, .from_kubectl = true})),
                  "Name and labels", "{name: db}")
        .Add("type", &Secret::type, Text("a word without spaces", RuleSecretType),
             "What is in it. kubernetes.io/tls needs the keys tls.crt and tls.key, "
             "kubernetes.io/dockerconfigjson .dockerconfigjson, kubernetes.io/basic-auth username "
             "or password; others are free",
             kSecretTls)
        .Add("data", &Secret::data, Bytes(), "Values by their key, as base64",
             "{password: aHVudGVyMg==}")
        .Add("stringData", &Secret::data, StringData(),
             "Values as text; put over `data` and never shown", "{password: hunter2}")
        .Presence([](const Secret&) { return false; })
        .Optional("immutable", &Secret::immutable, Boolean(), kImmutable, "true")
        .Check(CheckSecret);
    return secret;
  }();
  return schema;
}

}  // namespace ballast::api
