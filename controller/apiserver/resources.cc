#include "controller/apiserver/resources.h"

#include <algorithm>

namespace ballast::apiserver {
namespace {

std::vector<Resource> MakeResources() {
  std::vector<Resource> all = {
      {.version = "v1",
       .plural = "configmaps",
       .singular = "configmap",
       .kind = "ConfigMap",
       .short_names = {"cm"},
       .categories = {}},
      {.version = "v1",
       .plural = "events",
       .singular = "event",
       .kind = "Event",
       .short_names = {"ev"},
       .categories = {},
       .writers = Writers::kController},
      {.version = "v1",
       .plural = "namespaces",
       .singular = "namespace",
       .kind = "Namespace",
       .short_names = {"ns"},
       .categories = {},
       .namespaced = false,
       .has_status = true},
      {.version = "v1",
       .plural = "pods",
       .singular = "pod",
       .kind = "Pod",
       .short_names = {"po"},
       .categories = {"all"},
       .writers = Writers::kController,
       .readable = {"log"},
       .transient = true},
      {.version = "v1",
       .plural = "secrets",
       .singular = "secret",
       .kind = "Secret",
       .short_names = {},
       .categories = {}},
      {.group = kGroup,
       .version = kVersion,
       .plural = "autoscalers",
       .singular = "autoscaler",
       .kind = "Autoscaler",
       .short_names = {"as"},
       .categories = {"all", "ballast"},
       .has_status = true,
       .readable = {"decisions"}},
      {.group = kGroup,
       .version = kVersion,
       .plural = "loadbalancers",
       .singular = "loadbalancer",
       .kind = "LoadBalancer",
       .short_names = {"lb"},
       .categories = {"ballast"},
       .namespaced = false,
       .has_status = true},
      {.group = kGroup,
       .version = kVersion,
       .plural = "replicas",
       .singular = "replica",
       .kind = "Replica",
       .short_names = {"rep"},
       .categories = {"ballast"},
       .writers = Writers::kController,
       .transient = true},
      {.group = kGroup,
       .version = kVersion,
       .plural = "revisions",
       .singular = "revision",
       .kind = "Revision",
       .short_names = {"rev"},
       .categories = {"ballast"},
       .writers = Writers::kController},
      {.group = kGroup,
       .version = kVersion,
       .plural = "webapps",
       .singular = "webapp",
       .kind = "WebApp",
       .short_names = {"wa"},
       .categories = {"all", "ballast"},
       .has_status = true,
       .has_scale = true},
  };
  return all;
}

}  // namespace

std::vector<std::string> Resource::Verbs() const {
  if (writers == Writers::kController) return {"get", "list", "watch"};
  return {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
}

const std::vector<Resource>& AllResources() {
  static const std::vector<Resource> all = MakeResources();
  return all;
}

const Resource& PodMetricsResource() {
  static const Resource resource = {.group = kMetricsGroup,
                                    .version = kMetricsVersion,
                                    .plural = "pods",
                                    .singular = "",
                                    .kind = "PodMetrics",
                                    .short_names = {},
                                    .categories = {},
                                    .writers = Writers::kController};
  return resource;
}

const Resource* FindResource(std::string_view group, std::string_view version,
                             std::string_view plural) {
  const Resource& metrics = PodMetricsResource();
  if (group == metrics.group && version == metrics.version && plural == metrics.plural) {
    return &metrics;
  }
  for (const Resource& resource : AllResources()) {
    if (resource.plural == plural && resource.group == group && resource.version == version) {
      return &resource;
    }
  }
  return nullptr;
}

const Resource* FindKind(std::string_view api_version, std::string_view kind) {
  for (const Resource& resource : AllResources()) {
    if (resource.kind == kind && resource.ApiVersion() == api_version) return &resource;
  }
  return nullptr;
}

const Resource* FindByAnyName(std::string_view name) {
  for (const Resource& resource : AllResources()) {
    if (resource.plural == name || resource.singular == name || resource.kind == name ||
        (!resource.group.empty() && resource.plural + "." + resource.group == name) ||
        std::ranges::find(resource.short_names, name) != resource.short_names.end()) {
      return &resource;
    }
  }
  return nullptr;
}

}  // namespace ballast::apiserver
