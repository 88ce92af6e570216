// Whatever api/ accepts renders; and whatever does not render, however it came, is left out alone.
#include "reconcilers/haproxy/writable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/render.h"
#include "tests/golden/haproxy/accepted.h"
#include "tests/golden/haproxy/models.h"
#include "tests/golden/haproxy/shape.h"

namespace ballast::reconcilers::haproxy {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(WritableTest, WhateverTheApiAcceptsRenders) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  Accepted accepted(seed);
  EXPECT_GT(accepted.model.backends.size(), 500U);
  EXPECT_GT(accepted.specs.size(), 500U);
  EXPECT_GT(accepted.refused, 500);
  EXPECT_THAT(LeaveOutUnwritable(accepted.model), IsEmpty());
  const Result<ConfigFiles> files = Render(accepted.model);
  EXPECT_TRUE(files) << files.error().message;
  for (const api::LoadBalancerSpec& spec : accepted.specs) {
    const Result<ConfigFiles> rendered = Render({.name = "lb", .spec = spec});
    EXPECT_TRUE(rendered) << rendered.error().message;
  }
}

TEST(WritableTest, OneThatCannotBeWrittenIsLeftOutAlone) {
  LoadBalancerModel model = FullModel();
  model.backends[1].traffic.sticky_session->cookie_name = "a'b";
  const auto why = LeaveOutUnwritable(model);
  ASSERT_EQ(why.size(), 1U);
  EXPECT_THAT(why.at("prod_api"), HasSubstr("cookie name 'a'b': character ''' is not allowed"));
  const Result<ConfigFiles> files = Render(model);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_THAT(files->at(kConfigFile), Not(HasSubstr("prod_api")));
  EXPECT_THAT(files->at(kConfigFile), HasSubstr("backend prod_pool"));
  EXPECT_THAT(files->at(kPrefixMapFile), Not(HasSubstr("prod_api")));
  EXPECT_THAT(files->at(kPrefixMapFile), HasSubstr("shop.example.com/ default_shop"));
}

TEST(WritableTest, ServersAndRoutesGoWithoutTheirBackend) {
  LoadBalancerModel model = ShopModel();
  model.backends[0].servers.push_back({std::string(300, 'x'), "172.30.0.7", 3000});
  model.backends[0].servers.push_back(model.backends[0].servers[0]);
  model.routes.push_back({{.host = "a b.test"}, "default_shop"});
  EXPECT_EQ(LeaveOutUnwritable(model).size(), 1U);
  EXPECT_EQ(model, ShopModel());
}

TEST(WritableTest, WhatIsLeftRendersWhateverItWas) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> byte(0, 255);
  std::uniform_int_distribution<std::size_t> which(0, 6);  // the fields of web apps
  for (int i = 0; i < 2000; ++i) {
    LoadBalancerModel model = FullModel();
    for (int fields = 1 + i % 3; fields > 0; --fields) {
      const Field& field = Fields()[which(random)];
      std::string value = i % 2 == 0 ? field.harmless : "";
      for (int n = i % 5; n > 0; --n) value += static_cast<char>(byte(random));
      field.set(model, value);
    }
    if (i % 7 == 0) model.backends[2].name = model.backends[0].name;
    if (i % 11 == 0) model.backends[1].servers[1].port = 0;
    static_cast<void>(LeaveOutUnwritable(model));
    const Result<ConfigFiles> files = Render(model);
    ASSERT_TRUE(files) << files.error().message;
    EXPECT_THAT(files->at(kConfigFile), HasSubstr("backend default_shop"));
  }
}

}  // namespace
}  // namespace ballast::reconcilers::haproxy
