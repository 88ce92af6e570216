// The server over real sockets: what clients may do to it, and to each other.
#include "controller/apiserver/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/cli/client.h"
#include "tests/fakes/recording_metrics.h"
#include "tests/fakes/temp_dir.h"

namespace ballast::apiserver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::size_t kBig = 50 << 20;
constexpr seconds kLong{20};  // never reached unless something is broken

// A client that can be as rude as it likes.
class Client {
 public:
  explicit Client(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    connected_ =
        fd_ >= 0 && connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  explicit Client(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        fd_ >= 0 && connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  void Send(const std::string& text) const {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t n = send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += static_cast<std::size_t>(n);
    }
  }
  // Until the server closes (or, with `enough`, that was read).
  std::string Read(const std::string& enough = "") const {
    std::string text;
    const auto deadline = std::chrono::steady_clock::now() + kLong;
    while (std::chrono::steady_clock::now() < deadline) {
      pollfd poll_fd{fd_, POLLIN, 0};
      if (poll(&poll_fd, 1, 100) <= 0) continue;
      char buffer[4096];
      const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(n));
      if (!enough.empty() && text.find(enough) != std::string::npos) return text;
    }
    ADD_FAILURE() << "the server neither answered nor closed";
    return text;
  }

 private:
  int fd_;
  bool connected_ = false;
};

class Server : public testing::Test {
 protected:
  void Start(HttpLimits limits = {}) {
    server_.emplace(metrics_, limits);
    ASSERT_TRUE(server_->ListenUnix(path_, 0660, Handler()));
    const auto listening = server_->ListenTcp("127.0.0.1", 0, Handler());
    ASSERT_TRUE(listening);
    port_ = *listening;
    server_->Start();
  }
  static HttpHandler Handler() {
    return [](const HttpRequest& request) {
      if (request.path == "/big") return HttpResponse{.body = std::string(kBig, 'x')};
      return HttpResponse{.body = request.method + " " + request.path + " " + request.body};
    };
  }
  // The server still serves others.
  void ExpectAlive() {
    const auto reply = cli::Get(path_, "/alive", kLong);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->body, "GET /alive ");
  }

  TempDir dir_;
  std::string path_ = dir_.path("sub/b.sock");
  std::uint16_t port_ = 0;
  fakes::RecordingMetrics metrics_;
  std::optional<HttpServer> server_;
};

TEST_F(Server, AnswersOnBothSockets) {
  Start();
  ExpectAlive();
  const Client client(port_);
  client.Send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.Read("GET /x "), StartsWith("HTTP/1.1 200 OK\r\n"));
  client.Send("GET /y HTTP/1.1\r\nHost: a\r\n\r\n");  // the connection is kept
  EXPECT_THAT(client.Read("GET /y "), HasSubstr("200 OK"));
  client.Send("HEAD /z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string head = client.Read();
  EXPECT_THAT(head, HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(head, testing::EndsWith("\r\n\r\n"));
}

TEST_F(Server, AnswersRequestsThatComeTogether) {
  Start();
  const Client client(path_);
  client.Send(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: "
      "close\r\n\r\n");
  const std::string answers = client.Read();
  EXPECT_THAT(answers, HasSubstr("GET /1 "));
  EXPECT_THAT(answers, HasSubstr("GET /2 "));
}

TEST_F(Server, TheSocketIsForTheGroupAndItsDirectoryIsMade) {
  Start();
  struct stat info{};
  ASSERT_EQ(lstat(path_.c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777U, 0660U);
  server_->Stop();
  EXPECT_NE(lstat(path_.c_str(), &info), 0) << "removed";
}

struct Rude {
  const char* name;
  std::string request;
  const char* answer;  // "" = closed without a word
};
class RudeClient : public Server, public testing::WithParamInterface<Rude> {};
INSTANTIATE_TEST_SUITE_P(
    Server, RudeClient,
    testing::Values(
        Rude{"Header", "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", " 431 "},
        Rude{"EndlessHeader", "GET / HTTP/1.1\r\nX: " + std::string(200'000, 'x'), " 431 "},
        Rude{"Body", "POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n" + std::string(70'000, 'x'),
             " 413 "},
        Rude{"ChunkedBody",
             "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n" +
                 std::string(70'000, 'x') + "\r\n0\r\n\r\n",
             " 413 "},
        Rude{"Rubbish", "\x16\x03\x01\x02 rubbish\r\n\r\n", " 400 "},
        Rude{"BadTarget", "GET /%zz HTTP/1.1\r\nConnection: close\r\n\r\n", " 400 "},
        Rude{"Lengths", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", " 400 "}),
    [](const auto& info) { return info.param.name; });

TEST_P(RudeClient, IsToldAndHurtsNobody) {
  Start();
  const Client client(path_);
  client.Send(GetParam().request);
  EXPECT_THAT(client.Read(GetParam().answer), HasSubstr(GetParam().answer));
  ExpectAlive();
}

TEST_F(Server, ASlowClientIsCutAndHoldsUpNobody) {
  Start({.timeout = milliseconds(300)});
  const Client silent(path_);
  const Client slow(path_);
  slow.Send("GET / HTTP/1.1\r\nX");
  ExpectAlive();
  EXPECT_EQ(slow.Read(), "");
  EXPECT_EQ(silent.Read(), "");
}

TEST_F(Server, AClientThatReadsNothingIsCut) {
  Start({.timeout = milliseconds(300)});
  const Client client(path_);
  client.Send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  ExpectAlive();
  server_->Stop();  // and it ends at once, whatever is under way
}

TEST_F(Server, OneConnectionTooManyMakesTheLongestSilentOneGo) {
  Start({.connections = 4});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<Client>(path_));
    clients.back()->Send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    clients.back()->Read("GET /first ");
  }
  ExpectAlive();
  EXPECT_EQ(clients[0]->Read(), "") << "closed";
  clients[3]->Send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(clients[3]->Read("GET /again "), HasSubstr("200 OK"));
  EXPECT_GE(metrics_.Get("ballast_http_connections_refused_total"), 1);
}

TEST_F(Server, HundredsOfConnectionsAreNoProblem) {
  Start();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(std::make_unique<Client>(path_));
    clients.back()->Send("GET");
  }
  ExpectAlive();
}

TEST_F(Server, ReplacesASocketThatNobodyAnswersOn) {
  std::filesystem::create_directories(dir_.path("sub"));
  {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_GE(fd, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(fd);
  }
  Start();
  ExpectAlive();
}

TEST_F(Server, LeavesAnotherControllersSocketAlone) {
  Start();
  HttpServer second(metrics_);
  const auto listening = second.ListenUnix(path_, 0660, Handler());
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, Code::kAlreadyExists);
  EXPECT_THAT(listening.error().message, HasSubstr("another controller answers on"));
  ExpectAlive();
}

TEST_F(Server, LeavesAFileAlone) {
  dir_.Write("sub/b.sock", "precious");
  HttpServer other(metrics_);
  const auto listening = other.ListenUnix(path_, 0660, Handler());
  ASSERT_FALSE(listening);
  EXPECT_THAT(listening.error().message, HasSubstr("is no socket"));
  EXPECT_EQ(dir_.Read("sub/b.sock"), "precious");
}

TEST_F(Server, RefusesAPathThatIsTooLong) {
  HttpServer other(metrics_);
  const auto listening = other.ListenUnix("/" + std::string(200, 'x'), 0660, Handler());
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, Code::kInvalidArgument);
}

TEST_F(Server, SaysThatAPortIsTaken) {
  Start();
  HttpServer other(metrics_);
  const auto listening = other.ListenTcp("127.0.0.1", port_, Handler());
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, Code::kAlreadyExists);
  EXPECT_FALSE(other.ListenTcp("localhost", 0, Handler()));
}

TEST_F(Server, StopsTwiceAndWithoutStart) {
  {
    HttpServer unused(metrics_);
    ASSERT_TRUE(unused.ListenUnix(dir_.path("u.sock"), 0660, Handler()));
  }
  EXPECT_FALSE(std::filesystem::exists(dir_.path("u.sock")));
  Start();
  const Client client(path_);
  server_->Stop();
  server_->Stop();
  EXPECT_EQ(client.Read(), "");
}

TEST(Client, SaysWhatToDoWhenNobodyAnswers) {
  const TempDir dir;
  for (const char* name : {"nothing.sock", "no/such/directory.sock"}) {
    const auto reply = cli::Get(dir.path(name), "/", kLong);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().message,
              "no controller answers on " + dir.path(name) +
                  ": is it running? start it with `ballast controller --manifests DIR`");
  }
}

}  // namespace
}  // namespace ballast::apiserver
