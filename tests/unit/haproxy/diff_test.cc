// Which changes are runtime commands, which are reasons for a reload, and their exact texts.
#include "reconcilers/haproxy/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/golden/haproxy/models.h"

namespace ballast::reconcilers::haproxy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Texts(const std::vector<RuntimeCommand>& commands) {
  std::vector<std::string> texts;
  for (const RuntimeCommand& command : commands) texts.push_back(command.text);
  return texts;
}

const char kAddThird[] =
    "add server default_shop/shop-7f3a-3 172.30.0.7:3000 guid s:default_shop:shop-7f3a-3 weight 20 "
    "check inter 1s fastinter 5ms downinter 200ms rise 1 fall 2 observe layer4 error-limit 1 "
    "on-error fastinter";

TEST(DiffTest, NothingForTheSame) {
  for (const auto& [name, model] : GoldenModels()) {
    const DiffResult diff = Diff(model, model);
    EXPECT_THAT(diff.reload_reasons, IsEmpty()) << name;
    EXPECT_THAT(diff.commands, IsEmpty()) << name;
    EXPECT_FALSE(diff.removal_only);
  }
}

TEST(DiffTest, FieldsThatAreNotInTheFileAreNoChange) {
  LoadBalancerModel to = ShopModel();
  to.name = "other";
  to.spec.image = "other";
  to.backends[0].traffic.drain_seconds = 1;
  const DiffResult diff = Diff(ShopModel(), to);
  EXPECT_THAT(diff.reload_reasons, IsEmpty());
  EXPECT_THAT(diff.commands, IsEmpty());
}

TEST(DiffTest, WhoseRequestsWaitIsAChangeAtRunTime) {
  LoadBalancerModel to = HoldModel();
  to.backends[0].hold_seconds = 7;  // default_blog
  to.backends[1].hold_seconds = 0;  // default_shop
  to.backends[1].servers.pop_back();
  to.backends[2].hold_seconds = 6;  // prod_api
  const DiffResult diff = Diff(HoldModel(), to);
  EXPECT_THAT(diff.reload_reasons, IsEmpty());
  EXPECT_THAT(Texts(diff.commands), ElementsAre("add map /etc/haproxy/maps/hold.map default_blog 7",
                                                "del map /etc/haproxy/maps/hold.map default_shop",
                                                "set server default_shop/shop-7f3a-2 state maint",
                                                "set map /etc/haproxy/maps/hold.map prod_api 6"));
}

TEST(DiffTest, ThatRequestsCanWaitAtAllIsNot) {
  LoadBalancerModel to = ShopModel();
  to.holds = true;
  to.backends[0].hold_seconds = 60;
  const DiffResult diff = Diff(ShopModel(), to);
  EXPECT_THAT(diff.reload_reasons,
              ElementsAre("load balancer: requests wait for a server false -> true"));
  EXPECT_THAT(diff.commands, IsEmpty());
}

TEST(DiffTest, AServerForAWorkerThatWasReplaced) {
  BackendModel backend = ShopBackend();
  backend.traffic.sticky_session = api::StickySession{"BALLAST", 0};
  backend.traffic.max_connections_per_replica = 9;
  EXPECT_EQ(LateServerCommand(backend, backend.servers[0]).text,
            "add server default_shop/shop-7f3a-1:late 172.30.0.5:3000 "
            "guid s:default_shop:shop-7f3a-1:late weight 20 cookie shop-7f3a-1 maxconn 9");
}

TEST(DiffTest, AddsBeforeItTakesAway) {
  LoadBalancerModel to = ShopModel();
  to.backends[0].servers = {{"shop-7f3a-2", "172.30.0.6", 3000, ServerAdmin::kDrain},
                            {"shop-7f3a-3", "172.30.0.7", 3000}};
  const DiffResult diff = Diff(ShopModel(), to);
  EXPECT_THAT(diff.reload_reasons, IsEmpty());
  EXPECT_THAT(Texts(diff.commands), ElementsAre(kAddThird, "enable health default_shop/shop-7f3a-3",
                                                "set server default_shop/shop-7f3a-3 state ready",
                                                "set server default_shop/shop-7f3a-2 state drain",
                                                "set server default_shop/shop-7f3a-1 state maint"));
  EXPECT_EQ(diff.commands[0].expect, "New server registered.");
  EXPECT_EQ(diff.commands[0].match, RuntimeCommand::Match::kLastLine);
  EXPECT_EQ(diff.commands[1].expect, "");
}

TEST(DiffTest, ReadySetsTheWeightToo) {
  EXPECT_THAT(Texts(SetAdminCommands("b", "s", ServerAdmin::kReady)),
              ElementsAre("set server b/s weight 20", "set server b/s state ready"));
  EXPECT_THAT(Texts(SetAdminCommands("b", "s", ServerAdmin::kDrain)),
              ElementsAre("set server b/s state drain"));
  EXPECT_THAT(Texts(SetAdminCommands("b", "s", ServerAdmin::kMaint)),
              ElementsAre("set server b/s state maint"));
}

TEST(DiffTest, AServerIsAddedInItsState) {
  BackendModel backend = ShopBackend();
  ServerModel server{"shop-7f3a-3", "172.30.0.7", 3000, ServerAdmin::kDrain};
  EXPECT_THAT(Texts(AddServerCommands(backend, server)),
              ElementsAre(kAddThird, "enable health default_shop/shop-7f3a-3",
                          "set server default_shop/shop-7f3a-3 state drain"));
  server.admin = ServerAdmin::kMaint;  // as it is born
  EXPECT_THAT(Texts(AddServerCommands(backend, server)),
              ElementsAre(kAddThird, "enable health default_shop/shop-7f3a-3"));
}

TEST(DiffTest, ANewAddressOnlyTakesTheOldServerOut) {
  LoadBalancerModel to = ShopModel();
  to.backends[0].servers[0].address = "172.30.0.99";
  to.backends[0].servers[1].port = 3001;
  LoadBalancerModel from = ShopModel();
  EXPECT_THAT(Texts(Diff(from, to).commands),
              ElementsAre("set server default_shop/shop-7f3a-1 state maint",
                          "set server default_shop/shop-7f3a-2 state maint"));
  from.backends[0].servers[0].admin = ServerAdmin::kMaint;  // done: now it is deleted by the caller
  EXPECT_THAT(Texts(Diff(from, to).commands),
              ElementsAre("set server default_shop/shop-7f3a-2 state maint"));
}

TEST(DiffTest, WhatIsInMaintenanceStaysThere) {
  LoadBalancerModel from = ShopModel();
  from.backends[0].servers[0].admin = ServerAdmin::kMaint;
  LoadBalancerModel to = ShopModel();
  to.backends[0].servers.erase(to.backends[0].servers.begin());
  EXPECT_THAT(Diff(from, to).commands, IsEmpty());
}

TEST(DiffTest, RoutesAreMapCommands) {
  LoadBalancerModel from = ShopModel();
  LoadBalancerModel to = ShopModel();
  from.backends.push_back({.name = "default_b"});
  to.backends.push_back({.name = "default_b"});
  from.routes = {
      {{.host = "a.test"}, "default_shop"},
      {{.host = "b.test", .path = "/x", .path_type = api::PathType::kExact}, "default_b"},
      {{.host = "c.test", .path = "/same/"}, "default_b"}};
  to.routes = {{{.host = "", .path = "/y"}, "default_b"},
               {{.host = "a.test"}, "default_b"},
               {{.host = "c.test", .path = "/same"}, "default_b"}};
  const DiffResult diff = Diff(from, to);
  EXPECT_THAT(diff.reload_reasons, IsEmpty());
  EXPECT_THAT(Texts(diff.commands),
              ElementsAre("add map /etc/haproxy/maps/prefix.map /y/ default_b",
                          "set map /etc/haproxy/maps/prefix.map a.test/ default_b",
                          "del map /etc/haproxy/maps/exact.map b.test/x"));
  for (const RuntimeCommand& command : diff.commands) EXPECT_EQ(command.expect, "");
}

TEST(DiffTest, ANewBackendReloadsAndItsRoutesWait) {
  LoadBalancerModel to = ShopModel();
  to.backends.push_back({.name = "default_b", .servers = {{"b-1", "172.30.0.9", 80}}});
  to.backends[0].servers[0].admin = ServerAdmin::kMaint;
  to.routes[0].backend = "default_b";
  const DiffResult diff = Diff(ShopModel(), to);
  EXPECT_THAT(diff.reload_reasons, ElementsAre("backend default_b: new"));
  EXPECT_FALSE(diff.removal_only);
  // What died is taken out at once all the same.
  EXPECT_THAT(Texts(diff.commands), ElementsAre("set server default_shop/shop-7f3a-1 state maint"));
}

TEST(DiffTest, ARemovedBackendMayWaitForItsReload) {
  LoadBalancerModel to = EmptyModel();
  const DiffResult diff = Diff(ShopModel(), to);
  EXPECT_THAT(diff.reload_reasons, ElementsAre("backend default_shop: removed"));
  EXPECT_TRUE(diff.removal_only);
  EXPECT_THAT(Texts(diff.commands),
              ElementsAre("del map /etc/haproxy/maps/prefix.map shop.example.com/",
                          "set server default_shop/shop-7f3a-1 state maint",
                          "set server default_shop/shop-7f3a-2 state maint"));
}

TEST(DiffTest, ReasonsAreSentences) {
  LoadBalancerModel from = ShopModel();
  from.backends.push_back({.name = "default_old"});
  LoadBalancerModel to = ShopModel();
  to.spec.listeners = {
      {.name = "edge", .port = 81},
      {.name = "http", .port = 8080, .accept_proxy = true, .trusted_proxies = {"10.0.0.0/8"}}};
  to.spec.host_network = false;
  to.spec.stats_port = 0;
  to.spec.threads = 2;
  to.spec.syslog = "logs:514";
  to.spec.timeouts.client = api::Millis(1500);
  to.spec.snippets.global = {"# x"};
  api::Traffic& traffic = to.backends[0].traffic;
  traffic = {.protocol = api::AppProtocol::kH2c,
             .balance = api::Balance::kRoundrobin,
             .sticky_session = api::StickySession{"C", 60},
             .retries = 1,
             .retry_on = {500, 503},
             .max_connections_per_replica = 9,
             .max_body_bytes = 10,
             .compression = true,
             .slow_start_seconds = 5,
             .timeouts = {api::Millis(1), api::Millis(2), api::Millis(3), api::Millis(4)}};
  to.backends.push_back({.name = "prod_new"});
  EXPECT_THAT(
      ReloadReasons(from, to),
      ElementsAre(
          "backend default_old: removed", "backend default_shop: balance leastconn -> roundrobin",
          "backend default_shop: compression false -> true",
          "backend default_shop: maxBodyBytes 0 -> 10",
          "backend default_shop: maxConnectionsPerReplica 0 -> 9",
          "backend default_shop: protocol http1 -> h2c", "backend default_shop: retries 3 -> 1",
          "backend default_shop: retryOn none -> 500 503",
          "backend default_shop: slowStartSeconds 0 -> 5",
          "backend default_shop: stickySession none -> C 60s",
          "backend default_shop: timeouts.connect 40ms -> 1ms",
          "backend default_shop: timeouts.queue 30s -> 3ms",
          "backend default_shop: timeouts.server 60s -> 2ms",
          "backend default_shop: timeouts.tunnel 3600s -> 4ms", "backend prod_new: new",
          "listener edge: new", "listener http: acceptProxy false -> true",
          "listener http: port 80 -> 8080", "listener http: trustedProxies changed",
          "load balancer: hostNetwork true -> false",
          "load balancer: logging.syslog none -> logs:514",
          "load balancer: snippets.global changed", "load balancer: stats.port 1936 -> 0",
          "load balancer: threads 0 -> 2", "load balancer: timeouts.client 60s -> 1500ms"));
}

TEST(SucceededTest, ComparesWholeReplies) {
  const RuntimeCommand silent{"x", ""};
  EXPECT_TRUE(Succeeded(silent, ""));
  EXPECT_TRUE(Succeeded(silent, "\n"));
  EXPECT_FALSE(Succeeded(silent, "No such server.\n"));
  const RuntimeCommand add{"x", "New server registered.", RuntimeCommand::Match::kLastLine};
  EXPECT_TRUE(Succeeded(add, "New server registered.\n"));
  EXPECT_TRUE(Succeeded(add, "Ignoring cookie as HTTP mode is disabled.\nNew server registered."));
  EXPECT_FALSE(Succeeded(add, "New server registered. Not.\n"));
  EXPECT_FALSE(Succeeded(add, "New server registered.\nbut\n"));
  EXPECT_FALSE(Succeeded(add, ""));
  const RuntimeCommand exact{"x", "Server deleted."};
  EXPECT_TRUE(Succeeded(exact, "Server deleted.\n"));
  EXPECT_FALSE(Succeeded(exact, "x\nServer deleted.\n"));
  const RuntimeCommand prefix{"x", "Success=1", RuntimeCommand::Match::kPrefix};
  EXPECT_TRUE(Succeeded(prefix, "Success=1\n--\n"));
  EXPECT_FALSE(Succeeded(prefix, "Success=0\n--\n"));
}

TEST(DiffTest, ChangedCertificateIsSetWithoutItsContent) {
  const LoadBalancerModel from = TlsModel();
  LoadBalancerModel to = from;
  to.certificates[1].digest = "00000000000000c3";
  const DiffResult diff = Diff(from, to);
  EXPECT_TRUE(diff.reload_reasons.empty());
  const std::string path = "/etc/haproxy/certs/default_shop-tls.pem";
  ASSERT_EQ(diff.commands.size(), 2U);
  EXPECT_EQ(diff.commands[0].text, "set ssl cert " + path);
  EXPECT_EQ(diff.commands[0].certificate, "00000000000000c3");
  EXPECT_EQ(diff.commands[1].text, "commit ssl cert " + path);
  // HAProxy's own words.
  const RuntimeCommand& set = diff.commands[0];
  EXPECT_TRUE(Succeeded(set, "Transaction created for certificate " + path + "!\n"));
  EXPECT_TRUE(Succeeded(set, "Transaction updated for certificate " + path + "!\n"));
  EXPECT_FALSE(Succeeded(set, ""));
  EXPECT_FALSE(Succeeded(set,
                         "Can't replace a certificate which is not referenced by the "
                         "configuration!\nCan't update " +
                             path + "!\n"));
  const RuntimeCommand& commit = diff.commands[1];
  EXPECT_TRUE(Succeeded(commit, "Committing " + path + ".\nSuccess!\n"));
  EXPECT_FALSE(Succeeded(commit, "No ongoing transaction! !\nCan't commit " + path + "!\n"));
  EXPECT_FALSE(Succeeded(commit, "inconsistencies between private key and certificate loaded '" +
                                     path + "'.\nCan't commit " + path + "!\n"));
}

TEST(DiffTest, ReasonsOfHttps) {
  const auto reasons = [](const std::function<void(LoadBalancerModel&)>& change) {
    LoadBalancerModel to = TlsModel();
    change(to);
    return ReloadReasons(TlsModel(), to);
  };
  using M = LoadBalancerModel;
  using ::testing::ElementsAre;
  EXPECT_THAT(reasons([](M& m) { m.certificates.erase(m.certificates.begin() + 1); }),
              ElementsAre("listener https: certificates default/shop-tls blogs/blog.example.com -> "
                          "blogs/blog.example.com"));
  EXPECT_THAT(reasons([](M& m) { m.certificates.clear(); }),
              ElementsAre("listener https: removed", "listener old: removed"));
  EXPECT_THAT(reasons([](M& m) {
                m.certificates[1].digest = "00000000000000c9";
                m.certificates[1].bytes = 15'001;
              }),
              ElementsAre("certificate default/shop-tls: changed, and 15001 bytes are too many for "
                          "a command"));
  EXPECT_THAT(reasons([](M& m) { m.spec.listeners[2].http2 = false; }),
              ElementsAre("listener https: http2 true -> false"));
  EXPECT_THAT(reasons([](M& m) { m.backends[0].users = "00000000000000a9"; }),
              ElementsAre("backend default_shop: users changed"));
  EXPECT_THAT(reasons([](M& m) { m.backends[0].traffic.basic_auth_secret = ""; }),
              ElementsAre("backend default_shop: basicAuthSecret users -> none"));
  EXPECT_THAT(reasons([](M& m) { m.stats_users = ""; }),
              ElementsAre("load balancer: users of stats.auth changed"));
  EXPECT_THAT(reasons([](M& m) { m.spec.listeners[2].port = 444; }),
              ElementsAre("listener https: port 443 -> 444",
                          "load balancer: redirectToHttps to port 443 -> 444"));
}

}  // namespace
}  // namespace ballast::reconcilers::haproxy
