// Who may use a web app or the stats page: names and hashed passwords from a Secret, as HAProxy's
// userlists hold them. Pure; any thread. No message names a password or a hash.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/core.h"
#include "api/status.h"

namespace ballast::reconcilers::haproxy {

struct User {
  std::string name;
  std::string hash;  // of crypt(3)
  bool operator==(const User&) const = default;
};

// Keys `username` and `password` (hashed here with SHA-512), or `auth`, lines "name:hash" as
// `htpasswd -B` and `openssl passwd -6` write them. `digest` is ConfigReader::Digest: the salt
// depends on it, so that the same Secret always gives the same hash.
// InvalidArgument says what to do.
[[nodiscard]] Result<std::vector<User>> ReadUsers(
    const api::Secret& secret, const std::function<std::string(std::string_view)>& digest);

// A file that is kept beside haproxy.cfg, so that a controller that starts anew knows them.
[[nodiscard]] std::string UsersFile(const std::vector<User>& users);
[[nodiscard]] Result<std::vector<User>> ReadUsersFile(std::string_view text);

}  // namespace ballast::reconcilers::haproxy
