// The sample web app over real sockets: other tests lean on each of these behaviours.
#include <gtest/gtest.h>
#include <signal.h>

#include <future>
#include <nlohmann/json.hpp>

#include "tests/fault/loadgen/long_lived.h"
#include "tests/integration/images/support.h"

namespace ballast::images {
namespace {

nlohmann::json Body(const std::string& answer) {
  const auto end = answer.find("\r\n\r\n");
  if (end == std::string::npos) return nullptr;
  return nlohmann::json::parse(answer.substr(end + 4), nullptr, false);
}

std::string Get(const Hello& hello, const std::string& target, const std::string& headers = "") {
  return Exchange(hello.port(), "GET " + target + " HTTP/1.1\r\nHost: t\r\nConnection: close\r\n" +
                                    headers + "\r\n");
}

TEST(Hello, SaysWhoItIsAndCountsTheSession) {
  Hello hello({"--tag=v7", "--version=2"});
  const auto first = Body(Get(hello, "/"));
  for (const char* field : {"hello", "ip", "host", "tag", "version", "sessionViews", "id"}) {
    EXPECT_TRUE(first.contains(field)) << field;
  }
  EXPECT_EQ(first["tag"], "v7");
  EXPECT_EQ(first["version"], "2");
  EXPECT_EQ(first["ip"], "127.0.0.1");
  EXPECT_EQ(first["sessionViews"], 1);
  const std::string cookie = "Cookie: a=b; HELLOSESSID=" + first["id"].get<std::string>() + "\r\n";
  const std::string second = Get(hello, "/", cookie);
  EXPECT_EQ(Body(second)["sessionViews"], 2);
  EXPECT_EQ(second.find("Set-Cookie"), std::string::npos);
  EXPECT_EQ(Body(Get(hello, "/", "Cookie: HELLOSESSID=forged\r\n"))["sessionViews"], 1);
}

TEST(Hello, PipeliningHeadChunksAndHttp10) {
  Hello hello;
  const std::string answers =
      Exchange(hello.port(),
               "HEAD /work HTTP/1.1\r\nHost: t\r\n\r\n"
               "POST /work HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc"
               "POST /delay HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
               "chunked\r\n\r\n8\r\n{\"ms\":0}\r\n0\r\n\r\n"
               "GET /nope HTTP/1.1\r\nHost: t\r\n\r\n"
               "GET /healthz HTTP/1.0\r\n\r\n");
  std::vector<std::string> lines;
  for (std::size_t at = answers.find("HTTP/1."); at != std::string::npos;
       at = answers.find("HTTP/1.", at + 1)) {
    lines.push_back(answers.substr(at, 12));
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 200",
                                             "HTTP/1.1 404", "HTTP/1.0 200"}));
  // HEAD: the next answer follows the header at once.
  const auto end = answers.find("\r\n\r\n");
  EXPECT_EQ(answers.substr(end + 4, 7), "HTTP/1.");
}

TEST(Hello, BadRequestsAreRefused) {
  Hello hello;
  EXPECT_NE(Exchange(hello.port(), "BOGUS\r\n\r\n").find(" 400 "), std::string::npos);
  EXPECT_NE(Get(hello, "/", "X: " + std::string(20'000, 'a') + "\r\n").find(" 431 "),
            std::string::npos);
  EXPECT_EQ(Status(hello.port(), "PUT", "/"), 405);
  EXPECT_EQ(Status(hello.port(), "GET", "/work?ms=-1"), 400);
  EXPECT_EQ(Status(hello.port(), "POST", "/fail?mode=what"), 400);
}

TEST(Hello, SlowWorkBlocksNobody) {
  Hello hello;
  auto slow = std::async(std::launch::async,
                         [&] { return Status(hello.port(), "GET", "/work?ms=600000"); });
  EXPECT_EQ(Status(hello.port(), "GET", "/healthz"), 200);
  hello.Signal(SIGTERM);
  EXPECT_EQ(slow.get(), 0) << "not graceful: the request is lost";
  EXPECT_EQ(hello.Wait(), 143);
}

TEST(Hello, FailsAsTold) {
  Hello hello;
  const auto port = hello.port();
  EXPECT_EQ(Status(port, "POST", "/fail", R"({"fail":true})"), 200);
  EXPECT_EQ(Status(port, "GET", "/healthz"), 503);
  EXPECT_EQ(Status(port, "GET", "/"), 200);
  EXPECT_EQ(Status(port, "POST", "/fail", R"({"fail":false})"), 200);
  EXPECT_EQ(Status(port, "GET", "/healthz"), 200);
  EXPECT_EQ(Status(port, "POST", "/fail?mode=errors"), 200);
  EXPECT_EQ(Status(port, "GET", "/"), 500);
  EXPECT_EQ(Status(port, "GET", "/healthz"), 200);
  EXPECT_EQ(Status(port, "POST", "/fail?mode=none"), 200);
  EXPECT_EQ(Status(port, "GET", "/status?code=418"), 418);
  EXPECT_EQ(Status(port, "POST", "/fail?mode=exit&code=7"), 200);
  EXPECT_EQ(hello.Wait(), 7);
}

TEST(Hello, ReadyAfterAndPrefix) {
  Hello hello({"--ready-after=86400000", "--prefix=/shop"});
  EXPECT_EQ(Status(hello.port(), "GET", "/shop/healthz"), 503);
  EXPECT_EQ(Status(hello.port(), "GET", "/shop"), 200);
  EXPECT_EQ(Status(hello.port(), "GET", "/shopping"), 404);
}

TEST(Hello, GracefulStopEndsEverythingProperly) {
  Hello hello({"--graceful=1"});
  loadgen::LongLivedOptions options;
  options.port = hello.port();
  options.websockets = options.event_streams = 3;
  loadgen::LongLived streams(options);
  streams.Start();
  EXPECT_EQ(streams.Snapshot().Opened(), 6u);
  auto slow = std::async(std::launch::async, [&] { return Get(hello, "/work?ms=700"); });
  // Once this one is answered, the slow one has long arrived.
  EXPECT_EQ(Status(hello.port(), "GET", "/work?ms=300"), 200);
  hello.Signal(SIGTERM);
  EXPECT_NE(slow.get().find(" 200 "), std::string::npos);
  EXPECT_EQ(hello.Wait(), 0);
  const auto report = streams.Stop();
  for (const auto& stream : report.streams) {
    EXPECT_TRUE(stream.reason == "ended by the server" ||
                stream.reason == "closed by the peer with a close frame")
        << stream.reason;
  }
}

}  // namespace
}  // namespace ballast::images
