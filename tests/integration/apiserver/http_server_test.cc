// The server over real sockets: what it answers, and its sockets themselves.
#include "controller/apiserver/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>

#include "controller/apiserver/file_descriptor.h"
#include "controller/cli/client.h"
#include "tests/integration/apiserver/fixture.h"

namespace ballast::apiserver {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Server = ServerTest;

TEST_F(Server, AnswersOnBothSockets) {
  Start();
  ExpectAlive();
  const Client client(port_);
  client.Send(GetRequest("/x"));
  EXPECT_THAT(client.Read("GET /x "), StartsWith("HTTP/1.1 200 OK\r\n"));
  client.Send(GetRequest("/y"));  // the connection is kept
  EXPECT_THAT(client.Read("GET /y "), HasSubstr("200 OK"));
  client.Send("HEAD /z HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string head = client.Read();
  EXPECT_THAT(head, HasSubstr("Content-Length: 8\r\n"));
  EXPECT_THAT(head, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
}

TEST_F(Server, AnswersRequestsThatComeTogetherInOrder) {
  Start();
  const Client client(path_);
  client.Send(GetRequest("/1") + "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
              GetRequest("/3", "Connection: close\r\n"));
  const std::string answers = client.Read();
  const auto second = answers.find("POST /2 abc");
  EXPECT_LT(answers.find("GET /1 "), second);
  EXPECT_LT(second, answers.find("GET /3 "));
  EXPECT_NE(answers.find("GET /3 "), std::string::npos);
}

TEST_F(Server, OldClientsAreAnsweredAsTheyExpect) {
  Start();
  const Client closing(path_);
  closing.Send("GET /x HTTP/1.0\r\n\r\n");
  EXPECT_THAT(closing.Read(), EndsWith("GET /x "));
  const Client keeping(path_);
  keeping.Send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(keeping.Read("GET /x "), HasSubstr("Connection: keep-alive\r\n"));
  keeping.Send("GET /y HTTP/1.0\r\n\r\n");
  EXPECT_THAT(keeping.Read(), EndsWith("GET /y "));
}

TEST_F(Server, NobodyIsAskedToUpgrade) {
  Start();
  const Client client(path_);
  client.Send(GetRequest("/x", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_THAT(client.Read("GET /x "), StartsWith("HTTP/1.1 200 OK\r\n"));
  client.Send(GetRequest("/y"));
  EXPECT_THAT(client.Read("GET /y "), HasSubstr(" 200 OK")) << "HTTP/1.1 as before";
}

TEST_F(Server, GivesTheHandlerAllThatTheRequestSays) {
  HttpRequest seen;
  server_.emplace(metrics_);
  const auto handler = Synchronous([&seen](const HttpRequest& request) {
    seen = request;
    return HttpResponse{.status = 204, .headers = {{"X-A", "b\r\nX-Forged: c"}}};
  });
  ASSERT_TRUE(server_->ListenUnix(path_, 0600, handler));
  const auto port = server_->ListenTcp("127.0.0.1", 0, handler);
  ASSERT_TRUE(port);
  server_->Start();
  {
    const Client client(path_);
    client.Send(
        "PUT /a%20b?x=1+2&y HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nx-two: 2\r\nAccept: b\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nAccept: late\r\n\r\n");
    const std::string answer = client.Read("\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 204 No Content\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Content-Length")));
    EXPECT_THAT(answer, HasSubstr("X-A: b  X-Forged: c\r\n"));
  }
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.path, "/a b");
  EXPECT_EQ(seen.query, (std::map<std::string, std::string>{{"x", "1 2"}, {"y", ""}}));
  EXPECT_EQ(seen.Header("x-two"), "1, 2");
  EXPECT_EQ(seen.Header("accept"), "b") << "what follows the body is no header";
  EXPECT_EQ(seen.Header("nothing"), "");
  EXPECT_EQ(seen.body, "abcde");
  EXPECT_TRUE(seen.peer.unix_socket);
  EXPECT_EQ(seen.peer.uid, getuid());
  EXPECT_EQ(seen.peer.gid, getgid());
  EXPECT_EQ(seen.peer.pid, getpid());
  EXPECT_EQ(seen.peer.Key(), "uid:" + std::to_string(getuid()));
  const Client client(*port);
  client.Send(GetRequest("/"));
  client.Read("\r\n\r\n");
  EXPECT_FALSE(seen.peer.unix_socket);
  EXPECT_THAT(seen.peer.address, StartsWith("127.0.0.1:"));
  EXPECT_EQ(seen.peer.Key(), "ip:127.0.0.1");
  server_.reset();
}

TEST_F(Server, AnswersLaterFromAnotherThread) {
  Start();
  const Client client(path_);
  client.Send(GetRequest("/later") + GetRequest("/next"));
  AwaitLater(1);
  ExpectAlive();
  std::thread([this] { ReleaseLater(); }).join();
  const std::string answers = client.Read("GET /next ");
  EXPECT_LT(answers.find("at last"), answers.find("GET /next "));
}

TEST_F(Server, OneAnswerIsWhatARequestGets) {
  Start();
  const Client client(path_);
  client.Send(GetRequest("/twice") + GetRequest("/dropped") + GetRequest("/throws") +
              GetRequest("/x"));
  const std::string answers = client.Read("GET /x ");
  EXPECT_THAT(answers, HasSubstr("first"));
  EXPECT_THAT(answers, Not(HasSubstr("second")));
  EXPECT_THAT(answers, Not(HasSubstr("oops"))) << "what was thrown is for the log";
  const std::size_t first = answers.find(" 500 ");
  ASSERT_NE(first, std::string::npos);
  EXPECT_NE(answers.find(" 500 ", first + 1), std::string::npos);
}

TEST_F(Server, AnAnswerAfterTheClientOrTheServerIsGoneIsHarmless) {
  Start();
  {
    const Client client(path_);
    client.Send(GetRequest("/later"));
    AwaitLater(1);
  }
  ReleaseLater();
  ExpectAlive();
  const Client client(path_);
  client.Send(GetRequest("/later"));
  AwaitLater(1);
  server_->Stop();
  EXPECT_EQ(client.Read(), "") << "there was a second for it, no more";
  server_.reset();
  ReleaseLater();
}

TEST_F(Server, ABlockedHandlerHoldsUpNobody) {
  server_.emplace(metrics_);
  std::mutex mutex;
  std::unique_lock blocked(mutex);
  ASSERT_TRUE(server_->ListenUnix(path_, 0660, Synchronous([&](const HttpRequest& request) {
                                    if (request.path == "/blocked")
                                      const std::lock_guard waits(mutex);
                                    return HttpResponse{.body = request.method + " " +
                                                                request.path + " "};
                                  })));
  server_->Start();
  const Client client(path_);
  client.Send(GetRequest("/blocked"));
  ExpectAlive();
  blocked.unlock();
  EXPECT_THAT(client.Read("GET /blocked "), HasSubstr("200 OK"));
  server_.reset();
}

TEST_F(Server, ABodyThatWaitsToBeAskedForIsAskedFor) {
  Start();
  const Client client(port_);
  client.Send("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_EQ(client.Read("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("abc");
  EXPECT_THAT(client.Read("POST /x abc"), HasSubstr("200 OK"));
  client.Send(
      "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 70000\r\n\r\n");
  EXPECT_THAT(client.Read(), StartsWith("HTTP/1.1 413 ")) << "refused before it is sent";
}

TEST_F(Server, LargeAnswersArriveWhole) {
  Start();
  for (const bool tcp : {false, true}) {
    const Client client = tcp ? Client(port_) : Client(path_);
    client.Send(GetRequest("/big", "Connection: close\r\n"));
    const std::string answer = client.Read();
    EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, kBig);
  }
}

TEST_F(Server, CountsConnectionsAndRequests) {
  Start();
  {
    const Client one(path_);
    const Client two(path_);
    two.Send(GetRequest("/x"));
    EXPECT_THAT(two.Read("GET /x "), HasSubstr(" 200 "));
    EXPECT_TRUE(MetricBecomes(UnixGauge("ballast_http_connections"), 2));
  }
  EXPECT_TRUE(MetricBecomes(UnixGauge("ballast_http_connections"), 0));
  EXPECT_EQ(metrics_.Get("ballast_http_requests_total{path=/x,code=200}"), 1);
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

TEST_F(Server, LeavesASocketOfAnotherKindAlone) {
  std::filesystem::create_directories(dir_.path("sub"));
  const FileDescriptor log(socket(AF_UNIX, SOCK_DGRAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(log.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  HttpServer other(metrics_);
  const auto listening = other.ListenUnix(path_, 0660, Handler());
  ASSERT_FALSE(listening);
  EXPECT_THAT(listening.error().message, HasSubstr("cannot be seen"));
  const FileDescriptor sender(socket(AF_UNIX, SOCK_DGRAM, 0));
  EXPECT_EQ(connect(sender.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0)
      << "still there";
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

TEST_F(Server, RefusesWhatIsNoCertificate) {
  HttpServer other(metrics_);
  for (const TlsOptions& bad : {TlsOptions{}, TlsOptions{.certificate_chain = "x", .key = "y"}}) {
    const auto listening = other.ListenTls("127.0.0.1", 0, bad, Handler());
    ASSERT_FALSE(listening);
    EXPECT_EQ(listening.error().code, Code::kInvalidArgument);
  }
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
