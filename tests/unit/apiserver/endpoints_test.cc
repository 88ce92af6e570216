#include "controller/apiserver/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace ballast::apiserver {
namespace {

using testing::HasSubstr;

class Source final : public StatusSource {
 public:
  StatusReport Report() const override { return report; }
  std::string NotReady() const override { return missing; }
  std::string MetricsText() const override { return "x 1\n"; }

  StatusReport report;
  std::string missing;
};

HttpResponse Get(const Router& router, const std::string& target,
                 const std::string& method = "GET") {
  HttpRequest request{.method = method};
  EXPECT_TRUE(ParseTarget(target, request));
  return router.Route(request);
}

TEST(Endpoints, HealthIsNotReadiness) {
  Source source;
  source.missing = "Docker does not answer";
  for (const Router& router : {PublicRouter(source), PrivateRouter(source)}) {
    EXPECT_EQ(Get(router, "/healthz").status, 200);
    const HttpResponse ready = Get(router, "/readyz");
    EXPECT_EQ(ready.status, 503);
    EXPECT_EQ(ready.body, "not ready: Docker does not answer\n");
  }
  source.missing.clear();
  EXPECT_EQ(Get(PublicRouter(source), "/readyz").status, 200);
}

TEST(Endpoints, StatusIsOnlyForThoseWhoMayOpenTheSocket) {
  const Source source;
  EXPECT_EQ(Get(PublicRouter(source), "/status").status, 404);
  const HttpResponse answer = Get(PrivateRouter(source), "/status");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/json");
}

TEST(Endpoints, MetricsSayTheirFormat) {
  const HttpResponse answer = Get(PublicRouter(Source()), "/metrics?x=1");
  EXPECT_EQ(answer.body, "x 1\n");
  EXPECT_THAT(answer.content_type, HasSubstr("version=0.0.4"));
}

TEST(Endpoints, ATextThatIsNoUtf8IsStillJson) {
  Source source;
  source.report.events.push_back({.message = "bad \xff byte"});
  const HttpResponse answer = Get(PrivateRouter(source), "/status");
  EXPECT_FALSE(nlohmann::json::parse(answer.body, nullptr, false).is_discarded());
}

TEST(Router, SaysWhatThereIs) {
  const Source source;
  const Router router = PublicRouter(source);
  const HttpResponse missing = Get(router, "/nothing");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("/healthz /metrics /readyz"));
  const HttpResponse wrong = Get(router, "/metrics", "DELETE");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("Allow"), "GET, HEAD");
  EXPECT_EQ(Get(router, "/metrics", "HEAD").status, 200);
}

TEST(Router, AnExceptionIsAnAnswer) {
  Router router;
  router.Handle("GET", "/",
                [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("oops"); });
  EXPECT_EQ(Get(router, "/").status, 500);
}

TEST(Synchronous, AnswersAtOnce) {
  const HttpHandler handler =
      Synchronous([](const HttpRequest& request) { return HttpResponse{.body = request.method}; });
  std::string body;
  handler({.method = "PUT"}, [&body](const HttpResponse& response) { body = response.body; });
  EXPECT_EQ(body, "PUT");
}

TEST(ParseTarget, Decodes) {
  HttpRequest request;
  ASSERT_TRUE(ParseTarget("/a%20b/%C3%A4?x=1%262&y&=z&x=3", request));
  EXPECT_EQ(request.path, "/a b/ä");
  EXPECT_EQ(request.query, (std::map<std::string, std::string>{{"x", "3"}, {"y", ""}}));
  request = {};
  ASSERT_TRUE(ParseTarget("/a+b?x+y=app+in+%28a%2Bb%29", request));
  EXPECT_EQ(request.path, "/a+b");
  EXPECT_EQ(request.query, (std::map<std::string, std::string>{{"x y", "app in (a+b)"}}));
  for (const char* bad : {"", "x", "*", "?a", "/%", "/%1", "/%zz", "http://x/", "/a?b=%9"}) {
    EXPECT_FALSE(ParseTarget(bad, request)) << bad;
  }
}

TEST(EncodeStatus, HasEveryPart) {
  using std::chrono::seconds;
  StatusReport report;
  report.now = api::Time(seconds(1'000'000'100));
  report.controller = {.version = "1",
                       .instance = "i",
                       .started = api::Time(seconds(1'000'000'000)),
                       .ready = false,
                       .not_ready_reason = "why",
                       .docker_version = "20",
                       .manifests = "/m"};
  WebAppReport app{.key = {"WebApp", "default", "shop"}, .from_labels = true};
  app.status = {.observed_generation = 3,
                .desired_replicas = 2,
                .in_service_replicas = 1,
                .url = "http://x/"};
  app.status.conditions.push_back(
      {"Available", api::ConditionStatus::kFalse, "R", "M", report.now});
  app.replicas.push_back({.name = "shop-1-0",
                          .phase = "Running",
                          .ready = true,
                          .server_state = "UP",
                          .connections = -1});
  report.webapps.push_back(app);
  report.load_balancers.push_back({{"LoadBalancer", "", "default"}, true, {.version = "3.0"}});
  report.problems.push_back({"Label", "what"});
  report.events.push_back({.last = report.now, .warning = true, .object = app.key, .count = 2});
  const nlohmann::json json = EncodeStatus(report);
  EXPECT_EQ(json["now"], "2001-09-09T01:48:20Z");
  EXPECT_EQ(json["controller"]["uptimeSeconds"], 100);
  EXPECT_EQ(json["controller"]["notReadyReason"], "why");
  const nlohmann::json& shop = json["webapps"][0];
  EXPECT_EQ(shop["namespace"], "default");
  EXPECT_EQ(shop["fromLabels"], true);
  EXPECT_EQ(shop["status"]["inServiceReplicas"], 1);
  EXPECT_EQ(shop["status"]["conditions"][0]["status"], "False");
  EXPECT_EQ(shop["replicas"][0]["serverState"], "UP");
  EXPECT_EQ(shop["replicas"][0]["startTime"], "");
  EXPECT_EQ(json["loadBalancers"][0]["implied"], true);
  EXPECT_EQ(json["problems"][0]["kind"], "Label");
  EXPECT_EQ(json["events"][0]["type"], "Warning");
  EXPECT_EQ(json["events"][0]["object"], "WebApp/default/shop");
}

}  // namespace
}  // namespace ballast::apiserver
