// Implements users.h with crypt_r(3), the function by which HAProxy compares passwords.
#include "reconcilers/haproxy/users.h"

#include <crypt.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/text.h"

namespace ballast::reconcilers::haproxy {
namespace {

constexpr char kAuthKey[] = "auth";
constexpr std::size_t kMaxUsers = 1000;
constexpr int kMaxBcryptCost = 10;
constexpr int kMaxShaRounds = 20'000;
// HAProxy computes the hash of each request's password in the thread that serves requests: the
// default of 5000 rounds would cost each of them milliseconds (docs/adr/0009).
constexpr char kSaltPrefix[] = "$6$rounds=1000$";

std::unexpected<Status> Refuse(std::string message) {
  return Error(Code::kInvalidArgument, std::move(message));
}

// "" when the password is too long.
std::string Crypt(const std::string& password, const std::string& setting) {
  const auto data = std::make_unique<crypt_data>();
  const char* const hash = ::crypt_r(password.c_str(), setting.c_str(), data.get());
  return hash == nullptr || hash[0] == '*' ? "" : hash;
}

// In every message the place and never the text: a name may be a password in the wrong place.
Result<void> CheckUserName(std::string_view name, const std::string& where) {
  if (name.empty()) return Refuse(where + " has no user name");
  if (name.size() > 200) return Refuse(where + " has a user name longer than 200 bytes");
  if (name.contains('\n') || name.contains('\r')) {
    return Refuse(where + " has a line break in the user name: leave it away (`echo -n`)");
  }
  if (name.contains(':') || !Quote(name)) {
    return Refuse(where + " has a user name with a colon, a quote or something not ASCII");
  }
  return {};
}

bool IsHashText(std::string_view text, std::size_t size) {
  return text.size() == size && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '/';
         });
}

enum class HashProblem { kNone, kUnknown, kDamaged, kSlow };

// "$2y$05$" and 53 characters.
HashProblem CheckBcrypt(std::string_view hash) {
  if (hash.size() != 60 || hash[6] != '$') return HashProblem::kDamaged;
  const std::optional<int> cost = Number<int>(hash.substr(4, 2));
  if (!cost || !IsHashText(hash.substr(7), 53)) return HashProblem::kDamaged;
  return *cost > kMaxBcryptCost ? HashProblem::kSlow : HashProblem::kNone;
}

// "$6$", perhaps "rounds=5000$", a salt, "$", the hash.
HashProblem CheckSha(std::string_view hash, std::size_t size) {
  constexpr std::string_view kRounds = "rounds=";
  hash.remove_prefix(3);
  bool slow = false;
  if (hash.starts_with(kRounds)) {
    hash.remove_prefix(kRounds.size());
    const std::size_t end = std::min(hash.find('$'), hash.size());
    const std::optional<int> rounds = Number<int>(hash.substr(0, end));
    if (!rounds || end == hash.size()) return HashProblem::kDamaged;
    slow = *rounds > kMaxShaRounds;
    hash.remove_prefix(end + 1);
  }
  const std::size_t salt = hash.find('$');
  if (salt > 16 || !IsHashText(hash.substr(0, salt), salt) ||
      !IsHashText(hash.substr(salt + 1), size)) {
    return HashProblem::kDamaged;
  }
  return slow ? HashProblem::kSlow : HashProblem::kNone;
}

Result<void> CheckHash(std::string_view hash, const std::string& where) {
  HashProblem problem = HashProblem::kUnknown;
  if (hash.starts_with("$6$")) problem = CheckSha(hash, 86);
  if (hash.starts_with("$5$")) problem = CheckSha(hash, 43);
  for (const char* const bcrypt : {"$2a$", "$2b$", "$2y$"}) {
    if (hash.starts_with(bcrypt)) problem = CheckBcrypt(hash);
  }
  const std::string advice = ": use `htpasswd -nbB NAME PASSWORD` or `openssl passwd -6`";
  switch (problem) {
    case HashProblem::kNone:
      return {};
    case HashProblem::kUnknown:
      return Refuse(where + " has a password that is not hashed by bcrypt or SHA-512" + advice);
    case HashProblem::kDamaged:
      return Refuse(where + " has a damaged hash" + advice);
    case HashProblem::kSlow:
      return Refuse(
          fmt::format("{} has a hash that takes HAProxy too long at every request (at "
                      "most bcrypt's cost {}, {} rounds of SHA){}",
                      where, kMaxBcryptCost, kMaxShaRounds, advice));
  }
  return {};
}

Result<std::vector<User>> ReadHtpasswd(std::string_view text) {
  std::vector<User> users;
  std::set<std::string> names;
  std::size_t number = 0;
  for (const std::string_view line : Lines(text)) {
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const std::string where = fmt::format("line {} of key `{}`", number, kAuthKey);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return Refuse(where + " is not NAME:HASH");
    User user{std::string(line.substr(0, colon)), std::string(line.substr(colon + 1))};
    if (auto checked = CheckUserName(user.name, where); !checked) {
      return std::unexpected(checked.error());
    }
    if (auto checked = CheckHash(user.hash, where); !checked) {
      return std::unexpected(checked.error());
    }
    if (!names.insert(user.name).second) return Refuse(where + " repeats a user");
    users.push_back(std::move(user));
    if (users.size() > kMaxUsers) {
      return Refuse(fmt::format("key `{}` has more than {} users", kAuthKey, kMaxUsers));
    }
  }
  if (users.empty()) return Refuse(fmt::format("key `{}` has no user", kAuthKey));
  std::ranges::sort(users, {}, &User::name);
  return users;
}

}  // namespace

Result<std::vector<User>> ReadUsers(const api::Secret& secret,
                                    const std::function<std::string(std::string_view)>& digest) {
  if (const auto auth = secret.data.find(kAuthKey); auth != secret.data.end()) {
    return ReadHtpasswd(auth->second);
  }
  const auto name = secret.data.find(api::kBasicAuthUsernameKey);
  const auto password = secret.data.find(api::kBasicAuthPasswordKey);
  if (name == secret.data.end() || password == secret.data.end()) {
    return Refuse(
        "has neither the keys `username` and `password` (type kubernetes.io/basic-auth) nor the "
        "key `auth` (lines of htpasswd)");
  }
  if (auto checked = CheckUserName(name->second, "key `username`"); !checked) {
    return std::unexpected(checked.error());
  }
  if (password->second.empty()) return Refuse("key `password` is empty");
  if (password->second.contains('\0')) return Refuse("key `password` has a NUL byte");
  const std::string salt = digest(secret.meta.ns + "/" + secret.meta.name + "\n" + name->second +
                                  "\n" + password->second);
  std::string hash = Crypt(password->second, kSaltPrefix + salt + "$");
  if (hash.empty()) return Refuse("key `password` is longer than 511 bytes");
  return std::vector<User>{{name->second, std::move(hash)}};
}

std::string UsersFile(const std::vector<User>& users) {
  std::string text;
  for (const User& user : users) text += user.name + ":" + user.hash + "\n";
  return text;
}

Result<std::vector<User>> ReadUsersFile(std::string_view text) { return ReadHtpasswd(text); }

}  // namespace ballast::reconcilers::haproxy
