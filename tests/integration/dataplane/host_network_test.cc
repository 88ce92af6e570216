// A load balancer on the host's network: servers come and go, reloads, kills, restarts and an
// upgrade, with requests all the while.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/fault/loadgen/load.h"
#include "tests/integration/dataplane/live.h"

namespace ballast::live {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

class HostNetwork : public Live {
 protected:
  loadgen::Load Traffic(const std::string& host, const std::string& path = "/work?ms=20") {
    return loadgen::Load(
        {.port = spec.listeners.front().port, .host = host, .path = path, .rate = 100});
  }
  // Keeps everything turning for a while.
  void Drive(milliseconds time) {
    const auto end = clock.Now() + time;
    static_cast<void>(Until([&] { return clock.Now() >= end; }));
  }
};

TEST_F(HostNetwork, ServersComeAndGoWithoutAReload) {
  App a("a");
  App b("b");
  App c("c");
  static_cast<void>(Publish("shop", {a.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  Settle();
  const int reloads = Status().reloads;
  auto load = Traffic("shop.test");
  load.Start();
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(Publish("shop", {a.endpoint(), b.endpoint(), c.endpoint()}));
    Drive(milliseconds(300));
    reconcilers::Endpoint leaving = a.endpoint();
    leaving.admin = reconcilers::ServerAdmin::kDrain;
    ASSERT_TRUE(Publish("shop", {leaving, b.endpoint(), c.endpoint()}));
    ASSERT_TRUE(Until([&] {
      const auto seen = manager->Observe(reconcilers::App("shop"), true);
      return seen && seen->servers.at("a").connections == 0;
    }));
    ASSERT_TRUE(Publish("shop", {b.endpoint(), c.endpoint()}));
    ASSERT_TRUE(Until([&] {
      const auto seen = manager->Observe(reconcilers::App("shop"), false);
      return seen && !seen->servers.contains("a");
    }));
  }
  // One dies, and is published as dead.
  c.Kill();
  ASSERT_TRUE(Publish("shop", {b.endpoint()}, {"c"}));
  ASSERT_TRUE(Until([&] {
    const auto seen = manager->Observe(reconcilers::App("shop"), false);
    return seen && !seen->servers.contains("c");
  }));
  const loadgen::Report report = load.Stop();
  EXPECT_EQ(report.failed, 0U) << report.Details();
  EXPECT_GT(report.ok, 50U);
  Settle();
  EXPECT_EQ(Status().reloads, reloads);
  EXPECT_EQ(Status().servers, 1);
  EXPECT_EQ(Status().drift_repaired, 0);
}

TEST_F(HostNetwork, ReloadsWithoutAGapAndRefusesBadOnes) {
  App a("a");
  App b("b");
  static_cast<void>(Publish("shop", {a.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  auto load = Traffic("shop.test");
  load.Start();
  for (int i = 0; i < 3; ++i) {
    const std::string app = fmt::format("app{}", i);
    static_cast<void>(Publish(app, {b.endpoint()}));
    ASSERT_TRUE(Until([&] { return Serves(app + ".test"); })) << Condition("Degraded");
  }
  Settle();
  const int reloads = Status().reloads;
  // HAProxy's own check refuses it.
  spec.snippets.frontend = {"http-request nonsense"};
  ASSERT_TRUE(Until([&] { return Condition("Degraded").find("nonsense") != std::string::npos; }));
  // Everything else goes on meanwhile.
  ASSERT_TRUE(Publish("shop", {a.endpoint(), b.endpoint()}));
  Settle();
  spec.snippets.frontend.clear();
  ASSERT_TRUE(Until([&] { return Condition("Degraded").empty(); }));
  // A port that somebody else has passes the check; the master refuses it.
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ASSERT_EQ(::listen(fd, 1), 0);
  spec.listeners.push_back({.name = "taken", .port = ntohs(address.sin_port)});
  const std::string words =
      fmt::format("port {} is in use by another program", ntohs(address.sin_port));
  ASSERT_TRUE(Until([&] { return Condition("Degraded").find(words) != std::string::npos; }))
      << Condition("Degraded");
  EXPECT_EQ(Status().reloads, reloads);
  ::close(fd);
  ASSERT_TRUE(Until([&] { return Condition("Degraded").empty(); })) << Condition("Degraded");
  EXPECT_EQ(Status().reloads, reloads + 1);
  const loadgen::Report report = load.Stop();
  EXPECT_EQ(report.failed, 0U) << report.Details();
}

TEST_F(HostNetwork, OldWorkersKeepAServerUntilTheirLastRequest) {
  App a("a");
  App b("b");
  static_cast<void>(Publish("shop", {a.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  loadgen::Load slow({.port = spec.listeners.front().port,
                      .host = "shop.test",
                      .path = "/work?ms=3000",
                      .rate = 2,
                      .timeout = std::chrono::milliseconds(10000)});
  slow.Start();
  const auto running = [&] {
    const auto seen = manager->Observe(reconcilers::App("shop"), true);
    const auto it = seen ? seen->servers.find("a") : decltype(seen->servers.find("a")){};
    return seen && it != seen->servers.end() ? it->second.connections : -1;
  };
  ASSERT_TRUE(Until([&] { return running() > 0; }));
  static_cast<void>(Publish("other", {b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("other.test"); }));
  ASSERT_GT(running(), 0);
  ASSERT_TRUE(Publish("shop", {b.endpoint()}));
  int seen_running = 0;
  ASSERT_TRUE(Until([&] {
    const int now = running();
    if (now > 0) seen_running = now;
    return now == -1;  // deleted
  }));
  EXPECT_GT(seen_running, 0);
  const loadgen::Report report = slow.Stop();
  EXPECT_EQ(report.failed, 0U) << report.Details();
}

TEST_F(HostNetwork, KilledHaproxyComesBackWithTheSameServers) {
  App a("a");
  App b("b");
  static_cast<void>(Publish("shop", {a.endpoint(), b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  Settle();
  const int reloads = Status().reloads;
  const std::string name = Containers().front();
  // Its worker, inside.
  Shell("docker exec -u 99 " + name + " sh -c 'kill -9 $(cat /run/s6/haproxy.pid)'");
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); }));
  // The container.
  Shell("docker kill " + name);
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); }));
  ASSERT_TRUE(Until([&] { return Status().servers == 2; }));
  // Gone altogether.
  Shell("docker rm -f " + name);
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); }));
  ASSERT_TRUE(Publish("shop", {a.endpoint()}));
  Settle();
  EXPECT_EQ(Status().reloads, reloads);
  EXPECT_THAT(Containers(), ElementsAre(name));
}

TEST_F(HostNetwork, ControllerRestartWritesNothing) {
  App a("a");
  App b("b");
  static_cast<void>(Publish("shop", {a.endpoint(), b.endpoint()}));
  static_cast<void>(Publish("blog", {b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test") && Serves("blog.test"); }));
  reconcilers::Endpoint leaving = b.endpoint();
  leaving.admin = reconcilers::ServerAdmin::kDrain;
  ASSERT_TRUE(Publish("shop", {a.endpoint(), leaving}));
  Settle();
  const double commands = Commands();
  const std::string config = root + "/lb/lb/1/haproxy.cfg";
  const auto written = std::filesystem::last_write_time(config);
  auto load = Traffic("shop.test");
  load.Start();
  Restart();
  const auto seen = manager->Observe(reconcilers::App("shop"), false);
  ASSERT_TRUE(seen) << seen.error().message;
  EXPECT_EQ(seen->servers.at("b").admin, reconcilers::ServerAdmin::kDrain);
  EXPECT_TRUE(seen->servers.at("a").up);
  Settle();
  EXPECT_TRUE(Publish("shop", {a.endpoint(), leaving}));
  Settle();
  EXPECT_TRUE(Publish("blog", {b.endpoint()}));
  Settle();
  EXPECT_EQ(Commands(), commands);
  EXPECT_EQ(Status().reloads, 0);
  EXPECT_EQ(Status().drift_repaired, 0);
  EXPECT_EQ(std::filesystem::last_write_time(config), written);
  const loadgen::Report report = load.Stop();
  EXPECT_EQ(report.failed, 0U) << report.Details();
}

TEST_F(HostNetwork, DriftIsRepaired) {
  App a("a");
  App b("b");
  static_cast<void>(Publish("shop", {a.endpoint(), b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  Settle();
  const auto plane = planes->Open({"lb", 1, ""});
  ASSERT_TRUE(plane->Commands({"set server default_shop/a state maint",
                               "set server default_shop/b state maint", "del server default_shop/b",
                               "del map /etc/haproxy/maps/prefix.map "
                               "shop.test/"}));
  EXPECT_FALSE(Serves("shop.test"));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); }));
  EXPECT_EQ(Status().servers, 2);
  EXPECT_GE(Status().drift_repaired, 3);
}

TEST_F(HostNetwork, ServerThatHaproxyTakesOutItselfIsTold) {
  App a("a");
  App b("b");
  static_cast<void>(Publish("shop", {a.endpoint(), b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  Settle();
  enqueuer.Take();
  b.Kill();  // nobody else notices
  const auto told = [&] {
    return std::ranges::count(enqueuer.Take(), reconcilers::App("shop")) > 0;
  };
  ASSERT_TRUE(Until(told));
  const auto seen = manager->Observe(reconcilers::App("shop"), false);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->servers.at("b").text, "DOWN");
  EXPECT_EQ(seen->servers.at("a").text, "UP");
  EXPECT_EQ(Status().drift_repaired, 0);
}

TEST_F(HostNetwork, UpgradeWithoutAFailedRequest) {
  App a("a");
  App b("b");
  spec.timeouts.keep_alive = std::chrono::seconds(2);  // how long idle clients keep the old one
  static_cast<void>(Publish("shop", {a.endpoint(), b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("shop.test"); })) << Condition("Available");
  Settle();
  const std::string image = "ballast-test/haproxy:" + owner;
  Shell("printf 'FROM " + std::string(kImage) + "\\nLABEL test=" + owner +
        "\\n' | docker build -q -t " + image + " -");
  auto load = Traffic("shop.test");
  loadgen::Load fresh({.port = spec.listeners.front().port,
                       .host = "shop.test",
                       .path = "/work?ms=20",
                       .method = "POST",
                       .body_bytes = 100,
                       .rate = 50,
                       .keep_alive = false});
  load.Start();
  fresh.Start();
  spec.image = image;
  const std::string old = owner + "-lb-lb-1";
  const std::string next = owner + "-lb-lb-2";
  ASSERT_TRUE(Until([&] { return Containers() == std::vector<std::string>{next}; }));
  Drive(milliseconds(500));
  ASSERT_TRUE(Publish("shop", {b.endpoint()}));
  Drive(milliseconds(500));
  for (loadgen::Load* one : {&load, &fresh}) {
    const loadgen::Report report = one->Stop();
    EXPECT_EQ(report.failed, 0U) << report.Details();
    EXPECT_GT(report.ok, 20U);
  }
  Settle();
  EXPECT_FALSE(engine->InspectContainer(old));
  EXPECT_FALSE(std::filesystem::exists(root + "/lb/lb/1"));
  EXPECT_TRUE(events.Has("LoadBalancerUpgraded"));
  desired.apps.clear();
  desired.load_balancers.clear();
  spec = {};
  const auto left = engine->ListContainers(std::string(api::kLabelOwner) + "=" + owner);
  ASSERT_TRUE(left);
  for (const auto& info : *left) EXPECT_TRUE(engine->RemoveContainer(info.id));
  Shell("docker rmi " + image);
}

// It never gets as far as answering, since it cannot read even its first configuration.
TEST_F(HostNetwork, OldHaproxyIsToldByItsVersion) {
  const std::string image = "ballast-test/haproxy:" + owner;
  const std::string context = root + "/image";
  std::filesystem::create_directories(context);
  std::ofstream(context + "/Dockerfile")
      << "FROM " << kImage << "\nCOPY haproxy /usr/local/sbin/\n";
  std::ofstream(context + "/haproxy")
      << "#!/bin/sh\ncase $1 in\n-v) echo 'HAProxy version 2.6.12-1+deb12u1 2023/12/16' ;;\n"
         "*) exit 1 ;;\nesac\n";
  std::filesystem::permissions(context + "/haproxy", std::filesystem::perms(0755));
  Shell("docker build -q -t " + image + " " + context);
  spec.image = image;
  EXPECT_TRUE(Until([&] {
    return Condition("Available")
               .find("HAProxy 2.6.12-1+deb12u1 in image " + image + " is too old") !=
           std::string::npos;
  })) << Condition("Available");
  const auto left = engine->ListContainers(std::string(api::kLabelOwner) + "=" + owner);
  ASSERT_TRUE(left);
  for (const auto& info : *left) EXPECT_TRUE(engine->RemoveContainer(info.id));
  Shell("docker rmi " + image);
}

TEST_F(HostNetwork, ImageThatIsNotThereIsSaid) {
  spec.image = "127.0.0.1:1/none:1";
  ASSERT_TRUE(Until(
      [&] { return Condition("Available").find("127.0.0.1:1/none:1") != std::string::npos; }));
}

}  // namespace
}  // namespace ballast::live
