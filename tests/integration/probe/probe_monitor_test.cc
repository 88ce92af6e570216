// ProbeMonitor against real servers on loopback, in this process, on ports that the kernel chose.
#include "controller/probe/probe_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>

#include "controller/runtime/system_clock.h"
#include "tests/fakes/recording_enqueuer.h"
#include "tests/fakes/recording_metrics.h"
#include "tests/integration/probe/exec_engine.h"
#include "tests/integration/probe/server.h"

namespace ballast::probe {
namespace {

using reconcilers::Health;
using reconcilers::ProbeTarget;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr char kBroken[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

class ProbeMonitorTest : public testing::Test {
 protected:
  ProbeMonitorTest() { monitor_.Start(); }

  static ProbeTarget Target(std::uint16_t port, const std::string& id = "c1") {
    return {.container_id = id,
            .app = {"WebApp", "default", "shop"},
            .address = "127.0.0.1",
            .port = port};
  }
  static api::Probe Http(const std::string& path = "/healthz") {
    return {.action = api::HttpGetAction{.path = path}, .period_seconds = 1};
  }
  static api::Probe Exec(std::vector<std::string> command) {
    return {.action = api::ExecAction{std::move(command)}, .period_seconds = 1};
  }
  bool Await(const std::function<bool(const Health&)>& condition, const std::string& id = "c1") {
    return enqueuer_.WaitUntil([&] { return condition(monitor_.Get(id)); });
  }
  bool AwaitReady(bool ready = true, const std::string& id = "c1") {
    return Await([ready](const Health& health) { return health.ready == ready; }, id);
  }
  bool AwaitMessage(const std::string& part) {
    return Await(
        [&part](const Health& health) { return health.message.find(part) != std::string::npos; });
  }

  runtime::SystemClock clock_;
  fakes::RecordingEnqueuer enqueuer_;
  fakes::RecordingMetrics metrics_;
  ExecEngine engine_;
  ProbeMonitor monitor_{engine_, clock_, enqueuer_, metrics_};
};

TEST_F(ProbeMonitorTest, UnknownContainerIsNotReadyAndAlive) {
  EXPECT_EQ(monitor_.Get("nobody"), Health{});
}

TEST_F(ProbeMonitorTest, HttpProbeMakesReadyAndEnqueuesTheApp) {
  Server server(kOk);
  ProbeTarget target = Target(server.port());
  target.readiness = Http("/ready");
  monitor_.Watch(target);
  ASSERT_TRUE(AwaitReady());
  EXPECT_TRUE(enqueuer_.WaitUntil([&] { return !enqueuer_.Keys().empty(); }));
  EXPECT_EQ(enqueuer_.Keys()[0], target.app);
  EXPECT_THAT(server.LastRequest(), StartsWith("GET /ready HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_EQ(monitor_.Get("c1").message, "");
}

TEST_F(ProbeMonitorTest, EveryStatusFrom200To399IsSuccess) {
  const std::pair<const char*, bool> cases[] = {
      {"204 x", true}, {"302 x", true}, {"399 x", true}, {"400 x", false}, {"500 x", false}};
  for (const auto& [status, success] : cases) {
    Server server("HTTP/1.1 " + std::string(status) + "\r\n\r\n");
    ProbeTarget target = Target(server.port(), status);
    target.readiness = Http();
    monitor_.Watch(target);
    if (success) {
      EXPECT_TRUE(AwaitReady(true, status)) << status;
    } else {
      EXPECT_TRUE(Await([](const Health& health) { return !health.message.empty(); }, status));
      EXPECT_EQ(monitor_.Get(status).message, "GET /healthz: " + std::string(status).substr(0, 3));
    }
    monitor_.Forget(status);
  }
}

TEST_F(ProbeMonitorTest, RepliesInPiecesAndInterimOnesAreUnderstood) {
  Server server(
      std::vector<std::string>{"HTTP/1.1 100 Continue\r\n\r\nHT", "TP/1.1 2", "00 OK\r\n", "\r\n"});
  ProbeTarget target = Target(server.port());
  target.readiness = Http();
  monitor_.Watch(target);
  EXPECT_TRUE(AwaitReady());
}

TEST_F(ProbeMonitorTest, EndlessAnswerCounts) {
  Server server(std::vector<std::string>{"HTTP/1.1 200 OK\r\n\r\n"}, Server::After::kStayOpen);
  ProbeTarget target = Target(server.port());
  target.readiness = Http();
  monitor_.Watch(target);
  EXPECT_TRUE(AwaitReady());
}

TEST_F(ProbeMonitorTest, SaysWhatIsWrong) {
  Server silent(std::vector<std::string>{}, Server::After::kStayOpen);
  Server hangs_up(std::vector<std::string>{});
  Server rubbish("220 smtp ready\r\n");
  std::uint16_t closed = 0;
  {
    closed = Server(kOk).port();
  }
  struct Case {
    std::uint16_t port;
    std::string message;
  };
  const Case cases[] = {
      {silent.port(), "GET /healthz: no answer within 1s"},
      {hangs_up.port(), "GET /healthz: "},
      {rubbish.port(), "GET /healthz: the answer is not HTTP/1"},
      {closed, "connect to 127.0.0.1:" + std::to_string(closed) + ": connection refused"},
  };
  for (const Case& c : cases) {
    ProbeTarget target = Target(c.port);
    target.readiness = Http();
    monitor_.Watch(target);
    EXPECT_TRUE(AwaitMessage(c.message)) << c.message << " / " << monitor_.Get("c1").message;
  }
}

TEST_F(ProbeMonitorTest, ContainerWithoutAddressIsAFailureNotACrash) {
  ProbeTarget target = Target(80);
  target.address = "";
  target.port_answers = true;
  monitor_.Watch(target);
  EXPECT_TRUE(AwaitMessage("no address or port"));
}

TEST_F(ProbeMonitorTest, PortThatBeginsToAnswerMakesReadyAndStopsMakingSo) {
  auto server = std::make_unique<Server>(kOk);
  const std::uint16_t port = server->port();
  server.reset();
  ProbeTarget target = Target(port);
  target.port_answers = true;
  monitor_.Watch(target);
  ASSERT_TRUE(AwaitMessage("connection refused"));
  EXPECT_FALSE(monitor_.Get("c1").ready);
  server = std::make_unique<Server>(kOk, port);
  ASSERT_TRUE(AwaitReady());
  server.reset();
  EXPECT_TRUE(AwaitReady(false));
}

TEST_F(ProbeMonitorTest, FailingLivenessIsReported) {
  Server server(kOk);
  ProbeTarget target = Target(server.port());
  target.readiness = Http();
  target.liveness = Http();
  target.liveness->failure_threshold = 1;
  monitor_.Watch(target);
  ASSERT_TRUE(AwaitReady());
  server.SetAnswer(kBroken);
  EXPECT_TRUE(Await([](const Health& health) { return !health.alive; }));
}

TEST_F(ProbeMonitorTest, ExecProbesRunInTheContainer) {
  engine_.Answer(reconcilers::ExecResult{.exit_code = 2, .output = "database away\nmore"});
  ProbeTarget target = Target(0);
  target.readiness = Exec({"/bin/check", "-q"});
  monitor_.Watch(target);
  ASSERT_TRUE(AwaitMessage("exec /bin/check: exit code 2: database away"));
  EXPECT_THAT(engine_.Last(), testing::ElementsAre("c1", "/bin/check", "-q"));
  engine_.Answer(Error(Code::kTimeout, "no end within 1s"));
  ASSERT_TRUE(AwaitMessage("exec /bin/check: no end within 1s"));
  engine_.Answer(reconcilers::ExecResult{});
  EXPECT_TRUE(AwaitReady());
}

TEST_F(ProbeMonitorTest, EngineThatIsAwayIsNoFailureOfTheContainer) {
  ProbeTarget target = Target(0);
  target.readiness = Exec({"/bin/check"});
  target.readiness->failure_threshold = 1;
  target.liveness = target.readiness;
  monitor_.Watch(target);
  ASSERT_TRUE(AwaitReady());
  const auto errors = [&](const std::string& probe) {
    return metrics_.Get("ballast_probes_total{probe=" + probe + ",result=error}");
  };
  engine_.Answer(Error(Code::kUnavailable, "connect to /var/run/docker.sock: no such file"));
  ASSERT_TRUE(
      enqueuer_.WaitUntil([&] { return errors("readiness") >= 2 && errors("liveness") >= 2; }));
  EXPECT_TRUE(monitor_.Get("c1").ready);
  EXPECT_TRUE(monitor_.Get("c1").alive);
  engine_.Answer(reconcilers::ExecResult{.exit_code = 1});
  EXPECT_TRUE(AwaitReady(false));
}

TEST_F(ProbeMonitorTest, WithoutAFileToOpenNothingIsJudged) {
  Server server(kOk);
  ProbeTarget target = Target(server.port());
  target.readiness = Http();
  target.readiness->failure_threshold = 1;
  target.liveness = target.readiness;
  monitor_.Watch(target);
  ASSERT_TRUE(AwaitReady());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_TRUE(enqueuer_.WaitUntil([&] {
    return metrics_.Get("ballast_probes_total{probe=readiness,result=error}") >= 2 &&
           metrics_.Get("ballast_probes_total{probe=liveness,result=error}") >= 2;
  }));
  EXPECT_TRUE(monitor_.Get("c1").ready);
  EXPECT_TRUE(monitor_.Get("c1").alive);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  server.SetAnswer(kBroken);
  EXPECT_TRUE(AwaitReady(false));
}

TEST_F(ProbeMonitorTest, HangingExecsDoNotDelayOthers) {
  std::latch release(1);
  engine_.Block(&release);
  for (int i = 0; i < 10; ++i) {
    ProbeTarget target = Target(0, "exec-" + std::to_string(i));
    target.readiness = Exec({"sleep"});
    monitor_.Watch(target);
  }
  Server server(kOk);
  ProbeTarget target = Target(server.port());
  target.readiness = Http();
  monitor_.Watch(target);
  EXPECT_TRUE(AwaitReady());
  release.count_down();
}

TEST_F(ProbeMonitorTest, EqualTargetGoesOnAndAChangedOneStartsAnew) {
  Server server(kOk);
  ProbeTarget target = Target(server.port());
  target.readiness = Http();
  monitor_.Watch(target);
  ASSERT_TRUE(AwaitReady());
  const Health before = monitor_.Get("c1");
  monitor_.Watch(target);
  target.started_at = clock_.WallNow();  // only known now
  monitor_.Watch(target);
  EXPECT_EQ(monitor_.Get("c1"), before);
  target.started_at += std::chrono::seconds(1);  // the container was restarted
  monitor_.Watch(target);
  EXPECT_NE(monitor_.Get("c1").ready_since, before.ready_since);
  EXPECT_TRUE(AwaitReady());
}

TEST_F(ProbeMonitorTest, ForgottenIsForgotten) {
  Server server(kOk);
  ProbeTarget target = Target(server.port());
  target.readiness = Http();
  monitor_.Watch(target);
  ASSERT_TRUE(AwaitReady());
  monitor_.Forget("c1");
  EXPECT_EQ(monitor_.Get("c1"), Health{});
  monitor_.Watch(target);
  EXPECT_TRUE(AwaitReady());
}

TEST_F(ProbeMonitorTest, MoreTargetsThanConnectionsAtOnceAllGetTheirTurn) {
  ProbeMonitor monitor(engine_, clock_, enqueuer_, metrics_,
                       {.exec_threads = 1, .max_in_flight = 3});
  monitor.Start();
  Server server(kOk);
  for (int i = 0; i < 100; ++i) {
    ProbeTarget target = Target(server.port(), "many-" + std::to_string(i));
    target.readiness = Http();
    monitor.Watch(target);
  }
  EXPECT_TRUE(enqueuer_.WaitUntil([&] {
    for (int i = 0; i < 100; ++i) {
      if (!monitor.Get("many-" + std::to_string(i)).ready) return false;
    }
    return true;
  }));
}

TEST_F(ProbeMonitorTest, StopsInTheMiddleOfEverything) {
  Server silent(std::vector<std::string>{}, Server::After::kStayOpen);
  for (int i = 0; i < 50; ++i) {
    ProbeTarget target = Target(silent.port(), "c" + std::to_string(i));
    target.readiness = Http();
    target.liveness = Exec({"true"});
    monitor_.Watch(target);
  }
  EXPECT_TRUE(enqueuer_.WaitUntil([&] { return silent.Connections() > 0; }));
  monitor_.Stop();
  monitor_.Watch(Target(1, "late"));
  monitor_.Forget("c1");
}

}  // namespace
}  // namespace ballast::probe
