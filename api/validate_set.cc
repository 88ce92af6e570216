#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "api/codec.h"
#include "api/tree.h"

namespace ballast::api {
namespace {

constexpr std::size_t kMaxErrors = 100;
constexpr char kDefaultLoadBalancer[] = "default";

ObjectKey KeyOf(const Object& object) {
  return std::visit([](const auto& value) { return value.Key(); }, object);
}

std::string Place(const DecodedObject& object) {
  return object.line > 0 ? fmt::format("{}:{}", object.file, object.line) : object.file;
}

class SetValidator {
 public:
  std::vector<FieldError> Run(const std::vector<DecodedObject>& objects) && {
    std::vector<const DecodedObject*> sorted;
    for (const DecodedObject& object : objects) sorted.push_back(&object);
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
      return std::tie(a->file, a->line, a->column) < std::tie(b->file, b->line, b->column);
    });
    for (const DecodedObject* object : sorted) {
      if (std::holds_alternative<LoadBalancer>(object->object)) {
        load_balancers_.insert(std::get<LoadBalancer>(object->object).meta.name);
      }
    }
    for (const DecodedObject* object : sorted) {
      const auto [first, is_new] = keys_.emplace(KeyOf(object->object), object);
      if (!is_new) {
        Add(*object, "metadata.name",
            fmt::format("{} is defined in {} already", KeyOf(object->object).ToString(),
                        Place(*first->second)));
        continue;
      }
      if (const auto* webapp = std::get_if<WebApp>(&object->object)) {
        CheckRoutes(*object, *webapp);
      } else if (const auto* load_balancer = std::get_if<LoadBalancer>(&object->object)) {
        CheckPorts(*object, *load_balancer);
      } else if (const auto* autoscaler = std::get_if<Autoscaler>(&object->object)) {
        CheckTarget(*object, *autoscaler);
      }
    }
    if (errors_.size() > kMaxErrors) errors_.resize(kMaxErrors);
    return std::move(errors_);
  }

 private:
  using Claim = std::tuple<std::string, std::string, std::string, PathType>;

  void Add(const DecodedObject& object, std::string field, std::string message) {
    errors_.push_back(
        {object.file, object.line, object.column, std::move(field), std::move(message)});
  }

  void CheckRoutes(const DecodedObject& object, const WebApp& webapp) {
    for (std::size_t i = 0; i < webapp.spec.routes.size(); ++i) {
      const Route& route = webapp.spec.routes[i];
      const std::string field = fmt::format("spec.routes[{}]", i);
      const std::size_t before = errors_.size();
      if (route.load_balancer != kDefaultLoadBalancer &&
          !load_balancers_.contains(route.load_balancer)) {
        Add(object, field + ".loadBalancer",
            fmt::format("no document defines the LoadBalancer {}; only \"default\" is made by "
                        "itself",
                        Quote(route.load_balancer)));
      }
      const auto [first, is_new] = claims_.emplace(
          Claim(route.load_balancer, route.host, route.path, route.path_type), &object);
      if (!is_new && first->second != &object) {
        Add(object, field,
            fmt::format("host {} with path {} ({}) on LoadBalancer {} belongs to {} in {} already",
                        route.host.empty() ? "*" : Quote(route.host), Quote(route.path),
                        route.path_type == PathType::kExact ? "Exact" : "Prefix",
                        Quote(route.load_balancer), KeyOf(first->second->object).ToString(),
                        Place(*first->second)));
      }
      if (i < object.route_marks.size()) {
        for (std::size_t e = before; e < errors_.size(); ++e) {
          std::tie(errors_[e].line, errors_[e].column) = object.route_marks[i];
        }
      }
    }
  }

  // A port of the host can be taken once; the statistics page takes one on the host's network.
  void CheckPorts(const DecodedObject& object, const LoadBalancer& load_balancer) {
    const auto claim = [&](int port, const std::string& field) {
      const auto [first, is_new] = ports_.emplace(port, &object);
      if (!is_new && first->second != &object) {
        Add(object, field,
            fmt::format("port {} belongs to {} in {} already", port,
                        KeyOf(first->second->object).ToString(), Place(*first->second)));
      }
    };
    for (std::size_t i = 0; i < load_balancer.spec.listeners.size(); ++i) {
      claim(load_balancer.spec.listeners[i].port, fmt::format("spec.listeners[{}].port", i));
    }
    if (load_balancer.spec.host_network) claim(load_balancer.spec.stats_port, "spec.stats.port");
  }

  // Two would undo each other's work for ever.
  void CheckTarget(const DecodedObject& object, const Autoscaler& autoscaler) {
    const ObjectKey target{autoscaler.spec.scale_target_ref.kind, autoscaler.meta.ns,
                           autoscaler.spec.scale_target_ref.name};
    const auto [first, is_new] = targets_.emplace(target, &object);
    if (is_new) return;
    Add(object, "spec.scaleTargetRef",
        fmt::format("{} is scaled by {} in {} already", target.ToString(),
                    KeyOf(first->second->object).ToString(), Place(*first->second)));
  }

  std::map<ObjectKey, const DecodedObject*> keys_;
  std::map<ObjectKey, const DecodedObject*> targets_;
  std::set<std::string> load_balancers_;
  std::map<Claim, const DecodedObject*> claims_;
  std::map<int, const DecodedObject*> ports_;
  std::vector<FieldError> errors_;
};

}  // namespace

std::vector<FieldError> ValidateSet(const std::vector<DecodedObject>& objects) {
  return SetValidator().Run(objects);
}

}  // namespace ballast::api
