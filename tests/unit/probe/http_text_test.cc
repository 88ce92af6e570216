#include "controller/probe/http_text.h"

#include <gtest/gtest.h>

#include <random>

namespace ballast::probe {
namespace {

TEST(BuildRequest, Plain) {
  EXPECT_EQ(*BuildRequest({.path = "/healthz?a=b"}, "10.0.0.5", 8080),
            "GET /healthz?a=b HTTP/1.1\r\nHost: 10.0.0.5:8080\r\nUser-Agent: ballast-probe\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n");
}

TEST(BuildRequest, HostAndHeadersOfTheUser) {
  EXPECT_EQ(*BuildRequest({.path = "healthz",
                           .host = "a.example.com",
                           .headers = {{"X-Probe", "1"},
                                       {"user-agent", "me"},
                                       {"Accept", "text/plain"},
                                       {"Connection", "keep-alive"}}},
                          "10.0.0.5", 8080),
            "GET /healthz HTTP/1.1\r\nHost: a.example.com\r\nuser-agent: me\r\nX-Probe: 1\r\n"
            "Accept: text/plain\r\nConnection: close\r\n\r\n");
  EXPECT_NE(
      BuildRequest({.host = "a", .headers = {{"Host", "b"}}}, "10.0.0.5", 80)->find("Host: b\r\n"),
      std::string::npos);
}

TEST(BuildRequest, NothingCanAddALine) {
  const api::HttpGetAction cases[] = {
      {.path = "/a\r\nX: y"},
      {.path = "/a b"},
      {.path = std::string("/a\0b", 4)},
      {.host = "a\nb"},
      {.headers = {{"X", "a\r\nb"}}},
      {.headers = {{"X\n", "a"}}},
      {.headers = {{"X: y\r\nZ", "a"}}},
      {.headers = {{"Host", "a\r\nb"}}},
  };
  for (const api::HttpGetAction& action : cases) {
    const auto request = BuildRequest(action, "10.0.0.5", 80);
    ASSERT_FALSE(request) << *request;
    EXPECT_EQ(request.error().code, Code::kInvalidArgument);
  }
}

TEST(ParseResponseHead, ReadsStatusAndLength) {
  const std::string text = "HTTP/1.1 204 No Content\r\nX: y\r\ncontent-LENGTH:  12 \r\n\r\nbody";
  const auto head = ParseResponseHead(text);
  ASSERT_TRUE(head && *head);
  EXPECT_EQ((*head)->status, 204);
  EXPECT_EQ((*head)->content_length, 12U);
  EXPECT_EQ((*head)->bytes, text.size() - 4);
}

TEST(ParseResponseHead, NeedsNoHeadersAndNoReason) {
  const auto head = ParseResponseHead("HTTP/1.0 200\r\n\r\n");
  ASSERT_TRUE(head && *head);
  EXPECT_EQ((*head)->status, 200);
  EXPECT_EQ((*head)->content_length, std::nullopt);
}

TEST(ParseResponseHead, WaitsForTheRest) {
  const std::string text = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto head = ParseResponseHead(text.substr(0, size));
    ASSERT_TRUE(head) << size;
    EXPECT_FALSE(*head) << size;
  }
}

TEST(ParseResponseHead, RefusesWhatIsNotHttp1) {
  for (const char* text : {"SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
                           "HTTP/1.1 99 OK\r\n\r\n", "HTTP/1.1 -20 OK\r\n\r\n", "\r\n\r\n",
                           "HTTP/1.1\r\n\r\n", "\x16\x03\x01"}) {
    EXPECT_FALSE(ParseResponseHead(text)) << text;
  }
}

TEST(ParseResponseHead, LengthsThatAreNoneAreNone) {
  for (const char* length : {"x", "-1", "99999999999999999999", "", "1 2"}) {
    const auto head =
        ParseResponseHead("HTTP/1.1 200 OK\r\nContent-Length: " + std::string(length) + "\r\n\r\n");
    ASSERT_TRUE(head && *head) << length;
    EXPECT_EQ((*head)->content_length, std::nullopt) << length;
  }
}

TEST(ParseResponseHead, SurvivesRubbish) {
  std::mt19937 random(3);
  const std::string alphabet("HTTP/1. 200\r\n:-\0\xff", 18);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = random() % 2 == 0 ? "HTTP/1.1 200" : "";
    const std::size_t size = random() % 40;
    while (text.size() < size) text += alphabet[random() % alphabet.size()];
    const auto head = ParseResponseHead(text);
    if (head && *head) {
      EXPECT_LE((*head)->bytes, text.size());
      EXPECT_GE((*head)->status, 100);
    }
  }
}

}  // namespace
}  // namespace ballast::probe
