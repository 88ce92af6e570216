// From no replica and back: the first requests of many clients at once, requests all the way down,
// a replica that takes too long, a controller that is killed while they wait.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <future>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

struct Answer {
  int status = 0;  // 0: none
  std::string text;
  Clock::time_point at;
};

// One request on a connection of its own; the whole answer.
Answer Ask(std::uint16_t port, const std::string& request) {
  Answer answer;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size())) {
    std::array<char, 4096> chunk{};
    pollfd entry{fd, POLLIN, 0};
    while (::poll(&entry, 1, 90'000) > 0) {
      const ssize_t count = ::recv(fd, chunk.data(), chunk.size(), 0);
      if (count <= 0) break;
      answer.text.append(chunk.data(), static_cast<std::size_t>(count));
    }
  }
  ::close(fd);
  if (answer.text.size() > 12) answer.status = std::atoi(answer.text.c_str() + 9);
  answer.at = Clock::now();
  return answer;
}

class Zero : public FaultTest {
 protected:
  void TearDown() override {
    if (stack_ && HasFailure()) {
      const CommandResult logs =
          stack_->TryDocker({"logs", "--tail", "200", stack_->HaproxyContainer()});
      std::fprintf(stderr, "%s\n", logs.output.c_str());
    }
    FaultTest::TearDown();
  }
  // `shop` without a replica, whose requests wait for one.
  void BeginAtZero(int cold_start_seconds = 60) {
    stack_ = std::make_unique<Stack>(Defaults());
    app_.replicas = 0;
    // On a machine so busy that HAProxy itself does not run for 40 ms, it takes every server for
    // dead.
    app_.more_spec = "  traffic: {timeouts: {connect: 1s}}\n";
    stack_->Apply(app_);
    const json autoscaler = {
        {"apiVersion", "ballast.dev/v1alpha1"},
        {"kind", "Autoscaler"},
        {"metadata", {{"name", "shop"}}},
        {"spec",
         {{"scaleTargetRef", {{"kind", "WebApp"}, {"name", "shop"}}},
          {"minReplicas", 0},
          {"maxReplicas", 3},
          {"coldStartTimeoutSeconds", cold_start_seconds},
          {"metrics", json::array({{{"type", "Concurrency"},
                                    {"concurrency", {{"target", {{"averageValue", "100"}}}}}}})}}}};
    stack_->Write("autoscaler.json", autoscaler.dump());
    stack_->StartController();
    // HAProxy runs it, and the controller has noted so.
    const std::string note = stack_->dir() + "/state/lb/default/1/ballast.json";
    ASSERT_TRUE(Eventually(
        [&] {
          std::ifstream file(note);
          const std::string text(std::istreambuf_iterator<char>(file), {});
          return text.find("\"holdSeconds\":" + std::to_string(cold_start_seconds)) !=
                 std::string::npos;
        },
        seconds(60), milliseconds(100)))
        << stack_->Log();
    reloads_ = stack_->Reloads();
  }
  // By hand, against the autoscaler.
  void Scale(int count) {
    const CommandResult scaled =
        fault::Run({BALLAST_BINARY, "scale", "webapp/shop", "--replicas=" + std::to_string(count),
                    "--socket=" + stack_->socket()});
    EXPECT_EQ(scaled.exit_code, 0) << scaled.output;
  }
  void AskAtOnce(int count, const std::string& request) {
    for (int i = 0; i < count; ++i) {
      clients_.push_back(std::async(
          std::launch::async, [port = stack_->port(), request] { return Ask(port, request); }));
    }
  }
  [[nodiscard]] static std::string Get(const std::string& path = "/work?ms=20") {
    return "GET " + path + " HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n";
  }
  [[nodiscard]] static std::string Post(std::size_t bytes) {
    return "POST /work?ms=20 HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nContent-Length: " +
           std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'x');
  }
  // Requests that wait in HAProxy.
  int Waiting() {
    const std::string stat = stack_->Haproxy("show stat default_shop 2 -1");
    const std::size_t row = stat.find("\ndefault_shop,BACKEND,");
    // scur is the fifth column.
    std::size_t at = row == std::string::npos ? row : row + 1;
    for (int i = 0; i < 4 && at != std::string::npos; ++i) at = stat.find(',', at) + 1;
    return at == std::string::npos ? -1 : std::atoi(stat.c_str() + at);
  }
  void AwaitWaiting(int count) {
    ASSERT_TRUE(Eventually([&] { return Waiting() >= count; }, seconds(30))) << Waiting();
  }
  std::vector<Answer> Answers() {
    std::vector<Answer> answers;
    for (auto& client : clients_) answers.push_back(client.get());
    clients_.clear();
    return answers;
  }
  void ExpectAllAnswered() {
    for (const Answer& answer : Answers()) EXPECT_EQ(answer.status, 200) << answer.text;
  }

  std::vector<std::future<Answer>> clients_;
};

TEST_F(Zero, TwoHundredFirstRequestsAreAllAnswered) {
  BeginAtZero();
  const auto begin = Clock::now();
  AskAtOnce(100, Get());
  AskAtOnce(50, Post(1'000));
  AskAtOnce(50, Post(100'000));
  const std::vector<Answer> answers = Answers();
  Clock::time_point first = Clock::time_point::max();
  Clock::time_point last = begin;
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.status, 200) << answer.text;
    first = std::min(first, answer.at);
    last = std::max(last, answer.at);
  }
  const auto ms = [&](Clock::time_point at) {
    return std::chrono::duration_cast<milliseconds>(at - begin).count();
  };
  std::printf("%zu requests: first answer after %ld ms, last after %ld ms\n", answers.size(),
              static_cast<long>(ms(first)), static_cast<long>(ms(last)));
  ExpectNoReload("from zero");
}

// Called back while it drains, on its way out, or gone already: whatever the moment.
TEST_F(Zero, DownAndBackUnderLoadLosesNothing) {
  BeginAtZero();
  loadgen::Options gets = Requests();
  loadgen::Options posts = Requests("POST");
  gets.rate = posts.rate = 50;
  gets.timeout = posts.timeout = seconds(55);
  loadgen::Load get_load(gets);
  loadgen::Load post_load(posts);
  get_load.Start();
  post_load.Start();
  const auto serves = [this] {
    return Eventually([this] { return !stack_->Containers("shop").empty() && Waiting() < 20; },
                      seconds(90));
  };
  for (const int wait : {0, 30, 100, 300, 1000}) {
    ASSERT_TRUE(serves()) << stack_->Log();
    Scale(0);
    RunFor(milliseconds(wait));
  }
  ASSERT_TRUE(serves()) << stack_->Log();
  RunFor(milliseconds(500));
  ExpectNoFailure(get_load.Stop(), "GET");
  ExpectNoFailure(post_load.Stop(), "POST");
  ExpectNoReload("to zero and back");
}

TEST_F(Zero, AReplicaThatTakesTooLongIsNotWaitedFor) {
  app_.env["HELLO_READY_AFTER_MS"] = "600000";
  BeginAtZero(2);
  AskAtOnce(20, Get());
  for (const Answer& answer : Answers()) {
    EXPECT_EQ(answer.status, 503) << answer.text;
    EXPECT_THAT(answer.text, HasSubstr("retry-after: 5"));
  }
}

TEST_F(Zero, AnotherControllerFindsThoseWhoWait) {
  BeginAtZero();
  stack_->KillController();
  AskAtOnce(20, Get());
  AwaitWaiting(20);
  stack_->StartController();
  ExpectAllAnswered();
  ExpectNoReload("another controller");
}

}  // namespace
}  // namespace ballast::fault
