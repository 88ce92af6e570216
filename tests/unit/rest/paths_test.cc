// Paths, bodies and discovery: what a request asks for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/apiserver/body.h"
#include "controller/apiserver/discovery.h"
#include "controller/apiserver/request_info.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::HasSubstr;

struct PathCase {
  const char* request;   // "GET /path?query"
  const char* expected;  // "verb resource ns name subresource", "none", or a code
};

std::string Shown(const std::string& text) {
  HttpRequest request{
      .method = text.substr(0, text.find(' ')), .path = "", .query = {}, .headers = {}, .body = ""};
  EXPECT_TRUE(ParseTarget(text.substr(text.find(' ') + 1), request));
  const auto info = ParseRequest(request);
  if (!info) return std::to_string(info.error().code);
  if (!*info) return "none";
  return std::string(VerbName((*info)->verb)) + " " + (*info)->resource->plural + " " +
         (*info)->ns + " " + (*info)->name + " " + (*info)->subresource;
}

TEST(Paths, AreRead) {
  const PathCase cases[] = {
      {"GET /api/v1/pods", "list pods   "},
      {"GET /api/v1/namespaces", "list namespaces   "},
      {"GET /api/v1/namespaces/team", "get namespaces  team "},
      {"GET /api/v1/namespaces/team/status", "get namespaces  team status"},
      {"GET /api/v1/namespaces/team/pods", "list pods team  "},
      {"GET /api/v1/namespaces/team/pods/p", "get pods team p "},
      {"HEAD /api/v1/namespaces/team/pods/p", "get pods team p "},
      {"GET /api/v1/namespaces/team/pods/p/log", "get pods team p log"},
      {"GET /api/v1/namespaces/team/pods?watch=true", "watch pods team  "},
      {"GET /api/v1/namespaces/team/pods?watch=1", "watch pods team  "},
      {"GET /api/v1/namespaces/team/pods?watch=false", "list pods team  "},
      {"GET /apis/ballast.dev/v1alpha1/webapps", "list webapps   "},
      {"POST /apis/ballast.dev/v1alpha1/namespaces/a/webapps", "create webapps a  "},
      {"PUT /apis/ballast.dev/v1alpha1/namespaces/a/webapps/b", "update webapps a b "},
      {"PATCH /apis/ballast.dev/v1alpha1/namespaces/a/webapps/b/scale", "patch webapps a b scale"},
      {"DELETE /apis/ballast.dev/v1alpha1/namespaces/a/webapps/b", "delete webapps a b "},
      {"DELETE /apis/ballast.dev/v1alpha1/namespaces/a/webapps", "deletecollection webapps a  "},
      {"GET /apis/ballast.dev/v1alpha1/loadbalancers/x", "get loadbalancers  x "},
      {"GET //api//v1//pods", "list pods   "},
      {"GET /api/v1", "none"},
      {"GET /apis/ballast.dev/v1alpha1", "none"},
      {"GET /healthz", "none"},
      {"GET /api/v1/services", "404"},
      {"GET /api/v2/pods", "404"},
      {"GET /apis/metrics.k8s.io/v1beta1/pods", "list pods   "},
      {"GET /apis/metrics.k8s.io/v1beta1/namespaces/a/pods/b", "get pods a b "},
      {"GET /apis/metrics.k8s.io/v1beta1/nodes", "404"},
      {"GET /apis/metrics.k8s.io/v1beta1/namespaces/a/pods/b/log", "404"},
      {"GET /apis/metrics.k8s.io/v1/pods", "404"},
      {"GET /apis/apps/v1/deployments", "404"},
      {"GET /apis/ballast.dev/v1alpha1/pods", "404"},
      {"GET /api/v1/webapps", "404"},
      {"GET /api/v1/namespaces/team/pods/p/exec", "404"},
      {"GET /api/v1/namespaces/team/pods/p/log/x", "404"},
      {"GET /apis/ballast.dev/v1alpha1/namespaces/a/loadbalancers/x", "404"},
      {"GET /api/v1/pods/p", "400"},
      {"POST /api/v1/configmaps", "400"},
      {"POST /api/v1/namespaces/a/configmaps/b", "405"},
      {"PUT /api/v1/namespaces/a/configmaps", "405"},
      {"PATCH /api/v1/namespaces/a/configmaps", "405"},
      {"OPTIONS /api/v1/namespaces/a/configmaps", "405"},
  };
  for (const PathCase& one : cases) EXPECT_EQ(Shown(one.request), one.expected) << one.request;
}

class Bodies : public testing::Test {
 protected:
  Reply Send(const std::string& type, const std::string& body) {
    World::Headers headers;
    if (!type.empty()) headers["content-type"] = type;
    return world_.Send("POST", std::string(kConfigMaps) + "?dryRun=All", body, headers);
  }
  World world_;
};

TEST_F(Bodies, AreJsonOrYaml) {
  const std::string object = R"({"metadata":{"name":"c"},"data":{"a":"1"}})";
  EXPECT_EQ(Send("application/json", object).status, 201);
  EXPECT_EQ(Send("", object).status, 201) << "as kubectl 1.20 sends some";
  EXPECT_EQ(Send("Application/JSON; charset=utf-8", object).status, 201);
  EXPECT_EQ(Send("application/yaml", "metadata: {name: c}\ndata: {a: b}\n").status, 201);
  EXPECT_EQ(Send("application/x-www-form-urlencoded", object).status, 201) << "curl -d";
}

TEST_F(Bodies, OfOtherTypesAre415) {
  const Reply reply = Send("application/xml", "<a/>");
  EXPECT_EQ(reply.status, 415);
  EXPECT_EQ(reply.body["reason"], "UnsupportedMediaType");
  EXPECT_THAT(reply.text, HasSubstr("application/json"));
  EXPECT_EQ(Send(std::string(100'000, 'x'), "{}").text.size() < 1000, true);
  world_.Post(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  const std::string apps = "/apis/ballast.dev/v1alpha1/namespaces/default/webapps";
  world_.Post(apps, App("shop"));
  const Reply strategic = world_.Send("PATCH", apps + "/shop", "{}",
                                      {{"content-type", "application/strategic-merge-patch+json"}});
  EXPECT_EQ(strategic.status, 415);
  EXPECT_THAT(strategic.text, HasSubstr("accepted media types include"));
  EXPECT_THAT(strategic.text, HasSubstr("--type=merge"));
  EXPECT_EQ(world_.Send("PATCH", std::string(kConfigMaps) + "/c", "{}").status, 415);
}

TEST_F(Bodies, HaveLimits) {
  std::string deep(70, '[');
  EXPECT_EQ(Send("application/json", deep + std::string(70, ']')).status, 400);
  EXPECT_EQ(Send("application/json", std::string(1'000'000, '[')).status, 400);
  EXPECT_EQ(Send("application/yaml", std::string(100'000, '[')).status, 400);
  EXPECT_EQ(Send("application/yaml", "a: &a [1]\nb: *a\n").status / 100, 4);
  EXPECT_EQ(Send("application/yaml", "a: 1\n---\nb: 1\n").status, 400);
  EXPECT_EQ(Send("application/yaml", "").status, 400);
  EXPECT_EQ(Send("application/json", "").status, 400);
  EXPECT_EQ(Send("application/json", R"({"a":1,"a":2})").status, 400) << "twice";
  EXPECT_EQ(Send("application/json", "{\"a\":\"\xff\"}").status, 400);
  EXPECT_EQ(Send("application/json", "{\"a\":1} x").status, 400);
  EXPECT_EQ(Send("application/json", std::string(1'000, '\0')).status, 400);
}

TEST(Discovery, IsWhatKubectlAsksFor) {
  World world;
  const json version = world.Get("/version?timeout=32s").body;
  EXPECT_EQ(version["major"], "1");
  EXPECT_EQ(version["minor"], "32");
  EXPECT_THAT(version["gitVersion"].get<std::string>(), HasSubstr("1.2.3"));
  EXPECT_EQ(world.Get("/api").body["kind"], "APIVersions");
  EXPECT_EQ(world.Get("/apis").body["groups"][0]["name"], "ballast.dev");
  EXPECT_EQ(world.Get("/apis/ballast.dev").body["kind"], "APIGroup");
  EXPECT_EQ(world.Get("/apis").body["groups"][1]["name"], "metrics.k8s.io");
  EXPECT_EQ(world.Get("/apis").body["groups"][1]["preferredVersion"]["groupVersion"],
            "metrics.k8s.io/v1beta1");
  EXPECT_EQ(world.Get("/apis/metrics.k8s.io").body["versions"][0]["version"], "v1beta1");
  const json measured = world.Get("/apis/metrics.k8s.io/v1beta1").body;
  EXPECT_EQ(measured["groupVersion"], "metrics.k8s.io/v1beta1");
  ASSERT_EQ(measured["resources"].size(), 1U);
  EXPECT_EQ(measured["resources"][0]["name"], "pods");
  EXPECT_EQ(measured["resources"][0]["kind"], "PodMetrics");
  EXPECT_EQ(measured["resources"][0]["verbs"], (json{"get", "list"}));
  const json core = world.Get("/api/v1").body;
  const json own = world.Get("/apis/ballast.dev/v1alpha1").body;
  EXPECT_EQ(core["groupVersion"], "v1");
  EXPECT_EQ(own["groupVersion"], "ballast.dev/v1alpha1");
  std::map<std::string, json> resources;
  for (const json& list : {core, own}) {
    for (const json& resource : list["resources"]) resources[resource["name"]] = resource;
  }
  EXPECT_EQ(resources["webapps"]["shortNames"], json::array({"wa"}));
  EXPECT_EQ(resources["webapps"]["namespaced"], true);
  EXPECT_THAT(resources["webapps"]["verbs"], testing::Contains("deletecollection"));
  EXPECT_EQ(resources["webapps/scale"]["group"], "autoscaling");
  EXPECT_EQ(resources["webapps/scale"]["kind"], "Scale");
  EXPECT_EQ(resources["loadbalancers"]["namespaced"], false);
  EXPECT_EQ(resources["pods"]["verbs"], (json{"get", "list", "watch"}));
  EXPECT_TRUE(resources.contains("pods/log"));
  const Reply openapi = world.Get(
      "/openapi/v2", {{"accept", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}});
  EXPECT_EQ(openapi.status, 200);
  EXPECT_EQ(openapi.text, "");
  EXPECT_EQ(openapi.response.content_type.find('@'), std::string::npos);
  EXPECT_EQ(world.Get("/status").text, "other /status\n");
}

TEST(Resources, HaveOneNameEach) {
  std::map<std::string, int> names;
  for (const Resource& resource : AllResources()) {
    ++names[resource.plural];
    ++names[resource.singular];
    for (const std::string& name : resource.short_names) ++names[name];
    EXPECT_EQ(FindByAnyName(resource.kind), &resource);
    EXPECT_EQ(FindByAnyName(resource.plural), &resource);
    EXPECT_EQ(FindKind(resource.ApiVersion(), resource.kind), &resource);
  }
  for (const auto& [name, times] : names) EXPECT_EQ(times, 1) << name;
  EXPECT_EQ(FindByAnyName("webapps.ballast.dev"), FindByAnyName("wa"));
  EXPECT_EQ(FindByAnyName("deployments"), nullptr);
}

TEST(Fields, ManagersComeFromTheQueryOrTheAgent) {
  World world;
  world.Send("POST", std::string(kConfigMaps) + "?fieldManager=one",
             ConfigMap("a", {{"a", "1"}}).dump(), {{"user-agent", "two/1"}});
  world.Send("POST", kConfigMaps, ConfigMap("b", {{"a", "1"}}).dump(),
             {{"user-agent", "kubectl/v1.32 (linux)"}});
  const auto manager = [&](const std::string& name) {
    return world.Get(std::string(kConfigMaps) + "/" + name)
        .body["metadata"]["managedFields"][0]["manager"];
  };
  EXPECT_EQ(manager("a"), "one");
  EXPECT_EQ(manager("b"), "kubectl");
}

}  // namespace
}  // namespace ballast::apiserver
