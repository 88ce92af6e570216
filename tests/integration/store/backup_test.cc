#include <fmt/format.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "tests/integration/store/fixture.h"

namespace ballast::store {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Backup : public StoreTest {
 protected:
  // Opens a copy as the database of another directory, as somebody does who restores it.
  Result<std::unique_ptr<SqliteStore>> Restore(const std::string& backup, const TempDir& target) {
    fs::copy_file(backup, target.path("state.db"), fs::copy_options::overwrite_existing);
    fs::copy_file(dir_.path("secrets.key"), target.path("secrets.key"),
                  fs::copy_options::overwrite_existing);
    SqliteStoreOptions options = options_;
    options.path = target.path("state.db");
    return SqliteStore::Open(options, clock_);
  }
};

TEST_F(Backup, IsOneInstantWhileWritesGoOn) {
  Open();
  // In each object the number of the round; a round writes them all, one after the other.
  constexpr int kObjects = 40;
  std::vector<std::uint64_t> at(kObjects, 0);
  std::atomic<int> rounds = 0;
  std::jthread writer([&](const std::stop_token& stop) {
    for (int round = 0; !stop.stop_requested(); ++round) {
      for (int i = 0; i < kObjects; ++i) {
        auto& revision = at[static_cast<std::size_t>(i)];
        revision = Put(App(fmt::format("app-{:02}", i)), revision,
                       fmt::format("{} {}", round, std::string(3000, 'x')));
      }
      rounds = round;
    }
  });
  while (rounds < 3) std::this_thread::yield();
  for (int backup = 0; backup < 5; ++backup) {
    const std::uint64_t before = store_->Revision();
    ASSERT_OK(store_->Backup(dir_.path("backup")));
    const std::uint64_t after = store_->Revision();
    const TempDir target;
    const auto restored = Restore(dir_.path("backup"), target);
    ASSERT_OK(restored);
    const Contents contents = ListOf(**restored, "webapps");
    ASSERT_EQ(contents.size(), std::size_t{kObjects});
    // Never rising from one to the next, and falling by one at most.
    int last = std::stoi(contents.begin()->second.second);
    const int first = last;
    std::uint64_t newest = 0;
    for (const auto& [name, object] : contents) {
      const int round = std::stoi(object.second);
      EXPECT_LE(round, last);
      EXPECT_GE(round, first - 1);
      last = round;
      newest = std::max(newest, object.first);
    }
    EXPECT_GE(newest, before);
    EXPECT_LE(newest, after + 1);
  }
}

TEST_F(Backup, IsForItsOwnerOnlyAndReplacesTheOneBefore) {
  Open();
  Put(App("shop"), 0, "one");
  dir_.Write("backup", "the one before");
  ASSERT_OK(store_->Backup(dir_.path("backup")));
  struct stat info{};
  ASSERT_EQ(stat(dir_.path("backup").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  for (const auto& entry : fs::directory_iterator(dir_.path())) {
    EXPECT_THAT(entry.path().filename().string(), ::testing::Not(HasSubstr("backup.part")));
  }
}

TEST_F(Backup, GoesNowhereElse) {
  Open();
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    const auto refused = store_->Backup(options_.path + suffix);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
    EXPECT_THAT(refused.error().message, HasSubstr("belongs to the store itself"));
  }
  fs::create_symlink(options_.path, dir_.path("link"));
  EXPECT_FALSE(store_->Backup(dir_.path("link")));
  EXPECT_EQ(store_->Backup(dir_.path("missing/backup")).error().code, Code::kNotFound);
  EXPECT_FALSE(store_->Backup(dir_.path()));
  EXPECT_EQ(Put(App("shop"), 0, ""), 1U);
}

// A restored store must not give out a revision a second time: a client that has seen more than the
// backup would overwrite, or wait for, what it takes for something else.
TEST_F(Backup, ARestoredOneGoesOnBeyondWhatWasGivenOut) {
  Open();
  Put(App("shop"), 0, "in the backup");
  ASSERT_OK(store_->Backup(dir_.path("backup")));
  Put(App("shop"), 1, "lost");
  const std::uint64_t seen = Put(App("cart"), 0, "lost");
  const TempDir target;
  std::uint64_t revision = 0;
  {
    const auto restored = Restore(dir_.path("backup"), target);
    ASSERT_OK(restored);
    SqliteStore& store = **restored;
    EXPECT_EQ(*store.Get(App("shop"))->value, "in the backup");
    EXPECT_EQ(store.Get(App("shop"))->revision, 1U);
    revision = store.Revision();
    EXPECT_GT(revision, seen + 1'000'000);
    for (const std::uint64_t old : {std::uint64_t{0}, std::uint64_t{1}, seen, revision - 1}) {
      EXPECT_EQ(store.ReadChanges("webapps", old, 10).error().code, Code::kExpired) << old;
    }
    ASSERT_OK(store.ReadChanges("webapps", revision, 10));
    EXPECT_EQ(store.Commit({App("shop"), 1, Text("goes on")}), revision + 1);
  }
  // It is a store like any other from then on.
  SqliteStoreOptions options = options_;
  options.path = target.path("state.db");
  const auto again = SqliteStore::Open(options, clock_);
  ASSERT_OK(again);
  EXPECT_EQ((*again)->Revision(), revision + 1);
  EXPECT_EQ(*(*again)->ReadChanges("webapps", revision, 10)->items[0]->previous, "in the backup");
}

// Whoever copies only the one file leaves the log of the database that crashed beside it.
TEST_F(Backup, TheLogOfTheDatabaseItReplacesDoesNoHarm) {
  Open();
  for (int i = 0; i < 50; ++i) Put(App(fmt::format("app-{}", i)), 0, "in the backup");
  ASSERT_OK(store_->Backup(dir_.path("backup")));
  const Contents wanted = ListOf(*store_, "webapps");
  for (int i = 50; i < 300; ++i) Put(App(fmt::format("app-{}", i)), 0, std::string(3000, 'x'));
  const TempDir target;
  fs::copy_file(options_.path + "-wal", target.path("state.db-wal"));
  ASSERT_GT(fs::file_size(target.path("state.db-wal")), 100'000U);
  fs::copy_file(options_.path + "-shm", target.path("state.db-shm"));
  const auto restored = Restore(dir_.path("backup"), target);
  ASSERT_OK(restored);
  EXPECT_EQ(ListOf(**restored, "webapps"), wanted);
}

TEST_F(Backup, NeedsItsKey) {
  Open();
  Put(Secret("db"), 0, "password");
  ASSERT_OK(store_->Backup(dir_.path("backup")));
  const TempDir target;
  {
    const auto restored = Restore(dir_.path("backup"), target);
    ASSERT_OK(restored);
    EXPECT_EQ(*(*restored)->Get(Secret("db"))->value, "password");
  }
  fs::remove(target.path("secrets.key"));
  fs::copy_file(dir_.path("backup"), target.path("state.db"), fs::copy_options::overwrite_existing);
  SqliteStoreOptions options = options_;
  options.path = target.path("state.db");
  const auto refused = SqliteStore::Open(options, clock_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("secrets.key is missing"));
}

}  // namespace
}  // namespace ballast::store
