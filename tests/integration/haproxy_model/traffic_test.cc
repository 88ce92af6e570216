// WebApp.traffic and the listeners' options, as a client and an app see them through a real
// HAProxy.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>

#include "tests/integration/haproxy_model/instance.h"
#include "tests/integration/haproxy_model/net.h"

namespace ballast::testing {
namespace {

using namespace reconcilers::haproxy;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One web app for any host; tests change the model and then start HAProxy.
class TrafficTest : public ::testing::Test {
 protected:
  TrafficTest() {
    model_.name = "default";
    model_.spec.listeners = {{.name = "http", .port = FreePort()}};
    model_.spec.stats_port = 0;
    model_.backends = {{.name = "default_app"}};
    model_.routes = {{{.host = ""}, "default_app"}};
  }
  void Server(const std::string& name, TinyServer::Handler handler) {
    servers_.push_back(std::make_unique<TinyServer>(std::move(handler)));
    model_.backends[0].servers.push_back({name, "127.0.0.1", servers_.back()->port()});
  }
  void RawServer(const std::string& name, TinyServer::Raw raw) {
    servers_.push_back(std::make_unique<TinyServer>(std::move(raw)));
    model_.backends[0].servers.push_back({name, "127.0.0.1", servers_.back()->port()});
  }
  // Keeps the last request for the test to look at.
  void Recorder() {
    Server("one", [this](const Request& request) {
      const std::lock_guard lock(mutex_);
      last_ = request;
      return Answer("ok");
    });
  }
  std::vector<std::string> Last(std::string_view header) {
    const std::lock_guard lock(mutex_);
    return last_.Header(header);
  }
  void Start() { haproxy_ = std::make_unique<Instance>(model_); }
  [[nodiscard]] std::uint16_t port() const { return model_.spec.listeners[0].port; }
  [[nodiscard]] api::Traffic& traffic() { return model_.backends[0].traffic; }

  LoadBalancerModel model_;
  std::vector<std::unique_ptr<TinyServer>> servers_;
  std::unique_ptr<Instance> haproxy_;
  std::mutex mutex_;
  Request last_;
};

constexpr char kForged[] =
    "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nx-forwarded-port: 1\r\n"
    "X-Forwarded-Host: evil.test\r\nX-Forwarded-Prefix: /x\r\nX_Forwarded_For: 6.6.6.6\r\n"
    "Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nX-Kept: yes\r\n";

TEST_F(TrafficTest, ForwardedHeadersOfStrangersAreReplaced) {
  Recorder();
  Start();
  EXPECT_EQ(Get(port(), "shop.test:81", "/", kForged).status, 200);
  EXPECT_THAT(Last("x-forwarded-for"), ElementsAre("127.0.0.1"));
  EXPECT_THAT(Last("x-forwarded-proto"), ElementsAre("http"));
  EXPECT_THAT(Last("x-forwarded-port"), ElementsAre(std::to_string(port())));
  EXPECT_THAT(Last("x-forwarded-host"), ElementsAre("shop.test:81"));
  for (const char* name : {"x-forwarded-prefix", "x_forwarded_for", "forwarded", "x-real-ip"}) {
    EXPECT_THAT(Last(name), IsEmpty()) << name;
  }
  EXPECT_THAT(Last("x-kept"), ElementsAre("yes"));
  EXPECT_THAT(Last("host"), ElementsAre("shop.test:81"));
}

TEST_F(TrafficTest, ForwardedHeadersOfTrustedProxiesAreKeptAndGoOn) {
  Recorder();
  model_.spec.listeners[0].trusted_proxies = {"192.0.2.0/24", "127.0.0.0/8"};
  Start();
  EXPECT_EQ(Get(port(), "shop.test", "/", kForged).status, 200);
  EXPECT_THAT(Last("x-forwarded-for"), ElementsAre("6.6.6.6, 127.0.0.1"));
  EXPECT_THAT(Last("x-forwarded-proto"), ElementsAre("https"));
  EXPECT_THAT(Last("x-forwarded-port"), ElementsAre("1"));
  EXPECT_THAT(Last("x-forwarded-host"), ElementsAre("evil.test"));
  // Without any: as for everybody. With several lines: one more.
  EXPECT_EQ(Get(port(), "shop.test", "/").status, 200);
  EXPECT_THAT(Last("x-forwarded-for"), ElementsAre("127.0.0.1"));
  EXPECT_THAT(Last("x-forwarded-proto"), ElementsAre("http"));
  EXPECT_THAT(Last("x-forwarded-host"), ElementsAre("shop.test"));
  Get(port(), "shop.test", "/", "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n");
  EXPECT_THAT(Last("x-forwarded-for"), ElementsAre("1.1.1.1", "2.2.2.2", "127.0.0.1"));
}

TEST_F(TrafficTest, ProxyProtocolGivesTheClientsAddress) {
  Recorder();
  model_.spec.listeners[0].accept_proxy = true;
  Start();
  EXPECT_EQ(Exchange(port(),
                     "PROXY TCP4 203.0.113.7 192.0.2.1 5555 80\r\n"
                     "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .status,
            200);
  EXPECT_THAT(Last("x-forwarded-for"), ElementsAre("203.0.113.7"));
  EXPECT_THAT(Last("x-forwarded-port"), ElementsAre("80"));
  EXPECT_EQ(Get(port(), "a", "/").status, 0);  // without it: refused
}

TEST_F(TrafficTest, StickyCookieHoldsThroughDrain) {
  for (const char* name : {"one", "two"}) {
    Server(name, [name](const Request& request) {
      // The app itself never sees Ballast's cookie.
      return request.Header("cookie").empty() ? Answer(name, 200, "Cache-Control: max-age=60\r\n")
                                              : Answer("cookie seen");
    });
  }
  traffic().sticky_session = api::StickySession{"BALLAST", 3600};
  Start();
  const HttpReply first = Get(port(), "a", "/");
  ASSERT_EQ(first.status, 200);
  const std::string set = first.Header("set-cookie");
  EXPECT_THAT(set, ::testing::StartsWith("BALLAST=" + first.body));
  EXPECT_THAT(set, HasSubstr("HttpOnly"));
  EXPECT_THAT(first.head, HasSubstr("ache-control: private"));  // no cache gives it to others
  const std::string cookie = "Cookie: " + set.substr(0, set.find(';')) + "\r\n";
  for (int i = 0; i < 6; ++i) EXPECT_EQ(Get(port(), "a", "/", cookie).body, first.body);
  haproxy_->Run(SetAdminCommands("default_app", first.body, reconcilers::ServerAdmin::kDrain));
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(Get(port(), "a", "/", cookie).body, first.body);
    EXPECT_NE(Get(port(), "a", "/").body, first.body);
  }
  haproxy_->Run(SetAdminCommands("default_app", first.body, reconcilers::ServerAdmin::kMaint));
  EXPECT_NE(Get(port(), "a", "/", cookie).body, first.body);
}

TEST_F(TrafficTest, AnAnsweredErrorIsNotRetriedUnlessAskedFor) {
  std::atomic<int> asked = 0;
  Server("one",
         [&](const Request&) { return ++asked % 2 == 1 ? Answer("no", 503) : Answer("yes"); });
  Start();
  EXPECT_EQ(Get(port(), "a", "/").status, 503);
  EXPECT_EQ(asked, 1);
  asked = 0;
  traffic().retry_on = {500, 503};
  haproxy_->Publish(*Render(model_));
  haproxy_->Reload();
  EXPECT_EQ(Get(port(), "a", "/").body, "yes");
  EXPECT_EQ(asked, 2);
  asked = 0;  // never what changes something
  EXPECT_EQ(Get(port(), "a", "/", "Content-Length: 0\r\n", "POST").status, 503);
  EXPECT_EQ(asked, 1);
}

TEST_F(TrafficTest, AnEmptyAnswerIsRetriedForSafeMethods) {
  std::atomic<int> asked = 0;
  Server("one", [&](const Request&) { return ++asked == 1 ? "" : Answer("yes"); });
  Start();
  EXPECT_EQ(Get(port(), "a", "/").body, "yes");
  asked = 0;
  EXPECT_NE(Get(port(), "a", "/", "Content-Length: 0\r\n", "POST").status, 200);
  EXPECT_EQ(asked, 1);
}

TEST_F(TrafficTest, BodiesAboveTheLimitAre413) {
  Server("one", [](const Request& request) { return Answer(std::to_string(request.body.size())); });
  traffic().max_body_bytes = 1000;
  Start();
  const auto post = [&](std::size_t size) {
    return Exchange(port(), fmt::format("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                        "Content-Length: {}\r\n\r\n{}",
                                        size, std::string(size, 'x')));
  };
  EXPECT_EQ(post(1000).body, "1000");
  EXPECT_EQ(post(1001).status, 413);
  EXPECT_EQ(Get(port(), "a", "/").body, "0");
  // Without a length: what is in the first packet counts.
  const std::string chunk = fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", 2000, std::string(2000, 'x'));
  EXPECT_EQ(Exchange(port(),
                     "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n" +
                         chunk)
                .status,
            413);
}

TEST_F(TrafficTest, CompressionIsForTextsAndForThoseWhoAsk) {
  Server("one", [](const Request& request) {
    const bool image = request.head.contains("/image");
    return Answer(std::string(5000, 'x'), 200,
                  image ? "Content-Type: image/png\r\n" : "Content-Type: application/json\r\n");
  });
  traffic().compression = true;
  Start();
  constexpr char kGzip[] = "Accept-Encoding: gzip\r\n";
  const HttpReply compressed = Get(port(), "a", "/", kGzip);
  EXPECT_EQ(compressed.Header("content-encoding"), "gzip");
  EXPECT_LT(compressed.body.size(), 1000U);
  EXPECT_EQ(Get(port(), "a", "/image", kGzip).Header("content-encoding"), "");
  EXPECT_EQ(Get(port(), "a", "/").body.size(), 5000U);
}

TEST_F(TrafficTest, WebSocketsPassAndSurviveAReload) {
  RawServer("one", [](Connection& connection) {
    std::string buffer;
    if (!connection.ReadUntil("\r\n\r\n", buffer)) return;
    connection.Send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    for (buffer.clear(); connection.ReadSome(buffer); buffer.clear()) connection.Send(buffer);
  });
  Start();
  const Connection client = Connection::Tcp(port());
  client.Send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  std::string buffer;
  ASSERT_TRUE(client.ReadUntil("\r\n\r\n", buffer));
  EXPECT_THAT(buffer, ::testing::StartsWith("HTTP/1.1 101"));
  for (const char* word : {"before", "after"}) {
    std::string echo;
    client.Send(word);
    EXPECT_TRUE(client.ReadUntil(word, echo)) << word;
    haproxy_->Run(SetAdminCommands("default_app", "one", reconcilers::ServerAdmin::kMaint));
    haproxy_->Run(SetAdminCommands("default_app", "one", reconcilers::ServerAdmin::kReady));
    haproxy_->Reload();
  }
}

TEST_F(TrafficTest, AQuietEventStreamOutlivesTheTimeouts) {
  std::atomic<bool> go = false;
  RawServer("one", [&](Connection& connection) {
    std::string buffer;
    if (!connection.ReadUntil("\r\n\r\n", buffer)) return;  // a check connects and leaves
    connection.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    Eventually([&] { return go.load(); });
    connection.Send("data: 2\n\n");
  });
  traffic().compression = true;
  traffic().timeouts.server = api::Millis(300);
  model_.spec.timeouts.client = api::Millis(300);
  Start();
  const Connection client = Connection::Tcp(port());
  client.Send("GET /events HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  std::string buffer;
  EXPECT_TRUE(client.ReadUntil("data: 1\n\n", buffer));  // at once, uncompressed
  // Longer than both timeouts: their end would be the end of the stream.
  const auto begin = std::chrono::steady_clock::now();
  Eventually([&] { return std::chrono::steady_clock::now() - begin > std::chrono::seconds(1); });
  go = true;
  EXPECT_TRUE(client.ReadUntil("data: 2\n\n", buffer)) << buffer;
}

// As much HTTP/2 as one answer needs: 200 without a body to every HEADERS frame.
void SpeakH2(Connection& connection, std::atomic<int>& requests) {
  constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  std::string buffer;
  if (!connection.ReadUntil(kPreface, buffer)) return;
  buffer.erase(0, kPreface.size());
  const auto frame = [&](char type, char flags, std::string_view stream, std::string_view payload) {
    std::string bytes(3, '\0');
    bytes[2] = static_cast<char>(payload.size());
    connection.Send(bytes + type + flags + std::string(stream) + std::string(payload));
  };
  const std::string_view kNoStream("\0\0\0\0", 4);
  frame(4, 0, kNoStream, "");
  while (true) {
    while (buffer.size() < 9) {
      if (!connection.ReadSome(buffer)) return;
    }
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(buffer[i]); };
    const std::size_t length = std::size_t{byte(0)} << 16U | std::size_t{byte(1)} << 8U | byte(2);
    while (buffer.size() < 9 + length) {
      if (!connection.ReadSome(buffer)) return;
    }
    const std::string stream = buffer.substr(5, 4);
    const bool acknowledged = (byte(4) & 1U) != 0;
    if (byte(3) == 4 && !acknowledged) frame(4, 1, kNoStream, "");
    if (byte(3) == 6 && !acknowledged)
      frame(6, 1, kNoStream, std::string_view(buffer).substr(9, 8));
    if (byte(3) == 1) {
      ++requests;
      frame(1, 0x5, stream, "\x88");  // :status 200, end of headers and stream
    }
    buffer.erase(0, 9 + length);
  }
}

TEST_F(TrafficTest, H2cSpeaksHttp2ToTheApp) {
  std::atomic<int> requests = 0;
  RawServer("one", [&](Connection& connection) { SpeakH2(connection, requests); });
  traffic().protocol = api::AppProtocol::kH2c;
  Start();
  EXPECT_EQ(Get(port(), "a", "/").status, 200);
  EXPECT_TRUE(Eventually([&] { return haproxy_->Command("show stat").contains(",L4OK,"); }))
      << haproxy_->Command("show stat default_app 4 -1");
}

TEST_F(TrafficTest, ChecksAskTheAppForNothing) {
  std::atomic<int> requests = 0;
  Server("one", [&](const Request&) {
    ++requests;
    return Answer("", 503);
  });
  Start();
  EXPECT_TRUE(Eventually([&] { return haproxy_->Command("show stat").contains(",L4OK,"); }));
  EXPECT_EQ(requests, 0);
  EXPECT_EQ(Get(port(), "a", "/").status, 503);  // its own answer is no reason to take it out
  EXPECT_EQ(haproxy_->Server("default_app", "one")->op_state, 2);
}

TEST_F(TrafficTest, StatsPageIsReadOnlyAndOnLoopback) {
  Recorder();
  model_.spec.stats_port = FreePort();
  Start();
  const HttpReply page = Get(model_.spec.stats_port, "localhost", "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.body, HasSubstr("default_app"));
  EXPECT_THAT(page.body, ::testing::Not(HasSubstr("name=\"action\"")));
  EXPECT_THAT(haproxy_->Command("show stat"), ::testing::Not(HasSubstr("ADMIN")));
}

TEST_F(TrafficTest, DeadServersAreLeftOutWithoutAnybodyTelling) {
  Recorder();
  model_.backends[0].servers.push_back({"dead", "127.0.0.1", FreePort()});
  Start();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Get(port(), "a", "/").status, 200);
}

}  // namespace
}  // namespace ballast::testing
