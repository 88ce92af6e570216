// What HAProxy's user may plant in the directories that it can write: links, pipes, directories.
// The controller is root and must not be led anywhere by them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <thread>

#include "controller/haproxy/config_directory.h"
#include "controller/haproxy/haproxy_data_plane.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_engine.h"

namespace ballast::haproxy {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr char kPrecious[] = "root:secret";

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A unix socket that reads one line a connection and answers it.
class Answers {
 public:
  Answers(std::string path, std::map<std::string, std::string> replies)
      : path_(std::move(path)),
        replies_(std::move(replies)),
        fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Answers() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

 private:
  void Serve() {
    for (int client = 0; (client = ::accept(fd_, nullptr, nullptr)) >= 0; ::close(client)) {
      std::array<char, 1024> line{};
      const ssize_t count = ::recv(client, line.data(), line.size(), 0);
      if (count <= 0) continue;
      const std::string reply = replies_[{line.data(), static_cast<std::size_t>(count)}];
      static_cast<void>(::send(client, reply.data(), reply.size(), MSG_NOSIGNAL));
    }
  }
  const std::string path_;
  std::map<std::string, std::string> replies_;
  const int fd_;
  std::thread thread_;
};

class Planted : public ::testing::Test {
 protected:
  Planted() {
    std::string name = fs::temp_directory_path() / "ballast-planted-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    for (const std::string& path : {run_(), config_(), outside_()}) {
      fs::create_directory(path);
      fs::permissions(path, fs::perms(0755));
    }
    std::ofstream(victim_()) << kPrecious;
    ::chmod(victim_().c_str(), 0600);
  }
  ~Planted() override {
    // Whatever was done, it was not done to what lies outside.
    EXPECT_EQ(TextOf(victim_()), kPrecious);
    struct stat status{};
    EXPECT_EQ(::lstat(victim_().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(std::distance(fs::directory_iterator(outside_()), {}), 1);
    fs::remove_all(root_);
  }

  [[nodiscard]] std::string run_() const { return root_ + "/run"; }
  [[nodiscard]] std::string config_() const { return root_ + "/config"; }
  [[nodiscard]] std::string outside_() const { return root_ + "/outside"; }
  [[nodiscard]] std::string victim_() const { return outside_() + "/shadow"; }
  HaproxyDataPlane Plane() {
    return {{.config_dir = config_(), .run_dir = run_(), .container_id = "c", .owner = owner_},
            engine_};
  }

  std::string root_;
  // As the controller does it, when it may.
  Ownership owner_{.user = 99, .group = 99, .change = ::geteuid() == 0};
  fakes::FakeClock clock_;
  fakes::FakeEngine engine_{&clock_};
};

TEST_F(Planted, LinksInTheWayOfTheStateAreNotFollowed) {
  const Answers admin(run_() + "/admin.sock", {{"show servers state\n", "1\n# state\n"},
                                               {"dump stats-file\n", "#$counters\n"}});
  fs::create_symlink(victim_(), run_() + "/state.tmp");
  fs::create_symlink(victim_(), run_() + "/stats.tmp");
  fs::create_symlink(victim_(), run_() + "/state");
  fs::create_symlink(victim_(), run_() + "/stats");
  EXPECT_FALSE(Plane().Reload());  // no master socket
  EXPECT_EQ(TextOf(run_() + "/stats"), "#$counters\n");
  EXPECT_FALSE(fs::is_symlink(run_() + "/stats"));
  EXPECT_FALSE(fs::exists(fs::symlink_status(run_() + "/state")));  // for one reload only
}

TEST_F(Planted, PipesAndDirectoriesHoldNobodyUp) {
  const Answers admin(run_() + "/admin.sock", {{"show servers state\n", "1\n# state\n"},
                                               {"dump stats-file\n", "#$counters\n"}});
  ASSERT_EQ(::mkfifo((run_() + "/stats").c_str(), 0600), 0);
  fs::create_directory(run_() + "/state");
  EXPECT_FALSE(Plane().Reload());
  EXPECT_EQ(TextOf(run_() + "/stats"), "#$counters\n");
  ASSERT_EQ(::mkfifo((config_() + "/ballast.json").c_str(), 0600), 0);
  EXPECT_FALSE(Plane().ReadFile("ballast.json"));
}

TEST_F(Planted, SocketOfSomebodyElseIsNotSpokenTo) {
  const Answers docker(root_ + "/docker.sock", {});
  fs::create_symlink(root_ + "/docker.sock", run_() + "/admin.sock");
  fs::create_symlink(root_ + "/docker.sock", run_() + "/master.sock");
  HaproxyDataPlane plane = Plane();
  const auto asked = plane.Commands({"show info"});
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, Code::kPermissionDenied);
  EXPECT_THAT(asked.error().message, HasSubstr("admin.sock: not a socket"));
  EXPECT_EQ(plane.Processes().error().code, Code::kPermissionDenied);
}

TEST_F(Planted, LinkedDirectoriesAreNotEntered) {
  const reconcilers::ConfigFiles files{{"haproxy.cfg", "global\n"}, {"maps/exact.map", "a b\n"}};
  const ConfigDirectory config(config_(), owner_);
  fs::create_directory_symlink(outside_(), config_() + "/maps");
  EXPECT_FALSE(config.Publish(files));
  fs::remove(config_() + "/maps");
  fs::create_symlink(victim_(), config_() + "/haproxy.cfg");
  EXPECT_FALSE(config.Read("haproxy.cfg"));
  // Leftovers: the links go, what they name stays.
  fs::create_directory_symlink(outside_(), config_() + "/more");
  ASSERT_TRUE(config.Publish(files));
  EXPECT_EQ(*config.Read("haproxy.cfg"), "global\n");
  EXPECT_EQ(*config.Read("maps/exact.map"), "a b\n");
  EXPECT_FALSE(fs::exists(fs::symlink_status(config_() + "/more")));
  fs::create_directory_symlink(outside_(), config_() + "/.check");
  EXPECT_FALSE(Plane().Check(files));
  // Nor made somebody else's.
  fs::create_directory_symlink(outside_(), root_ + "/linked");
  EXPECT_FALSE(Directory::Make(root_ + "/linked", owner_, 0777));
  struct stat status{};
  ASSERT_EQ(::stat(outside_().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0755U);
}

TEST_F(Planted, WritingTwiceIsOneFileAndLeavesNoOther) {
  const auto directory = Directory::Open(run_());
  ASSERT_TRUE(directory);
  ASSERT_TRUE(directory->Write("state", "one", owner_));
  const auto written = fs::last_write_time(run_() + "/state");
  ASSERT_TRUE(directory->Write("state", "one", owner_));
  EXPECT_EQ(fs::last_write_time(run_() + "/state"), written);
  ASSERT_TRUE(directory->Write("state", "other", owner_));
  EXPECT_EQ(*directory->Read("state"), "other");
  const auto entries = directory->List();
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->size(), 1U);
  EXPECT_TRUE(directory->Remove("state"));
  EXPECT_TRUE(directory->Remove("state"));
}

}  // namespace
}  // namespace ballast::haproxy
