// What rude, slow and many clients may do to the server, and to each other.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "controller/apiserver/http_server.h"
#include "tests/integration/apiserver/fixture.h"

namespace ballast::apiserver {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

struct Rude {
  const char* name;
  std::string request;
  const char* answer;
};

std::string Post(const std::string& headers, const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n\r\n" + body;
}
std::string Chunked(const std::string& body) { return Post("Transfer-Encoding: chunked", body); }

class RudeClient : public ServerTest, public testing::WithParamInterface<Rude> {};
INSTANTIATE_TEST_SUITE_P(
    Server, RudeClient,
    testing::Values(
        Rude{"Header", GetRequest("/", "X: " + std::string(20'000, 'x') + "\r\n"), " 431 "},
        Rude{"EndlessHeader", "GET / HTTP/1.1\r\nX: " + std::string(200'000, 'x'), " 431 "},
        Rude{"EndlessLine", "GET /" + std::string(200'000, 'x'), " 431 "},
        Rude{"ManyHeaders",
             [] {
               std::string headers;
               for (int i = 0; i < 2'000; ++i) headers += "X" + std::to_string(i) + ": y\r\n";
               return GetRequest("/", headers);
             }(),
             " 431 "},
        Rude{"Body", Post("Content-Length: 70000", std::string(70'000, 'x')), " 413 "},
        Rude{"HugeLength", Post("Content-Length: 18446744073709551615", "x"), " 413 "},
        Rude{"TooHugeLength", Post("Content-Length: 18446744073709551616", "x"), " 400 "},
        Rude{"NegativeLength", Post("Content-Length: -1", "x"), " 400 "},
        Rude{"TwoLengths", Post("Content-Length: 1\r\nContent-Length: 2", "xy"), " 400 "},
        Rude{"LengthAndChunks", Post("Content-Length: 1\r\nTransfer-Encoding: chunked", "x"),
             " 400 "},
        Rude{"UnknownCoding", Post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), " 400 "},
        Rude{"NotChunked", Post("Transfer-Encoding: identity", "x"), " 400 "},
        Rude{"Chunk", Chunked("11170\r\n" + std::string(70'000, 'x') + "\r\n0\r\n\r\n"), " 413 "},
        Rude{"Chunks",
             [] {
               std::string body;
               for (int i = 0; i < 70; ++i) body += "400\r\n" + std::string(1024, 'x') + "\r\n";
               return Chunked(body + "0\r\n\r\n");
             }(),
             " 413 "},
        Rude{"ChunkMinusOne", Chunked("-1\r\n"), " 400 "},
        Rude{"ChunkFfffffff", Chunked("ffffffff\r\n"), " 413 "},
        Rude{"Chunk7fffffff", Chunked("7fffffff\r\nx"), " 413 "},
        Rude{"ChunkTooManyDigits", Chunked("fffffffffffffffff\r\n"), " 400 "},
        Rude{"ChunkZz", Chunked("zz\r\n"), " 400 "},
        Rude{"ChunkWithoutEnd", Chunked("3\r\nabcdef\r\n"), " 400 "},
        Rude{"EndlessChunkHeader", Chunked("1;" + std::string(200'000, 'x')), " 400 "},
        Rude{"EndlessTrailer", Chunked("0\r\nX: " + std::string(200'000, 'x')), " 400 "},
        Rude{"TlsHello", "\x16\x03\x01\x02 rubbish\r\n\r\n", " 400 "},
        Rude{"Nuls", std::string(100, '\0') + "\r\n\r\n", " 400 "},
        Rude{"Http2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", " 400 "},
        Rude{"BadTarget", GetRequest("/%zz"), " 400 "}, Rude{"NoSlash", GetRequest("x"), " 400 "}),
    [](const auto& info) { return info.param.name; });

TEST_P(RudeClient, IsToldAndHurtsNobody) {
  Start();
  for (const bool tcp : {false, true}) {
    const Client client = tcp ? Client(port_) : Client(path_);
    client.Send(GetParam().request);
    const std::string answer = client.Read();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 ")) << "told, and closed";
    EXPECT_THAT(answer.substr(0, 15), HasSubstr(GetParam().answer)) << answer;
    ExpectAlive();
  }
}

class Limits : public ServerTest {};

TEST_F(Limits, ATooLargeUploadIsToldSoWhileItIsBeingSent) {
  Start();
  const Client client(port_);
  EXPECT_TRUE(client.Send(Post("Content-Length: 5000000", std::string(5'000'000, 'x'))))
      << "taken, and thrown away";
  EXPECT_THAT(client.Read(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(Limits, WhatDoesNotArriveInTimeIsCut) {
  Start({.timeout = milliseconds(200)});
  const Client silent(path_);
  const Client half(path_);
  half.Send("GET / HTTP/1.1\r\nX");
  const Client body(path_);
  body.Send(Post("Content-Length: 10", "abc"));
  ExpectAlive();
  EXPECT_EQ(silent.Read(), "");
  EXPECT_THAT(half.Read(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(body.Read(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(Limits, ARequestThatTricklesInIsCut) {
  Start({.timeout = milliseconds(200)});
  const Client client(path_);
  client.Send(GetRequest("/x"));  // the time of the next one does not begin with the connection
  client.Read("GET /x ");
  client.Send("GET / HTTP/1.1\r\nX: ");
  pollfd answered{client.fd(), POLLIN, 0};
  int bytes = 0;
  while (poll(&answered, 1, 10) == 0 && bytes < 2'000) {
    client.Send("x");
    ++bytes;
  }
  EXPECT_LT(bytes, 2'000);
  EXPECT_THAT(client.Read(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(Limits, SilenceBetweenRequestsHasATimeOfItsOwn) {
  Start({.timeout = milliseconds(50), .idle = milliseconds(300)});
  const Client client(path_);
  client.Send(GetRequest("/x"));
  client.Read("GET /x ");
  const Client shorter(path_);
  EXPECT_EQ(shorter.Read(), "");
  client.Send(GetRequest("/y"));
  EXPECT_THAT(client.Read("GET /y "), HasSubstr(" 200 "));
  EXPECT_EQ(client.Read(), "") << "closed in the end";
}

TEST_F(Limits, AClientThatReadsNothingIsCut) {
  Start({.timeout = milliseconds(200)});
  for (const bool tcp : {false, true}) {
    const Client client = tcp ? Client(port_) : Client(path_);
    client.Send(GetRequest("/big"));
    ExpectAlive();
    EXPECT_TRUE(MetricBecomes(
        tcp ? TcpGauge("ballast_http_connections") : UnixGauge("ballast_http_connections"), 0));
    EXPECT_LT(client.Read().size(), kBig);
  }
}

TEST_F(Limits, AClientThatReadsDropByDropIsCut) {
  Start({.timeout = milliseconds(200)});
  const Client client(path_);
  client.KeepLittle();
  client.Send(GetRequest("/big"));
  std::string all;
  std::string drop;
  do {
    drop = client.ReadBytes(1);
    all += drop;
    pollfd nothing{-1, 0, 0};
    poll(&nothing, 1, 20);  // the client is slow
  } while (!drop.empty() && all.size() < kBig);
  EXPECT_LT(all.size(), kBig);
}

TEST_F(Limits, OneConnectionTooManyMakesTheLongestSilentOneGo) {
  Start({.connections = 4});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<Client>(path_));
    clients.back()->Send(GetRequest("/first"));
    clients.back()->Read("GET /first ");
  }
  ExpectAlive();
  EXPECT_EQ(clients[0]->Read(), "") << "closed";
  clients[3]->Send(GetRequest("/again"));
  EXPECT_THAT(clients[3]->Read("GET /again "), HasSubstr("200 OK"));
  EXPECT_GE(metrics_.Get("ballast_http_connections_refused_total"), 1);
}

TEST_F(Limits, WhatIsBeingAnsweredIsNeverCutToMakeRoom) {
  Start({.connections = 2});
  const Client busy(path_);
  busy.Send(GetRequest("/later"));
  AwaitLater(1);
  const Client stream(path_);
  stream.Send(GetRequest("/feed/a"));
  stream.Read("\r\n\r\n");
  std::vector<std::unique_ptr<Client>> refused;
  for (int i = 0; i < 40; ++i) refused.push_back(std::make_unique<Client>(path_));
  const Client late(path_);
  late.Send(GetRequest("/x"));
  const std::string answer = late.Read();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_EQ(refused[0]->Read(), "") << "only a few wait to be told";
  ReleaseLater();
  EXPECT_THAT(busy.Read("at last"), HasSubstr(" 200 "));
  FeedOf("a").Push("go on");
  EXPECT_THAT(stream.Read("go on"), HasSubstr("go on"));
  ExpectAlive();
}

TEST_F(Limits, HundredsOfHalfRequestsAreNoProblem) {
  Start({.connections = 64});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(std::make_unique<Client>(path_));
    clients.back()->Send("GET");
    clients.push_back(std::make_unique<Client>(port_));
    clients.back()->Send("GET");
  }
  ExpectAlive();
}

TEST_F(Limits, AHundredAtOnceOfAllKindsHurtNobody) {
  Start();
  std::vector<std::thread> threads;
  for (int i = 0; i < 100; ++i) {
    threads.emplace_back([this, i] {
      const Client client = i % 2 == 0 ? Client(port_) : Client(path_);
      switch (i / 2 % 5) {
        case 0:
          client.Send(GetRequest("/x", "Connection: close\r\n"));
          EXPECT_THAT(client.Read(), EndsWith("GET /x "));
          break;
        case 1:
          client.Send("GET / HT");
          break;
        case 2:
          client.Send(GetRequest("/big"));
          break;
        case 3:
          client.Send(Chunked("-1\r\n"));
          client.Read();
          break;
        default:
          client.Send(GetRequest("/feed/" + std::to_string(i)));
          client.Read("\r\n\r\n");
          break;
      }
    });
  }
  for (int i = 0; i < 20; ++i) ExpectAlive();
  for (std::thread& thread : threads) thread.join();
  ExpectAlive();
  EXPECT_TRUE(MetricBecomes(UnixGauge("ballast_http_connections"), 0));
  EXPECT_TRUE(MetricBecomes(UnixGauge("ballast_http_streams"), 0));
}

TEST_F(Limits, AFailureWhileAConnectionIsTakenIsNotTheLastOne) {
  server_.emplace(metrics_);
  const auto throwing = [](int /*status*/, std::string_view /*text*/) -> HttpResponse {
    throw std::runtime_error("no memory");
  };
  ASSERT_TRUE(server_->ListenUnix(path_, 0660, Handler(), {.error = throwing}));
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {  // what they say is there when they are accepted
    clients.push_back(std::make_unique<Client>(path_));
    clients.back()->Send("rubbish\r\n\r\n");
  }
  server_->Start();
  ExpectAlive();
}

TEST_F(Limits, LargeBodiesTakeNoMoreThanTheirShare) {
  Start({.body_bytes = 1 << 20, .bodies_bytes = 1 << 20});
  const std::string most(900'000, 'x');
  const Client holder(path_);
  holder.Send("POST /later HTTP/1.1\r\nContent-Length: 900000\r\n\r\n" + most);
  AwaitLater(1);
  const Client waiting(path_);
  waiting.Send(Post("Content-Length: 1000000", most));  // its end does not come
  const Client small(path_);
  small.Send(Post("Content-Length: 50000", most.substr(0, 50'000)));
  EXPECT_THAT(small.Read("POST / x"), HasSubstr(" 200 "));
  const std::string answer = waiting.Read();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1\r\n"));
  ReleaseLater();
  EXPECT_THAT(holder.Read("at last"), HasSubstr(" 200 "));
  const Client again(path_);
  again.Send(Post("Content-Length: 900000", most));
  EXPECT_THAT(again.Read("\r\n\r\n"), HasSubstr(" 200 ")) << "released with the answer";
}

// Uses up the process's descriptors while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 256);
    setrlimit(RLIMIT_NOFILE, &low);
    for (int fd = open("/dev/null", O_RDONLY | O_CLOEXEC); fd >= 0;
         fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) {
      taken_.push_back(fd);
    }
  }
  ~NoDescriptors() {
    while (!taken_.empty()) GiveOne();
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  void GiveOne() {
    close(taken_.back());
    taken_.pop_back();
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST_F(Limits, WithoutDescriptorsItWaitsInsteadOfSpinning) {
  Start();
  ExpectAlive();
  ASSERT_TRUE(MetricBecomes(UnixGauge("ballast_http_connections"), 0)) << "nothing to be had there";
  std::optional<NoDescriptors> none(std::in_place);
  none->GiveOne();  // which the client takes
  const auto began = std::chrono::steady_clock::now();
  const Client client(port_);
  ASSERT_TRUE(client.connected()) << "the kernel's doing";
  client.Send(GetRequest("/x"));
  ASSERT_TRUE(MetricReaches("ballast_http_accept_errors_total", 3));
  EXPECT_GE(std::chrono::steady_clock::now() - began, milliseconds(150)) << "a pause between them";
  none.reset();
  EXPECT_THAT(client.Read("GET /x "), HasSubstr(" 200 "));
}

}  // namespace
}  // namespace ballast::apiserver
