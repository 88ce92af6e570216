#include "controller/apiserver/load_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/fakes/fake_clock.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using reconcilers::LoadSample;
using testing::HasSubstr;

class FakeView final : public LoadView {
 public:
  std::vector<TopWebApp> Top(const std::string& ns) override {
    asked_namespace = ns;
    return top;
  }
  bool Exists(const api::ObjectKey& app) const override {
    return app == api::ObjectKey{"WebApp", "team", "shop"};
  }
  Result<std::vector<LoadSample>> Seconds(const api::ObjectKey&,
                                          std::int64_t after) const override {
    asked_after = after;
    if (fail) return std::unexpected(*fail);
    return samples;
  }
  Result<std::vector<LoadSample>> Minutes(const api::ObjectKey&, std::int64_t) const override {
    return samples;
  }

  std::vector<TopWebApp> top;
  std::vector<LoadSample> samples;
  std::optional<Status> fail;
  std::string asked_namespace = "?";
  mutable std::int64_t asked_after = 0;
};

class LoadApiTest : public testing::Test {
 protected:
  std::optional<HttpResponse> Send(const std::string& target, const std::string& method = "GET") {
    HttpRequest request{
        .method = method, .path = "", .query = {}, .headers = {}, .body = "", .peer = {}};
    EXPECT_TRUE(ParseTarget(target, request));
    return api_.Handle(request);
  }
  json Body(const std::string& target) {
    const auto response = Send(target);
    EXPECT_TRUE(response);
    return response ? json::parse(response->body, nullptr, false) : json();
  }

  fakes::FakeClock clock_;
  FakeView view_;
  LoadApi api_{view_, clock_};
};

constexpr char kShop[] = "/ballast/v1/load/namespaces/team/webapps/shop";

TEST_F(LoadApiTest, OtherPathsAreNotItsOwn) {
  for (const char* path : {"/ballast/v1/tokens", "/ballast/v1/topless", "/ballast/v1", "/"}) {
    EXPECT_FALSE(Send(path)) << path;
  }
}

TEST_F(LoadApiTest, ALoadSecondBySecond) {
  view_.samples = {{.second = 1'800'000'000,
                    .request_rate = 12.5,
                    .concurrency = 3,
                    .queued = 1,
                    .response_seconds = 0.02,
                    .error_rate = 0.5,
                    .in_service = 2},
                   {.second = 1'800'000'001}};
  const json body = Body(kShop);
  EXPECT_EQ(body["app"], "team/shop");
  ASSERT_EQ(body["seconds"].size(), 2U);
  EXPECT_EQ(body["seconds"][0]["second"], 1'800'000'000);
  EXPECT_EQ(body["seconds"][0]["requestRate"], 12.5);
  EXPECT_EQ(body["seconds"][0]["responseSeconds"], 0.02);
  EXPECT_EQ(body["seconds"][0]["inService"], 2);
  EXPECT_TRUE(body["seconds"][1]["responseSeconds"].is_null()) << "no request ended";
  EXPECT_EQ(body["minutes"].size(), 2U);
  const std::int64_t now =
      std::chrono::floor<std::chrono::seconds>(clock_.WallNow()).time_since_epoch().count();
  EXPECT_EQ(view_.asked_after, now - 900);
  Body(std::string(kShop) + "?since=60");
  EXPECT_EQ(view_.asked_after, now - 60);
}

TEST_F(LoadApiTest, WhatMakesNoSenseIsRefused) {
  for (const char* since : {"", "x", "0", "-5", "1e9", "604801", "99999999999999999999", "5s"}) {
    const auto response = Send(std::string(kShop) + "?since=" + since);
    EXPECT_EQ(response->status, 400) << since;
    EXPECT_THAT(response->body, HasSubstr("since"));
  }
  for (const char* path :
       {"/ballast/v1/load/namespaces/team/webapps/none", "/ballast/v1/load/",
        "/ballast/v1/load/namespaces/team", "/ballast/v1/load/namespaces/team/pods/shop",
        "/ballast/v1/load/namespaces//webapps/shop",
        "/ballast/v1/load/namespaces/team/webapps/shop/more"}) {
    EXPECT_EQ(Send(path)->status, 404) << path;
  }
  EXPECT_EQ(Send(kShop, "POST")->status, 405);
  EXPECT_EQ(Send("/ballast/v1/top", "DELETE")->status, 405);
  view_.fail = Status{Code::kUnavailable, "locked"};
  EXPECT_GE(Send(kShop)->status, 500);
}

TEST_F(LoadApiTest, TopNamesEveryReplica) {
  TopWebApp shop{.key = {"WebApp", "team", "shop"}, .figures = {}, .replicas = {}};
  shop.figures.request_rate = 40;
  shop.figures.cpu = 0.25;
  shop.in_service = 1;
  shop.held = 2;
  shop.replicas.push_back({.name = "shop-7f3a-1", .figures = {}});
  shop.replicas[0].figures.concurrency = 3;
  view_.top = {shop};
  const json body = Body("/ballast/v1/top?namespace=team");
  EXPECT_EQ(view_.asked_namespace, "team");
  ASSERT_EQ(body["items"].size(), 1U);
  const json& item = body["items"][0];
  EXPECT_EQ(item["namespace"], "team");
  EXPECT_EQ(item["requestRate"], 40);
  EXPECT_EQ(item["cpu"], 0.25);
  EXPECT_TRUE(item["memory"].is_null());
  EXPECT_EQ(item["held"], 2);
  EXPECT_EQ(item["replicas"][0]["name"], "shop-7f3a-1");
  EXPECT_EQ(item["replicas"][0]["concurrency"], 3);
  EXPECT_TRUE(item["replicas"][0]["requestRate"].is_null());
  EXPECT_EQ(body["now"], "2026-01-01T00:00:00Z");
  Body("/ballast/v1/top");
  EXPECT_EQ(view_.asked_namespace, "");
}

}  // namespace
}  // namespace ballast::apiserver
