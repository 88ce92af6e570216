#include "controller/runtime/work_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recording_metrics.h"

namespace ballast::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
const api::ObjectKey kBlog{"WebApp", "default", "blog"};

class WorkQueueTest : public testing::Test {
 protected:
  fakes::FakeClock clock_;
  fakes::RecordingMetrics metrics_;
  WorkQueue queue_{clock_, metrics_};
};

TEST_F(WorkQueueTest, GivesKeysInOrderAndEachOnce) {
  queue_.Add(kShop);
  queue_.Add(kBlog);
  queue_.Add(kShop);
  EXPECT_EQ(queue_.Depth(), 2U);
  EXPECT_EQ(queue_.TryGet(), kShop);
  EXPECT_EQ(queue_.TryGet(), kBlog);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, KeyAddedWhileItIsWorkedOnComesAgainAfterwards) {
  queue_.Add(kShop);
  ASSERT_EQ(queue_.TryGet(), kShop);
  queue_.Add(kShop);
  queue_.Add(kShop);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  queue_.Done(kShop);
  EXPECT_EQ(queue_.TryGet(), kShop);
  queue_.Done(kShop);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, DelayedKeyComesWhenItsTimeHasCome) {
  queue_.AddAfter(kShop, seconds(5));
  EXPECT_EQ(queue_.NextDeadline(), clock_.Now() + seconds(5));
  clock_.Advance(milliseconds(4'999));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(queue_.TryGet(), kShop);
  EXPECT_EQ(queue_.NextDeadline(), std::nullopt);
}

TEST_F(WorkQueueTest, NoDelayIsNow) {
  queue_.AddAfter(kShop, milliseconds(0));
  queue_.AddAfter(kBlog, milliseconds(-1));
  EXPECT_EQ(queue_.TryGet(), kShop);
  EXPECT_EQ(queue_.TryGet(), kBlog);
}

TEST_F(WorkQueueTest, EarliestOfSeveralDelaysWins) {
  queue_.AddAfter(kShop, seconds(5));
  queue_.AddAfter(kShop, seconds(2));
  queue_.AddAfter(kShop, seconds(9));
  EXPECT_EQ(queue_.NextDeadline(), clock_.Now() + seconds(2));
  clock_.Advance(seconds(2));
  EXPECT_EQ(queue_.TryGet(), kShop);
  queue_.Done(kShop);
  clock_.Advance(seconds(60));
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, TakingAKeyCancelsItsDelay) {
  queue_.AddAfter(kShop, seconds(5));
  queue_.Add(kShop);
  ASSERT_EQ(queue_.TryGet(), kShop);
  queue_.Done(kShop);
  EXPECT_EQ(queue_.NextDeadline(), std::nullopt);
}

TEST_F(WorkQueueTest, DelayAskedForDuringTheWorkIsKept) {
  queue_.Add(kShop);
  ASSERT_EQ(queue_.TryGet(), kShop);
  queue_.AddAfter(kShop, seconds(5));
  queue_.Done(kShop);
  clock_.Advance(seconds(5));
  EXPECT_EQ(queue_.TryGet(), kShop);
}

TEST_F(WorkQueueTest, BackOffDoublesUpToItsMaximumAndStartsAgainOnceForgotten) {
  const std::vector<int> expected{5,    10,   20,   40,    80,    160,   320,   640,
                                  1280, 2560, 5120, 10240, 20480, 30000, 30000, 30000};
  for (const int delay : expected) {
    EXPECT_EQ(queue_.AddRateLimited(kShop), milliseconds(delay));
    clock_.Advance(milliseconds(delay));
    ASSERT_EQ(queue_.TryGet(), kShop) << delay;
    queue_.Done(kShop);
  }
  EXPECT_EQ(queue_.Failures(kShop), 16);
  EXPECT_EQ(queue_.AddRateLimited(kBlog), milliseconds(5));
  queue_.Forget(kShop);
  EXPECT_EQ(queue_.Failures(kShop), 0);
  EXPECT_EQ(queue_.AddRateLimited(kShop), milliseconds(5));
}

TEST_F(WorkQueueTest, BackOffOfAThousandFailuresDoesNotOverflow) {
  for (int i = 0; i < 1'000; ++i) queue_.AddRateLimited(kShop);
  EXPECT_EQ(queue_.AddRateLimited(kShop), seconds(30));
}

TEST_F(WorkQueueTest, CountsWhatItDoes) {
  queue_.Add(kShop);
  queue_.Add(kShop);
  queue_.Add(kBlog);
  queue_.AddRateLimited(kShop);
  EXPECT_EQ(metrics_.Get("ballast_workqueue_adds_total"), 2);
  EXPECT_EQ(metrics_.Get("ballast_workqueue_depth"), 2);
  EXPECT_EQ(metrics_.Get("ballast_workqueue_retries_total"), 1);
  queue_.TryGet();
  EXPECT_EQ(metrics_.Get("ballast_workqueue_depth"), 1);
  EXPECT_EQ(metrics_.Get("ballast_workqueue_queue_duration_seconds"), 1);
}

TEST_F(WorkQueueTest, ShutDownEndsWaitingGets) {
  std::thread worker([this] { EXPECT_EQ(queue_.Get(), std::nullopt); });
  queue_.ShutDown();
  worker.join();
  queue_.Add(kShop);
  EXPECT_EQ(queue_.TryGet(), std::nullopt);
}

TEST_F(WorkQueueTest, WaitingGetSeesTheClockMove) {
  clock_.OnAdvance([this] { queue_.Wake(); });
  queue_.AddAfter(kShop, std::chrono::hours(1));
  std::thread worker([this] { EXPECT_EQ(queue_.Get(), kShop); });
  clock_.Advance(std::chrono::hours(1));
  worker.join();
}

TEST_F(WorkQueueTest, NeverTwoWorkersOnOneKeyAndNoAddIsLost) {
  constexpr int kKeys = 5;
  constexpr int kAdds = 2'000;
  std::vector<api::ObjectKey> keys;
  for (int i = 0; i < kKeys; ++i) keys.push_back({"WebApp", "default", std::to_string(i)});
  std::array<std::atomic<int>, kKeys> inside{};
  std::array<std::atomic<int>, kKeys> added{};
  std::array<std::atomic<int>, kKeys> seen{};  // of `added`, at the last look
  std::vector<std::thread> workers;
  for (int w = 0; w < 4; ++w) {
    workers.emplace_back([&] {
      while (const auto key = queue_.Get()) {
        const auto index = static_cast<std::size_t>(std::stoi(key->name));
        EXPECT_EQ(inside[index].fetch_add(1), 0);
        seen[index] = added[index].load();
        inside[index].fetch_sub(1);
        queue_.Done(*key);
      }
    });
  }
  std::mt19937 random(7);
  for (int i = 0; i < kAdds; ++i) {
    const std::size_t index = random() % kKeys;
    ++added[index];
    queue_.Add(keys[index]);
  }
  for (std::size_t i = 0; i < kKeys; ++i) {
    while (seen[i] != added[i]) std::this_thread::yield();
  }
  queue_.ShutDown();
  for (std::thread& worker : workers) worker.join();
}

// Against a model that is too simple to be wrong: the same keys come, at the same times.
TEST_F(WorkQueueTest, BehavesAsItsModelUnderRandomUse) {
  std::mt19937 random(11);
  std::set<api::ObjectKey> ready;
  std::set<api::ObjectKey> busy;
  std::set<api::ObjectKey> again;
  std::map<api::ObjectKey, reconcilers::Clock::Steady> delayed;
  const auto add = [&](const api::ObjectKey& key) {
    (busy.contains(key) ? again : ready).insert(key);
  };
  for (int step = 0; step < 20'000; ++step) {
    const api::ObjectKey key{"WebApp", "default", std::to_string(random() % 6)};
    const milliseconds delay(random() % 50);
    switch (random() % 5) {
      case 0:
        queue_.Add(key);
        add(key);
        break;
      case 1:
        queue_.AddAfter(key, delay);
        if (delay.count() == 0) {
          add(key);
        } else {
          const auto when = clock_.Now() + delay;
          const auto [entry, fresh] = delayed.try_emplace(key, when);
          if (!fresh) entry->second = std::min(entry->second, when);
        }
        break;
      case 2:
        clock_.Advance(delay);
        break;
      case 3:
        if (const auto got = queue_.TryGet()) {
          std::erase_if(delayed, [&](const auto& entry) {
            if (entry.second > clock_.Now()) return false;
            add(entry.first);
            return true;
          });
          ASSERT_EQ(ready.erase(*got), 1U);
          delayed.erase(*got);
          busy.insert(*got);
        } else {
          for (const auto& [name, when] : delayed) {
            if (when <= clock_.Now()) {
              ASSERT_TRUE(busy.contains(name));
            }
          }
          ASSERT_TRUE(ready.empty());
        }
        break;
      default:
        if (!busy.empty()) {
          const api::ObjectKey done = *busy.begin();
          queue_.Done(done);
          busy.erase(done);
          if (again.erase(done) > 0) ready.insert(done);
        }
    }
  }
}

}  // namespace
}  // namespace ballast::runtime
