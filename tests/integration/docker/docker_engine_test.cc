// The adapter against a real Docker Engine: what the contract (tests/contract/engine) cannot ask of
// a fake, because it needs processes, a file system and a registry.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "controller/docker/docker_engine.h"
#include "tests/fakes/registry.h"

namespace ballast::docker {
namespace {

using reconcilers::ContainerSpec;
using reconcilers::ContainerState;
using reconcilers::Engine;
using reconcilers::ExecResult;
using reconcilers::MountSpec;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kImage[] = "debian:trixie-slim";
constexpr char kLabel[] = "test.ballast.dev/integration-docker";
constexpr std::chrono::seconds kPatience{60};

#define ASSERT_OK(expression)                                  \
  do {                                                         \
    const auto& result = (expression);                         \
    ASSERT_TRUE(result.has_value()) << result.error().message; \
  } while (false)

class DockerEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto version = engine_->Version(); !version) {
      GTEST_SKIP() << "SKIPPED: " << version.error().message;
    }
    if (const auto image = engine_->InspectImage(kImage); !image) {
      GTEST_SKIP() << "SKIPPED: " << image.error().message << "; run hack/base-image";
    }
    run_ = fmt::format("{}-{}", getpid(),
                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  void TearDown() override {
    const auto mine = engine_->ListContainers(fmt::format("{}={}", kLabel, run_));
    if (!mine) return;
    for (const auto& info : *mine) EXPECT_TRUE(engine_->RemoveContainer(info.id));
  }

  [[nodiscard]] ContainerSpec Shell(const std::string& name, const std::string& script) const {
    return {.name = fmt::format("bid-{}-{}", run_, name),
            .image = kImage,
            .entrypoint = {"/bin/sh", "-c"},
            .cmd = {script},
            .labels = {{kLabel, run_}},
            .stop_timeout_seconds = 1};
  }
  std::string Run(const ContainerSpec& spec) {
    const auto id = engine_->CreateContainer(spec);
    EXPECT_TRUE(id) << (id ? "" : id.error().message);
    if (!id) return "none";
    const auto started = engine_->StartContainer(*id);
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    return *id;
  }
  ExecResult Exec(const std::string& id, const std::string& script) {
    const auto result = engine_->Exec(id, {"/bin/sh", "-c", script}, kPatience);
    EXPECT_TRUE(result) << (result ? "" : result.error().message);
    return result.value_or(ExecResult{-1, ""});
  }

  std::unique_ptr<Engine> engine_ = NewDockerEngine({});
  std::string run_;
};

TEST_F(DockerEngineTest, EverythingInASpecReachesTheContainer) {
  const std::string directory = std::filesystem::temp_directory_path() / ("ballast-" + run_);
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/file") << "from the host";
  ContainerSpec spec = Shell("a", "sleep 600");
  spec.working_dir = "/usr";
  spec.env = {"GREETING=hello \"you\""};
  spec.mounts = {
      {.type = MountSpec::Type::kBind, .source = directory, .target = "/host", .read_only = true},
      {.type = MountSpec::Type::kVolume, .source = "", .target = "/anonymous"},
      {.type = MountSpec::Type::kTmpfs, .target = "/t", .tmpfs_size = 1 << 20},
      {.type = MountSpec::Type::kTmpfs,
       .target = "/fresh",
       .tmpfs_options = "exec,uid=99,mode=750"}};
  spec.nano_cpus = 500'000'000;
  spec.memory_bytes = 64 << 20;
  spec.user = "1000:1000";
  spec.read_only_root = true;
  spec.no_new_privileges = true;
  spec.cap_drop = {"ALL"};
  spec.cap_add = {"NET_BIND_SERVICE"};
  spec.ulimits = {{"nofile", 4321}};
  spec.sysctls = {{"net.ipv4.ip_unprivileged_port_start", "81"}};
  spec.log_driver = "json-file";
  spec.log_options = {{"max-size", "1m"}};
  const std::string id = Run(spec);
  EXPECT_EQ(Exec(id, "pwd; echo $GREETING; id -u; ulimit -n; cat /host/file").output,
            "/usr\nhello \"you\"\n1000\n4321\nfrom the host");
  EXPECT_NE(Exec(id, "touch /root-is-read-only").exit_code, 0);
  EXPECT_NE(Exec(id, "touch /host/file").exit_code, 0);
  EXPECT_EQ(Exec(id, "echo x > /t/file").exit_code, 0);
  // A directory that the image has would keep the image's mode.
  EXPECT_EQ(Exec(id, "stat -c '%u %a' /fresh").output, "99 750\n");
  EXPECT_EQ(Exec(id, "cat /proc/sys/net/ipv4/ip_unprivileged_port_start").output, "81\n");
  EXPECT_THAT(Exec(id, "grep NoNewPrivs /proc/self/status").output, HasSubstr("1"));
  EXPECT_THAT(Exec(id, "grep CapBnd /proc/self/status").output, HasSubstr("0000000000000400"));
  std::filesystem::remove_all(directory);
}

TEST_F(DockerEngineTest, MeasuresWhatAContainerUses) {
  const std::string busy = Run(Shell("busy", "while :; do :; done"));
  const std::string idle = Run(Shell("idle", "sleep 600"));
  // CPUs, mean over at least half a second of Docker's clock.
  const auto cpus = [this](const std::string& id) {
    const auto first = engine_->ContainerStats({id}).front();
    EXPECT_TRUE(first) << (first ? "" : first.error().message);
    if (!first) return -1.0;
    for (;;) {
      const auto last = engine_->ContainerStats({id}).front();
      EXPECT_TRUE(last) << (last ? "" : last.error().message);
      if (!last) return -1.0;
      const std::chrono::duration<double, std::nano> between = last->at - first->at;
      if (between < std::chrono::milliseconds(500)) continue;
      return static_cast<double>(last->cpu_nanoseconds - first->cpu_nanoseconds) / between.count();
    }
  };
  // One thread: never more than one CPU, and less where others take it.
  const double much = cpus(busy);
  EXPECT_GT(much, 0.2);
  EXPECT_LT(much, 1.2);
  EXPECT_LT(cpus(idle), 0.1);

  const auto sample = engine_->ContainerStats({idle}).front();
  ASSERT_OK(sample);
  EXPECT_GT(sample->memory, 0);
  EXPECT_LT(sample->memory, 64 << 20);
  ContainerSpec limited = Shell("limited", "sleep 600");
  limited.memory_bytes = 64 << 20;
  const auto of_limited = engine_->ContainerStats({Run(limited)}).front();
  ASSERT_OK(of_limited);
  EXPECT_EQ(of_limited->memory_limit, 64 << 20);

  ASSERT_OK(engine_->SignalContainer(busy, "SIGKILL"));
  Result<reconcilers::StatsSample> stopped = engine_->ContainerStats({busy}).front();
  for (const auto give_up = std::chrono::steady_clock::now() + kPatience;
       stopped && std::chrono::steady_clock::now() < give_up;) {
    stopped = engine_->ContainerStats({busy}).front();
  }
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(stopped.error().message, HasSubstr("does not run"));
}

TEST_F(DockerEngineTest, AStartThatFailsSaysWhy) {
  ContainerSpec spec = Shell("a", "");
  spec.entrypoint = {"/no/such/program"};
  const auto id = engine_->CreateContainer(spec);
  ASSERT_OK(id);
  const auto started = engine_->StartContainer(*id);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kInvalidArgument);
  EXPECT_THAT(started.error().message, HasSubstr("/no/such/program"));
  EXPECT_THAT(engine_->InspectContainer(*id)->error, HasSubstr("/no/such/program"));

  spec = Shell("b", "");
  spec.mounts = {{.type = MountSpec::Type::kBind, .source = "/no/such/place", .target = "/x"}};
  const auto refused = engine_->CreateContainer(spec);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_THAT(refused.error().message, HasSubstr("/no/such/place"));
}

TEST_F(DockerEngineTest, ExecSeparatesNothingAndKnowsTheExitCode) {
  const std::string id = Run(Shell("a", "sleep 600"));
  const ExecResult mixed = Exec(id, "echo out; echo err >&2; exit 7");
  EXPECT_EQ(mixed.exit_code, 7);
  EXPECT_THAT(mixed.output, HasSubstr("out\n"));
  EXPECT_THAT(mixed.output, HasSubstr("err\n"));
  const ExecResult much = Exec(id, "head -c 300000 /dev/zero | tr '\\0' x");
  EXPECT_EQ(much.exit_code, 0);
  EXPECT_EQ(much.output, std::string(64 << 10, 'x'));
  const auto missing = engine_->Exec(id, {"/no/such/program"}, kPatience);
  EXPECT_TRUE(!missing || missing->exit_code >= 126) << "126, 127, or an error";
}

TEST_F(DockerEngineTest, ExecIsBounded) {
  const std::string id = Run(Shell("a", "sleep 600"));
  const auto slow = engine_->Exec(id, {"sleep", "600"}, std::chrono::milliseconds(700));
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, Code::kTimeout);
  // Nothing of it is left in the container, nor of what it started.
  const auto nested =
      engine_->Exec(id, {"/bin/sh", "-c", "sleep 601; true"}, std::chrono::milliseconds(700));
  ASSERT_FALSE(nested);
  EXPECT_THAT(nested.error().message, HasSubstr("was killed"));
  std::string processes;
  const auto end = std::chrono::steady_clock::now() + kPatience;
  do {
    processes = Exec(id, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").output;
  } while (processes.find("sleep 601") != std::string::npos &&
           std::chrono::steady_clock::now() < end);
  EXPECT_THAT(processes, Not(HasSubstr("sleep 601")));
  const auto noisy = engine_->Exec(id, {"yes"}, std::chrono::milliseconds(700));
  ASSERT_FALSE(noisy);
  EXPECT_EQ(noisy.error().code, Code::kTimeout);
}

TEST_F(DockerEngineTest, LogsOfBothStreams) {
  const std::string id =
      Run(Shell("a", "for i in 1 2 3; do echo o$i; done; echo e >&2; sleep 600"));
  // The engine reads a container's output in its own time.
  Result<std::string> log;
  const auto end = std::chrono::steady_clock::now() + kPatience;
  do {
    log = engine_->TailLogs(id, 10);
    ASSERT_OK(log);
  } while (log->size() < 11 && std::chrono::steady_clock::now() < end);
  // Each stream keeps its order; Docker promises none between the two.
  std::string output = *log;
  const std::size_t error = output.find("e\n");
  ASSERT_NE(error, std::string::npos) << *log;
  output.erase(error, 2);
  EXPECT_EQ(output, "o1\no2\no3\n");
  EXPECT_THAT(*engine_->TailLogs(id, 1), Not(HasSubstr("o1")));
  EXPECT_EQ(*engine_->TailLogs(id, 0), "");
}

TEST_F(DockerEngineTest, AnOutOfMemoryKillIsSeen) {
  ContainerSpec spec = Shell("a", "exec tail /dev/zero");
  spec.memory_bytes = 16 << 20;
  const std::string id = Run(spec);
  auto info = engine_->InspectContainer(id);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (info && info->state == ContainerState::kRunning &&
         std::chrono::steady_clock::now() < end) {
    info = engine_->InspectContainer(id);
  }
  ASSERT_OK(info);
  EXPECT_EQ(info->state, ContainerState::kExited);
  EXPECT_EQ(info->exit_code, 137);
  EXPECT_TRUE(info->oom_killed);
}

class PullTest : public DockerEngineTest {
 protected:
  void TearDown() override {
    for (const std::string& reference : pulled_) {
      const std::string command = "docker image rm -f " + reference + " >/dev/null 2>&1";
      EXPECT_EQ(std::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe)
    }
    DockerEngineTest::TearDown();
  }
  Result<void> Pull(Engine& engine, const std::string& reference) {
    progress_.clear();
    auto result = engine.PullImage(
        reference, [this](const auto& progress) { progress_ += progress.status + "\n"; });
    if (result) pulled_.push_back(reference);
    return result;
  }
  std::string progress_;
  std::vector<std::string> pulled_;
};

TEST_F(PullTest, FromARegistryByTagAndByDigest) {
  fakes::Registry registry;
  const std::string reference = registry.AddImage("ballast/shop", "1", {{"/hello", run_}});
  ASSERT_OK(Pull(*engine_, reference));
  EXPECT_THAT(progress_, HasSubstr("Pull complete"));
  const auto image = engine_->InspectImage(reference);
  ASSERT_OK(image);
  EXPECT_THAT(image->exposed_ports, ::testing::ElementsAre(3000));

  const std::string digest = registry.DigestReference("ballast/shop", "1");
  ASSERT_OK(Pull(*engine_, digest));
  EXPECT_EQ(engine_->InspectImage(digest)->id, image->id);

  // The tag moves: a pull takes the new image.
  registry.AddImage("ballast/shop", "1", {{"/hello", run_ + " changed"}});
  ASSERT_OK(Pull(*engine_, reference));
  EXPECT_NE(engine_->InspectImage(reference)->id, image->id);
}

TEST_F(PullTest, WithCredentialsOnly) {
  fakes::Registry registry("user", "secret");
  const std::string reference = registry.AddImage("private", "1", {{"/hello", run_}});
  const auto refused = Pull(*engine_, reference);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kPermissionDenied) << refused.error().message;
  EXPECT_THAT(refused.error().message, HasSubstr("--registry-config"));

  const std::string config = std::filesystem::temp_directory_path() / ("ballast-" + run_ + ".json");
  std::ofstream(config) << R"({"auths":{")" << registry.host()
                        << R"(":{"username":"user","password":"wrong"}}})";
  const auto engine = NewDockerEngine({.registry_config = config});
  const auto wrong = Pull(*engine, reference);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kPermissionDenied) << wrong.error().message;

  std::ofstream(config) << R"({"auths":{")" << registry.host()
                        << R"(":{"auth":"dXNlcjpzZWNyZXQ="}}})";
  ASSERT_OK(Pull(*engine, reference));
  std::filesystem::remove(config);
}

TEST_F(PullTest, WhatIsNotThereAndWhoDoesNotAnswer) {
  fakes::Registry registry;
  const auto missing = Pull(*engine_, registry.host() + "/ballast/none:1");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound) << missing.error().message;
  registry.AddImage("broken", "1", {{"/x", run_}});
  registry.FailWith(500);
  const auto broken = Pull(*engine_, registry.host() + "/broken:1");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::kUnavailable) << broken.error().message;
  const auto nobody = Pull(*engine_, "127.0.0.1:1/x:1");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Code::kUnavailable) << nobody.error().message;
}

}  // namespace
}  // namespace ballast::docker
