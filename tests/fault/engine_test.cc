// The Docker Engine itself restarted, killed, or cut off; the host as after a reboot.
#include "tests/fault/fixture.h"
#include "tests/fault/harness/own_engine.h"

namespace ballast::fault {
namespace {

class Engine : public FaultTest {
 protected:
  void SetUp() override {
    FaultTest::SetUp();
    if (IsSkipped()) return;
    if (ballast::fault::Run({"dockerd", "--version"}).exit_code != 0) {
      GTEST_SKIP() << "dockerd is not installed here: a test of its restart needs one of its own";
    }
  }
  void TearDown() override {
    FaultTest::TearDown();
    stack_.reset();  // before the engine that it runs on
    engine_.reset();
  }

  // Two apps on an engine of their own, so that a mix-up would show.
  void BeginTwoApps() {
    static int count = 0;
    engine_ = std::make_unique<OwnEngine>("/tmp/ballast-engine-" + std::to_string(getpid()) + "-" +
                                          std::to_string(count++));
    engine_->Start();
    engine_->CopyImages({"ballast/hello:latest", "ballast/haproxy:latest"});
    Begin(3, {.docker_host = engine_->socket()});
    other_.name = "other";
    other_.host = "other.test";
    other_.replicas = 2;
    stack_->Apply(other_);
    ASSERT_TRUE(stack_->WaitSettled("other", 2)) << stack_->Inconsistency("other", 2);
  }

  loadgen::Options RequestsTo(const std::string& host) const {
    loadgen::Options options = Requests();
    options.host = host;
    options.rate = 100;
    options.keep_alive = false;
    return options;
  }

  // While `fault` happens, who answers for which host; then everything is back.
  void ExpectBackAndNeverMixedUp(const std::function<void()>& fault) {
    loadgen::Load shop(RequestsTo("shop.test"));
    loadgen::Load other(RequestsTo("other.test"));
    shop.Start();
    other.Start();
    RunFor(milliseconds(500));
    fault();
    EXPECT_TRUE(stack_->WaitSettled("shop", 3)) << stack_->Inconsistency("shop", 3);
    EXPECT_TRUE(stack_->WaitSettled("other", 2)) << stack_->Inconsistency("other", 2);
    RunFor(seconds(1));
    const auto of_shop = shop.Stop();
    const auto of_other = other.Stop();
    std::printf("shop: %s\nother: %s\n", of_shop.Summary().c_str(), of_other.Summary().c_str());
    EXPECT_GT(of_shop.ok, 100U);
    for (const auto& [replica, count] : of_shop.replicas) {
      EXPECT_FALSE(of_other.replicas.contains(replica)) << replica << " answered for both apps";
    }
    loadgen::Load after(RequestsTo("shop.test"));
    after.Start();
    RunFor(seconds(1));
    ExpectNoFailure(after.Stop(), "afterwards");
  }

  std::unique_ptr<OwnEngine> engine_;
  App other_;
};

TEST_F(Engine, RestartedEverythingIsBack) {
  BeginTwoApps();
  ExpectBackAndNeverMixedUp([&] {
    engine_->Stop();
    RunFor(seconds(1));
    engine_->Start();
  });
}

TEST_F(Engine, KilledEverythingIsBack) {
  BeginTwoApps();
  ExpectBackAndNeverMixedUp([&] {
    engine_->Kill();
    RunFor(seconds(1));
    engine_->Start();
  });
}

TEST_F(Engine, AllStoppedAndTheControllerStartedAgainAsAfterAReboot) {
  BeginTwoApps();
  ExpectBackAndNeverMixedUp([&] {
    stack_->KillController();
    for (const char* app : {"shop", "other"}) {
      std::vector<std::string> kill{"kill"};
      for (const std::string& name : stack_->Containers(app)) kill.push_back(name);
      stack_->Docker(kill);
    }
    stack_->Docker({"restart", "-t", "1", stack_->HaproxyContainer()});
    stack_->StartController();
  });
}

TEST_F(Engine, EventStreamCutIsResynchronised) {
  const std::string path = "/tmp/ballast-proxy-" + std::to_string(getpid()) + ".sock";
  SocketProxy proxy(path, "/var/run/docker.sock");
  Begin(3, {.docker_host = path});
  loadgen::Load gets(Requests());
  gets.Start();
  for (int i = 0; i < 2; ++i) {
    proxy.Cut();
    const std::string name = MustRun({"docker", "ps", "--format", "{{.Names}}", "--filter",
                                      "label=ballast.dev/owner=" + stack_->instance(), "--filter",
                                      "label=ballast.dev/webapp=shop"});
    MustRun({"docker", "kill", "-s", "KILL", name.substr(0, name.find('\n'))});
    RunFor(milliseconds(1500));
    proxy.Restore();
    ExpectConsistent(3, "restored");
  }
  ExpectNoFailure(gets.Stop(), "GET", kSlowestAwayMs);
  stack_.reset();
}

// Probes that run in the containers cannot run then; the replicas are well all the same.
TEST_F(Engine, ApiThatIsAwayTakesNobodyOut) {
  const std::string path = "/tmp/ballast-proxy-" + std::to_string(getpid()) + ".sock";
  SocketProxy proxy(path, "/var/run/docker.sock");
  app_.readiness_probe = false;
  const std::string probe =
      "{exec: {command: [\"true\"]}, periodSeconds: 1, failureThreshold: 1}\n";
  app_.more_container = "        readinessProbe: " + probe + "        livenessProbe: " + probe;
  Begin(2, {.docker_host = path});
  const auto before = stack_->Containers("shop");
  loadgen::Load gets(Requests());
  gets.Start();
  proxy.Cut();
  RunFor(seconds(4));
  proxy.Restore();
  RunFor(seconds(3));
  ExpectConsistent(2, "restored");
  ExpectNoFailure(gets.Stop(), "GET", kSlowestAwayMs);
  EXPECT_EQ(stack_->Containers("shop"), before) << "replicas were replaced";
  stack_.reset();
}

}  // namespace
}  // namespace ballast::fault
