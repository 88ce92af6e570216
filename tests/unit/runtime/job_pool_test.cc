#include "controller/runtime/job_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recording_enqueuer.h"
#include "tests/fakes/recording_metrics.h"

namespace ballast::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

const api::ObjectKey kShop{"WebApp", "default", "shop"};

Result<void> Succeed() { return {}; }
Result<void> Fail() { return Error(Code::kUnavailable, "nobody answers"); }

class JobPoolTest : public testing::Test {
 protected:
  // Runs one job to its end.
  void Run(const std::string& id, const std::function<Result<void>()>& work) {
    enqueuer_.Take();
    ASSERT_TRUE(pool_.Start(kShop, id, work)) << id;
    ASSERT_TRUE(enqueuer_.WaitUntil([this] { return !enqueuer_.Keys().empty(); }));
  }

  fakes::FakeClock clock_;
  fakes::RecordingEnqueuer enqueuer_;
  fakes::RecordingMetrics metrics_;
  JobPool pool_{clock_, enqueuer_, metrics_};
};

TEST_F(JobPoolTest, EndedJobIsNoLongerRunningWhenItsKeyIsEnqueued) {
  pool_.Start();
  Run("create/a", Succeed);
  EXPECT_THAT(enqueuer_.Keys(), ElementsAre(kShop));
  EXPECT_FALSE(pool_.Running("create/a"));
  EXPECT_EQ(pool_.LastFailure("create/a"), std::nullopt);
  EXPECT_EQ(metrics_.Get("ballast_jobs_total{job=create,result=success}"), 1);
}

TEST_F(JobPoolTest, SameIdRunsOnceAtATime) {
  EXPECT_TRUE(pool_.Start(kShop, "create/a", Succeed));
  EXPECT_TRUE(pool_.Running("create/a"));
  EXPECT_FALSE(pool_.Start(kShop, "create/a", Succeed));
  EXPECT_TRUE(pool_.Start(kShop, "create/b", Succeed));
}

TEST_F(JobPoolTest, FailuresBackOffAndSuccessForgetsThem) {
  pool_.Start();
  int failures = 0;
  for (const int delay : {1, 2, 4, 8, 16, 32, 60, 60}) {
    Run("pull/shop:1", Fail);
    const auto failure = pool_.LastFailure("pull/shop:1");
    ASSERT_TRUE(failure.has_value());
    EXPECT_EQ(failure->failures, ++failures);
    EXPECT_EQ(failure->status.message, "nobody answers");
    EXPECT_EQ(failure->retry_at, clock_.Now() + seconds(delay));
    clock_.Advance(seconds(delay) - milliseconds(1));
    EXPECT_FALSE(pool_.Start(kShop, "pull/shop:1", Succeed));
    clock_.Advance(milliseconds(1));
  }
  Run("pull/shop:1", Succeed);
  EXPECT_EQ(pool_.LastFailure("pull/shop:1"), std::nullopt);
  Run("pull/shop:1", Fail);
  EXPECT_EQ(pool_.LastFailure("pull/shop:1")->failures, 1);
}

TEST_F(JobPoolTest, ForgetsByPrefix) {
  pool_.Start();
  for (const char* id : {"create/a.0", "create/a.1", "create/b.0"}) Run(id, Fail);
  pool_.Forget("create/a");
  EXPECT_EQ(pool_.LastFailure("create/a.0"), std::nullopt);
  EXPECT_EQ(pool_.LastFailure("create/a.1"), std::nullopt);
  EXPECT_TRUE(pool_.LastFailure("create/b.0").has_value());
  Run("create/a.0", Succeed);
}

TEST_F(JobPoolTest, FailureOfAJobThatWasForgottenMeanwhileIsNotKept) {
  pool_.Start();
  Run("create/a", [this] {
    pool_.Forget("create/");
    return Fail();
  });
  EXPECT_EQ(pool_.LastFailure("create/a"), std::nullopt);
}

TEST_F(JobPoolTest, ExceptionIsAFailure) {
  pool_.Start();
  Run("create/a", []() -> Result<void> { throw std::runtime_error("oh"); });
  EXPECT_EQ(pool_.LastFailure("create/a")->status,
            (Status{Code::kInternal, "exception in job: oh"}));
}

TEST_F(JobPoolTest, PullsDoNotHoldUpOtherJobs) {
  pool_.Start();
  std::latch release(1);
  for (const char* id : {"pull/a", "pull/b", "pull/c", "pull/d", "pull/e", "pull/f", "pull/g"}) {
    pool_.Start(kShop, id, [&release] {
      release.wait();
      return Succeed();
    });
  }
  Run("create/a", Succeed);
  release.count_down();
  EXPECT_TRUE(enqueuer_.WaitUntil([this] { return enqueuer_.Keys().size() == 8; }));
}

TEST_F(JobPoolTest, StopDropsWhatHasNotBegun) {
  std::atomic<int> ran = 0;
  pool_.Start(kShop, "create/a", [&ran] {
    ++ran;
    return Succeed();
  });
  EXPECT_TRUE(pool_.Stop());
  EXPECT_FALSE(pool_.Running("create/a"));
  EXPECT_FALSE(pool_.Start(kShop, "create/b", Succeed));
  pool_.Start();
  EXPECT_EQ(ran, 0);
}

TEST(JobPoolGrace, StopSaysWhenAJobGoesOn) {
  fakes::FakeClock clock;
  fakes::RecordingEnqueuer enqueuer;
  fakes::RecordingMetrics metrics;
  std::latch entered(1);
  std::latch leave(1);
  JobPool pool(clock, enqueuer, metrics, {.workers = 1, .grace = milliseconds(1)});
  pool.Start();
  pool.Start(kShop, "create/a", [&] {
    entered.count_down();
    leave.wait();
    return Succeed();
  });
  entered.wait();
  EXPECT_FALSE(pool.Stop());
  leave.count_down();
}

}  // namespace
}  // namespace ballast::runtime
