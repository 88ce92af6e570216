// A disk that is full: writes fail and say so, reads go on, nothing that was acknowledged is lost,
// and all is well again once there is space. With a small file system, and with a limit on the size
// of files where none can be mounted.
#include <fmt/format.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <vector>

#include "tests/integration/store/fixture.h"
#include "tests/integration/store/small_disk.h"

namespace ballast::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FullDisk : public StoreTest {
 protected:
  void SetUp() override { options_.path = dir_.path("disk/state.db"); }

  // Writes until it fails; what was acknowledged is in acknowledged_.
  Status WriteUntilFull() {
    constexpr int kEnough = 20'000;
    for (int i = 0; i < kEnough; ++i) {
      const std::string name = fmt::format("app-{}", next_++);
      const std::string value = name + std::string(2000, 'x');
      const auto done = store_->Commit({App(name), 0, Text(value)});
      if (!done) return done.error();
      acknowledged_[name] = {*done, value};
    }
    ADD_FAILURE() << "the disk does not become full";
    return {};
  }

  void ExpectFull(const Status& status) {
    EXPECT_EQ(status.code, Code::kFailedPrecondition) << status.message;
    EXPECT_THAT(status.message, AllOf(HasSubstr("is full"), HasSubstr("free some space")));
  }

  void ExpectNothingLost() {
    EXPECT_EQ(store_->Revision(), acknowledged_.rbegin()->second.first > 0 ? Newest() : 0);
    EXPECT_TRUE(ListOf(*store_, "webapps") == acknowledged_);
    std::uint64_t revision = 0;
    while (revision < store_->Revision()) {
      const auto page = store_->ReadChanges("webapps", revision, 1000);
      ASSERT_OK(page);
      for (const auto& change : page->items) {
        EXPECT_EQ(change->revision, ++revision);
        EXPECT_TRUE(acknowledged_.at(change->key.name).second == *change->value);
      }
    }
  }
  [[nodiscard]] std::uint64_t Newest() const {
    std::uint64_t newest = 0;
    for (const auto& [name, object] : acknowledged_) newest = std::max(newest, object.first);
    return newest;
  }

  // `full` and `space` say how the disk is filled and freed.
  void RunThrough(const std::function<void()>& space) {
    ExpectFull(WriteUntilFull());
    ASSERT_FALSE(acknowledged_.empty());
    ExpectNothingLost();
    for (int i = 0; i < 20; ++i) {  // it goes on refusing, and does not forget
      const auto again = store_->Commit({App("more"), 0, Text(std::string(100'000, 'x'))});
      ASSERT_FALSE(again);
      ExpectFull(again.error());
    }
    ExpectNothingLost();
    space();
    acknowledged_["more"] = {Put(App("more"), 0, "now there is space"), "now there is space"};
    EXPECT_EQ(acknowledged_["more"].first, acknowledged_.size());
    ExpectNothingLost();
    Open();
    ExpectNothingLost();
    EXPECT_EQ(Put(App("later"), 0, ""), acknowledged_.size() + 1);
  }

  Contents acknowledged_;
  int next_ = 0;
};

TEST_F(FullDisk, LosesNothingAndRecovers) {
  const SmallDisk disk(dir_.path("disk"), "size=3m");
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  Open();
  RunThrough([&] { disk.Remount("size=64m", false); });
}

TEST_F(FullDisk, CannotBeOpenedAndSaysWhy) {
  const SmallDisk disk(dir_.path("disk"), "size=1m");
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  dir_.Write("disk/filler", std::string(std::size_t{2} << 20, 'x'));
  const Status refused = Refused();
  EXPECT_EQ(refused.code, Code::kFailedPrecondition);
  EXPECT_THAT(refused.message, ::testing::AnyOf(HasSubstr("is full"), HasSubstr("No space left")));
  std::filesystem::remove(dir_.path("disk/filler"));
  Open();
  Put(App("shop"), 0, "");
}

TEST_F(FullDisk, ABackupThatDoesNotFitLeavesNothingBehind) {
  options_.path = dir_.path("state.db");
  Open();
  for (int i = 0; i < 100; ++i) Put(App(std::to_string(i)), 0, std::string(20'000, 'x'));
  const SmallDisk disk(dir_.path("disk"), "size=1m");
  if (!disk.why_not().empty()) GTEST_SKIP() << disk.why_not();
  dir_.Write("disk/backup", "the one before");
  const auto failed = store_->Backup(dir_.path("disk/backup"));
  ASSERT_FALSE(failed);
  ExpectFull(failed.error());
  EXPECT_EQ(dir_.Read("disk/backup"), "the one before");
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path("disk"))) {
    files.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(files, ::testing::ElementsAre("backup"));
}

TEST_F(FullDisk, FilesThatMayNotGrowAreTheSame) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto limit = [&](rlim_t bytes) {
    const rlimit limited{.rlim_cur = bytes, .rlim_max = before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limited), 0);
  };
  Open();
  limit(rlim_t{2} << 20);
  RunThrough([&] { limit(before.rlim_cur); });
}

}  // namespace
}  // namespace ballast::store
