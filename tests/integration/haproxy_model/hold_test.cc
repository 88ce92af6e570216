// Requests that wait for a server, as their clients and an app see it through a real HAProxy.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "reconcilers/haproxy/hold.h"
#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/stats.h"
#include "tests/integration/haproxy_model/instance.h"
#include "tests/integration/haproxy_model/net.h"

namespace ballast::testing {
namespace {

using namespace reconcilers::haproxy;  // NOLINT(google-build-using-namespace)
using reconcilers::ServerAdmin;
using ::testing::HasSubstr;

constexpr char kHost[] = "shop.test";

class HoldTest : public ::testing::Test {
 protected:
  HoldTest() {
    model_.name = "default";
    model_.spec.listeners = {{.name = "http", .port = FreePort()}};
    model_.spec.stats_port = 0;
    model_.holds = true;
    model_.backends = {{.name = "default_other"}, {.name = "default_shop", .hold_seconds = 60}};
    model_.routes = {{{.host = "other.test"}, "default_other"}, {{.host = kHost}, "default_shop"}};
  }
  ~HoldTest() override {
    for (std::thread& client : clients_) client.join();
  }

  void Start() { haproxy_ = std::make_unique<Instance>(model_); }
  [[nodiscard]] std::uint16_t port() const { return model_.spec.listeners[0].port; }
  BackendModel& shop() { return model_.backends[1]; }
  ServerModel ServerAt(const std::string& name, const TinyServer& app) {
    return {name, "127.0.0.1", app.port()};
  }

  // A client that sends this and is answered with some status.
  void Client(std::string request, int wanted) {
    ++asked_;
    clients_.emplace_back([this, request = std::move(request), wanted] {
      const HttpReply reply = Exchange(port(), request);
      ++(reply.status == wanted ? right_ : wrong_);
      if (reply.status != wanted) ADD_FAILURE() << reply.status << " " << reply.head << reply.body;
    });
  }
  static std::string GetText(std::string_view host, std::string_view path = "/") {
    return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", path, host);
  }
  static std::string Post(std::size_t bytes) {
    return fmt::format(
        "POST /?bytes={0} HTTP/1.1\r\nHost: {1}\r\nConnection: close\r\nContent-Length: "
        "{0}\r\n\r\n{2}",
        bytes, kHost, std::string(bytes, 'x'));
  }
  // Requests in the backend and not in a server.
  [[nodiscard]] int Waiting() const {
    const std::string reply = haproxy_->Command("show stat default_shop 6 -1");
    const auto rows = ParseShowStat(reply);
    EXPECT_TRUE(rows) << reply;
    std::int64_t waiting = 0;
    for (const StatRow& row : rows.value_or(std::vector<StatRow>{})) {
      waiting += row.kind == StatKind::kBackend ? row.current_sessions : -row.current_sessions;
    }
    return static_cast<int>(waiting);
  }
  bool AwaitWaiting(int count) {
    return Eventually([&] { return Waiting() == count; }, std::chrono::seconds(30));
  }
  bool AwaitAnswers() {
    return Eventually([this] { return right_ + wrong_ == asked_; }, std::chrono::seconds(60));
  }

  LoadBalancerModel model_;
  std::unique_ptr<Instance> haproxy_;
  std::vector<std::thread> clients_;
  int asked_ = 0;
  std::atomic<int> right_ = 0;
  std::atomic<int> wrong_ = 0;
};

// 200 if all of the body has come.
std::string Counted(const Request& request) {
  const std::size_t at = request.head.find("bytes=");
  const std::size_t wanted = at == std::string::npos ? 0 : std::stoul(request.head.substr(at + 6));
  return Answer("ok", request.body.size() == wanted ? 200 : 500);
}

TEST_F(HoldTest, TwoHundredRequestsWaitAndAllAreAnswered) {
  model_.spec.timeouts.client = std::chrono::seconds(1);
  model_.spec.timeouts.http_request = std::chrono::seconds(1);
  TinyServer app(Counted);
  Start();
  for (int i = 0; i < 100; ++i) Client(GetText(kHost), 200);
  for (int i = 0; i < 50; ++i) Client(Post(1'000), 200);
  for (int i = 0; i < 50; ++i) Client(Post(100'000), 200);
  ASSERT_TRUE(AwaitWaiting(200));
  // As long as somebody who says nothing may stay.
  const Connection silent = Connection::Tcp(port());
  ASSERT_TRUE(silent.Send("GET / HTTP/1.1\r\n"));
  std::string answer;
  ASSERT_TRUE(silent.ReadUntil("408 Request Time-out", answer)) << answer;
  EXPECT_EQ(right_ + wrong_, 0);
  haproxy_->Run(AddServerCommands(shop(), ServerAt("one", app)));
  EXPECT_TRUE(AwaitAnswers());
  EXPECT_EQ(right_, 200);
}

TEST_F(HoldTest, NotForLongerThanTheMapSays) {
  Start();
  BackendModel shorter = shop();
  shorter.hold_seconds = 1;
  haproxy_->Run(DiffHold(shop(), shorter));
  const HttpReply reply = Get(port(), kHost, "/");
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.Header("retry-after"), "5");
  // Nor those of others, nor those of one that holds no more.
  EXPECT_EQ(Get(port(), "other.test", "/").Header("retry-after"), "");
  BackendModel none = shop();
  none.hold_seconds = 0;
  haproxy_->Run(DiffHold(shorter, none));
  EXPECT_EQ(Get(port(), kHost, "/").Header("retry-after"), "");
  EXPECT_EQ(Get(port(), kHost, "/").status, 503);
}

TEST_F(HoldTest, WhatIsRefusedAnywayDoesNotWait) {
  shop().traffic.max_body_bytes = 10;
  Start();
  EXPECT_EQ(Exchange(port(), Post(11)).status, 413);
  EXPECT_EQ(Get(port(), "nobody.test", "/").status, 404);
}

TEST_F(HoldTest, AWebSocketWaitsToo) {
  TinyServer app([](Connection& connection) {
    std::string head;
    if (!connection.ReadUntil("\r\n\r\n", head)) return;
    connection.Send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    std::string text;
    while (connection.ReadSome(text)) {
      connection.Send(text);
      text.clear();
    }
  });
  Start();
  const Connection client = Connection::Tcp(port());
  ASSERT_TRUE(client.Send(fmt::format(
      "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
      kHost)));
  ASSERT_TRUE(AwaitWaiting(1));
  haproxy_->Run(AddServerCommands(shop(), ServerAt("one", app)));
  std::string answer;
  ASSERT_TRUE(client.ReadUntil("\r\n\r\n", answer));
  EXPECT_THAT(answer, HasSubstr("101"));
  ASSERT_TRUE(client.Send("hello"));
  answer.clear();
  EXPECT_TRUE(client.ReadUntil("hello", answer));
}

// Whatever the last server's way out is, and however busy it is.
TEST_F(HoldTest, DownToNoServerAndBackLosesNothing) {
  TinyServer app(Counted);
  shop().servers = {ServerAt("one", app)};
  Start();
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0;
  for (int i = 0; i < 8; ++i) {
    clients_.emplace_back([&, i] {
      while (!stop) {
        const HttpReply reply = Exchange(port(), i % 2 == 0 ? GetText(kHost) : Post(2'000));
        if (reply.status == 200) {
          ++answered;
        } else {
          ADD_FAILURE() << reply.status << " " << reply.head;
          stop = true;
        }
      }
    });
  }
  for (int round = 0; round < 60 && !stop; ++round) {
    const int before = answered;
    haproxy_->Run(SetAdminCommands("default_shop", "one",
                                   round % 2 == 0 ? ServerAdmin::kDrain : ServerAdmin::kMaint));
    EXPECT_TRUE(AwaitWaiting(8)) << Waiting();
    if (round % 3 == 0) {
      // All the way: the server is deleted, and another one comes.
      haproxy_->Run(SetAdminCommands("default_shop", "one", ServerAdmin::kMaint));
      haproxy_->Run(DeleteServerCommands("default_shop", "one"));
      haproxy_->Run(AddServerCommands(shop(), ServerAt("one", app)));
    } else {
      haproxy_->Run(SetAdminCommands("default_shop", "one", ServerAdmin::kReady));
    }
    EXPECT_TRUE(Eventually([&] { return answered > before + 20 || stop; }));
  }
  stop = true;
  for (std::thread& client : clients_) client.join();
  clients_.clear();
}

// The old worker takes no orders, but a server with this name.
TEST_F(HoldTest, WhatAReloadLeavesBehindIsAnsweredToo) {
  TinyServer app(Counted);
  Start();
  for (int i = 0; i < 20; ++i) Client(i % 2 == 0 ? GetText(kHost) : Post(50'000), 200);
  ASSERT_TRUE(AwaitWaiting(20));
  haproxy_->Reload();
  EXPECT_EQ(Waiting(), 0);
  for (int i = 0; i < 20; ++i) Client(GetText(kHost), 200);
  ASSERT_TRUE(AwaitWaiting(20));
  haproxy_->Run(AddServerCommands(shop(), ServerAt("one", app)));
  ASSERT_TRUE(Eventually([&] { return right_ == 20; }));
  const RuntimeCommand late = LateServerCommand(shop(), ServerAt("one", app));
  const std::vector<std::string> replies = haproxy_->OldWorkers(late.text);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_TRUE(Succeeded(late, replies[0])) << replies[0];
  EXPECT_TRUE(AwaitAnswers());
  EXPECT_EQ(right_, 40);
}

TEST_F(HoldTest, ManyThatWaitCostLittleAndLetOthersThrough) {
  TinyServer app(Counted);
  model_.backends[0].servers = {ServerAt("one", app)};
  Start();
  for (int i = 0; i < 500; ++i) Client(GetText(kHost), 200);
  ASSERT_TRUE(AwaitWaiting(500));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Get(port(), "other.test", "/").status, 200);
  haproxy_->Run(AddServerCommands(shop(), ServerAt("one", app)));
  EXPECT_TRUE(AwaitAnswers());
  EXPECT_EQ(right_, 500);
}

}  // namespace
}  // namespace ballast::testing
