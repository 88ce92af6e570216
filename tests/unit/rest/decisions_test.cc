// What `ballast why` is answered.
#include "controller/apiserver/decisions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/fakes/memory_load_history.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class DecisionsTest : public testing::Test {
 protected:
  DecisionsTest() {
    const Reply made = world_.Post("/apis/ballast.dev/v1alpha1/namespaces/default/autoscalers",
                                   json::parse(R"({"metadata": {"name": "shop"}, "spec": {
        "scaleTargetRef": {"kind": "WebApp", "name": "shop"}, "maxReplicas": 4, "metrics":
        [{"type": "RequestRate", "requestRate": {"target": {"averageValue": "50"}}}]}})"));
    EXPECT_EQ(made.status, 201) << made.text;
  }

  Reply Ask(const std::string& name, const std::map<std::string, std::string>& query = {}) {
    const RequestInfo info{.verb = Verb::kGet,
                           .resource = FindResource(kGroup, kVersion, "autoscalers"),
                           .ns = "default",
                           .name = name,
                           .subresource = "decisions"};
    HttpRequest request;
    request.query.insert(query.begin(), query.end());
    Reply reply;
    const Decisions decisions(world_.registry, history_);
    decisions.Handle(info, request, [&reply](HttpResponse response) {
      reply.status = response.status;
      reply.text = response.body;
      reply.body = json::parse(response.body, nullptr, false);
    });
    return reply;
  }

  World world_;
  fakes::MemoryLoadHistory history_;
};

TEST_F(DecisionsTest, NewestFirstWithHowOften) {
  for (int i = 1; i <= 3; ++i) {
    reconcilers::DecisionRow row{.first = api::Time{std::chrono::seconds(i)},
                                 .last = api::Time{std::chrono::seconds(i + 10)},
                                 .count = i,
                                 .json = json({{"replicas", i}}).dump()};
    ASSERT_TRUE(history_.SaveDecision({"Autoscaler", "default", "shop"}, row));
  }
  const Reply all = Ask("shop");
  EXPECT_EQ(all.status, 200);
  ASSERT_EQ(all.body["items"].size(), 3U);
  EXPECT_EQ(all.body["items"][0]["decision"]["replicas"], 3);
  EXPECT_EQ(all.body["items"][0]["count"], 3);
  EXPECT_EQ(all.body["items"][0]["first"], "1970-01-01T00:00:03Z");
  EXPECT_EQ(all.body["items"][0]["last"], "1970-01-01T00:00:13Z");
  EXPECT_EQ(Ask("shop", {{"limit", "1"}}).body["items"].size(), 1U);
}

TEST_F(DecisionsTest, WhatIsWrongIsRefused) {
  for (const char* limit : {"0", "-1", "1001", "x", "1x", "99999999999999999999", ""}) {
    EXPECT_EQ(Ask("shop", {{"limit", limit}}).status, 400) << limit;
  }
  EXPECT_EQ(Ask("other").status, 404);
  history_.fail = Status{Code::kUnavailable, "the file is away"};
  EXPECT_EQ(Ask("shop").status, 503);
}

TEST_F(DecisionsTest, ASubresourceThatIsReadOnly) {
  const std::string path =
      "/apis/ballast.dev/v1alpha1/namespaces/default/autoscalers/shop/decisions";
  EXPECT_EQ(world_.Get(path).status, 405) << "nobody answers it in this world";
  EXPECT_EQ(world_.Merge(path, json::object()).status, 405);
  const Reply list = world_.Get("/apis/ballast.dev/v1alpha1");
  EXPECT_THAT(list.text, HasSubstr("autoscalers/decisions"));
}

}  // namespace
}  // namespace ballast::apiserver
