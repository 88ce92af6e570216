// Bearer tokens: who holds one is a user with a role. The store keeps a hash and never the token,
// so that neither the database nor a backup lets anybody in. Owned by controller/cmd; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/apiserver/access.h"
#include "controller/apiserver/api_error.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/store.h"

namespace ballast::apiserver {

struct TokenRequest {
  std::string user;
  Grant grant;
  std::chrono::seconds life{0};  // 0: until it is revoked
};

struct TokenInfo {
  std::string id;  // eight hex digits; part of the token
  std::string user;
  std::vector<std::string> groups;
  std::string created;  // RFC 3339
  std::string expires;  // empty: never
};

struct IssuedToken {
  TokenInfo info;
  std::string token;  // "ballast_ID_SECRET"; shown this once
};

class Tokens {
 public:
  Tokens(reconcilers::Store& store, const reconcilers::Clock& clock)
      : store_(store), clock_(clock) {}

  // Writes, and waits for it: not on the store's thread.
  [[nodiscard]] ApiResult<IssuedToken> Issue(const TokenRequest& request);
  // Nothing: unknown, revoked or expired.
  [[nodiscard]] std::optional<User> Check(std::string_view token) const;
  [[nodiscard]] ApiResult<std::vector<TokenInfo>> List() const;
  [[nodiscard]] ApiResult<void> Revoke(const std::string& id);

 private:
  reconcilers::Store& store_;
  const reconcilers::Clock& clock_;
};

}  // namespace ballast::apiserver
