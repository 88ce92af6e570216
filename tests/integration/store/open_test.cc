// Databases that cannot be used: each is refused with what is wrong and what to do, and left as it
// is.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "controller/store/sqlite.h"
#include "tests/integration/store/fixture.h"
#include "tests/integration/store/small_disk.h"

namespace ballast::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Refuses : public StoreTest {
 protected:
  // A closed database with enough in it for damage to hit something.
  void Fill() {
    Open();
    for (int i = 0; i < 200; ++i) {
      store_->Submit({App(fmt::format("app-{}", i)), 0, Text(std::string(3000, 'x'))},
                     [](const Result<std::uint64_t>&) {});
    }
    Close();
  }
  void Overwrite(std::streamoff offset, const std::string& bytes) {
    std::fstream file(options_.path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(offset);
    file << bytes;
  }
  void ExpectDamaged() {
    const std::string before = dir_.Read("state.db");
    const Status refused = Refused();
    EXPECT_EQ(refused.code, Code::kFailedPrecondition);
    EXPECT_THAT(refused.message, AllOf(HasSubstr(options_.path), HasSubstr("backup"),
                                       HasSubstr("web apps stay as they are")));
    EXPECT_EQ(dir_.Read("state.db"), before);
  }
};

constexpr int kPage = 4096;

TEST_F(Refuses, WhatIsNoDatabase) {
  for (const std::string& text : {std::string(), std::string("SQLite format 3"),
                                  std::string("hello\n"), std::string(100'000, 'x')}) {
    dir_.Write("state.db", text);
    ExpectDamaged();
  }
}

TEST_F(Refuses, ATruncatedDatabase) {
  Fill();
  for (const int pages : {150, 20, 1}) {
    std::filesystem::resize_file(options_.path, static_cast<std::uintmax_t>(pages) * kPage);
    ExpectDamaged();
  }
  std::filesystem::resize_file(options_.path, 1000);
  ExpectDamaged();
}

TEST_F(Refuses, ADamagedPage) {
  Fill();
  Overwrite(std::streamoff{60} * kPage, std::string(kPage, '\x5a'));
  ExpectDamaged();
}

TEST_F(Refuses, DamageThatHappensWhileItRuns) {
  Fill();
  Open();
  const auto size = std::filesystem::file_size(options_.path);
  Overwrite(kPage, std::string(size - kPage, '\x5a'));
  const auto listed = store_->List({.resource = "webapps"});
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(listed.error().message, HasSubstr("is damaged"));
}

TEST_F(Refuses, ANewerVersion) {
  Open();
  Put(App("shop"), 0, "");
  Close();
  const auto version = [&](int n) {
    auto database = Database::Open(options_.path, Database::Mode::kReadWrite);
    ASSERT_OK(database);
    ASSERT_OK((*database)->Exec(fmt::format("PRAGMA user_version={}", n)));
  };
  version(9);
  const Status refused = Refused();
  EXPECT_EQ(refused.code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.message,
              AllOf(HasSubstr("version 9"), HasSubstr("versions up to 1"), HasSubstr("newer")));
  version(1);
  Open();
  EXPECT_TRUE(store_->Get(App("shop")));
}

TEST_F(Refuses, AnotherProgramsDatabase) {
  {
    auto other = Database::Open(options_.path, Database::Mode::kCreate);
    ASSERT_OK(other);
    ASSERT_OK((*other)->Exec("CREATE TABLE bookmarks(a)"));
  }
  const Status refused = Refused();
  EXPECT_EQ(refused.code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.message, HasSubstr("another program's database"));
}

TEST_F(Refuses, ALogWithoutItsDatabase) {
  dir_.Write("state.db-wal", "what was acknowledged last");
  const Status refused = Refused();
  EXPECT_EQ(refused.code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.message, HasSubstr("is missing, but its write-ahead log"));
  EXPECT_FALSE(std::filesystem::exists(options_.path));
}

TEST_F(Refuses, ASecondController) {
  Open();
  const auto second = SqliteStore::Open(options_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_THAT(second.error().message, AllOf(HasSubstr("in use by another controller"),
                                            HasSubstr(fmt::format("process {}", getpid()))));
  Put(App("shop"), 0, "");  // the first is not disturbed
  Close();
  EXPECT_TRUE(SqliteStore::Open(options_, clock_));
}

// Otherwise it would go on acknowledging what the next start does not find.
TEST_F(Refuses, ToWriteToAFileThatWasTakenAway) {
  Open();
  Put(App("shop"), 0, "");
  std::filesystem::rename(options_.path, dir_.path("taken"));
  const auto refused = store_->Commit({App("cart"), 0, Text("")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("was moved or removed"));
  std::filesystem::rename(dir_.path("taken"), options_.path);
  Put(App("cart"), 0, "");
  Open();
  EXPECT_EQ(store_->Revision(), 2U);
}

TEST_F(Refuses, ADirectoryThatIsNone) {
  dir_.Write("file", "");
  options_.path = dir_.path("file/state.db");
  EXPECT_THAT(Refused().message, HasSubstr(dir_.path("file")));
  options_.path = dir_.path("a-directory");
  std::filesystem::create_directory(options_.path);
  EXPECT_THAT(Refused().message, HasSubstr("is not a regular file"));
}

TEST_F(Refuses, AReadOnlyDisk) {
  const SmallDisk disk(dir_.path("disk"), "size=4m");
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  options_.path = dir_.path("disk/state.db");
  Open();
  Put(App("shop"), 0, "");
  Close();
  disk.Remount("size=4m", true);
  const Status refused = Refused();
  EXPECT_EQ(refused.code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.message, AllOf(HasSubstr("ead-only"), HasSubstr("another directory")));
  disk.Remount("size=4m", false);
  Open();
}

// What `open` says to a user who may do less; "" when it succeeds.
std::string AsNobody(const std::function<Result<void>()>& open) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    const bool dropped =
        setresgid(kNobody, kNobody, kNobody) == 0 && setresuid(kNobody, kNobody, kNobody) == 0;
    const Result<void> opened = open();
    const std::string text = !dropped ? "still root" : opened ? "" : opened.error().message;
    static_cast<void>(!write(ends[1], text.data(), text.size()));
    _exit(0);
  }
  close(ends[1]);
  std::string text(4096, '\0');
  const ssize_t got = read(ends[0], text.data(), text.size());
  close(ends[0]);
  waitpid(child, nullptr, 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

TEST_F(Refuses, WhatItMayNotRead) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  ASSERT_EQ(chmod(dir_.path().c_str(), 0755), 0);
  std::filesystem::create_directory(dir_.path("closed"));
  ASSERT_EQ(chmod(dir_.path("closed").c_str(), 0700), 0);
  options_.path = dir_.path("closed/state.db");
  EXPECT_THAT(AsNobody([this] { return TryOpen(); }),
              AllOf(HasSubstr("Permission denied"), HasSubstr(dir_.path("closed"))));

  // The directory is its own, the file is not.
  std::filesystem::create_directory(dir_.path("own"));
  options_.path = dir_.path("own/state.db");
  Open();
  Close();
  ASSERT_EQ(chown(dir_.path("own").c_str(), 65534, 65534), 0);
  ASSERT_EQ(chown(dir_.path("own/state.db.lock").c_str(), 65534, 65534), 0);
  EXPECT_THAT(AsNobody([this] { return TryOpen(); }),
              AllOf(HasSubstr("Permission denied"), HasSubstr("state.db")));
  ASSERT_EQ(chmod(options_.path.c_str(), 0644), 0);  // readable is not enough
  EXPECT_THAT(AsNobody([this] { return TryOpen(); }), HasSubstr("state.db"));
}

}  // namespace
}  // namespace ballast::store
