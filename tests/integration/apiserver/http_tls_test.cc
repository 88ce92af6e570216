// The TLS listener with clients of all kinds; certificates of TlsFiles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <chrono>
#include <mutex>
#include <string>

#include "controller/apiserver/http_server.h"
#include "controller/apiserver/tls_files.h"
#include "controller/runtime/system_clock.h"
#include "tests/fakes/fake_clock.h"
#include "tests/integration/apiserver/fixture.h"

namespace ballast::apiserver {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class TlsServer : public ServerTest {
 protected:
  void Start(HttpLimits limits = {}) {
    Load();
    server_.emplace(metrics_);
    ASSERT_TRUE(server_->ListenUnix(path_, 0660, Handler(), {.limits = limits}));
    const auto listening =
        server_->ListenTls("127.0.0.1", 0, files_->server(), Seeing(Handler()), {.limits = limits});
    ASSERT_TRUE(listening) << listening.error().message;
    port_ = *listening;
    server_->Start();
    tls_.authority = files_->authority();
  }
  void Load() {
    auto loaded = TlsFiles::Load(dir_.path("tls"), {}, clock_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    files_ = std::move(*loaded);
  }
  HttpHandler Seeing(HttpHandler handler) {
    return [this, handler = std::move(handler)](HttpRequest request, Respond respond) {
      {
        const std::lock_guard lock(mutex_);
        seen_ = request.peer;
      }
      handler(std::move(request), std::move(respond));
    };
  }
  Peer Seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  ClientTls As(const KeyPair& pair) const {
    return {.authority = tls_.authority, .certificate = pair.certificate, .key = pair.key};
  }

  runtime::SystemClock clock_;
  std::optional<TlsFiles> files_;
  ClientTls tls_;
  Peer seen_;  // guarded by mutex_
};

TEST_F(TlsServer, AnswersAndKeepsTheConnection) {
  Start();
  const Client client(port_, tls_);
  ASSERT_TRUE(client.connected());
  client.Send(GetRequest("/1") + GetRequest("/2"));
  EXPECT_THAT(client.Read("GET /2 "), HasSubstr("GET /1 "));
  client.Send(GetRequest("/3", "Connection: close\r\n"));
  EXPECT_THAT(client.Read("GET /3 "), HasSubstr(" 200 "));
  EXPECT_TRUE(client.EndedWell());
  EXPECT_EQ(Seen().common_name, "");
  EXPECT_THAT(Seen().address, StartsWith("127.0.0.1:"));
  EXPECT_FALSE(Seen().unix_socket);
}

TEST_F(TlsServer, SaysGoodByeToThoseWhoAreSilent) {
  Start({.idle = milliseconds(50)});
  const Client client(port_, tls_);
  client.Send(GetRequest("/"));
  EXPECT_THAT(client.Read("GET / "), HasSubstr(" 200 "));
  EXPECT_EQ(client.Read(), "");
  EXPECT_TRUE(client.EndedWell());
}

TEST_F(TlsServer, LargeBodiesGoThroughBothWays) {
  Start({.body_bytes = 4 << 20});
  const Client client(port_, tls_);
  const std::string body(3 << 20, 'y');
  ASSERT_TRUE(client.Send("POST / HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) +
                          "\r\n\r\n" + body));
  EXPECT_THAT(client.Read("yyyy"), HasSubstr(" 200 "));
  const Client reader(port_, tls_);
  reader.Send(GetRequest("/big", "Connection: close\r\n"));
  const std::string answer = reader.Read();
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, kBig);
}

TEST_F(TlsServer, KnowsAClientByItsCertificate) {
  Start();
  const auto issued =
      files_->IssueClient("anna", {"admins", "on,call"}, std::chrono::hours(1), clock_);
  ASSERT_TRUE(issued) << issued.error().message;
  const Client client(port_, As(*issued));
  client.Send(GetRequest("/"));
  EXPECT_THAT(client.Read("GET / "), HasSubstr(" 200 "));
  EXPECT_EQ(Seen().common_name, "anna");
  EXPECT_THAT(Seen().organizations, ElementsAre("admins", "on,call"));
  EXPECT_EQ(Seen().Key(), "certificate:anna");
  EXPECT_EQ(Seen().certificate_end, Inspect(issued->certificate)->not_after);
  EXPECT_NE(Seen().uid, 0U) << "whoever comes by TCP is nobody's user";
}

// With TLS 1.3 the client's side of the handshake is over before the server has looked.
void ExpectRefused(const Client& client) {
  if (!client.connected()) return;
  client.Send(GetRequest("/"));
  EXPECT_EQ(client.Read(), "");
}

TEST_F(TlsServer, RefusesCertificatesThatItDoesNotTrust) {
  Start();
  auto others = TlsFiles::Load(dir_.path("other"), {}, clock_);
  ASSERT_TRUE(others);
  const auto foreign = others->IssueClient("anna", {}, std::chrono::hours(1), clock_);
  ASSERT_TRUE(foreign);
  ExpectRefused(Client(port_, As(*foreign)));
  fakes::FakeClock past;
  past.StepWall(clock_.WallNow() - past.WallNow() - std::chrono::hours(48));
  const auto expired = files_->IssueClient("anna", {}, std::chrono::hours(1), past);
  ASSERT_TRUE(expired);
  ExpectRefused(Client(port_, As(*expired)));
  // The server's own is no client's.
  ExpectRefused(Client(port_, As({files_->server().certificate_chain, files_->server().key})));
  EXPECT_TRUE(MetricBecomes("ballast_http_handshakes_failed_total", 3));
  ExpectAlive();
}

TEST_F(TlsServer, SpeaksHttp11AndTls12OrLater) {
  Start();
  ClientTls tls = tls_;
  tls.protocols = "\x02h2\x08http/1.1";
  EXPECT_EQ(Client(port_, tls).protocol(), "http/1.1");
  tls.protocols = "\x02h2";
  EXPECT_FALSE(Client(port_, tls).connected());
  for (const auto& [version, works] :
       {std::pair(TLS1_1_VERSION, false), std::pair(TLS1_2_VERSION, true)}) {
    ClientTls old = tls_;
    old.max_version = version;
    const Client client(port_, old);
    EXPECT_EQ(client.connected(), works);
    if (!works) continue;
    client.Send(GetRequest("/x"));
    EXPECT_THAT(client.Read("GET /x "), HasSubstr(" 200 "));
  }
}

TEST_F(TlsServer, ANewCertificateIsForNewConnections) {
  Start();
  const Client before(port_, tls_);
  const std::string first = before.ServerCertificate();
  dir_.Write("tls/server.crt", "");
  std::filesystem::remove(dir_.path("tls/server.crt"));
  Load();
  EXPECT_TRUE(files_->renewed());
  ASSERT_TRUE(server_->SetCertificate(files_->server()));
  const Client after(port_, tls_);
  ASSERT_TRUE(after.connected()) << "by the same CA";
  EXPECT_NE(after.ServerCertificate(), first);
  before.Send(GetRequest("/x"));
  EXPECT_THAT(before.Read("GET /x "), HasSubstr(" 200 "));
  EXPECT_FALSE(server_->SetCertificate({.certificate_chain = "rubbish", .key = "rubbish"}));
  EXPECT_EQ(Client(port_, tls_).ServerCertificate(), after.ServerCertificate());
}

TEST_F(TlsServer, SurvivesWhatIsNoTls) {
  Start({.timeout = milliseconds(200)});
  const Client plain(port_);
  plain.Send(GetRequest("/"));
  EXPECT_THAT(plain.Read(), HasSubstr("this port speaks HTTPS"));
  const Client garbage(port_);
  garbage.Send(std::string("\x16\x03\x01\x40\x00", 5) + std::string(40'000, '\xff'));
  garbage.Read();
  const Client record(port_);
  record.Send(std::string("\x16\x03\x01\xff\xff", 5) + std::string(100, 'x'));
  record.Read();
  const Client half(port_);
  half.Send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  EXPECT_EQ(half.Read(), "") << "cut in time";
  const Client silent(port_);
  EXPECT_EQ(silent.Read(), "");
  const Client good(port_, tls_);
  good.Send(GetRequest("/x"));
  EXPECT_THAT(good.Read("GET /x "), HasSubstr(" 200 "));
}

TEST_F(TlsServer, StreamsAndEndsThem) {
  Start();
  Feed& feed = FeedOf("a");
  const Client client(port_, tls_);
  client.Send(GetRequest("/feed/a"));
  client.Read("\r\n\r\n");
  feed.Push("one");
  EXPECT_EQ(client.Read("one\r\n"), "3\r\none\r\n");
  {
    const Client gone(port_, tls_);
    gone.Send(GetRequest("/feed/gone"));
    gone.Read("\r\n\r\n");
  }
  EXPECT_TRUE(FeedOf("gone").AwaitDestroyed());
  Feed& endless = FeedOf("endless");
  endless.Endless(std::string(64 << 10, 'x'));
  const Client slow(port_, tls_);
  slow.KeepLittle();
  slow.Send(GetRequest("/feed/endless"));
  slow.Read("\r\n\r\n");
  for (int i = 0; i < 300; ++i) ExpectAlive();
  EXPECT_LE(endless.fills(), 64);
  server_->Stop();
  EXPECT_EQ(client.Read("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_TRUE(client.EndedWell());
}

}  // namespace
}  // namespace ballast::apiserver
