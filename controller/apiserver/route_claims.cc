#include "controller/apiserver/route_claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ballast::apiserver {
namespace {

std::string ScaleOf(const std::string& kind, const std::string& ns, const std::string& name) {
  return fmt::format("scale {} {} {}", kind, ns, name);
}

struct Want {
  std::string what;   // unique
  std::string field;  // of the object
  std::string words;  // for a person
};

std::vector<Want> WantsOf(const api::Object& object) {
  std::vector<Want> wants;
  if (const auto* webapp = std::get_if<api::WebApp>(&object)) {
    for (std::size_t i = 0; i < webapp->spec.routes.size(); ++i) {
      const api::Route& route = webapp->spec.routes[i];
      const char* type = route.path_type == api::PathType::kExact ? "Exact" : "Prefix";
      wants.push_back(
          {fmt::format("route {} {} {} {}", route.load_balancer, route.host, route.path, type),
           fmt::format("spec.routes[{}]", i),
           fmt::format("host {} with path {} ({}) on LoadBalancer {}",
                       route.host.empty() ? "*" : route.host, route.path, type,
                       route.load_balancer)});
    }
  }
  if (const auto* balancer = std::get_if<api::LoadBalancer>(&object)) {
    const auto port = [&wants](int number, std::string field) {
      wants.push_back({fmt::format("port {}", number), std::move(field),
                       fmt::format("port {} of the host", number)});
    };
    for (std::size_t i = 0; i < balancer->spec.listeners.size(); ++i) {
      port(balancer->spec.listeners[i].port, fmt::format("spec.listeners[{}].port", i));
    }
    if (balancer->spec.host_network) port(balancer->spec.stats_port, "spec.stats.port");
  }
  if (const auto* scaler = std::get_if<api::Autoscaler>(&object)) {
    const auto& target = scaler->spec.scale_target_ref;
    wants.push_back({ScaleOf(target.kind, scaler->meta.ns, target.name), "spec.scaleTargetRef",
                     fmt::format("scaling {} {}/{}", target.kind, scaler->meta.ns, target.name)});
  }
  return wants;
}

}  // namespace

RouteClaims::Claim::~Claim() {
  if (kept_) return;
  const std::lock_guard lock(claims_.mutex_);
  claims_.GiveBack(wants_);
}

void RouteClaims::Claim::Keep(std::uint64_t revision) {
  const std::lock_guard lock(claims_.mutex_);
  // What it wanted is held already: it stays so as what is stored, or goes if that is newer.
  if (!claims_.Replace(owner_, revision, wants_)) claims_.GiveBack(wants_);
  kept_ = true;
}

std::expected<std::shared_ptr<RouteClaims::Claim>, std::vector<api::FieldError>> RouteClaims::Take(
    const api::Object& object) {
  const std::string owner =
      std::visit([](const auto& value) { return value.Key().ToString(); }, object);
  const std::vector<Want> wants = WantsOf(object);
  std::vector<api::FieldError> errors;
  std::vector<std::string> list;
  const std::lock_guard lock(mutex_);
  for (const Want& want : wants) {
    const auto taken = holders_.find(want.what);
    if (taken != holders_.end() && taken->second.owner != owner) {
      errors.push_back(
          {.file = "",
           .field = want.field,
           .message = fmt::format("{} belongs to {} already", want.words, taken->second.owner)});
    }
    list.push_back(want.what);
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  Hold(owner, list);
  return std::make_shared<Claim>(*this, owner, std::move(list));
}

std::string RouteClaims::AutoscalerOf(const std::string& ns, const std::string& webapp) const {
  const std::lock_guard lock(mutex_);
  const auto found = holders_.find(ScaleOf("WebApp", ns, webapp));
  if (found == holders_.end()) return "";
  return found->second.owner.substr(found->second.owner.rfind('/') + 1);
}

void RouteClaims::Release(const api::ObjectKey& key, std::uint64_t revision) {
  const std::lock_guard lock(mutex_);
  // An object made anew of the same name may have been told first.
  static_cast<void>(Replace(key.ToString(), revision, {}));
}

void RouteClaims::Hold(const std::string& owner, const std::vector<std::string>& list) {
  for (const std::string& what : list) {
    Holder& holder = holders_[what];
    holder.owner = owner;
    ++holder.times;
  }
}

void RouteClaims::GiveBack(const std::vector<std::string>& list) {
  for (const std::string& what : list) {
    const auto found = holders_.find(what);
    if (found != holders_.end() && --found->second.times <= 0) holders_.erase(found);
  }
}

bool RouteClaims::Replace(const std::string& owner, std::uint64_t revision,
                          std::vector<std::string> held) {
  const auto known = stored_.find(owner);
  if (known != stored_.end()) {
    if (known->second.revision > revision) return false;
    GiveBack(known->second.held);
  }
  if (held.empty()) {
    if (known != stored_.end()) stored_.erase(known);
  } else {
    stored_[owner] = {revision, std::move(held)};
  }
  return true;
}

}  // namespace ballast::apiserver
