#include "controller/apiserver/tokens.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "controller/apiserver/endpoints.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

constexpr char kResource[] = "tokens";
constexpr std::string_view kPrefix = "ballast_";
constexpr std::size_t kIdBytes = 4;
constexpr std::size_t kSecretBytes = 32;
constexpr std::chrono::hours kLongest{24 * 365 * 10};

template <std::size_t N>
std::string RandomHex() {
  std::array<unsigned char, N> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::string hex(N * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  hex.pop_back();
  return hex;
}

// 256 random bits need no slow hash: nobody guesses them.
std::string HashOf(std::string_view secret) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(secret.data()),
                     secret.size());
  std::string hex(hash.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  hex.pop_back();
  return hex;
}

bool SameText(const std::string& a, const std::string& b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

TokenInfo InfoOf(const std::string& id, const json& stored) {
  return {.id = id,
          .user = stored.value("user", ""),
          .groups = stored.value("groups", std::vector<std::string>()),
          .created = stored.value("creationTimestamp", ""),
          .expires = stored.value("expirationTimestamp", "")};
}

ErrorSubject SubjectOf(const std::string& id) { return {"", kResource, id}; }

bool IsUserName(std::string_view name) {
  // "unix:0" is who uses the socket.
  if (name.empty() || name.size() > 128 || name.starts_with("unix:")) return false;
  return std::ranges::all_of(
      name, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ','; });
}

}  // namespace

ApiResult<IssuedToken> Tokens::Issue(const TokenRequest& request) {
  if (!IsUserName(request.user)) {
    return Refuse(BadRequest("user must be a name of 1 to 128 visible ASCII characters"));
  }
  if (request.life < std::chrono::seconds(0) || request.life > kLongest) {
    return Refuse(BadRequest("expirationSeconds must be between 0 (never) and ten years"));
  }
  if (!request.grant.ns.empty() && !api::IsDnsLabel(request.grant.ns)) {
    return Refuse(BadRequest("namespace must be the name of a namespace, or be left out for all"));
  }
  if (sodium_init() < 0) return Refuse(ApiError{.message = "libsodium does not work here"});
  const std::string secret = RandomHex<kSecretBytes>();
  IssuedToken issued;
  issued.info.id = RandomHex<kIdBytes>();
  issued.info.user = request.user;
  issued.info.groups = {GroupOf(request.grant)};
  issued.info.created = FormatTime(clock_.WallNow());
  if (request.life.count() > 0) {
    issued.info.expires = FormatTime(clock_.WallNow() + request.life);
  }
  issued.token = fmt::format("{}{}_{}", kPrefix, issued.info.id, secret);
  json stored = {{"user", issued.info.user},
                 {"groups", issued.info.groups},
                 {"creationTimestamp", issued.info.created},
                 {"sha256", HashOf(secret)}};
  if (!issued.info.expires.empty()) stored["expirationTimestamp"] = issued.info.expires;
  const auto written = store_.Commit(
      {{kResource, "", issued.info.id}, 0, std::make_shared<const std::string>(stored.dump())});
  if (!written) return Refuse(FromStatus(written.error(), SubjectOf(issued.info.id)));
  return issued;
}

std::optional<User> Tokens::Check(std::string_view token) const {
  if (!token.starts_with(kPrefix)) return std::nullopt;
  token.remove_prefix(kPrefix.size());
  if (token.size() != kIdBytes * 2 + 1 + kSecretBytes * 2 || token[kIdBytes * 2] != '_') {
    return std::nullopt;
  }
  const std::string id(token.substr(0, kIdBytes * 2));
  const auto object = store_.Get({kResource, "", id});
  if (!object) return std::nullopt;
  const json stored = json::parse(*object->value, nullptr, false);
  if (!stored.is_object()) return std::nullopt;
  if (!SameText(HashOf(token.substr(kIdBytes * 2 + 1)), stored.value("sha256", ""))) {
    return std::nullopt;
  }
  TokenInfo info = InfoOf(id, stored);
  // Times of one format compare as texts.
  if (!info.expires.empty() && info.expires <= FormatTime(clock_.WallNow())) return std::nullopt;
  return User{.name = std::move(info.user), .groups = std::move(info.groups)};
}

ApiResult<std::vector<TokenInfo>> Tokens::List() const {
  const auto page = store_.List({.resource = kResource, .ns = "", .start_after = {}});
  if (!page) return Refuse(FromStatus(page.error(), SubjectOf("")));
  std::vector<TokenInfo> infos;
  for (const auto& item : page->items) {
    const json stored = json::parse(*item.value, nullptr, false);
    if (stored.is_object()) infos.push_back(InfoOf(item.key.name, stored));
  }
  return infos;
}

ApiResult<void> Tokens::Revoke(const std::string& id) {
  const auto object = store_.Get({kResource, "", id});
  if (!object) return Refuse(FromStatus(object.error(), SubjectOf(id)));
  const auto written = store_.Commit({object->key, object->revision, nullptr});
  if (!written) return Refuse(FromStatus(written.error(), SubjectOf(id)));
  return {};
}

}  // namespace ballast::apiserver
