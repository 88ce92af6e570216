// Streams over real sockets: order, back-pressure, clients that go, and the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "controller/apiserver/http_server.h"
#include "tests/integration/apiserver/fixture.h"

namespace ballast::apiserver {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Streams = ServerTest;

const char* const kChunkedHeader =
    "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Type: application/json\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

TEST_F(Streams, TellWhatComesInOrderAndThenGoOnWithTheNextRequest) {
  Start();
  Feed& feed = FeedOf("a");
  const Client client(path_);
  client.Send(GetRequest("/feed/a"));
  EXPECT_EQ(client.Read("\r\n\r\n"), kChunkedHeader) << "before there is anything to tell";
  feed.Push("one\n");
  EXPECT_EQ(client.Read("one\n\r\n"), "4\r\none\n\r\n");
  client.Send(GetRequest("/next"));  // waits for its turn
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string line = "line " + std::to_string(100 + i) + "\n";
    feed.Push(line);
    expected += "9\r\n" + line + "\r\n";
  }
  feed.End();
  const std::string rest = client.Read("GET /next ");
  EXPECT_THAT(rest, StartsWith(expected + "0\r\n\r\nHTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(feed.AwaitDestroyed());
}

TEST_F(Streams, AreWokenFromAnyThreadAtAnyTime) {
  Start();
  Feed& feed = FeedOf("a");
  const Client client(port_);
  client.Send(GetRequest("/feed/a"));
  client.Read("\r\n\r\n");
  constexpr int kEach = 500;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&feed] {
      for (int i = 0; i < kEach; ++i) feed.Push("x");
    });
  }
  for (std::thread& thread : threads) thread.join();
  feed.End();
  const std::string body = client.Read("0\r\n\r\n");
  EXPECT_EQ(std::ranges::count(body, 'x'), 4 * kEach);
}

TEST_F(Streams, ASlowReaderCostsOnePieceAndNobodyElseAnything) {
  Start();
  for (const bool tcp : {false, true}) {
    Feed& feed = FeedOf(tcp ? "tcp" : "unix");
    const std::string piece(64 << 10, 'x');
    feed.Endless(piece);
    const Client client = tcp ? Client(port_) : Client(path_);
    client.Send(GetRequest(tcp ? "/feed/tcp" : "/feed/unix"));
    client.Read("\r\n\r\n");
    // Each of these went the way that a call of Fill goes; had it been called freely, there would
    // be as many calls.
    for (int i = 0; i < 300; ++i) ExpectAlive();
    const int fills = feed.fills();
    EXPECT_LE(fills, 64) << "what the kernel's buffers took";
    EXPECT_GE(client.ReadBytes(10 << 20).size(), 10U << 20);
    EXPECT_TRUE(feed.AwaitFills(fills + 100)) << "and on it goes";
  }
}

TEST_F(Streams, AReaderMayPauseForLongerThanAnAnswerMayTake) {
  Start({.timeout = milliseconds(50)});
  for (const bool tcp : {false, true}) {
    FeedOf(tcp ? "tcp" : "unix").Endless(std::string(64 << 10, 'x'));
    const Client client = tcp ? Client(port_) : Client(path_);
    client.Send(GetRequest(tcp ? "/feed/tcp" : "/feed/unix"));
    client.Read("\r\n\r\n");
    for (int i = 0; i < 4; ++i) {
      const Client silent(path_);
      EXPECT_EQ(silent.Read(), "") << "that is how long 50 ms are";
    }
    EXPECT_GE(client.ReadBytes(10 << 20).size(), 10U << 20);
  }
}

TEST_F(Streams, AReaderThatStopsIsCut) {
  Start({.stall = milliseconds(200)});
  Feed& feed = FeedOf("a");
  feed.Endless(std::string(64 << 10, 'x'));
  const Client client(port_);
  client.Send(GetRequest("/feed/a"));
  EXPECT_TRUE(feed.AwaitDestroyed());
  ExpectAlive();
}

TEST_F(Streams, AreNeverCutWhileTheyWait) {
  Start({.timeout = milliseconds(50), .idle = milliseconds(50)});
  Feed& feed = FeedOf("a");
  const Client client(path_);
  client.Send(GetRequest("/feed/a"));
  client.Read("\r\n\r\n");
  for (int i = 0; i < 4; ++i) {
    const Client silent(path_);
    EXPECT_EQ(silent.Read(), "") << "that is how long 50 ms are";
  }
  feed.Push("still here");
  EXPECT_THAT(client.Read("still here"), HasSubstr("still here"));
}

TEST_F(Streams, EndWithTheirClientAlsoWhileTheyWait) {
  Start();
  for (const bool tcp : {false, true}) {
    Feed& feed = FeedOf(tcp ? "tcp" : "unix");
    {
      const Client client = tcp ? Client(port_) : Client(path_);
      client.Send(GetRequest(tcp ? "/feed/tcp" : "/feed/unix"));
      client.Read("\r\n\r\n");
    }
    EXPECT_TRUE(feed.AwaitDestroyed());
    feed.wake()();  // harmless
  }
  EXPECT_TRUE(MetricBecomes(UnixGauge("ballast_http_streams"), 0));
  server_.reset();
  FeedOf("tcp").wake()();
}

TEST_F(Streams, OfAnHttp10ClientEndWithTheConnection) {
  Start();
  FeedOf("a").Push("one");
  FeedOf("a").End();
  const Client client(path_);
  client.Send("GET /feed/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string answer = client.Read();
  EXPECT_THAT(answer, EndsWith("\r\n\r\none"));
  EXPECT_THAT(answer, Not(HasSubstr("chunked")));
}

TEST_F(Streams, AreNotStartedForAHead) {
  Start();
  const Client client(path_);
  client.Send("HEAD /feed/a HTTP/1.1\r\nHost: a\r\n\r\n" + GetRequest("/next"));
  EXPECT_THAT(client.Read("GET /next "), StartsWith(std::string(kChunkedHeader) + "HTTP/1.1 200 "));
  EXPECT_TRUE(FeedOf("a").AwaitDestroyed());
  EXPECT_FALSE(FeedOf("a").started());
  const Client old(path_);
  old.Send("HEAD /feed/b HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.Read(), Not(HasSubstr("chunked")));
}

TEST_F(Streams, ThatThrowAreNoProperAnswer) {
  Start();
  FeedOf("first").Throw();
  const Client first(path_);
  first.Send(GetRequest("/feed/first"));
  EXPECT_THAT(first.Read(), StartsWith("HTTP/1.1 500 "));
  const Client later(path_);
  later.Send(GetRequest("/feed/later"));
  later.Read("\r\n\r\n");
  FeedOf("later").Throw();
  EXPECT_EQ(later.Read(), "") << "no last chunk: it is incomplete";
}

TEST_F(Streams, OfOneClientHaveALimit) {
  Start({.streams_per_client = 2});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(path_));
    clients.back()->Send(GetRequest("/feed/" + std::to_string(i)));
    const std::string answer = clients.back()->Read("\r\n\r\n");
    EXPECT_THAT(answer, HasSubstr(i < 2 ? " 200 " : " 429 "));
    EXPECT_EQ(answer.contains("Retry-After: 1\r\n"), i == 2);
  }
  EXPECT_TRUE(FeedOf("2").AwaitDestroyed());
  const Client other(path_);  // the same connection, but another user
  other.Send(GetRequest("/feed/other?client=anna"));
  EXPECT_THAT(other.Read("\r\n\r\n"), HasSubstr(" 200 "));
  const Client tcp(port_);
  tcp.Send(GetRequest("/feed/tcp"));
  EXPECT_THAT(tcp.Read("\r\n\r\n"), HasSubstr(" 200 "));
  clients[0].reset();
  EXPECT_TRUE(FeedOf("0").AwaitDestroyed());
  EXPECT_TRUE(MetricBecomes(UnixGauge("ballast_http_streams"), 2));
  const Client again(path_);
  again.Send(GetRequest("/feed/again"));
  EXPECT_THAT(again.Read("\r\n\r\n"), HasSubstr(" 200 "));
}

TEST_F(Streams, AClientThatTalksOnWithoutEndIsCut) {
  Start();
  const Client client(path_);
  client.Send(GetRequest("/feed/a"));
  client.Read("\r\n\r\n");
  client.Send(std::string(100'000, 'x'));
  EXPECT_TRUE(FeedOf("a").AwaitDestroyed());
}

TEST_F(Streams, EndProperlyWhenTheServerStops) {
  Start();
  Feed& waiting = FeedOf("waiting");
  const Client reader(path_);
  reader.Send(GetRequest("/feed/waiting"));
  reader.Read("\r\n\r\n");
  waiting.Push("one");
  reader.Read("one\r\n");
  Feed& endless = FeedOf("endless");
  endless.Endless(std::string(64 << 10, 'x'));
  const Client stuck(path_);
  stuck.Send(GetRequest("/feed/endless"));
  stuck.Read("\r\n\r\n");
  for (int i = 0; i < 100; ++i) ExpectAlive();  // by now it is
  const Client idle(path_);
  server_->Stop();
  EXPECT_EQ(reader.Read(), "0\r\n\r\n");
  EXPECT_TRUE(reader.EndedWell());
  EXPECT_THAT(stuck.Read(), Not(EndsWith("\r\n0\r\n\r\n"))) << "cut: it did not read";
  EXPECT_EQ(idle.Read(), "");
  EXPECT_TRUE(waiting.AwaitDestroyed());
  EXPECT_TRUE(endless.AwaitDestroyed());
  waiting.wake()();
}

TEST_F(Streams, AThousandAreReachedByOneEvent) {
  Start({.connections = 1'100, .streams_per_client = 1'100});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 1'000; ++i) {
    clients.push_back(std::make_unique<Client>(path_));
    clients.back()->Send(GetRequest("/feed/" + std::to_string(i)));
  }
  for (const auto& client : clients) client->Read("\r\n\r\n");
  for (int i = 0; i < 1'000; ++i) FeedOf(std::to_string(i)).Push("event");
  for (const auto& client : clients) EXPECT_THAT(client->Read("event"), HasSubstr("event"));
}

}  // namespace
}  // namespace ballast::apiserver
