// The routing table of reference/haproxy.md section 10 on a real HAProxy, one tiny server per
// backend.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/integration/haproxy_model/instance.h"
#include "tests/integration/haproxy_model/net.h"

namespace ballast::testing {
namespace {

using namespace reconcilers::haproxy;  // NOLINT(google-build-using-namespace)

class RoutingTest : public ::testing::Test {
 protected:
  RoutingTest() {
    constexpr auto kExact = api::PathType::kExact;
    model_.name = "default";
    model_.spec.listeners = {{.name = "http", .port = FreePort()}};
    model_.spec.stats_port = 0;
    for (const char* name : {"any", "bar", "exact", "foo", "root", "slash", "wild", "wildfoo"}) {
      servers_.push_back(
          std::make_unique<TinyServer>([name](const Request&) { return Answer(name); }));
      BackendModel backend;
      backend.name = name;
      backend.servers = {{"one", "127.0.0.1", servers_.back()->port()}};
      model_.backends.push_back(backend);
    }
    model_.routes = {{{.host = "", .path = "/any"}, "any"},
                     {{.host = "*.wild.test"}, "wild"},
                     {{.host = "*.wild.test", .path = "/foo"}, "wildfoo"},
                     {{.host = "shop.test"}, "root"},
                     {{.host = "shop.test", .path = "/exact", .path_type = kExact}, "exact"},
                     {{.host = "shop.test", .path = "/foo"}, "foo"},
                     {{.host = "shop.test", .path = "/foo/bar"}, "bar"},
                     {{.host = "shop.test", .path = "/slash/"}, "slash"}};
  }

  std::string Where(const std::string& host, const std::string& target) {
    const HttpReply reply = Get(model_.spec.listeners[0].port, host, target);
    return reply.status == 200 ? reply.body : std::to_string(reply.status);
  }

  std::vector<std::unique_ptr<TinyServer>> servers_;
  LoadBalancerModel model_;
};

TEST_F(RoutingTest, Table) {
  const Instance haproxy(model_);
  const struct {
    const char* host;
    const char* target;
    const char* backend;
  } kCases[] = {
      {"shop.test", "/", "root"},
      {"shop.test", "/other", "root"},
      {"shop.test", "/foo", "foo"},
      {"shop.test", "/foo/", "foo"},
      {"shop.test", "/foo/x", "foo"},
      {"shop.test", "/foobaz", "root"},
      {"shop.test", "/foo/bar", "bar"},
      {"shop.test", "/foo/bar/bazz", "bar"},
      {"shop.test", "/foo/barbazz", "foo"},
      {"shop.test", "/foo?x=/foo/bar", "foo"},
      {"shop.test", "/?/foo", "root"},
      {"shop.test", "/exact", "exact"},
      {"shop.test", "/exact?q", "exact"},
      {"shop.test", "/exact/", "root"},
      {"shop.test", "/exact/x", "root"},
      {"shop.test", "/slash", "slash"},
      {"shop.test", "/slash/x", "slash"},
      {"SHOP.test:8080", "/foo", "foo"},
      {"shop.test", "http://shop.test/foo", "foo"},
      {"a.wild.test", "/", "wild"},
      {"a.wild.test:80", "/foo/x", "wildfoo"},
      {"a.b.wild.test", "/", "404"},
      {"wild.test", "/", "404"},
      {"unknown.test", "/any", "any"},
      {"unknown.test", "/any/x", "any"},
      {"unknown.test", "/", "404"},
      {"[::1]:8080", "/any", "any"},
      {"shop.test", "/any", "root"},
      {"shop.test", "/FOO", "root"},
      {"shop.test", "//foo", "root"},
      {"", "/any", "any"},
  };
  for (const auto& [host, target, backend] : kCases) {
    EXPECT_EQ(Where(host, target), backend) << host << " " << target;
  }
}

TEST_F(RoutingTest, NoRouteIsAShort404) {
  const Instance haproxy(model_);
  const HttpReply reply = Get(model_.spec.listeners[0].port, "unknown.test", "/");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.body, "no route\n");
  EXPECT_EQ(reply.Header("content-type"), "text/plain");
}

TEST_F(RoutingTest, RoutesChangeWithoutAReload) {
  LoadBalancerModel from = model_;
  from.routes.clear();
  const Instance haproxy(from);
  EXPECT_EQ(Where("shop.test", "/foo"), "404");
  haproxy.Run(Diff(from, model_).commands);
  EXPECT_EQ(Where("shop.test", "/foo"), "foo");
  EXPECT_EQ(Where("shop.test", "/foo/bar"), "bar");
  LoadBalancerModel moved = model_;
  moved.routes[5].backend = "wild";
  moved.routes.erase(moved.routes.begin() + 6);
  haproxy.Run(Diff(model_, moved).commands);
  EXPECT_EQ(Where("shop.test", "/foo"), "wild");
  EXPECT_EQ(Where("shop.test", "/foo/bar"), "wild");
}

}  // namespace
}  // namespace ballast::testing
