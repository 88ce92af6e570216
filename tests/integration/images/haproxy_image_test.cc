// The image ballast/haproxy with the run lines of its README: what the controller relies on. Needs
// the image (hack/images haproxy), or the name of another in BALLAST_HAPROXY_IMAGE.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fault/loadgen/load.h"
#include "tests/fault/loadgen/long_lived.h"
#include "tests/integration/images/support.h"

namespace ballast::images {
namespace {

namespace fs = std::filesystem;

std::string Image() {
  const char* image = std::getenv("BALLAST_HAPROXY_IMAGE");
  return image == nullptr ? "ballast/haproxy:latest" : image;
}

// One container with its two directories; removed at the end.
class Container {
 public:
  explicit Container(const std::string& role)
      : name_("ballast-test-" + std::to_string(getpid()) + "-" + role),
        directory_(fs::temp_directory_path() / name_) {
    for (const char* sub : {"run", "etc"}) {
      fs::create_directories(directory_ / sub);
      if (chown((directory_ / sub).c_str(), 99, 99) != 0) ADD_FAILURE() << "chown needs root";
    }
  }
  ~Container() {
    Shell("docker rm -f " + name_, true);
    fs::remove_all(directory_);
  }
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  void Config(const std::string& text) {
    // Renamed into place, as the controller does: never half a file.
    std::ofstream(directory_ / "etc/new") << text;
    fs::rename(directory_ / "etc/new", directory_ / "etc/haproxy.cfg");
  }
  void StartOnHost() {
    Start("--network host --cap-add NET_BIND_SERVICE --cap-add SETUID --cap-add SETGID");
  }
  void Start(const std::string& network) {
    Shell("docker run -d --name " + name_ + " --restart unless-stopped " + network +
          " --read-only --cap-drop ALL --security-opt no-new-privileges"
          " --tmpfs /run/s6:rw,exec,nosuid,nodev,size=1m,mode=700,uid=99,gid=99 -v " +
          (directory_ / "run").string() + ":/run/haproxy -v " + (directory_ / "etc").string() +
          ":/etc/haproxy:ro " + Image());
  }
  std::string Inspect(const std::string& field) const {
    return Shell("docker inspect -f '{{" + field + "}}' " + name_);
  }
  bool Running() const { return Inspect(".State.Running") == "true"; }
  std::string Logs() const { return Shell("docker logs " + name_); }
  // Host pids of the haproxy processes, the master first.
  std::vector<pid_t> Processes() const {
    std::vector<pid_t> pids;
    std::istringstream lines(Shell("docker top " + name_ + " -eo pid,args"));
    for (std::string line; std::getline(lines, line);) {
      if (line.find(" haproxy -") != std::string::npos) pids.push_back(std::atoi(line.c_str()));
    }
    return pids;
  }
  const std::string& name() const { return name_; }
  bool HasSocket() const { return fs::exists(directory_ / "run/admin.sock"); }

 private:
  const std::string name_;
  const fs::path directory_;
};

std::string Config(std::uint16_t listen, std::uint16_t app) {
  return "global\n  log stdout format raw local0\n"
         "  stats socket /run/haproxy/admin.sock mode 660 level admin\n  hard-stop-after 1h\n"
         "defaults\n  mode http\n  timeout connect 250ms\n  timeout client 60s\n"
         "  timeout server 60s\n  timeout tunnel 1h\n  timeout http-keep-alive 2s\n"
         "  option idle-close-on-response\n"
         "frontend f\n  bind :" +
         std::to_string(listen) +
         "\n  default_backend b\nbackend b\n  server app 127.0.0.1:" + std::to_string(app) + "\n";
}

class HaproxyImage : public testing::Test {
 protected:
  void SetUp() override {
    const std::string id = Shell("docker image inspect -f ok " + Image(), true);
    ASSERT_EQ(id, "ok") << "no image " << Image() << ": run hack/images haproxy";
  }
  bool Serves() { return Status(port_, "GET", "/healthz") == 200; }

  Hello hello_;
  const std::uint16_t port_ = FreePort();
};

TEST_F(HaproxyImage, WaitsForItsConfigurationAndIsNotRoot) {
  Container lb("a");
  lb.StartOnHost();
  ASSERT_TRUE(Eventually([&] { return lb.Logs().find("waiting for") != std::string::npos; }));
  lb.Config(Config(port_, hello_.port()));
  ASSERT_TRUE(Eventually([&] { return Serves(); })) << lb.Logs();
  ASSERT_EQ(lb.Processes().size(), 2u);
  for (const pid_t pid : lb.Processes()) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    const std::string status(std::istreambuf_iterator<char>(file), {});
    EXPECT_NE(status.find("Uid:\t99\t99\t99\t99"), std::string::npos) << status;
    EXPECT_NE(status.find("CapEff:\t0000000000000400"), std::string::npos) << status;
    EXPECT_NE(status.find("NoNewPrivs:\t1"), std::string::npos) << status;
  }
}

TEST_F(HaproxyImage, BacksOffWhileTheConfigurationIsBroken) {
  Container lb("a");
  lb.Config("bogus\n");
  lb.StartOnHost();
  ASSERT_TRUE(Eventually([&] { return lb.Logs().find("again in 200 ms") != std::string::npos; }));
  EXPECT_NE(lb.Logs().find("unknown keyword 'bogus'"), std::string::npos);
  lb.Config(Config(port_, hello_.port()));
  EXPECT_TRUE(Eventually([&] { return Serves(); })) << lb.Logs();
}

TEST_F(HaproxyImage, WorkerOrMasterKilledComesBackInTheSameContainer) {
  Container lb("a");
  lb.Config(Config(port_, hello_.port()));
  lb.StartOnHost();
  for (const bool worker : {true, false}) {
    ASSERT_TRUE(Eventually([&] { return Serves() && lb.Processes().size() == 2; })) << lb.Logs();
    const auto before = lb.Processes();
    kill(worker ? before.back() : before.front(), SIGKILL);
    ASSERT_TRUE(Eventually([&] {
      const auto now = lb.Processes();
      return now.size() == 2 && now.front() != before.front() && Serves();
    })) << lb.Logs();
  }
  EXPECT_EQ(lb.Inspect(".RestartCount"), "0");
}

TEST_F(HaproxyImage, StopAndTermEndItAndItStaysDown) {
  Container lb("a");
  lb.Config(Config(port_, hello_.port()));
  lb.StartOnHost();
  for (const std::string how : {"stop ", "kill -s TERM ", "kill -s USR1 "}) {
    ASSERT_TRUE(Eventually([&] { return Serves(); })) << lb.Logs();
    Shell("docker " + how + lb.name());
    ASSERT_TRUE(Eventually([&] { return !lb.Running(); })) << how;
    EXPECT_EQ(lb.Inspect(".State.ExitCode"), "0") << how;
    EXPECT_EQ(lb.Inspect(".State.Status"), "exited") << how;
    EXPECT_EQ(lb.Inspect(".RestartCount"), "0") << how;
    EXPECT_EQ(Status(port_, "GET", "/"), 0) << how;
    Shell("docker start " + lb.name());
  }
}

// The upgrade: a second one on the same port, USR1 to the first, nothing lost and nothing cut.
void Swap(const std::string& network_a, const std::string& network_b, std::uint16_t listen,
          std::uint16_t published, std::uint16_t app) {
  Container first("a");
  Container second("b");
  first.Config(Config(listen, app));
  second.Config(Config(listen, app));
  first.Start(network_a);
  ASSERT_TRUE(Eventually([&] { return Status(published, "GET", "/healthz") == 200; }));
  loadgen::Load get({.port = published, .path = "/work?ms=20", .rate = 100, .keep_alive = false});
  loadgen::Load post({.port = published,
                      .path = "/work?ms=20",
                      .method = "POST",
                      .body_bytes = 1000,
                      .rate = 100});
  loadgen::LongLived streams({.port = published, .websockets = 5, .event_streams = 5});
  streams.Start();
  get.Start();
  post.Start();
  second.Start(network_b);
  ASSERT_TRUE(Eventually([&] { return second.HasSocket(); })) << second.Logs();
  const auto sent = get.Snapshot().sent;
  Shell("docker kill -s USR1 " + first.name());
  ASSERT_TRUE(Eventually([&] { return get.Snapshot().sent >= sent + 200; }));
  EXPECT_TRUE(first.Running()) << "it still has its WebSockets";
  const auto gets = get.Stop();
  const auto posts = post.Stop();
  EXPECT_EQ(gets.failed, 0u) << gets.Details();
  EXPECT_EQ(posts.failed, 0u) << posts.Details();
  const auto lived = streams.Stop();
  EXPECT_EQ(lived.Opened(), 10u);
  EXPECT_EQ(lived.Cut(), 0u) << lived.Details();
  EXPECT_TRUE(Eventually([&] { return !first.Running(); })) << first.Logs();
  EXPECT_EQ(first.Inspect(".RestartCount"), "0");
  EXPECT_TRUE(second.Running());
}

TEST_F(HaproxyImage, SwapOnTheHostsNetwork) {
  const std::string host =
      "--network host --cap-add NET_BIND_SERVICE --cap-add SETUID --cap-add SETGID";
  Swap(host, host, port_, port_, hello_.port());
}

TEST_F(HaproxyImage, SwapInAPauseContainersNetwork) {
  // Its own loopback: the app runs in the same network namespace.
  const std::string pause = "ballast-test-" + std::to_string(getpid()) + "-pause";
  Shell("docker run -d --name " + pause + " -p 127.0.0.1:" + std::to_string(port_) +
        ":80 -v " BALLAST_BINARY_DIR "/bin/hello:/hello:ro --entrypoint /hello " + Image());
  Swap("--user 99:99 --network container:" + pause, "--user 99:99 --network container:" + pause, 80,
       port_, 8080);
  Shell("docker rm -f " + pause);
}

}  // namespace
}  // namespace ballast::images
