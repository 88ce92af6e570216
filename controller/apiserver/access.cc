#include "controller/apiserver/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace ballast::apiserver {
namespace {

constexpr std::string_view kPrefix = "ballast:";
constexpr std::array kRoles = {Role::kView, Role::kEdit, Role::kAdmin};

std::optional<Grant> ParseGrant(std::string_view group) {
  if (!group.starts_with(kPrefix)) return std::nullopt;
  group.remove_prefix(kPrefix.size());
  const std::size_t colon = std::min(group.find(':'), group.size());
  for (const Role role : kRoles) {
    if (group.substr(0, colon) != RoleName(role)) continue;
    if (colon == group.size()) return Grant{role, ""};
    const std::string_view ns = group.substr(colon + 1);
    // "ballast:edit:" names no namespace; it must not mean all of them.
    return ns.empty() ? std::nullopt : std::optional(Grant{role, std::string(ns)});
  }
  return std::nullopt;
}

// The role that it takes.
Role Needed(const RequestInfo& request) {
  const Resource& resource = *request.resource;
  if (resource.kind == "Secret") return Role::kEdit;
  if (IsRead(request.verb)) return Role::kView;
  return resource.namespaced ? Role::kEdit : Role::kAdmin;
}

}  // namespace

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kView:
      return "view";
    case Role::kEdit:
      return "edit";
    case Role::kAdmin:
      return "admin";
  }
  return "unknown";
}

std::string GroupOf(const Grant& grant) {
  return fmt::format("{}{}{}{}", kPrefix, RoleName(grant.role), grant.ns.empty() ? "" : ":",
                     grant.ns);
}

std::vector<Grant> GrantsOf(const User& user) {
  std::vector<Grant> grants;
  for (const std::string& group : user.groups) {
    if (auto grant = ParseGrant(group)) grants.push_back(std::move(*grant));
  }
  return grants;
}

ApiResult<void> Authorize(const User& user, const RequestInfo& request) {
  if (user.may_do_all) return {};
  const Role needed = Needed(request);
  const std::vector<Grant> grants = GrantsOf(user);
  const bool allowed = std::ranges::any_of(grants, [&](const Grant& grant) {
    if (grant.role < needed) return false;
    if (grant.ns.empty()) return true;
    // A namespace's own name may be read by those who work in it; what is in no namespace, too.
    if (!request.resource->namespaced) return IsRead(request.verb);
    return grant.ns == request.ns;
  });
  if (allowed) return {};
  const Resource& resource = *request.resource;
  return Refuse(Forbidden(
      request.Subject(),
      fmt::format("User \"{}\" cannot {} resource \"{}{}{}\" in API group \"{}\"{}", user.name,
                  VerbName(request.verb), resource.plural, request.subresource.empty() ? "" : "/",
                  request.subresource, resource.group,
                  request.ns.empty() ? " at the cluster scope"
                                     : fmt::format(" in the namespace \"{}\"", request.ns))));
}

bool IsAdministrator(const User& user) {
  return user.may_do_all || std::ranges::any_of(GrantsOf(user), [](const Grant& grant) {
           return grant.role == Role::kAdmin && grant.ns.empty();
         });
}

std::optional<std::string> ReadableIn(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  if (request.path == "/ballast/v1/top") {
    const auto ns = request.query.find("namespace");
    return ns == request.query.end() ? "" : ns->second;
  }
  std::string_view rest = request.path;
  constexpr std::string_view kLoads = "/ballast/v1/load/namespaces/";
  if (!rest.starts_with(kLoads)) return std::nullopt;
  rest.remove_prefix(kLoads.size());
  const std::string_view ns = rest.substr(0, rest.find('/'));
  if (ns.empty()) return std::nullopt;
  return std::string(ns);
}

ApiResult<void> AuthorizePath(const User& user, const HttpRequest& request) {
  if (user.may_do_all) return {};
  const std::string& path = request.path;
  for (const std::string_view open :
       {"/api", "/apis", "/openapi", "/version", "/healthz", "/readyz", "/livez"}) {
    if (path == open || (path.starts_with(open) && path[open.size()] == '/')) return {};
  }
  if (const auto ns = ReadableIn(request)) {
    const bool reads = std::ranges::any_of(
        GrantsOf(user), [&](const Grant& grant) { return grant.ns.empty() || grant.ns == *ns; });
    if (reads) return {};
    return Refuse(Forbidden(
        {}, fmt::format("User \"{}\" cannot read the loads of {}", user.name,
                        ns->empty() ? "all namespaces" : "the namespace \"" + *ns + "\"")));
  }
  if (IsAdministrator(user)) return {};
  return Refuse(
      Forbidden({}, fmt::format("User \"{}\" cannot use the path \"{}\"", user.name, path)));
}

}  // namespace ballast::apiserver
