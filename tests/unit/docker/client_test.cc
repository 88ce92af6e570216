// Connections, timeouts and versions, against a Docker made of canned answers.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/unit/docker/stub_docker.h"

namespace ballast::docker {
namespace {

using fakes::StubChunk;
using fakes::StubChunkedHeader;
using fakes::StubRequest;
using fakes::StubResponse;
using fakes::StubSend;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kContainer[] = R"({"Id":"abc","Name":"/x"})";

TEST(Connect, SaysWhatToDo) {
  const auto failure = [](const std::string& path) {
    const auto version = NewDockerEngine({.socket_path = path})->Version();
    EXPECT_FALSE(version);
    return version ? Status{} : version.error();
  };
  const std::string directory =
      std::filesystem::temp_directory_path() / fmt::format("ballast-connect-{}", getpid());
  std::filesystem::create_directories(directory);
  const Status missing = failure(directory + "/none.sock");
  EXPECT_EQ(missing.code, Code::kUnavailable);
  EXPECT_THAT(missing.message, HasSubstr("systemctl start docker"));
  std::ofstream(directory + "/file") << "no socket";
  EXPECT_THAT(failure(directory + "/file").message, HasSubstr("nobody listens"));
  EXPECT_EQ(failure(std::string(200, 'x')).code, Code::kInvalidArgument);
  EXPECT_EQ(failure("").code, Code::kInvalidArgument);
  if (geteuid() != 0) {
    chmod((directory + "/file").c_str(), 0);
    EXPECT_EQ(failure(directory + "/file").code, Code::kPermissionDenied);
  }
  std::filesystem::remove_all(directory);
}

TEST(Versions, AreAgreedUponOnceAndUsed) {
  StubDocker docker;
  docker.SetVersion("1.45");
  docker.On("GET /containers/x/json", 200, kContainer);
  const auto engine = NewDockerEngine(docker.Options());
  ASSERT_TRUE(engine->InspectContainer("x"));
  ASSERT_TRUE(engine->InspectContainer("x"));
  EXPECT_THAT(docker.Requests(),
              ElementsAre("GET /v1.45/containers/x/json", "GET /v1.45/containers/x/json"));
  EXPECT_EQ(engine->Version()->api_version, "1.45");
  EXPECT_EQ(engine->Version()->data_root, "/d");
}

TEST(Versions, WhatIsTooOldIsRefusedAtEveryCall) {
  StubDocker docker;
  docker.SetVersion("1.40");
  const auto engine = NewDockerEngine(docker.Options());
  EXPECT_THAT(engine->Version().error().message, HasSubstr("upgrade Docker"));
  EXPECT_EQ(engine->StartContainer("x").error().code, Code::kFailedPrecondition);
  EXPECT_THAT(docker.Requests(), IsEmpty());
}

TEST(Versions, AnotherIsAgreedUponWhenTheEngineWasReplaced) {
  StubDocker docker;
  docker.On("POST /containers/x/start", 204, "");
  const auto engine = NewDockerEngine(docker.Options());
  ASSERT_TRUE(engine->StartContainer("x"));
  docker.SetVersion("1.52", "1.44");
  docker.On("POST /containers/x/start", [](const StubRequest& request, const StubSend& send) {
    return send(request.target.starts_with("/v1.41/")
                    ? StubResponse(400, R"({"message":"client version 1.41 is too old."})")
                    : StubResponse(304, ""));
  });
  ASSERT_TRUE(engine->StartContainer("x"));
  EXPECT_EQ(docker.Last().target, "/v1.47/containers/x/start");
}

TEST(Pool, OneConnectionServesManyCalls) {
  StubDocker docker;
  docker.On("GET /containers/x/json", 200, kContainer);
  const auto engine = NewDockerEngine(docker.Options());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(engine->InspectContainer("x"));
  EXPECT_EQ(docker.server().connections(), 1);
}

TEST(Pool, ManyThreadsAtOnce) {
  StubDocker docker;
  docker.On("GET /containers/x/json", 200, kContainer);
  const auto engine = NewDockerEngine(docker.Options());
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 25; ++i) good += engine->InspectContainer("x").has_value() ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(good, 200);
  EXPECT_LE(docker.server().connections(), 9);
}

TEST(Pool, AConnectionThatWasIdleForLongIsNotUsed) {
  StubDocker docker;
  docker.On("GET /containers/x/json", 200, kContainer);
  DockerOptions options = docker.Options();
  options.idle_timeout = std::chrono::milliseconds(0);
  const auto engine = NewDockerEngine(options);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine->InspectContainer("x"));
  EXPECT_EQ(docker.server().connections(), 5) << "/version, /info and three";
}

// Cuts the connection in the middle of the second request on it.
fakes::StubHandler OnceThenCut(const std::string& response) {
  return [response](const StubRequest& request, const StubSend& send) {
    return request.connection > 1 && send(response);
  };
}

TEST(Pool, ADeadConnectionIsReplacedForWhatMayBeSentTwice) {
  StubDocker docker;
  docker.On("GET /containers/x/json", OnceThenCut(StubResponse(200, kContainer)));
  const auto engine = NewDockerEngine(docker.Options());
  EXPECT_TRUE(engine->InspectContainer("x"));
  EXPECT_THAT(docker.Requests(), SizeIs(2));
}

TEST(Pool, ACreateThatWasSentIsNeverSentAgain) {
  StubDocker docker;
  docker.On("POST /containers/create", OnceThenCut(StubResponse(201, R"({"Id":"abc"})")));
  const auto engine = NewDockerEngine(docker.Options());
  const auto made = engine->CreateContainer({.name = "x", .image = "i"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kUnavailable);
  EXPECT_THAT(docker.Requests(), SizeIs(1));
}

TEST(Pool, AnEngineThatRestartedIsFoundAgain) {
  StubDocker docker;
  docker.On("GET /containers/x/json", 200, kContainer);
  docker.On("POST /containers/create", 201, R"({"Id":"abc"})");
  const auto engine = NewDockerEngine(docker.Options());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(engine->InspectContainer("x"));
    docker.server().CutConnections();
    ASSERT_TRUE(engine->CreateContainer({.name = "x", .image = "i"})) << i;
    docker.server().CutConnections();
  }
}

TEST(Timeouts, AnEngineThatDoesNotAnswer) {
  StubDocker docker;
  DockerOptions options = docker.Options();
  const auto engine = [&] {
    auto out = NewDockerEngine(options);
    EXPECT_TRUE(out->Version());
    return out;
  };
  options.request_timeout = options.slow_request_timeout = std::chrono::milliseconds(100);
  docker.On("GET /containers/x/json", Silence());
  EXPECT_EQ(engine()->InspectContainer("x").error().code, Code::kTimeout);
  docker.On("GET /events", Silence());
  EXPECT_EQ(engine()->StreamEvents({}, [] {}, [](const auto&) {}).code, Code::kTimeout);
}

TEST(Timeouts, AnEngineThatNeverStopsAnswering) {
  StubDocker docker;
  docker.On("GET /containers/x/logs", [](const StubRequest&, const StubSend& send) {
    bool alive = send(StubChunkedHeader());
    const std::string much = StubChunk(std::string(50'000, 'x'));
    while (alive) alive = send(much);
    return false;
  });
  DockerOptions options = docker.Options();
  const auto warm = NewDockerEngine(options);
  options.request_timeout = std::chrono::milliseconds(300);
  EXPECT_EQ(NewDockerEngine(options)->TailLogs("x", 5).error().code, Code::kTimeout);
}

TEST(Answers, ThatAreCutAreErrors) {
  StubDocker docker;
  const auto engine = NewDockerEngine(docker.Options());
  const auto code = [&](const std::string& bytes) {
    docker.On("GET /containers/json", [bytes](const StubRequest&, const StubSend& send) {
      send(bytes);
      return false;
    });
    const auto list = engine->ListContainers("a");
    return list ? Code::kConflict : list.error().code;
  };
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]"), Code::kUnavailable);
  EXPECT_EQ(code(StubChunkedHeader() + StubChunk("[{\"Id\":\"a\"}")), Code::kUnavailable);
  EXPECT_EQ(code("HTTP/1.1 200"), Code::kUnavailable);
  EXPECT_EQ(code("SSH-2.0-OpenSSH_9.2\r\n\r\n"), Code::kInternal);
  EXPECT_EQ(code(StubResponse(200, "[{\"Id\":\"a\"}")), Code::kInternal);
  EXPECT_EQ(code(StubResponse(200, "<html>")), Code::kInternal);
  EXPECT_EQ(code(StubResponse(500, "{\"message\":\"boom\"}")), Code::kInternal);
  EXPECT_EQ(code("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"),
            Code::kInternal);
}

TEST(Answers, ThatAreTooLargeAreErrors) {
  StubDocker docker;
  DockerOptions options = docker.Options();
  options.max_body_bytes = 1000;
  const auto engine = NewDockerEngine(options);
  docker.On("GET /containers/x/json", 200, "{\"Id\":\"" + std::string(2000, 'a') + "\"}");
  EXPECT_THAT(engine->InspectContainer("x").error().message, HasSubstr("larger than 1000"));
  docker.On("GET /containers/x/json", 404, std::string(std::size_t{2} << 20, 'a'));
  EXPECT_FALSE(engine->InspectContainer("x"));
}

TEST(Answers, TenThousandContainers) {
  StubDocker docker;
  std::string body = "[";
  for (int i = 9'999; i >= 0; --i) {
    body += fmt::format(R"({{"Id":"{:064x}","Names":["/c{:05}"],"State":"running",)"
                        R"("Labels":{{"ballast.dev/template":"{}"}}}}{})",
                        i, i, std::string(2000, 'x'), i == 0 ? "]" : ",");
  }
  docker.On("GET /containers/json", 200, body);
  const auto list = NewDockerEngine(docker.Options())->ListContainers("ballast.dev/webapp");
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->size(), 10'000U);
  EXPECT_EQ(list->front().name, "c00000");
  EXPECT_EQ(list->back().name, "c09999");
  EXPECT_THAT(docker.Last().target,
              HasSubstr("?all=1&filters=%7B%22label%22%3A%5B%22ballast.dev%2Fwebapp%22%5D%7D"));
}

TEST(Names, NeverLeaveTheirPlaceInThePath) {
  StubDocker docker;
  const auto engine = NewDockerEngine(docker.Options());
  for (const std::string name : {"", "../images", "a/b", "a?x=1", "a b", "a\r\nX: y", "."}) {
    EXPECT_EQ(engine->InspectContainer(name).error().code, Code::kInvalidArgument) << name;
    EXPECT_EQ(engine->RemoveContainer(name).error().code, Code::kInvalidArgument) << name;
    EXPECT_EQ(engine->CreateContainer({.name = name, .image = "i"}).error().code,
              Code::kInvalidArgument);
    EXPECT_EQ(engine->InspectNetwork(name).error().code, Code::kInvalidArgument) << name;
    EXPECT_EQ(engine->RemoveVolume(name).error().code, Code::kInvalidArgument) << name;
  }
  for (const std::string name : {"", "../x", "a//b", "a b", "a?b", "/a", "a\nb"}) {
    EXPECT_EQ(engine->InspectImage(name).error().code, Code::kInvalidArgument) << name;
  }
  EXPECT_THAT(docker.Requests(), IsEmpty());
}

}  // namespace
}  // namespace ballast::docker
