// Diff's commands on a running HAProxy: every reply is the expected one, and afterwards it is in
// the same state as one that was started with the new files.
#include "reconcilers/haproxy/diff.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/stats.h"
#include "tests/golden/haproxy/models.h"
#include "tests/integration/haproxy_model/instance.h"
#include "tests/integration/haproxy_model/net.h"

namespace ballast::testing {
namespace {

using namespace reconcilers::haproxy;  // NOLINT(google-build-using-namespace)
using reconcilers::ServerAdmin;

// Without ports, so that tests may run beside each other.
LoadBalancerModel Quiet(LoadBalancerModel model) {
  model.spec = {.listeners = {}, .stats_port = 0};
  return model;
}

// What must be equal: who is there, where, in which state, with which options that `show` shows.
std::vector<std::string> Facts(const Instance& haproxy) {
  std::vector<std::string> facts;
  for (const ServerStateRow& row : haproxy.Servers()) {
    facts.push_back(fmt::format("{}/{} {}:{} admin {} weight {} checked {}", row.backend,
                                row.server, row.address, row.port, static_cast<int>(row.Admin()),
                                row.Admin() == ServerAdmin::kReady ? row.user_weight : 0,
                                row.check_state & 4));
  }
  const std::string stat = haproxy.Command("show stat");
  const auto rows = ParseShowStat(stat);
  EXPECT_TRUE(rows) << rows.error().message;
  for (const StatRow& row : rows.value_or(std::vector<StatRow>{})) {
    if (row.kind == StatKind::kServer) {
      facts.push_back(fmt::format("{}/{} cookie {}", row.proxy, row.name, row.cookie));
    }
  }
  std::ranges::sort(facts);
  for (const char* map : {kExactMapPath, kPrefixMapPath}) {
    for (const std::string& entry : haproxy.Map(map)) facts.push_back(entry);
  }
  return facts;
}

void ExpectSameAsFresh(const Instance& haproxy, const LoadBalancerModel& from,
                       const LoadBalancerModel& to) {
  const DiffResult diff = Diff(from, to);
  EXPECT_THAT(diff.reload_reasons, ::testing::IsEmpty());
  haproxy.Run(diff.commands);
  for (const BackendModel& backend : from.backends) {
    for (const ServerModel& server : backend.servers) {
      const auto is = std::ranges::find(to.backends, backend.name, &BackendModel::name);
      if (std::ranges::find(is->servers, server.name, &ServerModel::name) == is->servers.end()) {
        haproxy.Run(DeleteServerCommands(backend.name, server.name));
      }
    }
  }
  const Instance fresh(to);
  EXPECT_EQ(Facts(haproxy), Facts(fresh));
}

// The maps need a frontend that uses them.
LoadBalancerModel WithListener(LoadBalancerModel model, std::uint16_t port) {
  model.spec = {.listeners = {{.name = "http", .port = port}}, .stats_port = 0};
  return model;
}

TEST(DiffTest, ServersOfEveryKindAndAdminState) {
  const LoadBalancerModel from = Quiet(FullModel());
  LoadBalancerModel to = from;
  to.backends[0].servers.erase(to.backends[0].servers.begin());
  to.backends[0].servers.push_back({"shop-7f3a-3", "172.30.0.77", 3000});
  to.backends[1].servers = {{"api-1", "172.30.0.7", 8080, ServerAdmin::kMaint},
                            {"api-2", "172.30.0.8", 8080, ServerAdmin::kReady},
                            {"api-3", "172.30.0.9", 8080, ServerAdmin::kDrain},
                            {"api-4", "172.30.0.10", 8080, ServerAdmin::kReady},
                            {"api-5", "172.30.0.11", 8080, ServerAdmin::kDrain},
                            {"api-6", "172.30.0.12", 8080, ServerAdmin::kMaint}};
  to.backends[2].servers = {{"pool-1", "172.30.0.20", 80}};
  const Instance haproxy(from);
  ExpectSameAsFresh(haproxy, from, to);
  ExpectSameAsFresh(haproxy, to, from);
}

TEST(DiffTest, EveryBalanceTakesServersAtRunTime) {
  const LoadBalancerModel from = Quiet(BalanceModel());
  LoadBalancerModel to = from;
  for (BackendModel& backend : to.backends) {
    backend.servers = {{"two", "172.30.0.6", 80}, {"three", "172.30.0.7", 80}};
  }
  const Instance haproxy(from);
  ExpectSameAsFresh(haproxy, from, to);
}

TEST(DiffTest, Routes) {
  const std::uint16_t port = FreePort();
  LoadBalancerModel from = WithListener(FullModel(), port);
  LoadBalancerModel to = from;
  to.routes = {{{.host = "", .path = "/status"}, "prod_pool"},
               {{.host = "*.example.com"}, "prod_api"},
               {{.host = "new.example.com",
                 .path = "/a,b(c)[d]{e}$f&g=h",
                 .path_type = api::PathType::kExact},
                "prod_api"}};
  const Instance haproxy(from);
  ExpectSameAsFresh(haproxy, from, to);
  ExpectSameAsFresh(haproxy, to, from);
  from.routes.clear();
  ExpectSameAsFresh(haproxy, WithListener(FullModel(), port), from);
}

TEST(DiffTest, RemovedAppsAreUnreachableBeforeTheReload) {
  const LoadBalancerModel from = WithListener(ShopModel(), FreePort());
  LoadBalancerModel to = from;
  to.backends.clear();
  to.routes.clear();
  const Instance haproxy(from);
  const DiffResult diff = Diff(from, to);
  ASSERT_TRUE(diff.removal_only);
  haproxy.Run(diff.commands);
  EXPECT_THAT(haproxy.Map(kPrefixMapPath), ::testing::IsEmpty());
  for (const ServerStateRow& row : haproxy.Servers()) EXPECT_EQ(row.Admin(), ServerAdmin::kMaint);
  haproxy.Publish(*Render(to));
  haproxy.Reload();
  EXPECT_THAT(haproxy.Servers(), ::testing::IsEmpty());
}

// However a server came out of service, and with a reload in between or not, ready brings it back.
class HistoryTest : public ::testing::TestWithParam<std::tuple<ServerAdmin, bool, bool>> {};

TEST_P(HistoryTest, ReadyBringsItBackAtOnce) {
  const auto [out, in_file, reload] = GetParam();
  TinyServer app([](const Request&) { return Answer("app"); });
  const std::uint16_t port = FreePort();
  LoadBalancerModel ready = WithListener(ShopModel(), port);
  ready.backends[0].servers = {{"one", "127.0.0.1", app.port()}};
  LoadBalancerModel away = ready;
  away.backends[0].servers[0].admin = out;

  Instance haproxy(in_file ? away : ready);
  if (!in_file) haproxy.Run(SetAdminCommands("default_shop", "one", out));
  haproxy.Publish(*Render(away));
  if (reload) haproxy.Reload();
  EXPECT_EQ(haproxy.Server("default_shop", "one")->Admin(), out);
  EXPECT_EQ(Get(port, "shop.example.com", "/").status, 503);

  haproxy.Run(SetAdminCommands("default_shop", "one", ServerAdmin::kReady));
  EXPECT_EQ(Get(port, "shop.example.com", "/").body, "app");
  EXPECT_EQ(haproxy.Server("default_shop", "one")->Admin(), ServerAdmin::kReady);
  EXPECT_EQ(haproxy.Server("default_shop", "one")->user_weight, 20);
  haproxy.Publish(*Render(ready));
  haproxy.Reload();
  EXPECT_EQ(Get(port, "shop.example.com", "/").body, "app");
  EXPECT_EQ(haproxy.Server("default_shop", "one")->Admin(), ServerAdmin::kReady);
  EXPECT_EQ(haproxy.Server("default_shop", "one")->user_weight, 20);
}

INSTANTIATE_TEST_SUITE_P(Histories, HistoryTest,
                         ::testing::Combine(::testing::Values(ServerAdmin::kDrain,
                                                              ServerAdmin::kMaint),
                                            ::testing::Bool(), ::testing::Bool()),
                         [](const auto& info) {
                           return fmt::format(
                               "{}{}{}",
                               std::get<0>(info.param) == ServerAdmin::kDrain ? "Drain" : "Maint",
                               std::get<1>(info.param) ? "FromFile" : "AtRunTime",
                               std::get<2>(info.param) ? "Reloaded" : "");
                         });

// Replies that are no success are never taken for one.
TEST(DiffTest, RefusedCommandsAreFailures) {
  const LoadBalancerModel model = Quiet(ShopModel());
  const Instance haproxy(model);
  const BackendModel& backend = model.backends[0];
  const auto first_fails = [&](const std::vector<RuntimeCommand>& commands) {
    return !Succeeded(commands.at(0), haproxy.Command(commands.at(0).text));
  };
  EXPECT_TRUE(first_fails(AddServerCommands(backend, backend.servers[0])));  // there already
  EXPECT_TRUE(first_fails(AddServerCommands(backend, {"a;show info", "1.2.3.4", 80})));
  EXPECT_TRUE(first_fails(AddServerCommands(backend, {"a b", "1.2.3.4", 80})));
  EXPECT_TRUE(first_fails(AddServerCommands(backend, {"", "1.2.3.4", 80})));
  EXPECT_TRUE(first_fails(AddServerCommands(backend, {"ok1", "", 80})));
  EXPECT_TRUE(first_fails(AddServerCommands(backend, {"ok2", "no address", 80})));
  EXPECT_TRUE(first_fails(AddServerCommands(backend, {"ok3", "localhost", 80})));
  EXPECT_TRUE(first_fails(AddServerCommands(backend, {"ok4", "1.2.3.4", 0})));
  EXPECT_TRUE(first_fails(DeleteServerCommands("default_shop", "shop-7f3a-1")));  // in service
  EXPECT_TRUE(first_fails(DeleteServerCommands("default_shop", "gone")));
  EXPECT_TRUE(first_fails(SetAdminCommands("default_shop", "gone", ServerAdmin::kReady)));
  EXPECT_TRUE(first_fails(SetAdminCommands("gone", "gone", ServerAdmin::kMaint)));
  EXPECT_EQ(haproxy.Servers().size(), 2U);
}

}  // namespace
}  // namespace ballast::testing
