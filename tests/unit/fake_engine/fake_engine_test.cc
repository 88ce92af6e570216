// What FakeEngine offers beyond the port (the port itself: tests/contract/engine).
#include "tests/fakes/fake_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

namespace ballast::fakes {
namespace {

using reconcilers::ContainerInfo;
using reconcilers::ContainerState;
using reconcilers::DockerHealth;
using reconcilers::EngineEvent;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FakeEngineTest : public ::testing::Test {
 protected:
  FakeEngineTest() {
    engine_.AddImage("shop:1");
    engine_.Subscribe([this](const EngineEvent& event) {
      if (event.type == "container") seen_.push_back(event.action);
    });
  }
  std::string Run(const std::string& name, const std::string& policy = "no") {
    const auto id = engine_.CreateContainer(
        {.name = name, .image = "shop:1", .labels = {{"a", "b"}}, .restart_policy = policy});
    EXPECT_TRUE(id && engine_.StartContainer(*id));
    return id.value_or("");
  }
  std::vector<std::string> Seen() { return std::exchange(seen_, {}); }

  FakeEngine engine_;
  std::vector<std::string> seen_;
};

TEST_F(FakeEngineTest, NotesCallsByName) {
  const std::string id = Run("x");
  (void)engine_.InspectContainer(id);
  (void)engine_.SignalContainer(id, "SIGTERM");
  EXPECT_THAT(engine_.Writes(),
              ElementsAre("CreateContainer x", "StartContainer x", "SignalContainer x SIGTERM"));
  EXPECT_THAT(engine_.Calls(), ElementsAre("CreateContainer x", "StartContainer x",
                                           "InspectContainer x", "SignalContainer x SIGTERM"));
  engine_.ClearCalls();
  EXPECT_THAT(engine_.Calls(), IsEmpty());
}

TEST_F(FakeEngineTest, WhatHappensToContainersSendsEvents) {
  Run("x");
  EXPECT_THAT(Seen(), ElementsAre("create", "start"));
  engine_.SetHealth("x", DockerHealth::kUnhealthy);
  engine_.Pause("x");
  engine_.Unpause("x");
  EXPECT_THAT(Seen(), ElementsAre("health_status", "pause", "unpause"));
  engine_.Kill("x", 139, /*oom_killed=*/true);
  EXPECT_THAT(Seen(), ElementsAre("oom", "die"));
  EXPECT_EQ(engine_.Find("x")->exit_code, 139);
  engine_.RemoveByHand("x");
  EXPECT_THAT(Seen(), ElementsAre("destroy"));
  EXPECT_FALSE(engine_.Find("x"));
}

TEST_F(FakeEngineTest, StopByHandEndsWhatIgnoresSignals) {
  Run("x");
  engine_.IgnoreSignals("x");
  (void)engine_.SignalContainer("x", "SIGTERM");
  EXPECT_EQ(engine_.Find("x")->state, ContainerState::kRunning);
  Seen();
  engine_.StopByHand("x");
  EXPECT_THAT(Seen(), ElementsAre("kill", "kill", "die"));
  EXPECT_EQ(engine_.Find("x")->exit_code, 137);
}

TEST_F(FakeEngineTest, FaultsAreReturnedAndNothingIsDone) {
  engine_.FailNext("CreateContainer", {Code::kFailedPrecondition, "disk full"});
  EXPECT_EQ(engine_.CreateContainer({.name = "x", .image = "shop:1"}).error().message, "disk full");
  EXPECT_FALSE(engine_.Find("x"));
  Run("x");
  engine_.SetHook([](const std::string& method, const std::string& argument) {
    return method == "RemoveContainer" && argument == "x"
               ? std::optional(Status{Code::kTimeout, "hook"})
               : std::nullopt;
  });
  EXPECT_EQ(engine_.RemoveContainer("x").error().message, "hook");
  engine_.SetHook({});
  engine_.SetDown(Status{Code::kUnavailable, "down"});
  EXPECT_EQ(engine_.ListContainers("a").error().code, Code::kUnavailable);
  engine_.SetDown(std::nullopt);
  EXPECT_EQ(engine_.ListContainers("a")->size(), 1U);
}

TEST_F(FakeEngineTest, EventsCanBeLostAndDoubled) {
  engine_.SetEventFilter([](const EngineEvent& event) -> std::vector<EngineEvent> {
    if (event.action == "create") return {};
    return {event, event};
  });
  Run("x");
  EXPECT_THAT(Seen(), ElementsAre("start", "start"));
}

TEST_F(FakeEngineTest, AnAdoptedContainerRunsUnlessItsStateSaysOtherwise) {
  engine_.AddContainer({.name = "mine", .labels = {{"a", "b"}}});
  EXPECT_EQ(engine_.Find("mine")->state, ContainerState::kRunning);
  EXPECT_NE(engine_.Find("mine")->networks.at("bridge"), "");
  engine_.AddContainer({.name = "old", .state = ContainerState::kExited, .exit_code = 3});
  EXPECT_EQ(engine_.Find("old")->exit_code, 3);
  EXPECT_EQ(engine_.ListContainers("a=b")->size(), 1U);
  engine_.AddContainer({.name = "net",
                        .state = ContainerState::kRunning,
                        .networks = {{"theirs", "10.9.8.7"}},
                        .network_mode = "theirs"});
  EXPECT_EQ(engine_.Find("net")->networks.at("theirs"), "10.9.8.7");
  EXPECT_EQ(engine_.InspectNetwork("theirs")->containers.size(), 1U);
}

TEST_F(FakeEngineTest, ARestartOfTheEngineEndsAllAndStartsSome) {
  Run("replica");
  Run("balancer", "unless-stopped");
  Run("stopped", "unless-stopped");
  (void)engine_.SignalContainer("stopped", "SIGTERM");
  Status end;
  std::thread stream([&] { end = engine_.StreamEvents({}, [] {}, [](const EngineEvent&) {}); });
  engine_.AwaitStreams(1);
  Seen();
  engine_.RestartEngine();
  stream.join();
  EXPECT_EQ(end.code, Code::kUnavailable);
  EXPECT_THAT(Seen(), IsEmpty());
  EXPECT_EQ(engine_.Find("replica")->state, ContainerState::kExited);
  EXPECT_EQ(engine_.Find("balancer")->state, ContainerState::kRunning);
  EXPECT_EQ(engine_.Find("stopped")->state, ContainerState::kExited);
}

TEST_F(FakeEngineTest, PullsOnlyWhatIsRemote) {
  EXPECT_EQ(engine_.PullImage("new:1", {}).error().code, Code::kNotFound);
  engine_.AddRemoteImage("new:1", {.exposed_ports = {80}});
  int lines = 0;
  EXPECT_TRUE(engine_.PullImage("new:1", [&](const auto&) { ++lines; }));
  EXPECT_GT(lines, 0);
  EXPECT_THAT(engine_.InspectImage("new:1")->exposed_ports, ElementsAre(80));
}

TEST_F(FakeEngineTest, TailsLogs) {
  Run("x");
  engine_.SetLogs("x", "1\n2\n3\n");
  EXPECT_EQ(*engine_.TailLogs("x", 2), "2\n3\n");
  EXPECT_EQ(*engine_.TailLogs("x", 9), "1\n2\n3\n");
  EXPECT_EQ(*engine_.TailLogs("x", 0), "");
}

TEST_F(FakeEngineTest, ExecIsTheTests) {
  Run("x");
  engine_.SetExec([](const std::string& name,
                     const std::vector<std::string>& command) -> Result<reconcilers::ExecResult> {
    return reconcilers::ExecResult{3, name + command.front()};
  });
  EXPECT_EQ(engine_.Exec("x", {"ls"}, std::chrono::seconds(1))->output, "xls");
}

}  // namespace
}  // namespace ballast::fakes
