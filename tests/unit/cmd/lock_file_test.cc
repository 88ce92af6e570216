#include "controller/cmd/lock_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "tests/fakes/temp_dir.h"

namespace ballast::cmd {
namespace {

using testing::HasSubstr;

TEST(LockFile, KeepsTheSecondOneOutAndNamesTheFirst) {
  const TempDir dir;
  std::optional<LockFile> first(std::in_place);
  ASSERT_TRUE(first->Acquire(dir.path("lock")));
  LockFile second;
  const auto refused = second.Acquire(dir.path("lock"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kAlreadyExists);
  EXPECT_THAT(refused.error().message, HasSubstr("process " + std::to_string(getpid())));
  first.reset();
  EXPECT_TRUE(second.Acquire(dir.path("lock")));
}

TEST(LockFile, RubbishInTheFileIsNoNumber) {
  const TempDir dir;
  LockFile first;
  ASSERT_TRUE(first.Acquire(dir.path("lock")));
  dir.Write("lock", "rubbish\x1b[31m\n");
  LockFile second;
  EXPECT_THAT(second.Acquire(dir.path("lock")).error().message, HasSubstr("process unknown"));
}

TEST(PrepareDirectory, MakesItOrSaysWhyNot) {
  const TempDir dir;
  EXPECT_TRUE(PrepareDirectory("--state-dir", dir.path("a/b/c")));
  EXPECT_TRUE(std::filesystem::is_directory(dir.path("a/b/c")));
  EXPECT_TRUE(PrepareDirectory("--state-dir", dir.path("a/b/c")));
  dir.Write("file", "");
  for (const std::string& path :
       {dir.path("file"), dir.path("file/below"), std::string("/proc/ballast")}) {
    const auto made = PrepareDirectory("--state-dir", path);
    ASSERT_FALSE(made) << path;
    EXPECT_THAT(made.error().message, HasSubstr("--state-dir " + path + " cannot be written"));
  }
}

}  // namespace
}  // namespace ballast::cmd
