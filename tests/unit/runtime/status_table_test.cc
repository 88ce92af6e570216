#include "controller/runtime/status_table.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace ballast::runtime {
namespace {

const api::ObjectKey kShop{"WebApp", "default", "shop"};
const api::ObjectKey kBlog{"WebApp", "default", "blog"};
const api::ObjectKey kBalancer{"LoadBalancer", "", "default"};

TEST(StatusTable, KeepsTheLatestSortedByKey) {
  const fakes::FakeClock clock;
  StatusTable table(clock);
  table.SetWebApp(kShop, {.replicas = 1}, {});
  table.SetWebApp(kBlog, {.replicas = 2}, {{.name = "blog-1"}});
  table.SetWebApp(kShop, {.replicas = 3}, {});
  table.SetLoadBalancer(kBalancer, {.version = "3.0"});
  ASSERT_EQ(table.WebApps().size(), 2U);
  EXPECT_EQ(table.WebApps()[0]->key, kBlog);
  EXPECT_EQ(table.WebApps()[0]->replicas[0].name, "blog-1");
  EXPECT_EQ(table.WebApp(kShop)->status.replicas, 3);
  EXPECT_EQ(table.LoadBalancer(kBalancer)->status.version, "3.0");
  EXPECT_EQ(table.LoadBalancers().size(), 1U);
}

TEST(StatusTable, EqualStatusIsNoChange) {
  fakes::FakeClock clock;
  StatusTable table(clock);
  table.SetWebApp(kShop, {.replicas = 1}, {});
  const auto row = table.WebApp(kShop);
  clock.Advance(std::chrono::seconds(1));
  table.SetWebApp(kShop, {.replicas = 1}, {});
  EXPECT_EQ(table.WebApp(kShop), row);
  table.SetWebApp(kShop, {.replicas = 1}, {{.name = "shop-1"}});
  EXPECT_GT(table.WebApp(kShop)->changed, row->changed);
}

TEST(StatusTable, RemovedIsGone) {
  const fakes::FakeClock clock;
  StatusTable table(clock);
  table.SetWebApp(kShop, {}, {});
  table.SetLoadBalancer(kBalancer, {});
  table.Remove(kShop);
  table.Remove(kBalancer);
  EXPECT_EQ(table.WebApp(kShop), nullptr);
  EXPECT_EQ(table.LoadBalancer(kBalancer), nullptr);
  EXPECT_TRUE(table.WebApps().empty());
}

}  // namespace
}  // namespace ballast::runtime
