// What only the whole set of documents shows.
#include <gtest/gtest.h>

#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

std::string App(const std::string& name, const std::string& routes, const std::string& ns = "") {
  return "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {name: " + name +
         (ns.empty() ? "" : ", namespace: " + ns) + "}\nspec:\n  routes:\n" + routes;
}

std::string Balancer(const std::string& name, const std::string& spec) {
  return "apiVersion: ballast.dev/v1alpha1\nkind: LoadBalancer\nmetadata: {name: " + name +
         "}\nspec: " + spec + "\n";
}

struct File {
  std::string name;
  std::string text;
};

std::string Check(const std::vector<File>& files) {
  std::vector<DecodedObject> all;
  for (const File& file : files) {
    const auto objects = DecodeManifest(file.name, file.text, testing::AllKinds());
    if (!objects) return "not valid: " + objects.error().front().ToString();
    all.insert(all.end(), objects->begin(), objects->end());
  }
  std::string out;
  for (const FieldError& error : ValidateSet(all)) out += error.ToString() + "\n";
  return out;
}

TEST(ValidateSet, NothingWrong) {
  EXPECT_EQ(Check({}), "");
  EXPECT_EQ(Check({{"a.yaml", App("a", "  - {host: a.b}\n")},
                   {"b.yaml", App("b", "  - {host: a.b, path: /b}\n  - {host: b.b}\n")},
                   {"c.yaml", App("c", "  - {host: a.b, pathType: Exact}\n")},
                   {"d.yaml", App("d", "  - {host: a.b, loadBalancer: inner}\n")},
                   {"e.yaml", App("a", "  - {host: c.b}\n", "other")},
                   {"f.yaml", Balancer("inner", "{listeners: [{name: a, port: 8088}]}")}}),
            "");
}

TEST(ValidateSet, SameObjectTwiceNamesTheLater) {
  EXPECT_EQ(Check({{"b.yaml", App("a", "  - {host: a.b}\n")},
                   {"a.yaml", "# first\n" + App("a", "  - {host: c.b}\n")}}),
            "b.yaml:1:1: metadata.name: WebApp/default/a is defined in a.yaml:2 already\n");
  EXPECT_EQ(Check({{"a.yaml", Balancer("x", "{}") + "---\n" + Balancer("x", "{}")}}),
            "a.yaml:6:1: metadata.name: LoadBalancer/x is defined in a.yaml:1 already\n");
}

TEST(ValidateSet, SameRouteTwice) {
  EXPECT_EQ(Check({{"a.yaml", App("a", "  - {host: Shop.Test, path: /x/}\n")},
                   {"b.yaml", App("b", "  - {host: other}\n  - {host: shop.test, path: /x}\n")}}),
            "b.yaml:7:5: spec.routes[1]: host \"shop.test\" with path \"/x\" (Prefix) on "
            "LoadBalancer \"default\" belongs to WebApp/default/a in a.yaml:1 already\n");
  EXPECT_EQ(Check({{"a.yaml", App("a", "  - {}\n")}, {"b.yaml", App("b", "  - {}\n")}}),
            "b.yaml:6:5: spec.routes[0]: host * with path \"/\" (Prefix) on LoadBalancer "
            "\"default\" belongs to WebApp/default/a in a.yaml:1 already\n");
}

TEST(ValidateSet, UnknownLoadBalancer) {
  EXPECT_EQ(Check({{"a.yaml", App("a", "  - {loadBalancer: inner}\n")}}),
            "a.yaml:6:5: spec.routes[0].loadBalancer: no document defines the LoadBalancer "
            "\"inner\"; only \"default\" is made by itself\n");
}

TEST(ValidateSet, PortsOfTheHostAreTakenOnce) {
  EXPECT_EQ(Check({{"a.yaml", Balancer("a", "{}")},
                   {"b.yaml", Balancer("b", "{hostNetwork: false, listeners: [{name: x}]}")}}),
            "b.yaml:1:1: spec.listeners[0].port: port 80 belongs to LoadBalancer/a in a.yaml:1 "
            "already\n");
  EXPECT_EQ(Check({{"a.yaml", Balancer("a", "{}")},
                   {"b.yaml", Balancer("b", "{listeners: [{name: x, port: 81}]}")}}),
            "b.yaml:1:1: spec.stats.port: port 1936 belongs to LoadBalancer/a in a.yaml:1 "
            "already\n");
}

std::string Scaler(const std::string& name, const std::string& target, const std::string& ns = "") {
  return "apiVersion: ballast.dev/v1alpha1\nkind: Autoscaler\nmetadata: {name: " + name +
         (ns.empty() ? "" : ", namespace: " + ns) + "}\nspec:\n  scaleTargetRef: {kind: WebApp, " +
         "name: " + target + "}\n  maxReplicas: 3\n  metrics: [{type: Concurrency, concurrency: " +
         "{target: {averageValue: 20}}}]\n";
}

TEST(ValidateSet, OneAutoscalerForAWebApp) {
  EXPECT_EQ(Check({{"a.yaml", Scaler("a", "shop") + "---\n" + Scaler("b", "other")},
                   {"b.yaml", Scaler("a", "shop", "staging")}}),
            "");
  EXPECT_EQ(Check({{"b.yaml", Scaler("b", "shop")}, {"a.yaml", Scaler("a", "shop")}}),
            "b.yaml:1:1: spec.scaleTargetRef: WebApp/default/shop is scaled by "
            "Autoscaler/default/a in a.yaml:1 already\n");
}

TEST(ValidateSet, NamesAreUniqueInAKind) {
  const std::string head = "apiVersion: v1\nmetadata: {name: a}\nkind: ";
  EXPECT_EQ(Check({{"a.yaml", head + "Secret\n---\n" + head + "ConfigMap\n---\n" + head +
                                  "Namespace\n---\n" + App("a", "  - {host: a.b}\n")}}),
            "");
  EXPECT_EQ(Check({{"a.yaml", head + "Secret\n---\n" + head + "Secret\n"}}),
            "a.yaml:5:1: metadata.name: Secret/default/a is defined in a.yaml:1 already\n");
}

TEST(ValidateSet, ObjectsWithoutAPlace) {
  WebApp one;
  one.meta.name = "one";
  one.spec.routes = {{}};
  WebApp two = one;
  two.meta.name = "two";
  const auto errors = ValidateSet({{.object = one, .file = "", .route_marks = {}},
                                   {.object = two, .file = "", .route_marks = {}}});
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].line, 0);
}

TEST(ValidateSet, ManyErrorsAreCut) {
  std::vector<DecodedObject> many;
  WebApp app;
  app.meta.name = "same";
  for (int i = 0; i < 500; ++i) many.push_back({.object = app, .file = "a", .route_marks = {}});
  EXPECT_EQ(ValidateSet(many).size(), 100U);
}

}  // namespace
}  // namespace ballast::api
