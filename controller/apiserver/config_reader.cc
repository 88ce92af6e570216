#include "controller/apiserver/config_reader.h"

#include <sodium.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "controller/apiserver/object.h"
#include "controller/apiserver/private_files.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

constexpr std::size_t kDigestBytes = 16;  // of which the first 8 are shown

}  // namespace

Result<void> StoredConfig::LoadKey(const std::string& path) {
  if (sodium_init() < 0) return Error(Code::kInternal, "libsodium does not work here");
  auto text = ReadPrivate(path, Secrecy::kSecret);
  if (!text) return std::unexpected(text.error());
  if (!*text) {
    randombytes_buf(key_.data(), key_.size());
    return WritePrivate(path, {reinterpret_cast<const char*>(key_.data()), key_.size()}, 0600);
  }
  if ((*text)->size() != key_.size()) {
    return Error(Code::kFailedPrecondition,
                 path +
                     " is no key of Ballast's: move it away, and a new one is made (what refers "
                     "to Secrets rolls out once)");
  }
  std::ranges::copy(**text, key_.begin());
  return {};
}

template <typename T>
Result<std::shared_ptr<const T>> StoredConfig::Get(const char* resource, const std::string& ns,
                                                   const std::string& name) const {
  const auto stored = store_.Get({resource, ns, name});
  if (!stored) {
    if (stored.error().code == Code::kNotFound) return std::unexpected(stored.error());
    return Error(Code::kUnavailable, stored.error().message);
  }
  const json object = json::parse(*stored->value, nullptr, false);
  if (!object.is_object()) return Error(Code::kUnavailable, "the stored object is no JSON");
  // What it says is not told: an error could show a value.
  auto decoded = api::DecodeObject(UserPart(object), {.allowed_host_paths = {}, .all_kinds = true});
  if (!decoded || !std::holds_alternative<T>(*decoded)) {
    return Error(Code::kUnavailable, std::string(resource) + " " + ns + "/" + name +
                                         " is not understood by this version of Ballast");
  }
  return std::make_shared<const T>(std::get<T>(std::move(*decoded)));
}

Result<std::shared_ptr<const api::Secret>> StoredConfig::GetSecret(const std::string& ns,
                                                                   const std::string& name) const {
  return Get<api::Secret>("secrets", ns, name);
}

Result<std::shared_ptr<const api::ConfigMap>> StoredConfig::GetConfigMap(
    const std::string& ns, const std::string& name) const {
  return Get<api::ConfigMap>("configmaps", ns, name);
}

std::string StoredConfig::Digest(std::string_view bytes) const {
  std::array<unsigned char, kDigestBytes> digest{};
  crypto_generichash(digest.data(), digest.size(),
                     reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                     key_.data(), key_.size());
  std::string hex(kDigestBytes + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), digest.data(), kDigestBytes / 2);
  hex.pop_back();
  return hex;
}

}  // namespace ballast::apiserver
