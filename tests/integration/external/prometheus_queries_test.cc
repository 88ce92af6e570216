// Queries over real sockets: cpprestsdk against a server that answers whatever the test wants.
#include "controller/external/prometheus_queries.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <mutex>
#include <thread>

#include "controller/external/http_call.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/http_stub.h"
#include "tests/fakes/recording_metrics.h"

namespace ballast::external {
namespace {

using api::PrometheusQuery;
using fakes::HttpStub;
using fakes::StubChunk;
using fakes::StubChunkedHeader;
using fakes::StubRequest;
using fakes::StubResponse;
using fakes::StubSend;
using std::chrono::seconds;
using testing::AnyOf;
using testing::EndsWith;
using testing::HasSubstr;

constexpr std::chrono::seconds kNever{20};
constexpr char kSeven[] =
    R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"7"]}]}})";

class PrometheusQueriesTest : public testing::Test {
 protected:
  PrometheusQueriesTest() {
    clock_.OnAdvance([this] { queries_.Wake(); });
    queries_.Start();
  }
  ~PrometheusQueriesTest() override { EXPECT_TRUE(queries_.Stop()); }

  // What the server does with the next requests.
  void Serve(fakes::StubHandler handler) {
    const std::lock_guard lock(mutex_);
    handler_ = std::move(handler);
  }
  void Serve(std::string bytes) {
    Serve([bytes = std::move(bytes)](const StubRequest&, const StubSend& send) {
      send(bytes);
      return false;
    });
  }
  [[nodiscard]] PrometheusQuery Query(const std::string& query = "up",
                                      const std::string& path = "") const {
    return {.url = fmt::format("http://127.0.0.1:{}{}", server_.port(), path), .query = query};
  }
  // Reads until something was answered.
  reconcilers::ExternalReading Await(const PrometheusQuery& query) {
    const auto give_up = std::chrono::steady_clock::now() + kNever;
    for (;;) {
      auto reading = queries_.Read(query);
      if (!reading.problem.ends_with("not been asked yet")) return reading;
      if (std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << "never asked";
        return reading;
      }
      std::this_thread::yield();
    }
  }
  // Of a query that was not made before.
  std::string ProblemWith(const std::string& bytes) {
    Serve(bytes);
    const auto reading = Await(Query(fmt::format("q{}", ++number_)));
    EXPECT_EQ(reading.value, std::nullopt) << bytes.substr(0, 200);
    const std::string server = Query().url + " ";
    EXPECT_TRUE(reading.problem.starts_with(server)) << reading.problem;
    return reading.problem.substr(std::min(server.size(), reading.problem.size()));
  }
  std::vector<StubRequest> Requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  std::mutex mutex_;
  fakes::StubHandler handler_;         // guarded by mutex_
  std::vector<StubRequest> requests_;  // guarded by mutex_
  int number_ = 0;
  HttpStub server_{[this](const StubRequest& request, const StubSend& send) {
    std::unique_lock lock(mutex_);
    requests_.push_back(request);
    const auto handler = handler_;
    lock.unlock();
    return handler(request, send);
  }};
  fakes::FakeClock clock_;
  fakes::RecordingMetrics metrics_;
  PrometheusQueries queries_{clock_, metrics_};
};

TEST_F(PrometheusQueriesTest, AsksAndTellsTheValue) {
  Serve(StubResponse(200, kSeven));
  EXPECT_THAT(queries_.Read(Query()).problem, EndsWith("has not been asked yet"));
  const auto reading = Await(Query("sum(rate(x[1m]))", "/prefix/"));
  EXPECT_EQ(reading.value, 7);
  EXPECT_EQ(reading.problem, "");
  for (const StubRequest& request : Requests()) {
    if (!request.target.starts_with("/prefix")) continue;
    EXPECT_EQ(request.method, "GET");
    EXPECT_EQ(request.target, "/prefix/api/v1/query?query=sum%28rate%28x%5B1m%5D%29%29&timeout=4s");
    EXPECT_EQ(request.Header("Host"), fmt::format("127.0.0.1:{}", server_.port()));
    EXPECT_EQ(request.Header("Accept"), "application/json");
    EXPECT_EQ(request.Header("Accept-Encoding"), "");
  }
}

TEST_F(PrometheusQueriesTest, ALongQueryIsPosted) {
  Serve(StubResponse(200, kSeven));
  EXPECT_EQ(Await(Query(std::string(8000, 'x'))).value, 7);
  const auto requests = Requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].Header("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(requests[0].body, "query=" + std::string(8000, 'x') + "&timeout=4s");
}

TEST_F(PrometheusQueriesTest, AsksAgainAndFollowsTheValue) {
  std::atomic<int> value = 1;
  Serve([&](const StubRequest&, const StubSend& send) {
    send(StubResponse(200, fmt::format(R"({{"status":"success","data":{{"resultType":"scalar",)"
                                       R"("result":[1,"{}"]}}}})",
                                       value.load())));
    return false;
  });
  EXPECT_EQ(Await(Query()).value, 1);
  value = 2;
  const auto give_up = std::chrono::steady_clock::now() + kNever;
  while (queries_.Read(Query()).value != 2 && std::chrono::steady_clock::now() < give_up) {
    clock_.Advance(seconds(1));
    std::this_thread::yield();
  }
  EXPECT_EQ(queries_.Read(Query()).value, 2);
}

TEST_F(PrometheusQueriesTest, ChunksAndBodiesWithoutALengthAreFine) {
  const std::string body = kSeven;
  Serve(StubChunkedHeader() + StubChunk(body.substr(0, 20)) + StubChunk(body.substr(20)) +
        StubChunk(""));
  EXPECT_EQ(Await(Query("chunks")).value, 7);
  Serve("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body);
  EXPECT_EQ(Await(Query("no length")).value, 7);
  Serve("HTTP/1.0 200 OK\r\n\r\n" + body);
  EXPECT_EQ(Await(Query("old")).value, 7);
}

TEST_F(PrometheusQueriesTest, EveryBadAnswerIsASentence) {
  EXPECT_EQ(ProblemWith(StubResponse(200, "rubbish")),
            "did not answer as Prometheus does: no JSON object");
  EXPECT_EQ(ProblemWith(StubResponse(204, "")),
            "did not answer as Prometheus does: no JSON object");
  EXPECT_EQ(ProblemWith(StubResponse(400, R"({"status":"error","error":"parse error"})")),
            "refused the query (HTTP 400): parse error");
  EXPECT_EQ(ProblemWith(StubResponse(503, "busy")), "answered HTTP 503");
  EXPECT_THAT(ProblemWith(StubResponse(302, "", "Location: " + Query().url + "/other\r\n")),
              HasSubstr("another address (HTTP 302)"));
  EXPECT_THAT(ProblemWith(StubResponse(308, "", "Location: http://[\r\n")),
              HasSubstr("another address (HTTP 308)"));
  EXPECT_THAT(ProblemWith(StubResponse(401, "", "WWW-Authenticate: Basic realm=\"x\"\r\n")),
              HasSubstr("wants a login"));
  // No HTTP, or not to its end.
  EXPECT_EQ(ProblemWith(""), "broke off the connection");
  EXPECT_EQ(ProblemWith("HTTP/1.1 200 OK\r\n"), "broke off the connection");
  EXPECT_EQ(ProblemWith("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"),
            "broke off the connection");
  EXPECT_EQ(ProblemWith(StubChunkedHeader() + "20\r\nabc"), "broke off the connection");
  EXPECT_THAT(ProblemWith("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
              AnyOf("does not answer as HTTP servers do", "broke off the connection"));
  EXPECT_THAT(ProblemWith("HTTP/1.1 abc\r\n\r\n"),
              AnyOf("does not answer as HTTP servers do", "broke off the connection"));
  EXPECT_EQ(ProblemWith(StubChunkedHeader() + "xyz\r\nabc\r\n"),
            "does not answer as HTTP servers do");
  EXPECT_NE(
      ProblemWith(StubResponse(200, kSeven, "Content-Encoding: gzip\r\n").replace(9, 3, "500")),
      "");
}

// cpprestsdk takes a chunk's length for an int.
TEST_F(PrometheusQueriesTest, ImpossibleLengthsDoNoHarm) {
  for (const char* length : {"-1", "-2", "-3", "-5", "80000000", "ffffffff", "fffffffffffffffff"}) {
    EXPECT_NE(ProblemWith(StubChunkedHeader() + length + "\r\nabc\r\n0\r\n\r\n"), "") << length;
  }
  for (const char* length : {"-1", "18446744073709551615", "99999999999999999999999", "x"}) {
    ProblemWith(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nrubbish", length));
  }
  Serve(StubResponse(200, kSeven));
  EXPECT_EQ(Await(Query("after")).value, 7);
}

TEST_F(PrometheusQueriesTest, HugeBodiesAreNotReadToTheirEnd) {
  const std::string piece(std::size_t{64} << 10, ' ');
  std::atomic<std::size_t> sent = 0;
  const auto endless = [&](const std::string& header, const std::string& bytes) {
    sent = 0;
    Serve([&, header, bytes](const StubRequest&, const StubSend& send) {
      if (!send(header)) return false;
      while (send(bytes)) sent += bytes.size();
      return false;
    });
    return Await(Query(fmt::format("q{}", ++number_))).problem;
  };
  EXPECT_THAT(endless("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n", piece),
              EndsWith("answered with more than 1024 KiB"));
  EXPECT_THAT(endless("HTTP/1.1 200 OK\r\n\r\n", piece),
              EndsWith("answered with more than 1024 KiB"));
  EXPECT_THAT(endless(StubChunkedHeader(), StubChunk(piece)),
              EndsWith("answered with more than 1024 KiB"));
}

TEST_F(PrometheusQueriesTest, WhoDoesNotAnswerIsNotWaitedFor) {
  std::latch asked(1);
  Serve([&](const StubRequest& request, const StubSend&) {
    asked.count_down();
    request.await_close();
    return false;
  });
  EXPECT_THAT(queries_.Read(Query()).problem, EndsWith("has not been asked yet"));
  asked.wait();
  clock_.Advance(seconds(4));
  EXPECT_THAT(Await(Query()).problem, EndsWith("does not answer within 4 s"));
}

TEST_F(PrometheusQueriesTest, WhoAnswersByDropsIsNotWaitedFor) {
  std::latch asked(1);
  Serve([&](const StubRequest&, const StubSend& send) {
    if (!send(StubChunkedHeader())) return false;
    asked.count_down();
    while (send(StubChunk(" "))) std::this_thread::yield();
    return false;
  });
  EXPECT_THAT(queries_.Read(Query()).problem, EndsWith("has not been asked yet"));
  asked.wait();
  clock_.Advance(seconds(4));
  EXPECT_THAT(Await(Query()).problem,
              AnyOf(EndsWith("does not answer within 4 s"), EndsWith("more than 1024 KiB")));
}

// cpprestsdk would read all of it before it says anything.
TEST_F(PrometheusQueriesTest, WhoSendsOneEndlessChunkIsNotWaitedFor) {
  std::latch asked(1);
  Serve([&](const StubRequest&, const StubSend& send) {
    if (!send(StubChunkedHeader() + "7fffffff\r\n")) return false;
    asked.count_down();
    while (send(std::string(1024, ' '))) std::this_thread::yield();
    return false;
  });
  EXPECT_THAT(queries_.Read(Query()).problem, EndsWith("has not been asked yet"));
  asked.wait();
  clock_.Advance(seconds(4));
  EXPECT_THAT(Await(Query()).problem, EndsWith("does not answer within 4 s"));
}

TEST_F(PrometheusQueriesTest, NobodyThere) {
  std::uint16_t port = 0;
  {
    port = HttpStub([](const StubRequest&, const StubSend&) { return false; }).port();
  }
  EXPECT_THAT(Await({.url = fmt::format("http://127.0.0.1:{}", port), .query = "up"}).problem,
              EndsWith("does not answer: connections are refused"));
  EXPECT_THAT(Await({.url = "http://" + std::string(64, 'a') + ".test", .query = "up"}).problem,
              EndsWith("has a name that is not known here"));
  EXPECT_THAT(
      Await({.url = fmt::format("https://127.0.0.1:{}", server_.port()), .query = "up"}).problem,
      EndsWith("has a certificate that is not trusted here, or speaks no TLS"));
}

TEST_F(PrometheusQueriesTest, UrlsThatCpprestsdkCannotTakeAreAnErrorToo) {
  for (const char* url :
       {"http://[::1]:1", "http://", "http://a b", "http://x:99999999", "ftp://x"}) {
    const auto reading = Await({.url = url, .query = "up"});
    EXPECT_EQ(reading.value, std::nullopt) << url;
    EXPECT_THAT(reading.problem, HasSubstr(url));
  }
}

TEST_F(PrometheusQueriesTest, ManyAtOnce) {
  Serve(StubResponse(200, kSeven));
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(queries_.Read(Query(fmt::format("q{}", i))).value, std::nullopt);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Await(Query(fmt::format("q{}", i))).value, 7);
}

TEST_F(PrometheusQueriesTest, StoppingEndsWhatIsUnderWay) {
  std::latch asked(1);
  Serve([&](const StubRequest& request, const StubSend&) {
    asked.count_down();
    request.await_close();
    return false;
  });
  EXPECT_EQ(queries_.Read(Query()).value, std::nullopt);
  asked.wait();
  EXPECT_TRUE(queries_.Stop());
  EXPECT_TRUE(queries_.Stop());
}

}  // namespace
}  // namespace ballast::external
