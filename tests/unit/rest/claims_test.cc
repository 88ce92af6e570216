// What two objects must not both have: routes, ports, the web app of an autoscaler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <thread>

#include "controller/apiserver/route_claims.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Claims : public testing::Test {
 protected:
  std::string Path(const std::string& name) { return std::string(kApps) + "/" + name; }
  json Routes(const std::string& host) { return {{"spec", {{"routes", {{{"host", host}}}}}}}; }
  World world_;
};

TEST_F(Claims, ARouteBelongsToOneWebApp) {
  EXPECT_EQ(world_.Post(kApps, RoutedApp("one", "a.test")).status, 201);
  const Reply second = world_.Post(kApps, RoutedApp("two", "a.test"));
  EXPECT_EQ(second.status, 422);
  EXPECT_EQ(second.body["details"]["causes"][0]["field"], "spec.routes[0]");
  EXPECT_THAT(second.text, HasSubstr("WebApp/default/one"));
  EXPECT_EQ(world_.Get(Path("two")).status, 404);
  EXPECT_EQ(
      world_.Post("/apis/ballast.dev/v1alpha1/namespaces/other/webapps", RoutedApp("one", "a.test"))
          .status,
      422)
      << "namespaces share the load balancer";
  EXPECT_EQ(world_.Post(kApps, RoutedApp("two", "a.test", "/path")).status, 201);
}

TEST_F(Claims, ARouteIsFreeAgainWhenItIsGivenUp) {
  world_.Post(kApps, RoutedApp("one", "a.test"));
  EXPECT_EQ(world_.Merge(Path("one"), Routes("b.test")).status, 200);
  EXPECT_EQ(world_.Post(kApps, RoutedApp("two", "a.test")).status, 201);
  EXPECT_EQ(world_.Merge(Path("one"), Routes("a.test")).status, 422);
  EXPECT_EQ(world_.Delete(Path("two"), {{"propagationPolicy", "Orphan"}}).status, 200);
  EXPECT_EQ(world_.Merge(Path("one"), Routes("a.test")).status, 200);
}

TEST_F(Claims, ARouteOfWhatIsBeingDeletedIsStillTaken) {
  world_.Post(kApps, RoutedApp("one", "a.test"));
  world_.Delete(Path("one"));
  EXPECT_EQ(world_.Post(kApps, RoutedApp("two", "a.test")).status, 422);
  ASSERT_TRUE(world_.registry.Write({FindResource(kGroup, kVersion, "webapps"), "default", "one"},
                                    [](const json& current) {
                                      json gone = current;
                                      gone["metadata"].erase("finalizers");
                                      return gone;
                                    }));
  EXPECT_EQ(world_.Post(kApps, RoutedApp("two", "a.test")).status, 201);
}

TEST_F(Claims, AWriteThatFailsClaimsNothing) {
  world_.Post(kApps, RoutedApp("one", "a.test"));
  world_.durable.FailWrites({Code::kFailedPrecondition, "full"}, 1);
  EXPECT_EQ(world_.Merge(Path("one"), Routes("b.test")).status, 507);
  EXPECT_EQ(world_.Post(kApps, RoutedApp("two", "b.test")).status, 201);
  EXPECT_EQ(world_.Post(kApps, RoutedApp("three", "a.test")).status, 422) << "one has it still";
}

TEST_F(Claims, ADryRunClaimsNothing) {
  EXPECT_EQ(world_.Post(std::string(kApps) + "?dryRun=All", RoutedApp("one", "a.test")).status,
            201);
  EXPECT_EQ(world_.Post(kApps, RoutedApp("two", "a.test")).status, 201);
  EXPECT_EQ(world_.Post(std::string(kApps) + "?dryRun=All", RoutedApp("one", "a.test")).status,
            422);
}

// While a write is under way its object has both: what it had, should it fail, and what it wants.
TEST_F(Claims, WhatAWriteGivesUpIsFreeOnlyWhenItIsDone) {
  world_.Post(kApps, RoutedApp("one", "a.test"));
  int status = 0;
  world_.durable.BeforeNextWrite(
      [&] { status = world_.Post(kApps, RoutedApp("two", "a.test")).status; });
  world_.durable.FailWrites({Code::kFailedPrecondition, "full"}, 1);
  EXPECT_EQ(world_.Merge(Path("one"), Routes("b.test")).status, 507);
  EXPECT_EQ(status, 422);
}

TEST_F(Claims, OfTwoAtTheSameMomentOneIsRefused) {
  for (int round = 0; round < 20; ++round) {
    const std::string host = "h" + std::to_string(round) + ".test";
    std::barrier both(2);
    std::atomic<int> made = 0;
    std::atomic<int> refused = 0;
    const auto create = [&](const std::string& name) {
      both.arrive_and_wait();
      const int status = world_.Post(kApps, RoutedApp(name + std::to_string(round), host)).status;
      ++(status == 201 ? made : refused);
      EXPECT_TRUE(status == 201 || status == 422) << status;
    };
    std::thread one(create, "a");
    std::thread two(create, "b");
    one.join();
    two.join();
    EXPECT_EQ(made, 1);
    EXPECT_EQ(refused, 1);
  }
}

TEST_F(Claims, TwoWritersOfOneAppLeaveWhatIsStored) {
  world_.Post(kApps, RoutedApp("one", "a.test"));
  world_.durable.BeforeNextWrite([this] { world_.Merge(Path("one"), Routes("c.test")); });
  EXPECT_EQ(world_.Merge(Path("one"), Routes("b.test")).status, 200);
  EXPECT_EQ(world_.Post(kApps, RoutedApp("two", "b.test")).status, 422);
  EXPECT_EQ(world_.Post(kApps, RoutedApp("two", "a.test")).status, 201);
  EXPECT_EQ(world_.Post(kApps, RoutedApp("three", "c.test")).status, 201);
}

TEST_F(Claims, ArePickedUpFromTheStore) {
  world_.Post(kApps, RoutedApp("one", "a.test"));
  Registry other({.durable = world_.durable,
                  .transient = world_.transient,
                  .clock = world_.clock,
                  .new_uid = [] { return "u"; },
                  .executor = [](const std::function<void()>& task) { task(); },
                  .decode = {.allowed_host_paths = {}, .all_kinds = true, .knows_time_zone = {}}});
  ASSERT_TRUE(other.Load());
  int code = 0;
  other.Create(
      {FindResource(kGroup, kVersion, "webapps"), "default", ""}, RoutedApp("two", "a.test"), {},
      [&code](const ApiResult<WriteResult>& result) { code = result ? 201 : result.error().code; });
  EXPECT_EQ(code, 422);
}

api::Object RouteOf(const std::string& name, const std::string& host) {
  api::WebApp app;
  app.meta.name = name;
  api::Route route;
  route.host = host;
  app.spec.routes = {route};
  return app;
}

// Who removes an object hears of it on a thread of his own, perhaps when it was made anew already.
TEST(LateNews, OfAnEarlierObjectReleasesNothing) {
  RouteClaims claims;
  const api::ObjectKey key{"WebApp", "default", "one"};
  const auto claim = claims.Take(RouteOf("one", "a.test"));
  ASSERT_TRUE(claim);
  (*claim)->Keep(12);
  claims.Release(key, 10);
  EXPECT_FALSE(claims.Take(RouteOf("two", "a.test")));
  claims.Release(key, 13);
  EXPECT_TRUE(claims.Take(RouteOf("two", "a.test")));
}

TEST(LateNews, OfAnEarlierWriteChangesNothing) {
  RouteClaims claims;
  const auto older = claims.Take(RouteOf("one", "a.test"));
  const auto newer = claims.Take(RouteOf("one", "b.test"));
  ASSERT_TRUE(older && newer);
  (*newer)->Keep(6);
  EXPECT_FALSE(claims.Take(RouteOf("two", "a.test"))) << "that write may still be done";
  (*older)->Keep(5);
  EXPECT_TRUE(claims.Take(RouteOf("two", "a.test")));
  EXPECT_FALSE(claims.Take(RouteOf("two", "b.test")));
}

json Balancer(const std::string& name, int port, int stats) {
  return {{"metadata", {{"name", name}}},
          {"spec",
           {{"listeners", {{{"name", "http"}, {"port", port}, {"protocol", "HTTP"}}}},
            {"stats", {{"port", stats}}}}}};
}

TEST_F(Claims, APortOfTheHostBelongsToOneLoadBalancer) {
  EXPECT_EQ(world_.Post(kBalancers, Balancer("one", 80, 1936)).status, 201);
  EXPECT_EQ(world_.Post(kBalancers, Balancer("two", 80, 1937)).status, 422);
  EXPECT_EQ(world_.Post(kBalancers, Balancer("two", 81, 1936)).status, 422);
  EXPECT_EQ(world_.Post(kBalancers, Balancer("two", 81, 1937)).status, 201);
}

TEST_F(Claims, AWebAppHasOneAutoscaler) {
  const auto scaler = [](const std::string& name) {
    return json{{"metadata", {{"name", name}}},
                {"spec",
                 {{"scaleTargetRef", {{"kind", "WebApp"}, {"name", "shop"}}},
                  {"maxReplicas", 4},
                  {"metrics",
                   {{{"type", "RequestRate"},
                     {"requestRate",
                      {{"target", {{"type", "AverageValue"}, {"averageValue", "50"}}}}}}}}}}};
  };
  const std::string path = "/apis/ballast.dev/v1alpha1/namespaces/default/autoscalers";
  const Reply first = world_.Post(path, scaler("one"));
  EXPECT_EQ(first.status, 201) << first.text;
  const Reply second = world_.Post(path, scaler("two"));
  EXPECT_EQ(second.status, 422);
  EXPECT_THAT(second.text, HasSubstr("spec.scaleTargetRef"));
}

}  // namespace
}  // namespace ballast::apiserver
