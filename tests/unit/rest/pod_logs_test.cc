// Which container's log is meant, and how it gets to the client.
#include "controller/apiserver/pod_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "api/labels.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_engine.h"

namespace ballast::apiserver {
namespace {

using reconcilers::ContainerInfo;
using testing::HasSubstr;

ContainerInfo Container(const std::string& id, const std::string& replica, int attempt,
                        const std::string& sidecar = "", const std::string& ns = "default") {
  ContainerInfo info;
  info.id = id;
  info.name = id;
  info.labels = {{api::kLabelReplica, replica},
                 {api::kLabelNamespace, ns},
                 {api::kLabelOwner, "ballast"},
                 {api::kLabelAttempt, std::to_string(attempt)}};
  if (!sidecar.empty()) info.labels[api::kLabelSidecar] = sidecar;
  return info;
}

const std::vector<ContainerInfo> kAll = {
    Container("first", "shop-1", 0),
    Container("third", "shop-1", 10),
    Container("second", "shop-1", 9),
    Container("log-old", "shop-1", 9, "logger"),
    Container("log-new", "shop-1", 10, "logger"),
    Container("other", "shop-2", 3),
    Container("elsewhere", "shop-1", 99, "", "team"),
    Container("elsewhere-side", "shop-1", 99, "logger", "team"),
    Container("only", "lone-1", 0, "", "team")};

std::string Choose(const std::string& pod, const std::string& container, bool previous = false,
                   const std::string& ns = "default") {
  const auto chosen = ChooseContainer(kAll, {"", "pods", pod}, ns,
                                      {.container = container, .previous = previous, .log = {}});
  return chosen ? chosen->id : std::to_string(chosen.error().code);
}

TEST(Choice, TheLatestThatServes) {
  EXPECT_EQ(Choose("shop-1", ""), "third");
  EXPECT_EQ(Choose("shop-1", "web"), "third") << "by the name in the template";
  EXPECT_EQ(Choose("shop-2", ""), "other");
}

TEST(Choice, TheOneBefore) {
  EXPECT_EQ(Choose("shop-1", "", true), "second");
  EXPECT_EQ(Choose("shop-1", "web", true), "second");
  EXPECT_EQ(Choose("shop-1", "logger", true), "log-old");
  EXPECT_EQ(Choose("shop-2", "", true), "400") << "it has not been restarted";
}

TEST(Choice, ASidecarByItsName) { EXPECT_EQ(Choose("shop-1", "logger"), "log-new"); }

TEST(Choice, NoneThatIsInAnotherNamespace) {
  EXPECT_EQ(Choose("shop-1", "", false, "team"), "elsewhere");
  EXPECT_EQ(Choose("shop-1", "web", true, "team"), "400") << "not the default namespace's";
  EXPECT_EQ(Choose("lone-1", ""), "404");
  EXPECT_EQ(Choose("lone-1", "web"), "404");
  EXPECT_EQ(Choose("nothing", ""), "404");
}

HttpRequest Request(const std::string& query) {
  HttpRequest request{.method = "GET", .path = "", .query = {}, .headers = {}, .body = ""};
  EXPECT_TRUE(ParseTarget("/log?" + query, request));
  return request;
}

TEST(Query, IsRead) {
  const api::Time now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  const auto all = ParsePodLogRequest(
      Request(
          "container=web&follow=true&previous=true&tailLines=5&sinceSeconds=60&timestamps=true"),
      now);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->container, "web");
  EXPECT_TRUE(all->previous);
  EXPECT_TRUE(all->log.follow);
  EXPECT_TRUE(all->log.timestamps);
  EXPECT_EQ(all->log.tail, 5);
  EXPECT_EQ(all->log.since, now - std::chrono::seconds(60));
  EXPECT_EQ(ParsePodLogRequest(Request(""), now)->log.tail, -1);
  EXPECT_EQ(ParsePodLogRequest(Request("sinceTime=2025-12-31T23:59:00Z"), now)->log.since,
            now - std::chrono::seconds(60));
  for (const char* wrong : {"tailLines=x", "tailLines=-1", "sinceSeconds=x", "sinceSeconds=-5",
                            "sinceTime=yesterday", "tailLines=99999999999"}) {
    EXPECT_FALSE(ParsePodLogRequest(Request(wrong), now)) << wrong;
  }
}

class Handled : public testing::Test {
 protected:
  HttpResponse Get(const std::string& pod, const std::string& query = "") {
    RequestInfo info{.resource = FindResource("", "v1", "pods"),
                     .ns = "default",
                     .name = pod,
                     .subresource = "log"};
    HttpResponse got;
    logs_.Handle(info, Request(query),
                 [&got](HttpResponse response) { got = std::move(response); });
    return got;
  }
  static std::string ReadAll(BodySource& source) {
    std::mutex mutex;
    std::condition_variable cv;
    int wakes = 0;
    source.Start([&] {
      const std::lock_guard lock(mutex);
      ++wakes;
      cv.notify_all();
    });
    std::string all;
    for (;;) {
      std::string out;
      const auto next = source.Fill(out);
      all += out;
      if (next == BodySource::Next::kEnd) return all;
      if (next == BodySource::Next::kMore) continue;
      std::unique_lock lock(mutex);
      if (!cv.wait_for(lock, std::chrono::seconds(20), [&] { return wakes > 0; })) return "stuck";
      wakes = 0;
    }
  }
  fakes::FakeClock clock_;
  fakes::FakeEngine engine_{&clock_};
  PodLogs logs_{engine_, clock_, "ballast"};
};

TEST_F(Handled, ShowsNothingOfAnotherInstance) {
  ContainerInfo info = Container("", "shop-1", 0);
  info.labels[api::kLabelOwner] = "blue";
  engine_.AddContainer(info);
  EXPECT_EQ(Get("shop-1").status, 404);
}

TEST_F(Handled, SendsTheWholeLog) {
  ContainerInfo info = Container("", "shop-1", 0);
  info.name = "c";
  engine_.AddContainer(info);
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += "line " + std::to_string(i) + "\n";
  engine_.SetLogs("c", text);
  const HttpResponse response = Get("shop-1");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(ReadAll(*response.stream), text) << "more than is read ahead";
}

TEST_F(Handled, AClientThatGoesLeavesNothingBehind) {
  ContainerInfo info = Container("", "shop-1", 0);
  info.name = "c";
  engine_.AddContainer(info);
  engine_.SetLogs("c", std::string(2'000'000, 'x'));
  for (int i = 0; i < 3 * PodLogs::kMaxAtOnce; ++i) {
    const HttpResponse response = Get("shop-1");
    ASSERT_EQ(response.status, 200);
    if (i % 2 == 0) response.stream->Start([] {});
  }
}

TEST_F(Handled, TooManyAreRefusedUntilOneEnds) {
  ContainerInfo info = Container("", "shop-1", 0);
  info.name = "c";
  engine_.AddContainer(info);
  std::vector<HttpResponse> open;
  for (int i = 0; i < PodLogs::kMaxAtOnce; ++i) open.push_back(Get("shop-1"));
  EXPECT_EQ(open.back().status, 200);
  const HttpResponse refused = Get("shop-1");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.at("Retry-After"), "1");
  open.pop_back();
  EXPECT_EQ(Get("shop-1").status, 200);
}

TEST_F(Handled, WhatIsWrongIsSaid) {
  EXPECT_EQ(Get("nothing").status, 404);
  EXPECT_EQ(Get("nothing", "tailLines=x").status, 400);
  engine_.SetDown(Status{Code::kUnavailable, "no engine"});
  EXPECT_EQ(Get("shop-1").status, 503);
}

}  // namespace
}  // namespace ballast::apiserver
