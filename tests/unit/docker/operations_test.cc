// What single operations do with answers that a real engine gives rarely.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <latch>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "controller/docker/base64.h"
#include "controller/docker/json.h"
#include "tests/fakes/recording_metrics.h"
#include "tests/unit/docker/stub_docker.h"

namespace ballast::docker {
namespace {

using fakes::StubChunk;
using fakes::StubChunkedHeader;
using fakes::StubRequest;
using fakes::StubResponse;
using fakes::StubSend;
using reconcilers::EngineEvent;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Create, TakesBackAContainerWhoseNetworkCannotBeJoined) {
  StubDocker docker;
  docker.On("GET /networks/db", 200, R"({"Id":"n1","Name":"db"})");
  docker.On("POST /containers/create", 201, R"({"Id":"abc"})");
  docker.On("POST /networks/db/connect", 500, R"({"message":"boom"})");
  docker.On("DELETE /containers/abc", 204, "");
  const auto engine = NewDockerEngine(docker.Options());
  const auto made = engine->CreateContainer({.name = "x", .image = "i", .more_networks = {"db"}});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().message, "create container x: connect container abc to network db: boom");
  EXPECT_EQ(docker.Last().method + " " + docker.Last().target,
            "DELETE /v1.41/containers/abc?force=1&v=1");
}

TEST(Create, AnAnswerWithoutIdIsAnError) {
  StubDocker docker;
  docker.On("POST /containers/create", 201, "{}");
  EXPECT_EQ(
      NewDockerEngine(docker.Options())->CreateContainer({.name = "x", .image = "i"}).error().code,
      Code::kInternal);
}

TEST(Remove, WaitsForSomebodyElsesRemoval) {
  StubDocker docker;
  docker.On("DELETE /containers/abc", 409,
            R"({"message":"removal of container abc is already in progress"})");
  docker.On("POST /containers/abc/wait", 200, R"({"StatusCode":137})");
  EXPECT_TRUE(NewDockerEngine(docker.Options())->RemoveContainer("abc"));
  EXPECT_EQ(docker.Last().target, "/v1.41/containers/abc/wait?condition=removed");
}

constexpr char kStats[] = R"({"read":"2026-11-21T21:08:17Z","memory_stats":{"usage":7}})";

TEST(Stats, AllAreAskedForBeforeTheFirstAnswerIsAwaited) {
  StubDocker docker;
  std::latch all_asked(3);
  docker.On("GET /containers/", [&](const StubRequest&, const StubSend& send) {
    all_asked.arrive_and_wait();
    return send(StubResponse(200, kStats));
  });
  const auto samples = NewDockerEngine(docker.Options())->ContainerStats({"a", "b", "c"});
  ASSERT_EQ(samples.size(), 3U);
  for (const auto& sample : samples) {
    ASSERT_TRUE(sample) << sample.error().message;
    EXPECT_EQ(sample->memory, 7);
  }
  EXPECT_EQ(docker.Last().target.substr(docker.Last().target.find('?')),
            "?stream=false&one-shot=true");
}

TEST(Stats, OneThatFailsHarmsNoOther) {
  StubDocker docker;
  docker.On("GET /containers/", 200, kStats);
  docker.On("GET /containers/gone/", 404, R"({"message":"No such container: gone"})");
  docker.On("GET /containers/cut/", HangUp());
  docker.On("GET /containers/odd/", 200, "[");
  docker.On("GET /containers/off/", 200, R"({"read":"0001-01-01T00:00:00Z"})");
  DockerOptions options = docker.Options();
  options.max_stats_at_once = 4;
  const auto engine = NewDockerEngine(options);
  const auto samples = engine->ContainerStats({"a", "gone", "cut", "", "odd", "off", "b"});
  ASSERT_EQ(samples.size(), 7U);
  EXPECT_TRUE(samples[0]);
  EXPECT_EQ(samples[1].error().code, Code::kNotFound);
  EXPECT_EQ(samples[2].error().code, Code::kUnavailable);
  EXPECT_EQ(samples[3].error().code, Code::kInvalidArgument);
  EXPECT_EQ(samples[4].error().code, Code::kInternal);
  EXPECT_EQ(samples[5].error(),
            (Status{Code::kFailedPrecondition, "measure container off: it does not run"}));
  EXPECT_TRUE(samples[6]);
  EXPECT_THAT(engine->ContainerStats({}), IsEmpty());
}

TEST(Stats, ConnectionsThatDiedMeanwhileAreReplaced) {
  StubDocker docker;
  docker.On("GET /containers/", 200, kStats);
  const auto engine = NewDockerEngine(docker.Options());
  EXPECT_TRUE(engine->ContainerStats({"a", "b"})[1]);
  docker.server().CutConnections();
  for (const auto& sample : engine->ContainerStats({"a", "b", "c"})) EXPECT_TRUE(sample);
}

TEST(Stats, AnEngineOfAnotherVersionIsAskedAgain) {
  StubDocker docker;
  docker.On("GET /containers/", 200, kStats);
  const auto engine = NewDockerEngine(docker.Options());
  EXPECT_TRUE(engine->ContainerStats({"a"})[0]);
  docker.SetVersion("1.44", "1.44");
  docker.On("GET /containers/", [](const StubRequest& request, const StubSend& send) {
    if (request.target.starts_with("/v1.44/")) return send(StubResponse(200, kStats));
    return send(StubResponse(400, R"({"message":"client version 1.41 is too old"})"));
  });
  for (const auto& sample : engine->ContainerStats({"a", "b"})) EXPECT_TRUE(sample);
}

TEST(Stats, NobodyThereIsAnErrorForEach) {
  DockerOptions options;
  options.socket_path = "/nonexistent/docker.sock";
  const auto samples = NewDockerEngine(options)->ContainerStats({"a", "b"});
  ASSERT_EQ(samples.size(), 2U);
  for (const auto& sample : samples) EXPECT_EQ(sample.error().code, Code::kUnavailable);
}

TEST(Signal, TheWaysToSayThatItEnded) {
  StubDocker docker;
  const auto engine = NewDockerEngine(docker.Options());
  docker.On("POST /containers/x/kill", 409,
            R"({"message":"Cannot kill container: x: Container abc is not running"})");
  EXPECT_TRUE(engine->SignalContainer("x", "SIGTERM"));
  docker.On(
      "POST /containers/x/kill", 500,
      R"({"message":"Cannot kill container x: unknown error after kill: process already finished"})");
  EXPECT_TRUE(engine->SignalContainer("x", "SIGTERM"));
  docker.On("POST /containers/x/kill", 500, R"({"message":"boom"})");
  EXPECT_FALSE(engine->SignalContainer("x", "SIGTERM"));
}

std::string Frames(const std::string& text) {
  std::string out{
      1, 0, 0, 0, 0, 0, static_cast<char>(text.size() >> 8), static_cast<char>(text.size())};
  return out + text;
}

class ExecTest : public ::testing::Test {
 protected:
  ExecTest() {
    docker_.On("POST /containers/x/exec", 201, R"({"Id":"e1"})");
    docker_.On("POST /exec/e1/start", [](const StubRequest&, const StubSend& send) {
      // Without a length: the output ends with the connection.
      send("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n" +
           Frames("out"));
      return false;
    });
  }
  StubDocker docker_;
};

TEST_F(ExecTest, OutputAndExitCode) {
  docker_.On("GET /exec/e1/json", 200, R"({"Running":false,"ExitCode":3})");
  const auto result =
      NewDockerEngine(docker_.Options())->Exec("x", {"a"}, std::chrono::seconds(20));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->exit_code, 3);
  EXPECT_EQ(result->output, "out");
}

TEST_F(ExecTest, ItsTimeoutIsItsOwn) {
  docker_.On("POST /exec/e1/start", Silence());
  docker_.On("GET /exec/e1/json", 200, R"({"Running":true,"ExitCode":null})");
  const auto engine = NewDockerEngine(docker_.Options());
  EXPECT_EQ(engine->Exec("x", {"a"}, std::chrono::milliseconds(100)).error().code, Code::kTimeout);
  // The command ended, but something that it started holds its output open.
  docker_.On("GET /exec/e1/json", 200, R"({"Running":false,"ExitCode":0})");
  EXPECT_TRUE(engine->Exec("x", {"a"}, std::chrono::milliseconds(100)));
}

TEST_F(ExecTest, EngineThatDoesNotAnswerIsNoTimeoutOfTheCommand) {
  DockerOptions options = docker_.Options();
  options.request_timeout = std::chrono::milliseconds(100);
  const auto engine = NewDockerEngine(options);
  const auto code = [&] {
    return engine->Exec("x", {"a"}, std::chrono::milliseconds(100)).error().code;
  };
  docker_.On("POST /exec/e1/start", Silence());
  docker_.On("GET /exec/e1/json", Silence());
  EXPECT_EQ(code(), Code::kUnavailable);
  docker_.On("GET /exec/e1/json", HangUp());
  EXPECT_EQ(code(), Code::kUnavailable);
  docker_.On("GET /exec/e1/json", 200, R"({"Running":false,"ExitCode":null,"Pid":0})");
  EXPECT_EQ(code(), Code::kUnavailable);  // never started
  docker_.On("POST /containers/x/exec", Silence());
  EXPECT_EQ(code(), Code::kUnavailable);
}

TEST_F(ExecTest, TheOutputMayEndBeforeTheCommandDoes) {
  const auto looks = std::make_shared<std::atomic<int>>(0);
  docker_.On("GET /exec/e1/json", [looks](const StubRequest&, const StubSend& send) {
    return send(StubResponse(200, ++*looks < 3 ? R"({"Running":true,"ExitCode":null})"
                                               : R"({"Running":false,"ExitCode":4})"));
  });
  const auto result =
      NewDockerEngine(docker_.Options())->Exec("x", {"a"}, std::chrono::seconds(20));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->exit_code, 4);
}

TEST_F(ExecTest, WhileOneRunsNoOtherIsStarted) {
  docker_.On("POST /exec/e1/start", Silence());
  docker_.On("GET /exec/e1/json", 200, R"({"Running":true,"ExitCode":null})");
  const auto engine = NewDockerEngine(docker_.Options());
  const auto started = [&] {
    const auto requests = docker_.Requests();
    return std::ranges::count(requests, "POST /v1.41/containers/x/exec");
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(engine->Exec("x", {"a"}, std::chrono::milliseconds(50)).error().code, Code::kTimeout);
    EXPECT_EQ(started(), 1);
  }
  // Another command has nothing to do with it.
  EXPECT_EQ(engine->Exec("x", {"b"}, std::chrono::milliseconds(50)).error().code, Code::kTimeout);
  EXPECT_EQ(started(), 2);
  docker_.On("GET /exec/e1/json", 404, R"({"message":"No such exec instance"})");
  EXPECT_NE(engine->Exec("x", {"a"}, std::chrono::milliseconds(50)).error().code, Code::kTimeout);
  EXPECT_EQ(started(), 3);
}

TEST(Logs, FramedOrOfATerminal) {
  StubDocker docker;
  const auto engine = NewDockerEngine(docker.Options());
  docker.On("GET /containers/x/logs", 200, Frames("a\n") + Frames("b\n"));
  EXPECT_EQ(*engine->TailLogs("x", 5), "a\nb\n");
  EXPECT_THAT(docker.Last().target, HasSubstr("tail=5"));
  docker.On("GET /containers/x/logs", 200, "plain\n");
  EXPECT_EQ(*engine->TailLogs("x", -5), "plain\n");
  EXPECT_THAT(docker.Last().target, HasSubstr("tail=0"));
  docker.On("GET /containers/x/logs", 501,
            R"({"message":"configured logging driver does not support reading"})");
  EXPECT_EQ(engine->TailLogs("x", 5).error().code, Code::kFailedPrecondition);
}

class PullTest : public ::testing::Test {
 protected:
  Result<void> Pull(const std::string& reference, const std::string& lines) {
    docker_.On("POST /images/create", [lines](const StubRequest&, const StubSend& send) {
      send(StubChunkedHeader());
      for (const char c : lines) send(StubChunk(std::string(1, c)));
      return send(StubChunk(""));
    });
    return NewDockerEngine(options_)->PullImage(
        reference, [this](const auto& progress) { progress_.push_back(progress.status); });
  }
  StubDocker docker_;
  DockerOptions options_ = docker_.Options();
  std::vector<std::string> progress_;
};

TEST_F(PullTest, TellsHowFarItIs) {
  ASSERT_TRUE(Pull("acme/shop:1", R"({"status":"Pulling fs layer","progressDetail":{},"id":"4f"}
{"status":"Downloading","progressDetail":{"current":12300000,"total":40000000},"id":"4f"}
rubbish
{"status":"Extracting","progressDetail":{"current":5}}
)"));
  EXPECT_THAT(progress_,
              ElementsAre("Pulling fs layer", "Downloading 12.3MB/40.0MB", "Extracting 0.0MB"));
  EXPECT_EQ(docker_.Last().target, "/v1.41/images/create?fromImage=docker.io%2Facme%2Fshop&tag=1");
  EXPECT_EQ(docker_.Last().Header("X-Registry-Auth"), "");
}

TEST_F(PullTest, AnErrorInTheStreamIsAnError) {
  const auto pulled = Pull("shop", R"({"status":"Pulling"}
{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"})");
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code, Code::kNotFound);
  EXPECT_THAT(pulled.error().message, HasSubstr("pull image shop: manifest unknown"));
}

TEST_F(PullTest, AnAppsOwnLoginsComeFirst) {
  options_.registry_config = options_.socket_path + ".json";
  std::ofstream(options_.registry_config) << R"({"auths":{"r.example":{"auth":"dTpw"}}})";
  std::vector<std::string> users;
  docker_.On("POST /images/create", [&](const StubRequest& request, const StubSend& send) {
    const std::string header = *DecodeBase64(request.Header("X-Registry-Auth"));
    users.push_back(header.substr(header.find("username") + 11, 1));
    send(StubChunkedHeader());
    send(StubChunk(users.back() == "u" ? "{}" : R"({"error":"unauthorized: no"})"));
    return send(StubChunk(""));
  });
  const auto engine = NewDockerEngine(options_);
  const std::vector<reconcilers::PullLogin> logins = {
      {"Secret other", R"({"auths":{"q.example":{"auth":"eDpw"}}})"},
      {"Secret broken", R"({"auths":{"r.example":{"auth":"hunter2"}}})"},
      {"Secret refused", R"({"auths":{"r.example":{"username":"a","password":"b"}}})"}};
  EXPECT_TRUE(engine->PullImageWith("r.example/shop", logins, {}));
  EXPECT_THAT(users, ElementsAre("a", "u"));
  std::ofstream(options_.registry_config) << R"({"auths":{"r.example":{"auth":"dzpwMg=="}}})";
  const auto refused = engine->PullImageWith("r.example/shop", logins, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermissionDenied);
  EXPECT_THAT(refused.error().message,
              testing::AllOf(HasSubstr("Secret other has no credentials for r.example"),
                             HasSubstr("those of Secret refused were refused"),
                             HasSubstr("Secret broken is not like Docker's config.json"),
                             testing::Not(HasSubstr("hunter2"))));
}

TEST_F(PullTest, SilenceAndCutsAreErrors) {
  options_.pull_silence_timeout = std::chrono::milliseconds(100);
  docker_.On("POST /images/create", [](const StubRequest& request, const StubSend& send) {
    send(StubChunkedHeader() + StubChunk("{\"status\":\"Pulling\"}\n"));
    request.await_close();
    return false;
  });
  const auto engine = NewDockerEngine(options_);
  EXPECT_EQ(engine->PullImage("shop", {}).error().code, Code::kTimeout);
  docker_.On("POST /images/create", [](const StubRequest&, const StubSend& send) {
    send(StubChunkedHeader() + StubChunk("{\"status\":\"Pulling\"}\n"));
    return false;
  });
  EXPECT_EQ(engine->PullImage("shop", {}).error().code, Code::kUnavailable);
}

TEST_F(PullTest, SendsTheCredentialsOfItsRegistryOnly) {
  options_.registry_config = options_.socket_path + ".json";
  std::ofstream(options_.registry_config) << R"({"auths":{"r.example":{"auth":"dTpw"}}})";
  ASSERT_TRUE(Pull("r.example/shop", "{}"));
  EXPECT_EQ(*DecodeBase64(docker_.Last().Header("X-Registry-Auth")),
            R"({"password":"p","serveraddress":"r.example","username":"u"})");
  ASSERT_TRUE(Pull("other.example/shop", "{}"));
  EXPECT_EQ(docker_.Last().Header("X-Registry-Auth"), "");
  EXPECT_EQ(Pull("sha256:" + std::string(64, 'a'), "{}").error().code, Code::kInvalidArgument);
  std::filesystem::remove(options_.registry_config);
  EXPECT_THAT(Pull("r.example/shop", "{}").error().message, HasSubstr("--registry-config"));
}

std::string Event(const std::string& action, const std::string& id) {
  return nlohmann::json{
      {"Type", "container"},
      {"Action", action},
      {"Actor", nlohmann::json{{"ID", id}, {"Attributes", nlohmann::json::object()}}}}
      .dump();
}

TEST(Events, HoweverTheyAreCutAndWhateverIsBetween) {
  StubDocker docker;
  const std::string body = Event("start", "a") + "\nrubbish\n" + Event("start", "a") +
                           Event("die", "a") + "\n\n{\"half\":\n" + Event("destroy", "b") + "\n";
  for (const std::size_t size : {std::size_t{1}, std::size_t{7}, body.size()}) {
    docker.On("GET /events", [&](const StubRequest&, const StubSend& send) {
      send(StubChunkedHeader());
      for (std::size_t at = 0; at < body.size(); at += size) {
        send(StubChunk(body.substr(at, size)));
      }
      send(StubChunk(""));
      return false;
    });
    fakes::RecordingMetrics metrics;
    DockerOptions options = docker.Options();
    options.metrics = &metrics;
    std::vector<std::string> seen;
    const Status end = NewDockerEngine(options)->StreamEvents(
        {}, [&] { seen.emplace_back("open"); },
        [&](const EngineEvent& event) { seen.push_back(event.action + " " + event.id); });
    EXPECT_EQ(end.code, Code::kUnavailable);
    EXPECT_THAT(seen, ElementsAre("open", "start a", "start a", "die a", "destroy b"));
    EXPECT_EQ(metrics.Get("ballast_docker_events_skipped_total"), 2);
  }
}

TEST(Events, ARefusalIsNotAnOpenStream) {
  StubDocker docker;
  docker.On("GET /events", 500, R"({"message":"boom"})");
  bool open = false;
  const Status end = NewDockerEngine(docker.Options())
                         ->StreamEvents({}, [&] { open = true; }, [](const EngineEvent&) {});
  EXPECT_EQ(end, (Status{Code::kInternal, "stream events: boom"}));
  EXPECT_FALSE(open);
}

TEST(Events, AStopInterruptsAtAnyMoment) {
  StubDocker docker;
  const auto stopped = [&](auto when) {
    const auto engine = NewDockerEngine(docker.Options());
    std::stop_source stop;
    return when(*engine, stop);
  };
  docker.On("GET /events", [](const StubRequest& request, const StubSend& send) {
    send(StubChunkedHeader());
    request.await_close();
    return false;
  });
  // While it waits for an event.
  EXPECT_EQ(stopped([](auto& engine, auto& stop) {
              std::jthread later;
              return engine.StreamEvents(
                  stop.get_token(), [&] { later = std::jthread([&stop] { stop.request_stop(); }); },
                  [](const EngineEvent&) {});
            }).code,
            Code::kCancelled);
  // By the stream's own thread.
  EXPECT_EQ(stopped([](auto& engine, auto& stop) {
              return engine.StreamEvents(
                  stop.get_token(), [&] { stop.request_stop(); }, [](const EngineEvent&) {});
            }).code,
            Code::kCancelled);
  // While Docker has not answered at all.
  std::stop_source* waiting = nullptr;
  std::mutex mutex;
  docker.On("GET /events", [&](const StubRequest& request, const StubSend&) {
    {
      const std::lock_guard lock(mutex);
      waiting->request_stop();
    }
    request.await_close();
    return false;
  });
  EXPECT_EQ(stopped([&](auto& engine, auto& stop) {
              {
                const std::lock_guard lock(mutex);
                waiting = &stop;
              }
              const Status end =
                  engine.StreamEvents(stop.get_token(), [] {}, [](const EngineEvent&) {});
              const std::lock_guard lock(mutex);
              return end;
            }).code,
            Code::kCancelled);
}

TEST(Events, AsksForWhatThePortPromises) {
  StubDocker docker;
  docker.On("GET /events", 500, "{}");
  (void)NewDockerEngine(docker.Options())->StreamEvents({}, [] {}, [](const EngineEvent&) {});
  const std::string target = docker.Last().target;
  EXPECT_THAT(target, HasSubstr("%22health_status%22"));
  EXPECT_THAT(target, HasSubstr("%22type%22%3A%5B%22container%22%2C%22network%22%5D"));
  EXPECT_THAT(target, ::testing::ContainsRegex("since=[0-9]+[.][0-9]{9}&"));
}

TEST(Metrics, CountRequestsByOperation) {
  StubDocker docker;
  docker.On("GET /containers/x/json", 200, "{}");
  fakes::RecordingMetrics metrics;
  DockerOptions options = docker.Options();
  options.metrics = &metrics;
  const auto engine = NewDockerEngine(options);
  (void)engine->InspectContainer("x");
  (void)engine->InspectContainer("x");
  (void)engine->StartContainer("x");
  const std::string name = "ballast_docker_requests_total";
  EXPECT_EQ(metrics.Get(name + "{operation=inspect_container,result=200}"), 2);
  EXPECT_EQ(metrics.Get(name + "{operation=start_container,result=404}"), 1);
}

}  // namespace
}  // namespace ballast::docker
