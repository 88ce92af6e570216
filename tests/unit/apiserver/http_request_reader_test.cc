// Requests from bytes, in whatever pieces they come.
#include "controller/apiserver/http_request_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ballast::apiserver {
namespace {

using State = RequestReader::State;

struct Outcome {
  State state = State::kMore;
  int continues = 0;
  int status = 0;
  HttpRequest request;
  std::string rest;
};

// Feeds `text` in pieces of `piece` bytes until it is a request, or wrong.
Outcome Feed(const std::string& text, std::size_t piece, std::size_t header_bytes = 1024,
             std::size_t body_bytes = 1024) {
  RequestReader reader(header_bytes, body_bytes);
  Outcome outcome;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    outcome.rest += text.substr(at, piece);
    outcome.state = reader.Feed(outcome.rest);
    if (outcome.state == State::kContinue) ++outcome.continues;
    if (outcome.state == State::kDone) {
      outcome.request = reader.Take();
      outcome.rest += text.substr(std::min(text.size(), at + piece));
      return outcome;
    }
    if (outcome.state == State::kBad) {
      outcome.status = reader.error().status;
      return outcome;
    }
  }
  return outcome;
}

TEST(RequestReader, TakesOneRequestInAnyPieces) {
  const std::string text =
      "POST /a?b=c HTTP/1.1\r\nA: 1\r\nContent-Length: 4\r\na: 2\r\n\r\nbodyGET / HTTP/1.1\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const Outcome outcome = Feed(text, piece);
    ASSERT_EQ(outcome.state, State::kDone) << piece;
    EXPECT_EQ(outcome.request.method, "POST");
    EXPECT_EQ(outcome.request.path, "/a");
    EXPECT_EQ(outcome.request.query.at("b"), "c");
    EXPECT_EQ(outcome.request.Header("a"), "1, 2");
    EXPECT_EQ(outcome.request.body, "body");
    EXPECT_EQ(outcome.rest, "GET / HTTP/1.1\r\n\r\n");
  }
}

TEST(RequestReader, TakesChunksInAnyPieces) {
  const std::string text =
      "PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "4;x=\"y\"\r\nbody\r\n00a\r\n0123456789\r\n0\r\nX: y\r\n\r\nrest";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const Outcome outcome = Feed(text, piece);
    ASSERT_EQ(outcome.state, State::kDone) << piece;
    EXPECT_EQ(outcome.request.body, "body0123456789");
    EXPECT_EQ(outcome.request.Header("x"), "");
    EXPECT_EQ(outcome.rest, "rest");
  }
}

TEST(RequestReader, TakesABodyWithoutChunksInAnyPieces) {
  const std::string text = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nrest";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const Outcome outcome = Feed(text, piece);
    ASSERT_EQ(outcome.state, State::kDone) << piece;
    EXPECT_EQ(outcome.request.body, "");
    EXPECT_EQ(outcome.rest, "rest");
  }
}

TEST(RequestReader, CountsTheWholeHeader) {
  const std::string line = "X-Header: " + std::string(50, 'y') + "\r\n";
  std::string text = "GET / HTTP/1.1\r\n";
  while (text.size() + line.size() + 2 <= 1024) text += line;
  EXPECT_EQ(Feed(text + "\r\n", 1).state, State::kDone);
  EXPECT_EQ(Feed(text + "\r\n", 2000).state, State::kDone);
  for (const std::size_t piece : {1, 7, 64, 2000}) {
    EXPECT_EQ(Feed(text + line + "\r\n", piece).status, 431) << piece;
    EXPECT_EQ(Feed("GET / HTTP/1.1\r\nX: " + std::string(2000, 'y'), piece).status, 431) << piece;
  }
}

TEST(RequestReader, CountsTheBodyHoweverItComes) {
  const std::string body(1024, 'x');
  EXPECT_EQ(Feed("PUT / HTTP/1.1\r\nContent-Length: 1024\r\n\r\n" + body, 100).state, State::kDone);
  EXPECT_EQ(Feed("PUT / HTTP/1.1\r\nContent-Length: 1025\r\n\r\n", 100).status, 413);
  const std::string chunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(Feed(chunked + "400\r\n" + body + "\r\n0\r\n\r\n", 100).state, State::kDone);
  EXPECT_EQ(Feed(chunked + "400\r\n" + body + "\r\n1\r\nx\r\n0\r\n\r\n", 100).status, 413);
  EXPECT_EQ(Feed(chunked + "-1\r\n", 100).status, 400);
  EXPECT_EQ(Feed(chunked + "ffffffffffffffff\r\n", 100).status, 413);
  EXPECT_EQ(Feed(chunked + "1;" + std::string(2000, 'x'), 100).status, 400);
  EXPECT_EQ(Feed(chunked + "0\r\nX: " + std::string(2000, 'x'), 100).status, 400);
}

TEST(RequestReader, SaysWhenTheClientWaits) {
  const std::string header = "PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n";
  EXPECT_EQ(Feed(header, 1).state, State::kContinue);
  EXPECT_EQ(Feed(header + "abc", 1).continues, 1);
  EXPECT_EQ(Feed(header + "abc", 1).state, State::kDone);
  EXPECT_EQ(Feed(header + "abc", 1000).continues, 0) << "the body is there already";
  EXPECT_EQ(Feed("PUT / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", 1).continues, 0) << "no body";
  std::string old = header;
  old.replace(old.find("1.1"), 3, "1.0");
  EXPECT_EQ(Feed(old, 1).state, State::kMore) << "would take it for the answer";
}

TEST(RequestReader, RefusesWhatLeavesOpenWhereTheBodyEnds) {
  for (const char* headers :
       {"Transfer-Encoding: gzip", "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Content-Length: 3\r\nTransfer-Encoding: chunked", "Content-Length: 3, 4",
        "Content-Length: 0x3", "Content-Length: +3", "Content-Length: ", "Content-Length : 3"}) {
    EXPECT_EQ(Feed("PUT / HTTP/1.1\r\n" + std::string(headers) + "\r\n\r\nabc", 1000).status, 400)
        << headers;
  }
}

}  // namespace
}  // namespace ballast::apiserver
