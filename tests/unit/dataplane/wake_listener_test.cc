// What HAProxy says on the socket by which it wakes web apps, and what anybody else may do there.
#include "controller/haproxy/wake_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <optional>

#include "controller/haproxy/socket.h"
#include "tests/fakes/temp_dir.h"

namespace ballast::haproxy {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::chrono::seconds kPatience{20};
constexpr char kAnybody[] = "default_shop\n";

class WakeListenerTest : public ::testing::Test {
 protected:
  WakeListenerTest() { fs::create_directories(run_dir_); }

  // The next web app that was told; nothing after a while.
  std::optional<api::ObjectKey> Next() {
    std::unique_lock lock(mutex_);
    if (!told_cv_.wait_for(lock, kPatience, [this] { return !told_.empty(); })) return {};
    api::ObjectKey key = told_.front();
    told_.pop_front();
    return key;
  }
  [[nodiscard]] std::string Path() const { return run_dir_ + "/wake.sock"; }
  [[nodiscard]] Result<UnixSocket> Connect() const {
    return UnixSocket::Connect(Path(), std::chrono::steady_clock::now() + kPatience);
  }
  void Send(const std::string& text) const {
    Result<UnixSocket> socket = Connect();
    ASSERT_TRUE(socket) << socket.error().message;
    std::string ignored;
    static_cast<void>(socket->Write(text, ignored, std::chrono::steady_clock::now() + kPatience));
  }
  static api::ObjectKey App(const std::string& name) { return {"WebApp", "default", name}; }

  TempDir directory_;
  std::string run_dir_ = directory_.path() + "/lb/default/1";
  std::mutex mutex_;
  std::condition_variable told_cv_;
  std::deque<api::ObjectKey> told_;
  // Last: its thread uses the others.
  WakeListener listener_{[this](const api::ObjectKey& app) {
    {
      const std::lock_guard lock(mutex_);
      told_.push_back(app);
    }
    told_cv_.notify_one();
  }};
};

TEST_F(WakeListenerTest, ALineIsAWebApp) {
  ASSERT_TRUE(listener_.Listen(run_dir_, {}));
  Send("default_shop\n");
  EXPECT_EQ(Next(), App("shop"));
  Send("default_one\ndefault_two\n");
  EXPECT_EQ(Next(), App("one"));
  EXPECT_EQ(Next(), App("two"));
}

TEST_F(WakeListenerTest, OnlyItsOwnerMayConnect) {
  ASSERT_TRUE(
      listener_.Listen(run_dir_, {.user = ::getuid(), .group = ::getgid(), .change = true}));
  struct stat status{};
  ASSERT_EQ(::lstat(Path().c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(status.st_uid, ::getuid());
}

TEST_F(WakeListenerTest, RubbishIsIgnored) {
  ASSERT_TRUE(listener_.Listen(run_dir_, {}));
  Send("no/name\n\nset server x\n");
  Send(std::string(100'000, 'x'));
  Send("cut short");
  Send(kAnybody);
  EXPECT_EQ(Next(), App("shop"));
}

TEST_F(WakeListenerTest, NobodyIsWaitedFor) {
  ASSERT_TRUE(listener_.Listen(run_dir_, {}));
  std::vector<UnixSocket> silent;
  for (int i = 0; i < 100; ++i) {
    if (Result<UnixSocket> socket = Connect()) silent.push_back(std::move(*socket));
  }
  Send(kAnybody);
  EXPECT_EQ(Next(), App("shop"));
}

TEST_F(WakeListenerTest, ListeningAgainChangesNothing) {
  ASSERT_TRUE(listener_.Listen(run_dir_, {}));
  struct stat before{};
  struct stat after{};
  ASSERT_EQ(::lstat(Path().c_str(), &before), 0);
  ASSERT_TRUE(listener_.Listen(run_dir_, {}));
  ASSERT_EQ(::lstat(Path().c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(WakeListenerTest, ASocketThatIsGoneOrOfAnEarlierControllerIsMadeAnew) {
  ASSERT_TRUE(listener_.Listen(run_dir_, {}));
  fs::remove(Path());
  ASSERT_TRUE(listener_.Listen(run_dir_, {}));
  Send(kAnybody);
  EXPECT_EQ(Next(), App("shop"));
  {
    WakeListener earlier([](const api::ObjectKey&) {});
    ASSERT_TRUE(earlier.Listen(run_dir_, {}));
  }
  EXPECT_FALSE(Connect());
  ASSERT_TRUE(listener_.Listen(run_dir_, {}));
  Send(kAnybody);
  EXPECT_EQ(Next(), App("shop"));
}

// The controller is root, and HAProxy's user may put there what he likes.
TEST_F(WakeListenerTest, NoLinkIsFollowed) {
  const std::string precious = directory_.path() + "/precious";
  std::ofstream(precious) << "root:secret";
  fs::permissions(precious, fs::perms(0644));
  fs::create_symlink(precious, Path());
  ASSERT_TRUE(
      listener_.Listen(run_dir_, {.user = ::getuid(), .group = ::getgid(), .change = true}));
  EXPECT_EQ(fs::status(precious).permissions(), fs::perms(0644));
  EXPECT_TRUE(fs::is_socket(fs::symlink_status(Path())));
  Send(kAnybody);
  EXPECT_EQ(Next(), App("shop"));
}

TEST_F(WakeListenerTest, WhatCannotBeIsAnError) {
  const Result<void> missing = listener_.Listen(directory_.path() + "/lb/other/1", {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  fs::create_directories(Path() + "/x");
  const Result<void> taken = listener_.Listen(run_dir_, {});
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("wake.sock"));
}

TEST_F(WakeListenerTest, ClosedIsClosed) {
  ASSERT_TRUE(listener_.Listen(run_dir_, {}));
  Send(kAnybody);
  EXPECT_EQ(Next(), App("shop"));
  listener_.Close(run_dir_);
  listener_.Close(run_dir_);
  // Its thread lets go of it soon.
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (Connect() && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_FALSE(Connect());
}

}  // namespace
}  // namespace ballast::haproxy
