// What a person reads when something is refused: Status errors, unknown types, manifests' lines.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controller/cli/manifest_files.h"
#include "controller/cli/resource_types.h"
#include "controller/cli/status_error.h"
#include "controller/cli/targets.h"
#include "tests/unit/cli/fake_connection.h"

namespace ballast::cli {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(DescribeStatus, NamesFieldsAndLines) {
  const std::string body = R"({"kind":"Status","status":"Failure","code":422,"reason":"Invalid",
    "message":"WebApp.ballast.dev \"shop\" is invalid: [spec.replicas: bad, spec.x: worse]",
    "details":{"causes":[{"reason":"FieldValueInvalid","field":"spec.replicas","message":"bad"},
                         {"reason":"FieldValueInvalid","field":"spec.x","message":"worse\u001b[0m"},
                         {"message":"no field"}]}})";
  EXPECT_EQ(DescribeStatus(422, body),
            "WebApp.ballast.dev \"shop\" is invalid\n"
            "  spec.replicas: bad\n"
            "  spec.x: worse?[0m\n"
            "  no field");
  EXPECT_EQ(DescribeStatus(422, body,
                           {.where = "shop.yaml:1",
                            .locate =
                                [](std::string_view field) {
                                  return field == "spec.x" ? "shop.yaml:7" : "";
                                }}),
            "shop.yaml:1: WebApp.ballast.dev \"shop\" is invalid\n"
            "  spec.replicas: bad\n"
            "  shop.yaml:7: spec.x: worse?[0m\n"
            "  no field");
}

TEST(DescribeStatus, SaysWhatToDoNext) {
  const auto status = [](int code, const char* reason, const char* details = "{}") {
    return fmt::format(R"({{"kind":"Status","code":{},"reason":"{}","message":"no","details":{}}})",
                       code, reason, details);
  };
  EXPECT_EQ(DescribeStatus(404, status(404, "NotFound"), {.next_step = "look elsewhere"}),
            "no\nlook elsewhere");
  EXPECT_EQ(DescribeStatus(403, status(403, "Forbidden")), "no");
  EXPECT_THAT(DescribeStatus(403, R"({"kind":"Status","code":403,"reason":"Forbidden","message":
              "secrets is forbidden: User \"x\" cannot list resource \"secrets\""})"),
              HasSubstr("--role"));
  EXPECT_THAT(DescribeStatus(409, status(409, "Conflict")), HasSubstr("try again"));
  EXPECT_EQ(DescribeStatus(409, status(409, "AlreadyExists")), "no");
  EXPECT_EQ(DescribeStatus(503, status(503, "ServiceUnavailable", R"({"retryAfterSeconds":2})")),
            "no\ntry again in 2 s");
  EXPECT_THAT(DescribeStatus(507, status(507, "InsufficientStorage")), HasSubstr("--state-dir"));
  EXPECT_EQ(DescribeStatus(409, status(409, "Conflict", R"({"causes":[{"reason":
              "FieldManagerConflict","field":".spec.replicas",
              "message":"conflict with \"kubectl\""}]})")),
            "others own fields that this would change\n"
            "  .spec.replicas: conflict with \"kubectl\"\n"
            "nothing was changed; leave these fields out of the manifest, or take them over with "
            "--force-conflicts");
  EXPECT_THAT(DescribeStatus(404, "<html>\x1b[31m"), HasSubstr("HTTP 404: <html>?[31m\nis the"));
  EXPECT_EQ(DescribeStatus(500, ""), "the controller answered HTTP 500");
  EXPECT_EQ(StatusReason(status(404, "NotFound")), "NotFound");
  EXPECT_EQ(StatusReason("{"), "");
}

TEST(WarningText, TakesTheTextOut) {
  EXPECT_EQ(WarningText("299 - \"unknown field \\\"x\\\"\", 299 - \"b\""),
            "unknown field \"x\"; b");
  EXPECT_EQ(WarningText("nonsense"), "");
}

ResourceTypes Types() {
  FakeServer server;
  AddDiscovery(server);
  ResourceTypes types;
  types.Add(json::parse(server.answers["GET /api/v1"].front().reply.body));
  types.Add(json::parse(server.answers["GET /apis/ballast.dev/v1alpha1"].front().reply.body));
  return types;
}

TEST(ResourceTypes, FindsThemByAnyName) {
  const ResourceTypes types = Types();
  for (const char* name : {"webapps", "webapp", "wa", "WebApp", "WEBAPPS", "webapps.ballast.dev"}) {
    const auto type = types.Find(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ((*type)->kind, "WebApp");
  }
  EXPECT_EQ((*types.Find("wa"))->Path("default", "a b"),
            "/apis/ballast.dev/v1alpha1/namespaces/default/webapps/a%20b");
  EXPECT_EQ((*types.Find("po"))->Path(""), "/api/v1/pods");
  EXPECT_EQ((*types.Find("lb"))->Path("default", "x"),
            "/apis/ballast.dev/v1alpha1/loadbalancers/x");
  const auto unknown = types.Find("webaps");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("there is no type \"webaps\"; did you mean "
                                                 "webapps?\nthere are: events (ev), namespaces"));
  EXPECT_EQ(types.FindAll("all")->size(), 2U);
  EXPECT_EQ(types.FindAll("all,wa,lb")->size(), 3U);
  EXPECT_FALSE(types.FindAll("wa,nope"));
  EXPECT_THAT(types.UnknownKind("v1", "WebApp").message, HasSubstr("ballast.dev/v1alpha1"));
  EXPECT_THAT(types.UnknownKind("x/v1", "WebAp").message, HasSubstr("did you mean WebApp?"));
  EXPECT_EQ(Query({{"a", "1"}, {"b", ""}, {"c", "x=y&z"}}), "?a=1&c=x%3Dy%26z");
}

TEST(ParseTargets, TakesTypesNamesAndPairs) {
  const ResourceTypes types = Types();
  const auto refs = [&types](const std::vector<std::string>& words) {
    const auto targets = ParseTargets(words, types);
    if (!targets) return std::vector<std::string>{targets.error().message};
    std::vector<std::string> refs;
    for (const auto& one : targets->all) refs.push_back(one.type->Ref(one.name));
    return refs;
  };
  EXPECT_THAT(refs({"wa"}), ElementsAre("webapp/"));
  EXPECT_THAT(refs({"wa", "a", "b"}), ElementsAre("webapp/a", "webapp/b"));
  EXPECT_THAT(refs({"wa,po", "a"}), ElementsAre("webapp/a", "pod/a"));
  EXPECT_THAT(refs({"wa/a", "lb/b"}), ElementsAre("webapp/a", "loadbalancer/b"));
  EXPECT_THAT(refs({"wa/a", "b"}), ElementsAre(HasSubstr("\"b\" has no type")));
  EXPECT_THAT(refs({"wa/"}), ElementsAre(HasSubstr("is not TYPE/NAME")));
  EXPECT_THAT(refs({"/a"}), ElementsAre(HasSubstr("is not TYPE/NAME")));
  EXPECT_THAT(refs({"wa/a/b"}), ElementsAre(HasSubstr("is not TYPE/NAME")));
  EXPECT_THAT(refs({}), ElementsAre(HasSubstr("a type is missing")));
}

TEST(ParseManifests, KeepsWhatAUserWroteAndItsLines) {
  const auto manifests = ParseManifests({"a.yaml", R"(apiVersion: v1
kind: List
items:
- apiVersion: ballast.dev/v1alpha1
  kind: WebApp
  metadata: {name: shop, namespace: x, uid: u, resourceVersion: "3", managedFields: [],
             finalizers: [ballast.dev/teardown]}
  spec:
    replicas: 2
  status: {replicas: 1}
---
apiVersion: v1
kind: Namespace
metadata: {name: y}
)"});
  ASSERT_TRUE(manifests);
  ASSERT_EQ(manifests->size(), 2U);
  const Manifest& shop = manifests->front();
  EXPECT_EQ(json::parse(shop.body),
            json::parse(R"({"apiVersion":"ballast.dev/v1alpha1","kind":"WebApp",
                "metadata":{"name":"shop","namespace":"x"},"spec":{"replicas":2}})"));
  EXPECT_EQ(shop.ns, "x");
  EXPECT_EQ(shop.Locate("spec.replicas"), "a.yaml:9");
  EXPECT_EQ(shop.Locate(".spec.replicas"), "a.yaml:9");
  EXPECT_EQ(shop.Locate(""), "a.yaml:4");
  EXPECT_EQ(manifests->back().Locate(""), "a.yaml:12");
}

TEST(ParseManifests, SaysWhatIsWrongWhere) {
  const auto wrong = [](const std::string& text) {
    const auto manifests = ParseAllManifests({{"a.yaml", text}});
    return manifests ? "" : manifests.error().message;
  };
  EXPECT_THAT(wrong("a: [\n"), HasSubstr("a.yaml:2"));
  EXPECT_EQ(wrong("# nothing\n"), "a.yaml: there is no object in it");
  EXPECT_EQ(wrong("x: 1\n"), "a.yaml:1: apiVersion: is required: a text");
  EXPECT_EQ(
      wrong("apiVersion: v1\nkind: Namespace\nmetadata:\n  generateName: x\n"),
      "a.yaml:3: metadata.name: is required: with generateName every apply would make another "
      "object");
  EXPECT_EQ(wrong("- 1\n---\nkind: 3\napiVersion: v1\n"),
            "the manifests are wrong; nothing was changed\n"
            "  a.yaml:1: must be a map with apiVersion, kind, metadata, spec\n"
            "  a.yaml:3: kind: is required: a text");
}

}  // namespace
}  // namespace ballast::cli
