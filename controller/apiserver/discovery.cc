#include "controller/apiserver/discovery.h"

#include <nlohmann/json.hpp>

#include "controller/apiserver/object.h"
#include "controller/apiserver/resources.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

// The Kubernetes version whose conventions are spoken; kubectl warns when it is far from its own.
constexpr char kMinor[] = "32";

json VersionJson(const std::string& version) {
  return {{"major", "1"},
          {"minor", kMinor},
          {"gitVersion", std::string("v1.") + kMinor + ".0+ballast-" + version},
          {"gitCommit", ""},
          {"gitTreeState", ""},
          {"buildDate", ""},
          {"goVersion", ""},
          {"compiler", ""},
          {"platform", "linux/amd64"}};
}

struct Group {
  const char* name;
  const char* version;
};
constexpr Group kGroups[] = {{kGroup, kVersion}, {kMetricsGroup, kMetricsVersion}};

json GroupJson(const Group& group) {
  const json version = {{"groupVersion", std::string(group.name) + "/" + group.version},
                        {"version", group.version}};
  return {
      {"name", group.name}, {"versions", json::array({version})}, {"preferredVersion", version}};
}

json ResourceListJson(const std::string& group) {
  json resources = json::array();
  std::string group_version;
  for (const Resource& resource : AllResources()) {
    if (resource.group != group) continue;
    group_version = resource.ApiVersion();
    json entry = {{"name", resource.plural},
                  {"singularName", resource.singular},
                  {"namespaced", resource.namespaced},
                  {"kind", resource.kind},
                  {"verbs", resource.Verbs()}};
    if (!resource.short_names.empty()) entry["shortNames"] = resource.short_names;
    if (!resource.categories.empty()) entry["categories"] = resource.categories;
    resources.push_back(std::move(entry));
    const auto sub = [&](const char* name, const std::string& kind, json verbs) -> json& {
      resources.push_back({{"name", resource.plural + "/" + name},
                           {"singularName", ""},
                           {"namespaced", resource.namespaced},
                           {"kind", kind},
                           {"verbs", std::move(verbs)}});
      return resources.back();
    };
    if (resource.has_status) sub("status", resource.kind, {"get", "patch", "update"});
    if (resource.has_scale) {
      json& scale = sub("scale", "Scale", {"get", "patch", "update"});
      scale["group"] = "autoscaling";
      scale["version"] = "v1";
    }
    for (const std::string& name : resource.readable) {
      sub(name.c_str(), resource.kind, {"get"});
    }
  }
  return {{"kind", "APIResourceList"},
          {"apiVersion", "v1"},
          {"groupVersion", group_version},
          {"resources", std::move(resources)}};
}

json MetricsListJson() {
  const Resource& pods = PodMetricsResource();
  return {{"kind", "APIResourceList"},
          {"apiVersion", "v1"},
          {"groupVersion", pods.ApiVersion()},
          {"resources",
           {{{"name", pods.plural},
             {"singularName", pods.singular},
             {"namespaced", pods.namespaced},
             {"kind", pods.kind},
             {"verbs", {"get", "list"}}}}}};
}

HttpResponse Json(const json& body) {
  return {.content_type = "application/json", .body = DumpJson(body) + "\n"};
}

}  // namespace

std::optional<HttpResponse> AnswerDiscovery(const HttpRequest& request,
                                            const std::string& version) {
  std::string path = request.path;
  if (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path == "/version") return Json(VersionJson(version));
  if (path == "/api") {
    return Json({{"kind", "APIVersions"},
                 {"versions", {"v1"}},
                 {"serverAddressByClientCIDRs", json::array()}});
  }
  if (path == "/apis") {
    json groups = json::array();
    for (const Group& group : kGroups) groups.push_back(GroupJson(group));
    return Json({{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}});
  }
  if (path == "/api/v1") return Json(ResourceListJson(""));
  for (const Group& group : kGroups) {
    if (path != std::string("/apis/") + group.name) continue;
    json body = GroupJson(group);
    body["kind"] = "APIGroup";
    body["apiVersion"] = "v1";
    return Json(body);
  }
  if (path == std::string("/apis/") + kGroup + "/" + kVersion) {
    return Json(ResourceListJson(kGroup));
  }
  if (path == "/apis/" + PodMetricsResource().ApiVersion()) return Json(MetricsListJson());
  // An empty document: kubectl then leaves validation to the server.
  if (path == "/openapi/v2") {
    return HttpResponse{
        .content_type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", .body = ""};
  }
  return std::nullopt;
}

}  // namespace ballast::apiserver
