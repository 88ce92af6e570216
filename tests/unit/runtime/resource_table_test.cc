#include "controller/runtime/resource_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ballast::runtime {
namespace {

using reconcilers::StatsSample;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
const api::ObjectKey kBlog{"WebApp", "default", "blog"};
constexpr std::size_t kAll = 1000;

class ResourceTableTest : public testing::Test {
 protected:
  void Pass(std::chrono::nanoseconds by) {
    now_ += by;
    wall_ += std::chrono::duration_cast<api::Time::duration>(by);
  }
  void Ask(const std::vector<ResourceTarget>& targets, const api::ObjectKey& app = kShop) {
    table_.Ask(app, now_);
    table_.Sync(app, targets, now_);
  }
  std::vector<std::string> Take(std::size_t most = kAll) { return table_.Take(now_, most); }
  StatsSample Sample(double cpu_seconds, std::int64_t memory) const {
    return {.cpu_nanoseconds = static_cast<std::int64_t>(cpu_seconds * 1e9),
            .memory = memory,
            .online_cpus = 4,
            .at = wall_};
  }
  void Record(const std::string& id, double cpu_seconds, std::int64_t memory = 1000) {
    table_.Record(id, Sample(cpu_seconds, memory), now_, wall_);
  }
  void Fail(const std::string& id, Code code) {
    table_.Record(id, Error(code, "boom"), now_, wall_);
  }
  MeasuredReplicas Replicas(const api::ObjectKey& app = kShop) const {
    return table_.Replicas(app, now_);
  }

  ResourceTable table_{ResourceIntervals{}};
  ResourceTable::Steady now_{std::chrono::hours(1)};
  api::Time wall_ = api::Time{} + std::chrono::hours(480000);
};

TEST_F(ResourceTableTest, TwoLooksMakeAFigure) {
  EXPECT_TRUE(table_.Ask(kShop, now_));
  EXPECT_FALSE(table_.Ask(kShop, now_));
  EXPECT_THAT(table_.ToSync(now_), ElementsAre(kShop));
  EXPECT_FALSE(table_.Settled(kShop));
  Ask({{"a", "shop-0", ""}});
  EXPECT_THAT(table_.ToSync(now_), IsEmpty());
  EXPECT_THAT(Take(), ElementsAre("a"));
  EXPECT_THAT(Take(), IsEmpty());
  Record("a", 10);
  EXPECT_THAT(Replicas(), IsEmpty());
  EXPECT_FALSE(table_.Settled(kShop));
  EXPECT_EQ(table_.NextDue(), now_ + milliseconds(250));
  Pass(milliseconds(250));
  EXPECT_THAT(Take(), ElementsAre("a"));
  Record("a", 10.125, 4096);
  EXPECT_TRUE(table_.Settled(kShop));
  ASSERT_THAT(Replicas(), SizeIs(1));
  EXPECT_DOUBLE_EQ(Replicas()["shop-0"].total.cpu, 0.5);
  EXPECT_DOUBLE_EQ(Replicas()["shop-0"].total.memory, 4096);
  EXPECT_EQ(Replicas()["shop-0"].total.at, wall_);
  EXPECT_EQ(Replicas()["shop-0"].window, milliseconds(250));
  // From then on every five seconds.
  Pass(milliseconds(4999));
  EXPECT_THAT(Take(), IsEmpty());
  Pass(milliseconds(1));
  EXPECT_THAT(Take(), ElementsAre("a"));
  Record("a", 20.125);
  EXPECT_DOUBLE_EQ(Replicas()["shop-0"].total.cpu, 2);
}

TEST_F(ResourceTableTest, AReplicaIsTheSumOfItsContainersOrUnknown) {
  Ask({{"a", "shop-0", ""}, {"b", "shop-0", "log"}, {"c", "shop-1", ""}});
  EXPECT_THAT(Take(), UnorderedElementsAre("a", "b", "c"));
  for (const char* id : {"a", "b", "c"}) Record(id, 0);
  Pass(seconds(1));
  EXPECT_THAT(Take(), SizeIs(3));
  Record("a", 1, 100);
  Record("c", 0.25, 50);
  EXPECT_FALSE(table_.Settled(kShop));
  ASSERT_THAT(Replicas(), SizeIs(1));
  EXPECT_DOUBLE_EQ(Replicas()["shop-1"].total.cpu, 0.25);
  Record("b", 0.5, 20);
  EXPECT_TRUE(table_.Settled(kShop));
  const MeasuredReplica replica = Replicas()["shop-0"];
  EXPECT_DOUBLE_EQ(replica.total.cpu, 1.5);
  EXPECT_DOUBLE_EQ(replica.total.memory, 120);
  ASSERT_THAT(replica.containers, SizeIs(2));
  EXPECT_EQ(replica.containers[0].sidecar, "");
  EXPECT_EQ(replica.containers[1].sidecar, "log");
  EXPECT_DOUBLE_EQ(replica.containers[1].cpu, 0.5);
}

TEST_F(ResourceTableTest, ARestartedContainerStartsAnew) {
  Ask({{"a", "shop-0", ""}});
  EXPECT_THAT(Take(), SizeIs(1));
  Record("a", 100);
  Pass(seconds(1));
  EXPECT_THAT(Take(), SizeIs(1));
  Record("a", 1);
  EXPECT_THAT(Replicas(), IsEmpty());
  Pass(seconds(1));
  EXPECT_THAT(Take(), SizeIs(1));
  Record("a", 2);
  EXPECT_DOUBLE_EQ(Replicas()["shop-0"].total.cpu, 1);
}

TEST_F(ResourceTableTest, AClockThatIsSetMakesNoFalseFigure) {
  Ask({{"a", "shop-0", ""}});
  for (const seconds step : {seconds(0), seconds(3600), seconds(-7200), seconds(-5)}) {
    EXPECT_THAT(Take(), SizeIs(1));
    Record("a", std::chrono::duration<double>(now_.time_since_epoch()).count());
    if (step != seconds(0)) {
      EXPECT_DOUBLE_EQ(Replicas()["shop-0"].total.cpu, 1) << step.count();
    }
    Pass(seconds(5));
    wall_ += step;
  }
}

TEST_F(ResourceTableTest, NeverMoreThanTheCpusThatThereAre) {
  Ask({{"a", "shop-0", ""}});
  EXPECT_THAT(Take(), SizeIs(1));
  Record("a", 0);
  Pass(seconds(1));
  EXPECT_THAT(Take(), SizeIs(1));
  Record("a", 1000, -5);
  EXPECT_DOUBLE_EQ(Replicas()["shop-0"].total.cpu, 4);
  EXPECT_DOUBLE_EQ(Replicas()["shop-0"].total.memory, 0);
}

TEST_F(ResourceTableTest, FiguresHoldWhileTheEngineIsAwayUntilTheyAreOld) {
  Ask({{"a", "shop-0", ""}});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Take(), SizeIs(1));
    Record("a", i);
    Pass(seconds(1));
  }
  for (int i = 0; i < 5; ++i) {
    Pass(seconds(5));
    EXPECT_THAT(Take(), SizeIs(1));
    Fail("a", Code::kUnavailable);
    EXPECT_THAT(Replicas(), SizeIs(1));
  }
  Pass(seconds(5));
  EXPECT_THAT(Replicas(), IsEmpty());
  EXPECT_TRUE(table_.Settled(kShop));
}

TEST_F(ResourceTableTest, WhatHasStoppedHasNoFigures) {
  Ask({{"a", "shop-0", ""}});
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(Take(), SizeIs(1));
    Record("a", i);
    Pass(seconds(5));
  }
  EXPECT_THAT(Take(), SizeIs(1));
  Fail("a", Code::kFailedPrecondition);
  EXPECT_THAT(Replicas(), IsEmpty());
}

TEST_F(ResourceTableTest, AFailureSettlesToo) {
  Ask({{"a", "shop-0", ""}});
  EXPECT_THAT(Take(), SizeIs(1));
  Fail("a", Code::kNotFound);
  EXPECT_TRUE(table_.Settled(kShop));
}

TEST_F(ResourceTableTest, ContainersComeAndGo) {
  Ask({{"a", "shop-0", ""}, {"b", "shop-1", ""}});
  EXPECT_THAT(Take(), SizeIs(2));
  Record("a", 0);
  Ask({{"b", "shop-1", ""}, {"c", "shop-2", ""}});
  Record("a", 1);  // its look was under way
  EXPECT_THAT(Take(), ElementsAre("c"));
  Record("b", 0);
  Record("c", 0);
  Pass(seconds(1));
  EXPECT_THAT(Take(), UnorderedElementsAre("b", "c"));
  Ask({});
  EXPECT_TRUE(table_.Settled(kShop)) << "nothing runs";
  Record("b", 1);
  EXPECT_THAT(Replicas(), IsEmpty());
}

TEST_F(ResourceTableTest, WhoWaitsForTheFirstFiguresComesFirst) {
  Ask({{"a", "shop-0", ""}});
  EXPECT_THAT(Take(), SizeIs(1));
  Record("a", 0);
  Pass(seconds(5));
  Ask({{"b", "blog-0", ""}, {"c", "blog-1", ""}}, kBlog);
  EXPECT_THAT(Take(2), UnorderedElementsAre("b", "c"));
  EXPECT_THAT(Take(2), ElementsAre("a"));
}

TEST_F(ResourceTableTest, IsKeptGoingForAsLongAsSomebodyAsks) {
  Ask({{"a", "shop-0", ""}});
  Ask({{"b", "blog-0", ""}}, kBlog);
  Pass(seconds(29));
  table_.Expire(now_);
  table_.Ask(kShop, now_);
  Pass(seconds(1));
  table_.Expire(now_);
  EXPECT_THAT(Take(), ElementsAre("a"));
  EXPECT_THAT(Replicas(kBlog), IsEmpty());
  EXPECT_FALSE(table_.Settled(kBlog));
  Pass(seconds(29));
  table_.Expire(now_);
  EXPECT_EQ(table_.NextDue(), std::nullopt);
  Record("a", 1);
  EXPECT_THAT(Take(), IsEmpty());
}

TEST_F(ResourceTableTest, LookingAgainUnsettlesUntilTheContainersAreKnown) {
  Ask({});
  EXPECT_TRUE(table_.Settled(kShop));
  table_.LookAgain(kShop);
  EXPECT_FALSE(table_.Settled(kShop));
  EXPECT_THAT(table_.ToSync(now_), ElementsAre(kShop));
  table_.LookAgain(kBlog);  // nobody asked
  EXPECT_THAT(table_.ToSync(now_), ElementsAre(kShop));
}

}  // namespace
}  // namespace ballast::runtime
