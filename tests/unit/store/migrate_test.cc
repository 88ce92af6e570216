#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "controller/store/schema.h"
#include "controller/store/sqlite.h"
#include "tests/fakes/temp_dir.h"

namespace ballast::store {
namespace {

using ::testing::HasSubstr;

class MigrateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Database::Open(dir_.path("state.db"), Database::Mode::kCreate);
    ASSERT_TRUE(opened) << opened.error().message;
    database_ = std::move(*opened);
  }
  [[nodiscard]] std::uint64_t Version() { return *database_->QueryInt("PRAGMA user_version"); }

  const TempDir dir_;
  std::unique_ptr<Database> database_;
};

TEST_F(MigrateTest, BringsAnOlderVersionToTheNewestAndKeepsWhatIsInIt) {
  const std::array<const char*, 1> old = {"CREATE TABLE t(a); INSERT INTO t VALUES(1)"};
  ASSERT_TRUE(Migrate(*database_, old));
  EXPECT_EQ(Version(), 1U);
  const std::array<const char*, 3> newest = {old[0], "ALTER TABLE t ADD COLUMN b DEFAULT 2",
                                             "UPDATE t SET b = a + b"};
  ASSERT_TRUE(Migrate(*database_, newest));
  EXPECT_EQ(Version(), 3U);
  EXPECT_EQ(database_->QueryInt("SELECT b FROM t"), 3U);
  EXPECT_TRUE(Migrate(*database_, newest)) << "nothing is left to do";
  EXPECT_EQ(database_->QueryInt("SELECT b FROM t"), 3U);
}

TEST_F(MigrateTest, AStepThatFailsLeavesTheVersionBeforeIt) {
  const std::array<const char*, 2> steps = {
      "CREATE TABLE t(a)", "INSERT INTO t VALUES(1); INSERT INTO missing VALUES(1)"};
  const auto failed = Migrate(*database_, steps);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("from version 1 to 2"));
  EXPECT_EQ(Version(), 1U);
  EXPECT_EQ(database_->QueryInt("SELECT count(*) FROM t"), 0U);
  EXPECT_FALSE(database_->InTransaction());
}

TEST_F(MigrateTest, RefusesANewerVersionNamingBoth) {
  ASSERT_TRUE(Migrate(*database_));
  ASSERT_TRUE(database_->Exec("PRAGMA user_version=7"));
  const auto refused = Migrate(*database_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("is of version 7"));
  EXPECT_THAT(refused.error().message, HasSubstr("versions up to 1"));
}

TEST_F(MigrateTest, TheTablesHoldWhatTheirTypesSay) {
  ASSERT_TRUE(Migrate(*database_));
  EXPECT_FALSE(database_->Exec("INSERT INTO marks VALUES(1, 'late')"));
  EXPECT_FALSE(database_->Exec("INSERT INTO objects VALUES(1, 'a', 'b', 'c', 1, 0, NULL)"));
  const char* const insert =
      "INSERT INTO objects(resource,ns,name,revision,sealed,value)"
      " VALUES('a','b','c',1,0,x'00')";
  EXPECT_TRUE(database_->Exec(insert));
  EXPECT_FALSE(database_->Exec(insert)) << "two objects of one name";
}

}  // namespace
}  // namespace ballast::store
