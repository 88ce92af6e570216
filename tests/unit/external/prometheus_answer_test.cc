#include "controller/external/prometheus_answer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ballast::external {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

std::string Vector(const std::string& samples) {
  return R"({"status":"success","data":{"resultType":"vector","result":[)" + samples + "]}}";
}
std::string Sample(const std::string& number) {
  return R"({"metric":{"job":"shop"},"value":[1435781451.781,")" + number + "\"]}";
}
std::string Result(const std::string& type, const std::string& result) {
  return R"({"status":"success","data":{"resultType":")" + type + R"(","result":)" + result + "}}";
}

TEST(RequestOf, AppendsToThePathOfTheUrl) {
  const auto target = [](const char* url) {
    const QueryRequest request = RequestOf({.url = url, .query = "up"}, 4);
    EXPECT_EQ(request.form, "");
    return request.server + " " + request.target;
  };
  EXPECT_EQ(target("http://prometheus:9090"),
            "http://prometheus:9090 /api/v1/query?query=up&timeout=4s");
  EXPECT_EQ(target("http://prometheus:9090/"),
            "http://prometheus:9090 /api/v1/query?query=up&timeout=4s");
  EXPECT_EQ(target("https://x.test/select/0/prometheus//"),
            "https://x.test /select/0/prometheus/api/v1/query?query=up&timeout=4s");
}

TEST(RequestOf, EscapesTheQuery) {
  const QueryRequest request =
      RequestOf({.url = "http://p", .query = "sum(a{b=~\"c|d\"}[5m])\n+ 1 & é"}, 4);
  EXPECT_EQ(request.target,
            "/api/v1/query?query=sum%28a%7Bb%3D~%22c%7Cd%22%7D%5B5m%5D%29%0A%2B%201%20%26%20"
            "%C3%A9&timeout=4s");
}

TEST(RequestOf, ALongQueryIsAForm) {
  const QueryRequest request = RequestOf({.url = "http://p/x", .query = std::string(3000, 'a')}, 4);
  EXPECT_EQ(request.target, "/x/api/v1/query");
  EXPECT_EQ(request.form, "query=" + std::string(3000, 'a') + "&timeout=4s");
}

TEST(ReadAnswer, OneSampleOrTheirSum) {
  const auto value = [](const std::string& body) {
    const PrometheusAnswer answer = ReadAnswer(200, body);
    EXPECT_TRUE(answer.evaluated) << answer.problem;
    EXPECT_EQ(answer.problem, "");
    return answer.value.value_or(-1);
  };
  EXPECT_DOUBLE_EQ(value(Vector(Sample("1.5"))), 1.5);
  EXPECT_DOUBLE_EQ(value(Vector(Sample("0"))), 0);
  EXPECT_DOUBLE_EQ(value(Vector(Sample("-0"))), 0);
  EXPECT_DOUBLE_EQ(value(Vector(Sample("1e+06"))), 1e6);
  EXPECT_DOUBLE_EQ(value(Vector(Sample("1") + "," + Sample("2.25") + "," + Sample("4"))), 7.25);
  EXPECT_DOUBLE_EQ(value(Result("scalar", R"([1435781451.781,"42"])")), 42);
  // What newer servers say besides.
  EXPECT_DOUBLE_EQ(value(R"({"status":"success","warnings":["w"],"infos":[],"data":{
      "resultType":"vector","stats":{},"result":[{"metric":{},"value":[1,"3"],"x":1}]}})"),
                   3);
}

TEST(ReadAnswer, WhatIsNoNumberOfUse) {
  const auto problem = [](const std::string& body) {
    const PrometheusAnswer answer = ReadAnswer(200, body);
    EXPECT_TRUE(answer.evaluated) << body;
    EXPECT_EQ(answer.value, std::nullopt) << body;
    return answer.problem;
  };
  EXPECT_EQ(problem(Vector(Sample("NaN"))), "answered NaN, which is no number");
  EXPECT_EQ(problem(Vector(Sample("5") + "," + Sample("NaN"))), "answered NaN, which is no number");
  EXPECT_EQ(problem(Vector(Sample("+Inf"))), "answered infinity");
  EXPECT_EQ(problem(Vector(Sample("-Inf"))), "answered infinity");
  EXPECT_EQ(problem(Vector(Sample("-3") + "," + Sample("5"))), "answered -3, which is less than 0");
  EXPECT_EQ(problem(Vector(Sample("1e308") + "," + Sample("1e308"))),
            "answered samples whose sum is too large");
  EXPECT_EQ(problem(Vector("")), "found nothing: the query has no samples");
  EXPECT_EQ(problem(Vector(R"({"metric":{},"histogram":[1,{"count":"5"}]})")),
            "answered a histogram, not a number");
  EXPECT_EQ(problem(Result("string", R"([1,"hello"])")), "answered a text, not a number");
  EXPECT_EQ(problem(Result("matrix", "[]")),
            "answered a range of samples: the query must give single ones");
  EXPECT_EQ(problem(Result("scalar", R"([1,"NaN"])")), "answered NaN, which is no number");
}

TEST(ReadAnswer, WhatIsNoAnswerOfPrometheus) {
  for (const std::string& body :
       {std::string(),
        std::string("<html>"),
        std::string("[]"),
        std::string("null"),
        std::string("{"),
        std::string(R"({"status":"success"})"),
        std::string(R"({"status":"success","data":[]})"),
        Result("vector", "{}"),
        Result("vector", "null"),
        Result("scalar", "[]"),
        Result("scalar", "[1,2]"),
        Result("scalar", R"([1,"five"])"),
        Result("scalar", R"([1,"5x"])"),
        Result("scalar", R"([1,""])"),
        Result("scalar", R"([1,"0x10"])"),
        Result("moon", "[]"),
        Vector("5"),
        Vector("{}"),
        Vector(R"({"value":["1"]})"),
        Vector(R"({"value":[1,5]})"),
        std::string(100'000, '['),
        std::string(R"({"status":"success","data":)") + std::string(100'000, '{')}) {
    const PrometheusAnswer answer = ReadAnswer(200, body);
    EXPECT_FALSE(answer.evaluated) << body.substr(0, 100);
    EXPECT_EQ(answer.value, std::nullopt);
    EXPECT_THAT(answer.problem, StartsWith("did not answer as Prometheus does"));
  }
  EXPECT_THAT(ReadAnswer(200, R"({"status":"error","error":"boom"})").problem,
              "could not evaluate the query: boom");
}

TEST(ReadAnswer, WhatHttpStatusesMean) {
  const auto problem = [](int status, const std::string& body = "") {
    const PrometheusAnswer answer = ReadAnswer(status, body);
    EXPECT_FALSE(answer.evaluated);
    EXPECT_EQ(answer.value, std::nullopt);
    return answer.problem;
  };
  EXPECT_EQ(problem(400, R"({"status":"error","errorType":"bad_data",
                             "error":"1:5: parse error: unexpected\nend"})"),
            "refused the query (HTTP 400): 1:5: parse error: unexpected end");
  EXPECT_EQ(problem(422, "no JSON"), "refused the query (HTTP 422)");
  EXPECT_THAT(problem(302), HasSubstr("another address (HTTP 302)"));
  EXPECT_THAT(problem(401), HasSubstr("login (HTTP 401)"));
  EXPECT_THAT(problem(403), HasSubstr("login (HTTP 403)"));
  EXPECT_THAT(problem(404, "<html>"), HasSubstr("is the URL that of a Prometheus server?"));
  EXPECT_EQ(problem(503, R"({"error":"overloaded"})"), "answered HTTP 503: overloaded");
  EXPECT_EQ(problem(500, "<html>"), "answered HTTP 500");
  EXPECT_EQ(problem(0), "answered HTTP 0");
  EXPECT_EQ(problem(199, Vector(Sample("1"))), "answered HTTP 199");
}

TEST(ReadAnswer, LongErrorsAreCutBetweenCharacters) {
  std::string error(199, 'a');
  error += "éééé\x01";
  const PrometheusAnswer answer =
      ReadAnswer(400, fmt::format(R"({{"error":"{}\u0007"}})", error.substr(0, 207)));
  EXPECT_THAT(answer.problem, EndsWith("a..."));
  EXPECT_THAT(answer.problem, Not(HasSubstr("\xC3")));
  EXPECT_THAT(answer.problem, SizeIs(std::string("refused the query (HTTP 400): ").size() + 202));
}

}  // namespace
}  // namespace ballast::external
