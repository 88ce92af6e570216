// Implements the comparisons of target.h; the note is in note.cc.
#include "reconcilers/loadbalancer/target.h"

#include <algorithm>
#include <utility>

#include "reconcilers/haproxy/render.h"
#include "reconcilers/haproxy/routes.h"

namespace ballast::reconcilers {
namespace {

using haproxy::RouteModel;

// Two routes with the same one answer the same requests.
std::string Identity(const api::Route& route) {
  return (route.path_type == api::PathType::kExact ? "=" : "^") + haproxy::RouteKey(route);
}

bool Names(const BackendSpec& wish, const std::string& identity) {
  return std::ranges::any_of(wish.routes,
                             [&](const api::Route& route) { return Identity(route) == identity; });
}

// Before the parts for secrets and for requests that wait.
constexpr char kSeparator = '+';
constexpr char kHoldSeparator = '~';

std::pair<std::string, std::string> SplitAt(const std::string& layout, char separator) {
  const std::size_t end = layout.find(separator);
  if (end == std::string::npos) return {layout, ""};
  return {layout.substr(0, end), layout.substr(end + 1)};
}

bool SameWhereBothHave(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() || a == b;
}

// FNV-1a over names and texts; "" when it cannot be rendered.
std::string HashOf(const haproxy::LoadBalancerModel& sample,
                   const haproxy::SecretContent& content) {
  const Result<ConfigFiles> files = haproxy::Render(sample, content);
  if (!files) return "";
  std::uint64_t hash = 14695981039346656037ULL;
  const auto mix = [&hash](const std::string& text) {
    for (const char c : text) {
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    }
  };
  for (const auto& [file, text] : *files) {
    mix(file);
    mix(text);
  }
  return std::to_string(hash);
}

bool UsesSecrets(const haproxy::LoadBalancerModel& model) {
  return haproxy::HttpsPort(model.spec) != 0 || model.spec.stats_auth ||
         std::ranges::any_of(model.backends, [](const haproxy::BackendModel& backend) {
           return !backend.traffic.basic_auth_secret.empty();
         });
}

}  // namespace

api::ObjectKey AppOfBackend(const std::string& backend) {
  const std::size_t split = backend.find('_');
  if (split == std::string::npos) return {"WebApp", "", backend};
  return {"WebApp", backend.substr(0, split), backend.substr(split + 1)};
}

bool SameRoute(const api::Route& a, const api::Route& b) { return Identity(a) == Identity(b); }

std::vector<RouteModel> TargetRoutes(const std::vector<RouteModel>& applied, const Wishes& wishes,
                                     const std::set<std::string>& backends,
                                     std::vector<std::string>* conflicts) {
  struct Holder {
    RouteModel route;
    bool provisional = false;  // only until the one who wishes it can have it
  };
  std::map<std::string, Holder> routes;
  for (const RouteModel& route : applied) {
    if (!backends.contains(route.backend)) continue;
    const api::ObjectKey app = AppOfBackend(route.backend);
    const std::string identity = Identity(route.route);
    const auto wish = wishes.specs->find(app);
    const bool wished = wish != wishes.specs->end() && Names(wish->second, identity);
    if (wished || !wishes.reported->contains(app)) {
      routes.try_emplace(identity, Holder{route, false});
    } else if (wishes.claimed_by_other && wishes.claimed_by_other(route.route, route.backend)) {
      routes.try_emplace(identity, Holder{route, true});
    }
  }
  for (const auto& [app, wish] : *wishes.specs) {
    const std::string backend = haproxy::BackendName(app);
    if (!backends.contains(backend)) continue;
    for (const api::Route& route : wish.routes) {
      const auto [it, added] =
          routes.try_emplace(Identity(route), Holder{RouteModel{route, backend}, false});
      if (added) continue;
      if (it->second.provisional || it->second.route.backend == backend) {
        it->second = {RouteModel{route, backend}, false};
      } else if (conflicts != nullptr) {
        conflicts->push_back(route.host + route.path + " is served by " + it->second.route.backend +
                             "; " + backend + " wants it too");
      }
    }
  }
  std::vector<RouteModel> result;
  result.reserve(routes.size());
  for (auto& [identity, holder] : routes) result.push_back(std::move(holder.route));
  std::ranges::sort(result);
  return result;
}

std::string LayoutOf(const haproxy::LoadBalancerModel& model) {
  // One backend with nothing but defaults stands for all: what differs between web apps is compared
  // as values, this only tells whether the same values would be written in other words.
  haproxy::LoadBalancerModel sample{.name = model.name, .spec = {}};
  sample.spec.host_network = model.spec.host_network;
  haproxy::BackendModel backend{.name = "a_b"};
  backend.servers.push_back({.name = "s", .address = "127.0.0.1", .port = 1});
  sample.backends.push_back(std::move(backend));
  std::string layout = HashOf(sample, {});
  if (layout.empty()) return layout;
  std::string holds;
  if (model.holds) {
    sample.holds = true;
    holds = kHoldSeparator + HashOf(sample, {});
    sample.holds = false;
  }
  if (!UsesSecrets(model)) return layout + holds;
  // An HTTPS listener, one that redirects to it, and users.
  const api::NamespacedName secret{"a", "b"};
  sample.spec.listeners[0].redirect_to_https = true;
  sample.spec.listeners.push_back(
      {.name = "s", .port = 443, .protocol = haproxy::kHttps, .tls_secrets = {secret}});
  sample.certificates = {{.secret = secret, .digest = "d"}};
  sample.backends[0].traffic.basic_auth_secret = "b";
  sample.backends[0].users = "d";
  layout += kSeparator + HashOf(sample, {.certificates = {{"d", ""}}, .users = {{"d", {}}}});
  return layout + holds;
}

bool SameLayout(const std::string& a, const std::string& b) {
  const auto [a_first, a_holds] = SplitAt(a, kHoldSeparator);
  const auto [b_first, b_holds] = SplitAt(b, kHoldSeparator);
  const auto [a_base, a_secrets] = SplitAt(a_first, kSeparator);
  const auto [b_base, b_secrets] = SplitAt(b_first, kSeparator);
  return a_base == b_base && SameWhereBothHave(a_secrets, b_secrets) &&
         SameWhereBothHave(a_holds, b_holds);
}

}  // namespace ballast::reconcilers
