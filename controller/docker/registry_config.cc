#include "controller/docker/registry_config.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "controller/docker/base64.h"
#include "controller/docker/json.h"
#include "controller/docker/reference.h"

namespace ballast::docker {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxFile = 1 << 20;

// The value of X-Registry-Auth; "" when the entry holds no credential.
Result<std::string> HeaderOf(const std::string& key, const Json& entry) {
  std::string user = GetString(entry, {"username"});
  std::string password = GetString(entry, {"password"});
  if (const std::string auth = GetString(entry, {"auth"}); !auth.empty()) {
    const auto decoded = DecodeBase64(auth);
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) {
      return Error(Code::kFailedPrecondition,
                   fmt::format("auths[\"{}\"].auth must be base64 of user:password", key));
    }
    user = decoded->substr(0, colon);
    password = decoded->substr(colon + 1);
  }
  const std::string identity = GetString(entry, {"identitytoken"});
  const std::string registry_token = GetString(entry, {"registrytoken"});
  Json out = Json::object();
  if (!identity.empty()) {
    out["identitytoken"] = identity;
  } else if (!registry_token.empty()) {
    out["registrytoken"] = registry_token;
  } else if (!user.empty()) {
    out["password"] = password;
  } else {
    return "";
  }
  if (!user.empty()) out["username"] = user;
  out["serveraddress"] = key;
  return EncodeBase64Url(DumpJson(out));
}

// Errors do not show a piece of the text.
Result<RegistryLogins> ParseLogins(const std::string& text) {
  const auto json = ParseJson(text);
  if (!json || !json->is_object()) {
    return Error(Code::kFailedPrecondition, "it is no JSON object like Docker's config.json");
  }
  RegistryLogins logins;
  logins.store = GetString(*json, {"credsStore"});
  for (const auto& [key, helper] : GetStringMap(*json, {"credHelpers"})) {
    logins.helpers[RegistryOfKey(key)] = helper;
  }
  const Json* auths = Find(*json, {"auths"});
  if (auths == nullptr) return logins;
  if (!auths->is_object()) {
    return Error(Code::kFailedPrecondition, "`auths` must be an object, one member a registry");
  }
  for (const auto& [key, entry] : auths->items()) {
    auto header = HeaderOf(key, entry);
    if (!header) return std::unexpected(header.error());
    if (header->empty()) {
      logins.without_credentials.insert(RegistryOfKey(key));
    } else {
      logins.headers[RegistryOfKey(key)] = *header;
    }
  }
  return logins;
}

Result<RegistryAuth> Pick(const RegistryLogins& logins, const std::string& source,
                          std::string_view registry) {
  const std::string name(registry);
  if (const auto helper = logins.helpers.find(name); helper != logins.helpers.end()) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{}: credHelpers (\"{}\" for {}) are not supported: put the "
                             "credentials into `auths`",
                             source, helper->second, registry));
  }
  if (const auto header = logins.headers.find(name); header != logins.headers.end()) {
    return RegistryAuth{header->second,
                        fmt::format("credentials for {} are from {}", registry, source)};
  }
  if (logins.without_credentials.contains(name) && !logins.store.empty()) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{}: the credentials for {} are in credsStore \"{}\", which is not "
                             "supported: put them into `auths`",
                             source, registry, logins.store));
  }
  std::string hint = fmt::format("{} has no credentials for {} in `auths`", source, registry);
  if (!logins.store.empty()) {
    hint += fmt::format("; its credsStore \"{}\" is not supported", logins.store);
  }
  return RegistryAuth{"", std::move(hint)};
}

}  // namespace

Result<RegistryAuth> AuthFromConfig(const std::string& config_json, const std::string& source,
                                    std::string_view registry) {
  const auto logins = ParseLogins(config_json);
  if (!logins) {
    return Error(Code::kFailedPrecondition,
                 source + " is not like Docker's config.json, with base64 of user:password");
  }
  const auto header = logins->headers.find(std::string(registry));
  if (header == logins->headers.end()) {
    return RegistryAuth{"", fmt::format("{} has no credentials for {}", source, registry)};
  }
  return RegistryAuth{header->second,
                      fmt::format("credentials for {} are from {}", registry, source)};
}

Result<RegistryAuth> RegistryConfig::For(std::string_view registry) {
  if (path_.empty()) {
    return RegistryAuth{"", "credentials for private registries: --registry-config FILE"};
  }
  const std::lock_guard lock(mutex_);
  if (auto refreshed = Refresh(); !refreshed) return std::unexpected(refreshed.error());
  return Pick(logins_, path_, registry);
}

Result<void> RegistryConfig::Refresh() {
  struct stat status{};
  if (stat(path_.c_str(), &status) != 0) {
    stamp_ = {};
    return Error(Code::kFailedPrecondition,
                 fmt::format("cannot read --registry-config {}: {}", path_,
                             std::generic_category().message(errno)));
  }
  const Stamp stamp{status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size, status.st_ino};
  if (stamp != stamp_) {
    stamp_ = stamp;
    logins_ = {};
    std::ifstream file(path_, std::ios::binary);
    Result<RegistryLogins> loaded;
    if (!S_ISREG(status.st_mode) || status.st_size > kMaxFile || !file) {
      loaded = Error(Code::kFailedPrecondition, "it must be a readable file of at most 1 MiB");
    } else {
      loaded = ParseLogins({std::istreambuf_iterator<char>(file), {}});
    }
    broken_ = !loaded;
    if (broken_) {
      problem_ = {Code::kFailedPrecondition,
                  fmt::format("--registry-config {}: {}", path_, loaded.error().message)};
    } else {
      logins_ = *std::move(loaded);
    }
  }
  if (broken_) return std::unexpected(problem_);
  return {};
}

}  // namespace ballast::docker
