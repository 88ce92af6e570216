#include "controller/runtime/container_keys.h"

#include "api/labels.h"
#include "api/names.h"

namespace ballast::runtime {
namespace {

bool IsName(const std::string& text) { return api::RuleObjectName(text).empty(); }

}  // namespace

ContainerKeys KeysOf(const std::map<std::string, std::string>& labels) {
  ContainerKeys result;
  const auto add = [&result](api::ObjectKey key, bool valid) {
    result.relevant = true;
    if (valid) {
      result.keys.push_back(std::move(key));
    } else {
      result.invalid = true;
    }
  };
  if (const auto app = labels.find(api::kLabelWebApp); app != labels.end()) {
    const auto ns = labels.find(api::kLabelNamespace);
    const std::string space = ns == labels.end() || ns->second.empty() ? "default" : ns->second;
    add({"WebApp", space, app->second}, IsName(app->second) && IsName(space));
  }
  if (const auto name = labels.find(api::kLabelLoadBalancerName); name != labels.end()) {
    add({"LoadBalancer", "", name->second}, IsName(name->second));
  }
  return result;
}

}  // namespace ballast::runtime
