#include "tests/contract/engine/engine_contract.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "tests/contract/engine/event_log.h"

namespace ballast::contract {

using reconcilers::ContainerInfo;
using reconcilers::ContainerSpec;
using reconcilers::ContainerState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

#define ASSERT_OK(expression)                                  \
  do {                                                         \
    const auto& result = (expression);                         \
    ASSERT_TRUE(result.has_value()) << result.error().message; \
  } while (false)

namespace {

template <typename T>
Code CodeOf(const Result<T>& result) {
  EXPECT_FALSE(result.has_value()) << "it succeeded";
  return result ? Code::kInternal : result.error().code;
}
template <typename T>
std::string MessageOf(const Result<T>& result) {
  return result ? "" : result.error().message;
}

// One that nobody listens on at the moment.
std::uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

void EngineContract::SetUp() {
  if (const std::string reason = GetParam().skip(); !reason.empty()) {
    GTEST_SKIP() << "SKIPPED: " << reason;
  }
  engine_ = GetParam().make();
  label_ = "test.ballast.dev/contract=" + Unique("test");
}

void EngineContract::TearDown() {
  if (!engine_) return;
  if (const auto mine = engine_->ListContainers(label_)) {
    for (const ContainerInfo& info : *mine) EXPECT_TRUE(engine_->RemoveContainer(info.id));
  }
  for (const std::string& network : networks_) EXPECT_TRUE(engine_->RemoveNetwork(network));
}

std::string EngineContract::Unique(const std::string& name) const {
  static const std::string run = fmt::format("{}", getpid());
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string tail = test->name();
  tail = tail.substr(0, tail.find('/'));
  return fmt::format("bct-{}-{}-{}", run, tail, name);
}

ContainerSpec EngineContract::Runner(const std::string& name) const {
  const std::size_t equals = label_.find('=');
  return {.name = Unique(name),
          .image = GetParam().image,
          .entrypoint = {"/bin/sh", "-c"},
          .cmd = {"trap 'exit 143' TERM; while :; do sleep 60 & wait $!; done"},
          .labels = {{label_.substr(0, equals), label_.substr(equals + 1)}},
          .stop_timeout_seconds = 1};
}

std::string EngineContract::Run(const ContainerSpec& spec) {
  const auto id = engine_->CreateContainer(spec);
  EXPECT_TRUE(id) << MessageOf(id);
  if (!id) return "";
  const auto started = engine_->StartContainer(*id);
  EXPECT_TRUE(started) << MessageOf(started);
  return *id;
}

std::string EngineContract::Network(const std::string& name) {
  // Other networks may have any of these: the first free one.
  for (int third = 0; third < 256; ++third) {
    const std::string prefix = fmt::format("10.213.{}.", (third + getpid()) % 256);
    const auto made = engine_->CreateNetwork({.name = Unique(name), .subnet = prefix + "0/24"});
    if (made) {
      networks_.push_back(Unique(name));
      prefixes_[Unique(name)] = prefix;
      return Unique(name);
    }
    if (made.error().code != Code::kConflict) {
      ADD_FAILURE() << made.error().message;
      return "";
    }
  }
  ADD_FAILURE() << "no free subnet";
  return "";
}

std::string EngineContract::Address(const std::string& network, int n) const {
  const auto prefix = prefixes_.find(network);
  return prefix == prefixes_.end() ? "" : prefix->second + std::to_string(n);
}

ContainerInfo EngineContract::Inspect(const std::string& id) {
  const auto info = engine_->InspectContainer(id);
  EXPECT_TRUE(info) << MessageOf(info);
  return info.value_or(ContainerInfo{});
}

namespace {

TEST_P(EngineContract, SaysWhichVersionItSpeaks) {
  const auto version = engine_->Version();
  ASSERT_OK(version);
  EXPECT_EQ(version->os_type, "linux");
  EXPECT_FALSE(version->rootless);
  EXPECT_THAT(version->api_version, ::testing::StartsWith("1."));
  EXPECT_THAT(version->data_root, Not(IsEmpty()));
}

TEST_P(EngineContract, ACreatedContainerIsFoundByNameIdAndLabel) {
  ContainerSpec spec = Runner("a");
  spec.labels["colour"] = "dark \"blue\"\n";
  spec.exposed_ports = {3000, 8080};
  const auto id = engine_->CreateContainer(spec);
  ASSERT_OK(id);
  EXPECT_EQ(id->size(), 64U);
  for (const std::string& key : {*id, spec.name}) {
    const ContainerInfo info = Inspect(key);
    EXPECT_EQ(info.id, *id);
    EXPECT_EQ(info.name, spec.name);
    EXPECT_EQ(info.image, spec.image);
    EXPECT_THAT(info.image_id, ::testing::StartsWith("sha256:"));
    EXPECT_EQ(info.state, ContainerState::kCreated);
    EXPECT_EQ(info.labels, spec.labels);
    EXPECT_EQ(info.network_mode, "bridge");
    EXPECT_THAT(info.exposed_ports, ElementsAre(3000, 8080));
    EXPECT_NE(info.created, api::Time{});
    EXPECT_EQ(info.started_at, api::Time{});
    EXPECT_EQ(info.finished_at, api::Time{});
  }
  ASSERT_OK(engine_->CreateContainer(Runner("b")));
  const auto names = [&](const std::string& label) {
    std::vector<std::string> out;
    const auto list = engine_->ListContainers(label);
    EXPECT_TRUE(list) << MessageOf(list);
    for (const ContainerInfo& info : list.value_or(std::vector<ContainerInfo>{})) {
      out.push_back(info.name);
    }
    return out;
  };
  EXPECT_THAT(names(label_), ElementsAre(Unique("a"), Unique("b")));
  EXPECT_THAT(names(label_.substr(0, label_.find('='))), Contains(Unique("a")));
  EXPECT_THAT(names(label_ + "x"), IsEmpty());
}

TEST_P(EngineContract, CreateFailsForATakenNameAndAMissingImage) {
  ASSERT_OK(engine_->CreateContainer(Runner("a")));
  EXPECT_EQ(CodeOf(engine_->CreateContainer(Runner("a"))), Code::kAlreadyExists);
  ContainerSpec spec = Runner("b");
  spec.image = "ballast-no-such-image:1";
  const auto missing = engine_->CreateContainer(spec);
  EXPECT_EQ(CodeOf(missing), Code::kNotFound);
  EXPECT_THAT(MessageOf(missing), HasSubstr("ballast-no-such-image:1"));
  EXPECT_EQ(CodeOf(engine_->InspectImage(spec.image)), Code::kNotFound);
}

TEST_P(EngineContract, OnlyOneOfManyCreatesAName) {
  constexpr int kThreads = 6;
  std::atomic<int> made = 0;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        const auto id = engine_->CreateContainer(Runner("same"));
        if (id) ++made;
        if (!id && id.error().code == Code::kAlreadyExists) ++refused;
      });
    }
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(refused, kThreads - 1);
}

TEST_P(EngineContract, StartTwiceIsFineAndGivesAnAddress) {
  const std::string id = Run(Runner("a"));
  ASSERT_OK(engine_->StartContainer(id));
  const ContainerInfo info = Inspect(id);
  EXPECT_EQ(info.state, ContainerState::kRunning);
  EXPECT_NE(info.started_at, api::Time{});
  ASSERT_TRUE(info.networks.contains("bridge"));
  EXPECT_NE(info.networks.at("bridge"), "");
  const auto listed = engine_->ListContainers(label_);
  ASSERT_OK(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().networks, info.networks);
  EXPECT_EQ(listed->front().state, ContainerState::kRunning);
  EXPECT_EQ(CodeOf(engine_->StartContainer(Unique("nobody"))), Code::kNotFound);
}

TEST_P(EngineContract, ASignalEndsAContainerAndIsFineWhenItEnded) {
  EventLog events(*engine_);
  const std::string id = Run(Runner("a"));
  ASSERT_OK(engine_->SignalContainer(id, "SIGTERM"));
  ASSERT_TRUE(events.Await(id, "die"));
  ASSERT_OK(engine_->SignalContainer(id, "SIGTERM"));
  const ContainerInfo info = Inspect(id);
  EXPECT_EQ(info.state, ContainerState::kExited);
  EXPECT_EQ(info.exit_code, 143);
  EXPECT_NE(info.finished_at, api::Time{});
  ASSERT_TRUE(info.networks.contains("bridge"));
  EXPECT_EQ(info.networks.at("bridge"), "");
  EXPECT_EQ(CodeOf(engine_->SignalContainer(Unique("nobody"), "SIGTERM")), Code::kNotFound);
  EXPECT_EQ(CodeOf(engine_->SignalContainer(Run(Runner("b")), "SIGNONE")), Code::kInvalidArgument);
}

TEST_P(EngineContract, OnlyWhatRunsIsMeasured) {
  EventLog events(*engine_);
  EXPECT_EQ(CodeOf(engine_->ContainerStats({Unique("none")}).front()), Code::kNotFound);
  const auto id = engine_->CreateContainer(Runner("a"));
  ASSERT_OK(id);
  EXPECT_EQ(CodeOf(engine_->ContainerStats({*id}).front()), Code::kFailedPrecondition);
  ASSERT_OK(engine_->StartContainer(*id));
  const auto first = engine_->ContainerStats({*id}).front();
  ASSERT_OK(first);
  EXPECT_GE(first->cpu_nanoseconds, 0);
  EXPECT_GE(first->memory, 0);
  EXPECT_GT(first->memory_limit, 0);
  EXPECT_GE(first->online_cpus, 1);
  const auto second = engine_->ContainerStats({*id}).front();
  ASSERT_OK(second);
  EXPECT_GE(second->cpu_nanoseconds, first->cpu_nanoseconds);
  EXPECT_GT(second->at, first->at);
  ASSERT_OK(engine_->SignalContainer(*id, "SIGKILL"));
  ASSERT_TRUE(events.Await(*id, "die"));
  EXPECT_EQ(CodeOf(engine_->ContainerStats({*id}).front()), Code::kFailedPrecondition);
}

TEST_P(EngineContract, RemoveEndsWhatRunsAndIsFineWhenGone) {
  const std::string id = Run(Runner("a"));
  ASSERT_OK(engine_->RemoveContainer(id));
  ASSERT_OK(engine_->RemoveContainer(id));
  EXPECT_EQ(CodeOf(engine_->InspectContainer(id)), Code::kNotFound);
  EXPECT_EQ(CodeOf(engine_->StartContainer(id)), Code::kNotFound);
  EXPECT_EQ(CodeOf(engine_->TailLogs(id, 1)), Code::kNotFound);
  EXPECT_EQ(CodeOf(engine_->UpdateRestartPolicy(id, "no")), Code::kNotFound);
}

TEST_P(EngineContract, AnEmptyNameIsNeverAList) {
  EXPECT_FALSE(engine_->InspectContainer(""));
  EXPECT_FALSE(engine_->InspectNetwork(""));
  EXPECT_FALSE(engine_->InspectImage(""));
}

TEST_P(EngineContract, RestartPolicyCanBeChanged) {
  const std::string id = Run(Runner("a"));
  ASSERT_OK(engine_->UpdateRestartPolicy(id, "unless-stopped"));
  ASSERT_OK(engine_->UpdateRestartPolicy(id, "no"));
}

TEST_P(EngineContract, GivesTheAddressThatIsAskedForOnce) {
  const std::string network = Network("n");
  ContainerSpec spec = Runner("a");
  spec.network_mode = network;
  spec.ip_address = Address(network, 50);
  spec.network_aliases = {"shop"};
  const std::string id = Run(spec);
  EXPECT_EQ(Inspect(id).networks.at(network), Address(network, 50));
  EXPECT_EQ(Inspect(id).network_mode, network);

  spec.name = Unique("b");
  const auto second = engine_->CreateContainer(spec);
  ASSERT_OK(second);
  const auto refused = engine_->StartContainer(*second);
  EXPECT_EQ(CodeOf(refused), Code::kConflict) << MessageOf(refused);

  const auto seen = engine_->InspectNetwork(network);
  ASSERT_OK(seen);
  EXPECT_EQ(seen->containers.at(id), Address(network, 50));
  EXPECT_EQ(seen->gateway, Address(network, 1));
}

TEST_P(EngineContract, JoinsMoreNetworksBeforeTheStart) {
  const std::string first = Network("n1");
  const std::string second = Network("n2");
  ContainerSpec spec = Runner("a");
  spec.network_mode = first;
  spec.more_networks = {second};
  const std::string id = Run(spec);
  const ContainerInfo info = Inspect(id);
  EXPECT_EQ(info.networks.size(), 2U);
  EXPECT_NE(info.networks.at(first), "");
  EXPECT_NE(info.networks.at(second), "");
}

TEST_P(EngineContract, AMissingNetworkLeavesNoContainerBehind) {
  ContainerSpec spec = Runner("a");
  spec.more_networks = {Unique("nowhere")};
  const auto made = engine_->CreateContainer(spec);
  EXPECT_EQ(CodeOf(made), Code::kNotFound);
  EXPECT_THAT(MessageOf(made), HasSubstr(Unique("nowhere")));
  EXPECT_EQ(CodeOf(engine_->InspectContainer(spec.name)), Code::kNotFound);
}

TEST_P(EngineContract, AMissingFirstNetworkIsNoticedAtTheStart) {
  ContainerSpec spec = Runner("a");
  spec.network_mode = Unique("nowhere");
  const auto id = engine_->CreateContainer(spec);
  ASSERT_OK(id);
  const auto refused = engine_->StartContainer(*id);
  EXPECT_EQ(CodeOf(refused), Code::kNotFound) << MessageOf(refused);
  EXPECT_THAT(MessageOf(refused), HasSubstr(spec.network_mode));
}

TEST_P(EngineContract, NetworksAreJoinedAndLeftWhileItRuns) {
  const std::string network = Network("n");
  const std::string id = Run(Runner("a"));
  ASSERT_OK(engine_->ConnectNetwork(network, id, Address(network, 77)));
  ASSERT_OK(engine_->ConnectNetwork(network, id, Address(network, 77)));
  EXPECT_EQ(Inspect(id).networks.at(network), Address(network, 77));
  EXPECT_EQ(CodeOf(engine_->RemoveNetwork(network)), Code::kConflict);
  ASSERT_OK(engine_->DisconnectNetwork(network, id));
  ASSERT_OK(engine_->DisconnectNetwork(network, id));
  EXPECT_FALSE(Inspect(id).networks.contains(network));
  EXPECT_EQ(CodeOf(engine_->ConnectNetwork(Unique("nowhere"), id, "")), Code::kNotFound);
  EXPECT_EQ(CodeOf(engine_->ConnectNetwork(network, Unique("nobody"), "")), Code::kNotFound);
}

TEST_P(EngineContract, NetworksAreMadeOnceAndDoNotOverlap) {
  const std::string network = Network("n");
  const std::string subnet = Address(network, 0) + "/24";
  const auto seen = engine_->InspectNetwork(network);
  ASSERT_OK(seen);
  EXPECT_EQ(seen->name, network);
  EXPECT_EQ(seen->driver, "bridge");
  EXPECT_EQ(seen->subnet, subnet);
  EXPECT_EQ(CodeOf(engine_->CreateNetwork({.name = network})), Code::kAlreadyExists);
  EXPECT_EQ(CodeOf(engine_->CreateNetwork({.name = Unique("m"), .subnet = subnet})),
            Code::kConflict);
  const auto all = engine_->ListNetworks();
  ASSERT_OK(all);
  EXPECT_TRUE(std::any_of(all->begin(), all->end(), [&](const auto& other) {
    return other.name == network && other.subnet == subnet;
  }));
  ASSERT_OK(engine_->RemoveNetwork(network));
  ASSERT_OK(engine_->RemoveNetwork(network));
  EXPECT_EQ(CodeOf(engine_->InspectNetwork(network)), Code::kNotFound);
}

TEST_P(EngineContract, TheRangeIsWhereDockerTakesAddressesFrom) {
  const std::string probe = Network("probe");
  const std::string prefix = Address(probe, 0).substr(0, Address(probe, 0).rfind('.') + 1);
  ASSERT_OK(engine_->RemoveNetwork(probe));
  ASSERT_OK(engine_->CreateNetwork({.name = probe,
                                    .subnet = prefix + "0/24",
                                    .ip_range = prefix + "192/26",
                                    .labels = {{"a", "b"}}}));
  ContainerSpec spec = Runner("a");
  spec.network_mode = probe;
  const std::string ip = Inspect(Run(spec)).networks.at(probe);
  EXPECT_GE(std::stoi(ip.substr(ip.rfind('.') + 1)), 192) << ip;
  spec.name = Unique("b");
  spec.ip_address = Address(probe, 9);
  EXPECT_EQ(Inspect(Run(spec)).networks.at(probe), Address(probe, 9));
  EXPECT_EQ(engine_->InspectNetwork(probe)->labels,
            (std::map<std::string, std::string>{{"a", "b"}}));
}

TEST_P(EngineContract, ASidecarSharesTheNetworkOfWhatRuns) {
  const auto first = engine_->CreateContainer(Runner("a"));
  ASSERT_OK(first);
  ContainerSpec spec = Runner("side");
  spec.network_mode = "container:" + *first;
  spec.exposed_ports = {9000};
  const auto side = engine_->CreateContainer(spec);
  ASSERT_OK(side);
  const auto refused = engine_->StartContainer(*side);
  EXPECT_EQ(CodeOf(refused), Code::kConflict) << MessageOf(refused);
  ASSERT_OK(engine_->StartContainer(*first));
  ASSERT_OK(engine_->StartContainer(*side));
  EXPECT_EQ(Inspect(*side).network_mode, spec.network_mode);
  EXPECT_THAT(Inspect(*side).networks, IsEmpty());
}

TEST_P(EngineContract, AHostPortIsGivenOnce) {
  ContainerSpec spec = Runner("a");
  spec.port_bindings = {{.host_ip = "127.0.0.1", .host_port = FreePort(), .container_port = 3000}};
  Run(spec);
  EXPECT_THAT(Inspect(spec.name).exposed_ports, ElementsAre(3000));
  spec.name = Unique("b");
  const auto second = engine_->CreateContainer(spec);
  ASSERT_OK(second);
  const auto refused = engine_->StartContainer(*second);
  EXPECT_EQ(CodeOf(refused), Code::kFailedPrecondition);
  EXPECT_THAT(MessageOf(refused),
              HasSubstr(fmt::format("port {} ", spec.port_bindings[0].host_port)));
}

TEST_P(EngineContract, VolumesAreMadeOnceAndKeptWhileUsed) {
  const std::string name = Unique("v");
  const std::string label = "test.ballast.dev/volume=" + name;
  const reconcilers::VolumeSpec volume{.name = name, .labels = {{"test.ballast.dev/volume", name}}};
  ASSERT_OK(engine_->CreateVolume(volume));
  ASSERT_OK(engine_->CreateVolume(volume));
  const auto listed = engine_->ListVolumes(label);
  ASSERT_OK(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().name, name);
  EXPECT_EQ(listed->front().labels, volume.labels);
  ContainerSpec spec = Runner("a");
  spec.mounts = {{.source = name, .target = "/data"}};
  const auto id = engine_->CreateContainer(spec);
  ASSERT_OK(id);
  EXPECT_EQ(CodeOf(engine_->RemoveVolume(name)), Code::kConflict);
  ASSERT_OK(engine_->RemoveContainer(*id));
  ASSERT_OK(engine_->RemoveVolume(name));
  ASSERT_OK(engine_->RemoveVolume(name));
  EXPECT_THAT(*engine_->ListVolumes(label), IsEmpty());
}

TEST_P(EngineContract, EventsTellALifeInOrder) {
  EventLog events(*engine_);
  const std::string network = Network("n");
  ContainerSpec spec = Runner("a");
  spec.network_mode = network;
  spec.labels["colour"] = "blue";
  const std::string id = Run(spec);
  ASSERT_OK(engine_->SignalContainer(id, "SIGTERM"));
  const auto died = events.Await(id, "die");
  ASSERT_TRUE(died);
  EXPECT_EQ(died->attributes.at("exitCode"), "143");
  EXPECT_EQ(died->attributes.at("name"), spec.name);
  EXPECT_EQ(died->attributes.at("colour"), "blue");
  EXPECT_NE(died->time, api::Time{});
  const auto killed = events.Await(id, "kill");
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->attributes.at("signal"), "15");
  ASSERT_OK(engine_->RemoveContainer(id));
  ASSERT_TRUE(events.Await(id, "destroy"));
  EXPECT_THAT(events.ActionsOf(id), ElementsAre("create", "start", "kill", "die", "destroy"));
  for (const std::string action : {"connect", "disconnect"}) {
    const auto event = events.AwaitMatch([&](const reconcilers::EngineEvent& candidate) {
      return candidate.type == "network" && candidate.action == action &&
             candidate.attributes.at("container") == id;
    });
    ASSERT_TRUE(event) << action;
    EXPECT_EQ(event->attributes.at("name"), network);
  }
  EXPECT_EQ(events.Stop().code, Code::kCancelled);
}

TEST_P(EngineContract, NothingIsLostAfterOnOpen) {
  // A few times, since the window is small: a container made in the very moment of on_open.
  for (int i = 0; i < 5; ++i) {
    EventLog events(*engine_);
    const auto made = engine_->CreateContainer(Runner(fmt::format("c{}", i)));
    ASSERT_OK(made);
    EXPECT_TRUE(events.Await(*made, "create"));
  }
}

TEST_P(EngineContract, AStreamThatIsStoppedBeforeItBeginsIsCancelled) {
  std::stop_source stop;
  stop.request_stop();
  const Status end =
      engine_->StreamEvents(stop.get_token(), [] {}, [](const reconcilers::EngineEvent&) {});
  EXPECT_EQ(end.code, Code::kCancelled);
}

TEST_P(EngineContract, ExecNeedsARunningContainer) {
  const std::string id = Run(Runner("a"));
  const auto done = engine_->Exec(id, {"true"}, std::chrono::seconds(30));
  ASSERT_OK(done);
  EXPECT_EQ(done->exit_code, 0);
  EXPECT_EQ(done->output, "");
  EXPECT_EQ(CodeOf(engine_->Exec(id, {}, std::chrono::seconds(30))), Code::kInvalidArgument);
  const auto stopped = engine_->CreateContainer(Runner("b"));
  ASSERT_OK(stopped);
  EXPECT_EQ(CodeOf(engine_->Exec(*stopped, {"true"}, std::chrono::seconds(30))), Code::kConflict);
  EXPECT_EQ(CodeOf(engine_->Exec(Unique("nobody"), {"true"}, std::chrono::seconds(30))),
            Code::kNotFound);
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineContract);

}  // namespace ballast::contract
