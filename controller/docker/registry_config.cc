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

}  // namespace

Result<RegistryAuth> RegistryConfig::For(std::string_view registry) {
  if (path_.empty()) {
    return RegistryAuth{"", "credentials for private registries: --registry-config FILE"};
  }
  const std::lock_guard lock(mutex_);
  if (auto refreshed = Refresh(); !refreshed) return std::unexpected(refreshed.error());
  const std::string name(registry);
  if (const auto helper = helpers_.find(name); helper != helpers_.end()) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{}: credHelpers (\"{}\" for {}) are not supported: put the "
                             "credentials into `auths`",
                             path_, helper->second, registry));
  }
  if (const auto header = headers_.find(name); header != headers_.end()) {
    return RegistryAuth{header->second,
                        fmt::format("credentials for {} are from {}", registry, path_)};
  }
  if (without_credentials_.contains(name) && !store_.empty()) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{}: the credentials for {} are in credsStore \"{}\", which is not "
                             "supported: put them into `auths`",
                             path_, registry, store_));
  }
  std::string hint = fmt::format("{} has no credentials for {} in `auths`", path_, registry);
  if (!store_.empty()) hint += fmt::format("; its credsStore \"{}\" is not supported", store_);
  return RegistryAuth{"", std::move(hint)};
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
    headers_.clear();
    without_credentials_.clear();
    helpers_.clear();
    store_.clear();
    std::ifstream file(path_, std::ios::binary);
    Result<void> loaded;
    if (!S_ISREG(status.st_mode) || status.st_size > kMaxFile || !file) {
      loaded = Error(Code::kFailedPrecondition, "it must be a readable file of at most 1 MiB");
    } else {
      loaded = Load({std::istreambuf_iterator<char>(file), {}});
    }
    broken_ = !loaded;
    if (broken_) {
      problem_ = {Code::kFailedPrecondition,
                  fmt::format("--registry-config {}: {}", path_, loaded.error().message)};
    }
  }
  if (broken_) return std::unexpected(problem_);
  return {};
}

Result<void> RegistryConfig::Load(const std::string& text) {
  const auto json = ParseJson(text);
  if (!json || !json->is_object()) {
    return Error(Code::kFailedPrecondition, "it is no JSON object like Docker's config.json");
  }
  store_ = GetString(*json, {"credsStore"});
  for (const auto& [key, helper] : GetStringMap(*json, {"credHelpers"})) {
    helpers_[RegistryOfKey(key)] = helper;
  }
  const Json* auths = Find(*json, {"auths"});
  if (auths == nullptr) return {};
  if (!auths->is_object()) {
    return Error(Code::kFailedPrecondition, "`auths` must be an object, one member a registry");
  }
  for (const auto& [key, entry] : auths->items()) {
    auto header = HeaderOf(key, entry);
    if (!header) return std::unexpected(header.error());
    if (header->empty()) {
      without_credentials_.insert(RegistryOfKey(key));
    } else {
      headers_[RegistryOfKey(key)] = *header;
    }
  }
  return {};
}

}  // namespace ballast::docker
