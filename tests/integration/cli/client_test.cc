// The command line's HTTP client against a small server on a unix socket: streams, servers that go
// away or say nothing, Ctrl-C.
#include "controller/cli/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "tests/fakes/http_stub.h"
#include "tests/fakes/temp_dir.h"

namespace ballast::cli {
namespace {

using fakes::HttpStub;
using fakes::StubChunk;
using fakes::StubChunkedHeader;
using fakes::StubRequest;
using fakes::StubResponse;
using fakes::StubSend;
using std::chrono::seconds;
using testing::HasSubstr;

class ClientTest : public testing::Test {
 protected:
  std::string Socket() const { return dir_.path("s"); }

  // A stream whose pieces are collected; `stop_after` of them it ends itself.
  Stream Collect(const std::string& target, std::size_t stop_after = 0) {
    return {.call = {.target = target},
            .on_data =
                [this, stop_after](std::string_view piece) {
                  text_ += piece;
                  return stop_after == 0 || text_.size() < stop_after;
                },
            .on_end = [this](const Result<Reply>& reply) { ends_.push_back(reply); }};
  }

  TempDir dir_;
  std::string text_;
  std::vector<Result<Reply>> ends_;
};

TEST_F(ClientTest, SendsWhatItIsTold) {
  StubRequest seen;
  const HttpStub server(Socket(), [&](const StubRequest& request, const StubSend& send) {
    seen = request;
    return send(StubResponse(201, "made", "Warning: 299 - \"careful\"\r\n"));
  });
  Client client(Socket());
  const auto reply = client.Send({.method = "PATCH",
                                  .target = "/a?b=c",
                                  .body = "{}",
                                  .content_type = "application/merge-patch+json",
                                  .accept = "x/y"});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, "made");
  EXPECT_EQ(reply->warning, "299 - \"careful\"");
  EXPECT_EQ(seen.method, "PATCH");
  EXPECT_EQ(seen.target, "/a?b=c");
  EXPECT_EQ(seen.body, "{}");
  EXPECT_EQ(seen.Header("content-type"), "application/merge-patch+json");
  EXPECT_EQ(seen.Header("accept"), "x/y");
  EXPECT_TRUE(client.Send({.method = "DELETE", .target = "/again"}));
}

TEST_F(ClientTest, GetsLargeAnswersWhole) {
  const std::string large(5'000'000, 'x');
  const HttpStub server(Socket(), [&](const StubRequest& request, const StubSend& send) {
    if (request.target == "/error") return send(StubResponse(500, large));
    if (request.target == "/length") return send(StubResponse(200, large));
    send(StubChunkedHeader());
    for (std::size_t at = 0; at < large.size(); at += 250'000) {
      send(StubChunk(large.substr(at, 250'000)));
    }
    return send(StubChunk(""));
  });
  Client client(Socket());
  for (const char* target : {"/length", "/chunks", "/error"}) {
    const auto reply = client.Send({.target = target});
    ASSERT_TRUE(reply) << target;
    EXPECT_EQ(reply->body.size(), large.size()) << target;
  }
}

TEST_F(ClientTest, StreamsArriveAtOnceAndAreEndedByEitherSide) {
  const HttpStub server(Socket(), [&](const StubRequest& request, const StubSend& send) {
    send(StubChunkedHeader());
    send(StubChunk("one\n"));
    if (request.target == "/cut") return false;
    if (request.target == "/open") {
      request.await_close();
      return false;
    }
    return send(StubChunk("two\n")) && send(StubChunk(""));
  });
  Client client(Socket());
  client.Open(Collect("/ends"));
  ASSERT_TRUE(client.Run(seconds(20)));
  EXPECT_EQ(text_, "one\ntwo\n");
  client.Open(Collect("/open", 1));  // we have enough after one piece
  ASSERT_TRUE(client.Run(seconds(20)));
  client.Open(Collect("/cut"));
  ASSERT_TRUE(client.Run(seconds(20)));
  ASSERT_EQ(ends_.size(), 3U);
  EXPECT_TRUE(ends_[0] && ends_[0]->ok());
  EXPECT_TRUE(ends_[1] && ends_[1]->ok());
  ASSERT_FALSE(ends_[2]);
  EXPECT_THAT(ends_[2].error().message, HasSubstr("closed the connection"));
  client.Open(Collect("/open"));
  const auto late = client.Run(std::chrono::milliseconds(50));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kTimeout);
  EXPECT_EQ(ends_.size(), 3U) << "no end is told of what was closed";
}

TEST_F(ClientTest, SeveralStreamsAndTimersTogether) {
  const HttpStub server(Socket(), [&](const StubRequest& request, const StubSend& send) {
    send(StubChunkedHeader());
    send(StubChunk(request.target));
    if (request.target == "/2") return send(StubChunk(""));
    request.await_close();
    return false;
  });
  Client client(Socket());
  client.Open(Collect("/1"));
  Stream second = Collect("/2");
  second.on_end = [&](const Result<Reply>&) {
    // A stream opened from the end of another one, and a request in between.
    EXPECT_TRUE(client.Send({.target = "/2"}));
    client.After(std::chrono::milliseconds(1), [&] {
      Stream third = Collect("/3");
      third.on_data = [&](std::string_view piece) {
        text_ += piece;
        client.Stop();
        return true;
      };
      client.Open(std::move(third));
    });
  };
  client.Open(std::move(second));
  ASSERT_TRUE(client.Run(seconds(20)));
  EXPECT_THAT(text_, HasSubstr("/1"));
  EXPECT_THAT(text_, HasSubstr("/2"));
  EXPECT_THAT(text_, testing::EndsWith("/3"));
  EXPECT_TRUE(client.Run(seconds(1))) << "nothing is left";
}

TEST_F(ClientTest, CtrlCEndsWhateverGoesOn) {
  const HttpStub server(Socket(), [&](const StubRequest& request, const StubSend& send) {
    if (request.target == "/open") {
      send(StubChunkedHeader());
      send(StubChunk("x"));
    }
    raise(SIGINT);
    request.await_close();
    return false;
  });
  Client client(Socket());
  client.Open(Collect("/open"));
  const auto ran = client.Run(std::nullopt);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Code::kCancelled);
  const auto sent = client.Send({.target = "/silent"});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kCancelled);
}

TEST_F(ClientTest, SaysWhyNobodyAnswers) {
  Client nobody(Socket());
  EXPECT_THAT(nobody.Send({.target = "/"}).error().message,
              HasSubstr("is it running? start it with `ballast controller"));
  dir_.Write("file", "");
  EXPECT_EQ(Client(dir_.path("file")).Send({.target = "/"}).error().code, Code::kUnavailable);
  EXPECT_EQ(Client(std::string(200, 'x')).Send({.target = "/"}).error().code,
            Code::kInvalidArgument);
  EXPECT_EQ(Client("").Send({.target = "/"}).error().code, Code::kInvalidArgument);
  const HttpStub silent(Socket(), [](const StubRequest& request, const StubSend&) {
    request.await_close();
    return false;
  });
  const auto late = Get(Socket(), "/", std::chrono::milliseconds(50));
  EXPECT_EQ(late.error().message, "the controller on " + Socket() + " does not answer");
}

TEST_F(ClientTest, NonsenseIsNoAnswer) {
  const HttpStub server(Socket(), [](const StubRequest&, const StubSend& send) {
    send("SMTP 220 hello\r\n\r\n");
    return false;
  });
  EXPECT_FALSE(Client(Socket()).Send({.target = "/"}));
}

}  // namespace
}  // namespace ballast::cli
