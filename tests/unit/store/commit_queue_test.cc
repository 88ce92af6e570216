#include "controller/store/commit_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <vector>

namespace ballast::store {
namespace {

using ::testing::HasSubstr;

// Holds the first batch until it is let go, as a slow disk does.
class SlowCommitter final : public Committer {
 public:
  std::optional<std::uint64_t> Commit(std::span<PendingWrite> batch) override {
    sizes.push_back(batch.size());
    if (sizes.size() == 1) {
      entered.count_down();
      go.wait();
    }
    for (PendingWrite& pending : batch) pending.result = ++revision;
    return revision;
  }
  std::optional<std::chrono::milliseconds> Upkeep(bool idle) override {
    if (!idle) return std::chrono::milliseconds(0);
    if (idle_calls++ == 0) was_idle.count_down();
    return std::nullopt;
  }

  std::latch entered{1};
  std::latch go{1};
  std::latch was_idle{1};
  std::atomic<int> idle_calls = 0;
  std::vector<std::size_t> sizes;
  std::uint64_t revision = 0;
};

reconcilers::StoreWrite Write(std::size_t bytes = 0) {
  return {{"webapps", "", "x"}, 0, std::make_shared<const std::string>(bytes, 'x')};
}

TEST(CommitQueue, TakesWhatWaitsAsOneBatch) {
  SlowCommitter committer;
  CommitQueue queue(committer);
  int done = 0;  // on the queue's thread, until it has ended
  const auto count = [&](const Result<std::uint64_t>& result) { done += result ? 1 : 0; };
  queue.Submit(Write(), count);
  committer.entered.wait();
  for (int i = 0; i < 300; ++i) queue.Submit(Write(), count);
  committer.go.count_down();
  queue.Close();
  EXPECT_EQ(done, 301);
  EXPECT_THAT(committer.sizes, ::testing::ElementsAre(1, 256, 44));
}

TEST(CommitQueue, RefusesMoreThanMemoryShouldHold) {
  SlowCommitter committer;
  CommitQueue queue(committer);
  int done = 0;
  const auto count = [&](const Result<std::uint64_t>& result) { done += result ? 1 : 0; };
  queue.Submit(Write(), count);
  committer.entered.wait();
  for (int i = 0; i < 5; ++i) queue.Submit(Write(std::size_t{3} << 20), count);
  Status refused;
  queue.Submit(Write(std::size_t{3} << 20),
               [&](const Result<std::uint64_t>& result) { refused = result.error(); });
  EXPECT_EQ(refused.code, Code::kUnavailable);
  EXPECT_THAT(refused.message, HasSubstr("too many writes wait"));
  committer.go.count_down();
  queue.Close();
  EXPECT_EQ(done, 6);
}

TEST(CommitQueue, CallsForUpkeepWhenItWasAskedTo) {
  SlowCommitter committer;
  committer.go.count_down();
  CommitQueue queue(committer);
  EXPECT_EQ(committer.idle_calls, 0);
  queue.Submit(Write(), [](const Result<std::uint64_t>&) {});
  committer.was_idle.wait();
}

TEST(CommitQueue, ACallbackMaySubmit) {
  SlowCommitter committer;
  committer.go.count_down();
  CommitQueue queue(committer);
  std::promise<std::uint64_t> second;
  queue.Submit(Write(), [&](const Result<std::uint64_t>&) {
    queue.Submit(Write(), [&](const Result<std::uint64_t>& r) { second.set_value(*r); });
  });
  EXPECT_EQ(second.get_future().get(), 2U);
}

}  // namespace
}  // namespace ballast::store
