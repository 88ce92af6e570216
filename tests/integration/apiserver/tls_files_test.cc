// The CA and the certificates in their directory: made, kept, renewed, and refused with words.
#include "controller/apiserver/tls_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temp_dir.h"

namespace ballast::apiserver {
namespace {

using std::chrono::days;
using std::chrono::hours;
using testing::Contains;
using testing::HasSubstr;

class Files : public testing::Test {
 protected:
  Result<TlsFiles> Load(const std::vector<std::string>& hosts = {}) {
    return TlsFiles::Load(path(), hosts, clock_);
  }
  void ExpectRefused(const std::string& what, const std::string& next_step) {
    const auto loaded = Load();
    ASSERT_FALSE(loaded);
    EXPECT_THAT(loaded.error().message, HasSubstr(what));
    EXPECT_THAT(loaded.error().message, HasSubstr(next_step));
  }
  [[nodiscard]] std::string path(const std::string& name = "") const {
    return dir_.path("a/tls") + (name.empty() ? "" : "/" + name);
  }
  [[nodiscard]] unsigned Mode(const std::string& name = "") const {
    struct stat info{};
    return stat(path(name).c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
  }

  TempDir dir_;
  fakes::FakeClock clock_;
};

TEST_F(Files, AreMadeOnceAndOnlyForUs) {
  const auto made = Load({"example.org", "10.1.2.3", "fd00:0:0::1", "0.0.0.0"});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->renewed());
  EXPECT_EQ(Mode(), 0700U);
  EXPECT_EQ(Mode("ca.key"), 0600U);
  EXPECT_EQ(Mode("server.key"), 0600U);
  EXPECT_EQ(Mode("ca.crt"), 0644U);
  const auto info = Inspect(made->server().certificate_chain);
  ASSERT_TRUE(info);
  for (const char* host : {"example.org", "10.1.2.3", "fd00::1", "localhost", "127.0.0.1", "::1"}) {
    EXPECT_THAT(info->hosts, Contains(host));
  }
  EXPECT_THAT(info->hosts, testing::Not(Contains("0.0.0.0")));
  EXPECT_FALSE(info->authority);
  EXPECT_EQ(info->not_after, clock_.WallNow() + days(365));
  const auto authority = Inspect(made->authority());
  ASSERT_TRUE(authority);
  EXPECT_TRUE(authority->authority);
  EXPECT_EQ(authority->not_after, clock_.WallNow() + days(3650));
  EXPECT_TRUE(IsSignedBy(made->server().certificate_chain, made->authority()));
  EXPECT_EQ(made->server().client_ca, made->authority());

  const auto again = Load({"example.org"});
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->renewed());
  EXPECT_EQ(again->server().certificate_chain, made->server().certificate_chain);
  EXPECT_EQ(again->server().key, made->server().key);
}

TEST_F(Files, TheServersIsRenewedInTimeAndForNewHosts) {
  const auto first = Load();
  ASSERT_TRUE(first);
  clock_.Advance(days(334));
  EXPECT_FALSE(Load()->renewed());
  clock_.Advance(days(2));
  const auto second = Load();
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->renewed());
  EXPECT_NE(second->server().key, first->server().key);
  EXPECT_EQ(second->authority(), first->authority());
  EXPECT_FALSE(Load({"LOCALHOST"})->renewed()) << "names have no case";
  EXPECT_TRUE(Load({"new.example.org"})->renewed());
  EXPECT_FALSE(Load({"new.example.org"})->renewed());
  clock_.Advance(days(3000));
  const auto last = Load();
  ASSERT_TRUE(last);
  EXPECT_LE(Inspect(last->server().certificate_chain)->not_after,
            Inspect(last->authority())->not_after)
      << "does not outlive the CA";
  clock_.Advance(days(400));
  ExpectRefused("has expired", "remove both for a new CA");
}

TEST_F(Files, AClockThatIsPutRightIsNoticed) {
  const auto first = Load();
  ASSERT_TRUE(first);
  clock_.StepWall(days(300));
  std::filesystem::remove(path("server.crt"));
  const auto ahead = Load();
  ASSERT_TRUE(ahead);
  clock_.StepWall(-days(300));
  const auto right = Load();
  ASSERT_TRUE(right);
  EXPECT_TRUE(right->renewed()) << "clients would find that one not yet valid";
  EXPECT_LE(Inspect(right->server().certificate_chain)->not_before, clock_.WallNow());
  clock_.StepWall(-days(2));
  ExpectRefused("counts only from", "check the clock");
}

TEST_F(Files, ACrashBetweenTwoFilesIsMadeGood) {
  const auto first = Load();
  ASSERT_TRUE(first);
  std::filesystem::remove(path("server.crt"));
  EXPECT_TRUE(Load()->renewed());
  std::filesystem::remove(path("server.key"));
  EXPECT_TRUE(Load()->renewed());
  const auto other = TlsFiles::Load(dir_.path("other"), {}, clock_);
  ASSERT_TRUE(other);
  std::filesystem::copy_file(dir_.path("other/server.key"), path("server.key"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(Load()->renewed()) << "halves of two pairs";
  std::filesystem::copy_file(dir_.path("other/server.crt"), path("server.crt"),
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::copy_file(dir_.path("other/server.key"), path("server.key"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(Load()->renewed()) << "of another CA";
  EXPECT_EQ(Load()->authority(), first->authority());
  dir_.Write("a/tls/server.key.new", "half");
  std::filesystem::remove(path("server.key"));
  EXPECT_TRUE(Load()->renewed());

  const std::string key = dir_.Read("a/tls/ca.key");
  std::filesystem::remove(path("ca.crt"));
  const auto completed = Load();
  ASSERT_TRUE(completed) << completed.error().message;
  EXPECT_EQ(dir_.Read("a/tls/ca.key"), key);
}

TEST_F(Files, SeveralAtOnceMakeOne) {
  std::vector<std::string> authorities(8);
  std::vector<std::thread> threads;
  for (std::string& authority : authorities) {
    threads.emplace_back([&] {
      const auto loaded = Load();
      if (loaded) authority = loaded->authority();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_NE(authorities[0], "");
  EXPECT_THAT(authorities, testing::Each(authorities[0]));
  EXPECT_FALSE(Load()->renewed());
}

TEST_F(Files, WhatOthersCouldHaveReadOrChangedIsRefused) {
  ASSERT_TRUE(Load());
  ASSERT_EQ(chmod(path("ca.key").c_str(), 0640), 0);
  ExpectRefused("ca.key has mode 0640", "chmod 600 " + path("ca.key"));
  ASSERT_EQ(chmod(path("ca.key").c_str(), 0600), 0);
  ASSERT_EQ(chmod(path("server.key").c_str(), 0604), 0);
  ExpectRefused("server.key has mode 0604", "chmod 600 ");
  ASSERT_EQ(chmod(path("server.key").c_str(), 0400), 0);
  EXPECT_TRUE(Load()) << "stricter is fine";
  ASSERT_EQ(chmod(path("ca.crt").c_str(), 0666), 0);
  ExpectRefused("ca.crt has mode 0666", "chmod 644 ");
  ASSERT_EQ(chmod(path("ca.crt").c_str(), 0644), 0);
  ASSERT_EQ(chmod(path().c_str(), 0755), 0);
  ExpectRefused("has mode 0755", "chmod 700 " + path());
}

TEST_F(Files, WhatCannotBeUnderstoodIsRefused) {
  ASSERT_TRUE(Load());
  const std::string certificate = dir_.Read("a/tls/server.crt");
  const std::string key = dir_.Read("a/tls/server.key");
  dir_.Write("a/tls/server.crt", "rubbish");
  ExpectRefused("server.crt cannot be understood", "remove ");
  dir_.Write("a/tls/server.crt", certificate);
  dir_.Write("a/tls/server.key", key.substr(0, key.size() / 2));
  ExpectRefused("server.key cannot be understood", "remove ");
  dir_.Write("a/tls/server.key", key);
  const std::string authority = dir_.Read("a/tls/ca.crt");
  dir_.Write("a/tls/ca.crt", "");
  ExpectRefused("ca.crt and ", "from a backup");
  dir_.Write("a/tls/ca.crt", certificate);
  ExpectRefused("do not belong together", "from a backup");
  dir_.Write("a/tls/ca.crt", authority);
  std::filesystem::remove(path("ca.key"));
  ExpectRefused("but not its key", "from a backup");
  dir_.Write("a/tls/ca.key", key);
  ASSERT_EQ(chmod(path("ca.key").c_str(), 0600), 0);
  ExpectRefused("do not belong together", "from a backup");
  dir_.Write("a/tls/ca.key", std::string(2 << 20, 'x'));
  ExpectRefused("larger than 1 MiB", "");
  std::filesystem::remove(path("ca.key"));
  std::filesystem::create_directory(path("ca.key"));
  ExpectRefused("is no file", "move it");
}

TEST_F(Files, ADirectoryThatIsNoneIsRefused) {
  dir_.Write("a/tls", "");
  ExpectRefused("is no directory", "move it");
}

TEST_F(Files, RefusesWhatIsNoHost) {
  for (const char* bad : {"", "a b", "*", "ä.org", "a,b", "1.2.3.4/24"}) {
    const auto loaded = Load({bad});
    ASSERT_FALSE(loaded) << bad;
    EXPECT_EQ(loaded.error().code, Code::kInvalidArgument);
  }
}

TEST_F(Files, ClientsGetWhatTheyAreCalled) {
  const auto files = Load();
  ASSERT_TRUE(files);
  const auto issued = files->IssueClient("anna", {"a", "b"}, hours(24), clock_);
  ASSERT_TRUE(issued) << issued.error().message;
  EXPECT_TRUE(CheckPair(*issued));
  EXPECT_TRUE(IsSignedBy(issued->certificate, files->authority()));
  const auto info = Inspect(issued->certificate);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->common_name, "anna");
  EXPECT_EQ(info->not_after, clock_.WallNow() + hours(24));
  EXPECT_EQ(Inspect(files->IssueClient("b", {}, days(9999), clock_)->certificate)->not_after,
            Inspect(files->authority())->not_after);
  EXPECT_FALSE(files->IssueClient("", {}, hours(1), clock_));
  EXPECT_FALSE(files->IssueClient(std::string(65, 'x'), {}, hours(1), clock_));
  EXPECT_FALSE(files->IssueClient("anna", {""}, hours(1), clock_));
}

}  // namespace
}  // namespace ballast::apiserver
