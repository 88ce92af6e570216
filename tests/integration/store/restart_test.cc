// What is there after the store was closed and opened again, as by another process.
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <thread>

#include "controller/store/sqlite.h"
#include "tests/integration/store/fixture.h"

namespace ballast::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Restart : public StoreTest {};

unsigned ModeOf(const std::string& path) {
  struct stat info{};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777U;
}

TEST_F(Restart, KeepsObjectsRevisionAndHistory) {
  Open();
  Put(App("shop"), 0, "one");
  Put(Secret("db"), 0, "password");
  Put(App("shop"), 1, "two");
  Put(App("gone"), 0, "x");
  ASSERT_OK(store_->Commit({App("gone"), 4, nullptr}));
  Open();
  EXPECT_EQ(store_->Revision(), 5U);
  EXPECT_EQ(*store_->Get(App("shop"))->value, "two");
  EXPECT_EQ(*store_->Get(Secret("db"))->value, "password");
  EXPECT_EQ(store_->Get(App("gone")).error().code, Code::kNotFound);
  const auto changes = store_->ReadChanges("webapps", 0, 100);
  ASSERT_OK(changes);
  ASSERT_THAT(changes->items, SizeIs(4));
  EXPECT_EQ(*changes->items[0]->value, "one");
  EXPECT_EQ(*changes->items[1]->previous, "one");
  EXPECT_EQ(*changes->items[1]->value, "two");
  EXPECT_TRUE(changes->items[3]->deleted);
  EXPECT_EQ(*store_->ReadChanges("secrets", 0, 100)->items[0]->value, "password");
  EXPECT_EQ(store_->List({.resource = "webapps", .at_revision = 1})->items[0].revision, 1U);
  EXPECT_EQ(Put(App("shop"), 3, "three"), 6U) << "revisions go on";
  EXPECT_EQ(store_->ReadChanges("webapps", 5, 100)->items.size(), 1U);
}

TEST_F(Restart, DeletingEverythingKeepsTheRevision) {
  Open();
  Put(App("shop"), 0, "");
  ASSERT_OK(store_->Commit({App("shop"), 1, nullptr}));
  Open();
  EXPECT_EQ(store_->Revision(), 2U);
  EXPECT_THAT(ListOf(*store_, "webapps"), IsEmpty());
}

TEST_F(Restart, TheHistoryAgesAcrossIt) {
  options_.history = {.keep_age = std::chrono::minutes(10), .keep_changes = 100};
  Open();
  for (int i = 0; i < 300; ++i) Put(App(std::to_string(i)), 0, "");
  clock_.Advance(std::chrono::minutes(6));
  Open();
  Put(App("a"), 0, "");
  ASSERT_OK(store_->ReadChanges("webapps", 0, 1));
  clock_.Advance(std::chrono::minutes(6));
  Open();
  Put(App("b"), 0, "");
  Put(App("c"), 0, "");
  EXPECT_EQ(store_->ReadChanges("webapps", 0, 1).error().code, Code::kExpired);
  ASSERT_OK(store_->ReadChanges("webapps", 203, 1));
}

// Nothing is written, but a long history is trimmed all the same.
TEST_F(Restart, AnIdleStoreTrimsItsHistory) {
  options_.history = {.keep_age = std::chrono::milliseconds(0), .keep_changes = 10'000};
  Open();
  for (int i = 0; i < 1000; ++i) {
    store_->Submit({App(std::to_string(i)), 0, Text("")}, [](const Result<std::uint64_t>&) {});
  }
  options_.history.keep_changes = 10;
  Open();
  Put(App("last"), 0, "");  // wakes it; the rest it does by itself
  while (store_->ReadChanges("webapps", 900, 1)) std::this_thread::yield();
  ASSERT_OK(store_->ReadChanges("webapps", 991, 1));
}

TEST_F(Restart, FilesAreForTheirOwnerOnlyAndFew) {
  options_.path = dir_.path("a/b/state.db");
  Open();
  Put(Secret("db"), 0, "password");
  EXPECT_EQ(ModeOf(dir_.path("a")), 0700U);
  EXPECT_EQ(ModeOf(dir_.path("a/b")), 0700U);
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    EXPECT_EQ(ModeOf(options_.path + suffix), 0600U) << suffix;
  }
  EXPECT_EQ(ModeOf(dir_.path("a/b/secrets.key")), 0600U);
  Close();
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path("a/b"))) {
    files.insert(entry.path().filename().string());
  }
  EXPECT_THAT(files, ElementsAre("secrets.key", "state.db", "state.db.lock"))
      << "a closed database is one file";
  // Somebody was generous.
  ASSERT_EQ(chmod(options_.path.c_str(), 0644), 0);
  Open();
  EXPECT_EQ(ModeOf(options_.path), 0600U);
}

TEST_F(Restart, EachCommitIsSyncedBeforeItIsAcknowledged) {
  Open();
  const auto database = Database::Open(options_.path, Database::Mode::kReadWrite);
  ASSERT_OK(database);
  EXPECT_EQ((*database)->QueryText("PRAGMA journal_mode"), "wal");
  EXPECT_EQ((*database)->QueryInt("PRAGMA synchronous"), 2U) << "FULL";
}

TEST_F(Restart, AFirstStartThatWasCutShortIsBegunAnew) {
  dir_.Write("state.db.new", "half a database");
  dir_.Write("state.db.new-wal", "half a log");
  Open();
  Put(App("shop"), 0, "");
  EXPECT_FALSE(std::filesystem::exists(dir_.path("state.db.new")));
}

}  // namespace
}  // namespace ballast::store
