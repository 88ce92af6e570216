// What is the file's alone: restarts, damage, a disk that does not let us.
#include "controller/store/load_db.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "controller/store/load_file.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temp_dir.h"

namespace ballast::store {
namespace {

using reconcilers::LoadSample;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
constexpr std::int64_t kNow = 1'800'000'000;

class LoadDbTest : public testing::Test {
 protected:
  void Open() {
    db_.reset();
    db_ = std::make_unique<LoadDb>(path_, clock_);
  }
  Result<void> Add(std::int64_t second, double rate = 1) {
    return db_->Append({{kShop, {.second = second, .request_rate = rate}}}, {});
  }
  std::vector<LoadSample> Seconds() {
    return db_->Seconds(kShop, 0).value_or(std::vector<LoadSample>{});
  }

  TempDir dir_;
  const std::string path_ = dir_.path("load.db");
  fakes::FakeClock clock_;
  std::unique_ptr<LoadDb> db_;
};

TEST_F(LoadDbTest, OutlivesARestartAndIsPrivate) {
  Open();
  ASSERT_TRUE(Add(kNow));
  ASSERT_TRUE(db_->SaveState({"Autoscaler", "default", "shop"}, "state"));
  Open();
  EXPECT_THAT(Seconds(), SizeIs(1));
  EXPECT_EQ(*db_->LoadState({"Autoscaler", "default", "shop"}), "state");
  ASSERT_TRUE(Add(kNow + 1));
  EXPECT_THAT(Seconds(), SizeIs(2));
  for (const char* suffix : {"", "-wal"}) {
    struct stat info{};
    ASSERT_EQ(::stat((path_ + suffix).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
  }
}

TEST_F(LoadDbTest, AFileThatIsNoneOfOursIsMovedAside) {
  Open();
  ASSERT_TRUE(Add(kNow));
  db_.reset();
  const std::string good = dir_.Read("load.db");
  std::string torn = good;
  torn.resize(torn.size() / 2);
  std::string scrambled = good;
  for (std::size_t i = 4096; i < scrambled.size(); i += 3) scrambled[i] = static_cast<char>(i);
  for (const std::string& bad : {std::string("no database at all, only a text of some length"),
                                 torn, scrambled, std::string(8192, '\0')}) {
    dir_.Write("load.db", bad);
    Open();
    EXPECT_THAT(Seconds(), IsEmpty());
    EXPECT_TRUE(Add(kNow + 5));
    EXPECT_THAT(Seconds(), SizeIs(1));
    EXPECT_EQ(dir_.Read("load.db.damaged"), bad);
    db_.reset();
  }
}

TEST_F(LoadDbTest, AnEmptyFileIsTakenAsNew) {
  dir_.Write("load.db", "");
  Open();
  EXPECT_TRUE(Add(kNow));
  EXPECT_FALSE(std::filesystem::exists(DamagedPath(path_)));
}

TEST_F(LoadDbTest, ANewerVersionIsMovedAside) {
  Open();
  ASSERT_TRUE(Add(kNow));
  db_.reset();
  {
    auto database = Database::Open(path_, Database::Mode::kReadWrite);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->Exec("PRAGMA user_version=99"));
  }
  Open();
  EXPECT_THAT(Seconds(), IsEmpty());
  EXPECT_TRUE(Add(kNow));
  EXPECT_TRUE(std::filesystem::exists(DamagedPath(path_)));
}

TEST_F(LoadDbTest, AFileThatIsRemovedInUseIsMadeAgain) {
  Open();
  ASSERT_TRUE(Add(kNow));
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  EXPECT_TRUE(Add(kNow + 1));
  EXPECT_THAT(Seconds(), SizeIs(1));
  Open();
  EXPECT_THAT(Seconds(), SizeIs(1));
}

TEST_F(LoadDbTest, DamageThatIsFoundInUseBeginsAnew) {
  Open();
  ASSERT_TRUE(Add(kNow));
  {
    auto database = Database::Open(path_, Database::Mode::kReadWrite);
    ASSERT_TRUE(database);
    ASSERT_TRUE((*database)->Checkpoint(true));
  }
  std::string scrambled = dir_.Read("load.db");
  for (std::size_t i = 4096; i < scrambled.size(); ++i) scrambled[i] = '\x5a';
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.write(scrambled.data(), static_cast<std::streamsize>(scrambled.size()));
  }
  bool works = false;
  for (int i = 1; i < 5 && !works; ++i) works = Add(kNow + i).has_value();
  EXPECT_TRUE(works);
  EXPECT_THAT(Seconds(), testing::Not(IsEmpty()));
}

TEST_F(LoadDbTest, GoesOnWithoutADirectoryAndTriesAgain) {
  const std::string later = dir_.path("later");
  LoadDb db(later + "/load.db", clock_);
  EXPECT_FALSE(db.Append({{kShop, {.second = kNow}}}, {}));
  EXPECT_FALSE(db.Seconds(kShop, 0));
  std::filesystem::create_directory(later);
  EXPECT_FALSE(db.SaveState(kShop, "x")) << "not at every call";
  clock_.Advance(LoadDb::kTryAgain);
  EXPECT_TRUE(db.SaveState(kShop, "x"));
}

TEST_F(LoadDbTest, WhatIsNoNumberIsLeftOut) {
  Open();
  ASSERT_TRUE(Add(kNow));
  ASSERT_TRUE(Add(kNow + 1, std::nan("")));
  ASSERT_TRUE(Add(kNow + 2, std::numeric_limits<double>::infinity()));
  ASSERT_TRUE(Add(kNow + 3));
  EXPECT_THAT(Seconds(), SizeIs(2));
}

// An idle web app costs a row, not a row a second.
TEST_F(LoadDbTest, AWeekOfNothingIsSmall) {
  Open();
  for (std::int64_t minute = 0; minute < LoadDb::kMinutesKept; minute += 60) {
    LoadDb::Samples hour;
    for (std::int64_t i = 0; i < 60; ++i)
      hour.push_back({kShop, {.second = kNow + 60 * (minute + i)}});
    ASSERT_TRUE(db_->Append({}, hour));
  }
  EXPECT_THAT(*db_->Minutes(kShop, 0), SizeIs(LoadDb::kMinutesKept));
  db_.reset();
  auto database = Database::Open(path_, Database::Mode::kReadWrite);
  ASSERT_TRUE(database);
  EXPECT_EQ((*database)->QueryInt("SELECT count(*) FROM minutes").value_or(0), 1U);
}

}  // namespace
}  // namespace ballast::store
