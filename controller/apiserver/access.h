// Who asks, and what they may do. Everybody on the unix socket may do all; over TLS a client
// certificate or a token names a user and groups, and groups carry roles. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/apiserver/http_types.h"
#include "controller/apiserver/request_info.h"

namespace ballast::apiserver {

struct User {
  std::string name;  // "alice"; "unix:1000" for those on the socket
  std::vector<std::string> groups;
  bool may_do_all = false;
};

enum class Role {
  kView,   // read everything but Secrets
  kEdit,   // and write what is in namespaces, Secrets too
  kAdmin,  // and what belongs to no namespace: load balancers, namespaces, tokens
};
[[nodiscard]] std::string_view RoleName(Role role);

// "ballast:edit:shop-ns": a role in one namespace; "ballast:admin": in all.
struct Grant {
  Role role = Role::kView;
  std::string ns;  // empty: all
};
[[nodiscard]] std::string GroupOf(const Grant& grant);
// Of the groups that are grants; others mean nothing here.
[[nodiscard]] std::vector<Grant> GrantsOf(const User& user);

// Error: 403 with the words that kubectl shows.
[[nodiscard]] ApiResult<void> Authorize(const User& user, const RequestInfo& request);
// May this user do anything at all, everywhere?
[[nodiscard]] bool IsAdministrator(const User& user);
// The namespace whose readers may ask for this although it is no resource: loads. Empty: those who
// may read all of them. Nothing: it takes an administrator.
[[nodiscard]] std::optional<std::string> ReadableIn(const HttpRequest& request);
// What is no resource: discovery and health for everybody who is known, loads for those who may
// read their namespace, `admin` for the rest.
[[nodiscard]] ApiResult<void> AuthorizePath(const User& user, const HttpRequest& request);

}  // namespace ballast::apiserver
