#include "controller/runtime/event_log.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/recording_metrics.h"

namespace ballast::runtime {
namespace {

using reconcilers::EventType;
using std::chrono::minutes;
using std::chrono::seconds;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
const api::ObjectKey kBlog{"WebApp", "default", "blog"};

class EventLogTest : public testing::Test {
 protected:
  fakes::FakeClock clock_;
  fakes::RecordingMetrics metrics_;
  EventLog log_{clock_, metrics_};
};

TEST_F(EventLogTest, EqualOnesOfTenMinutesAreOne) {
  const api::Time first = clock_.WallNow();
  log_.Record(kShop, EventType::kWarning, "Died", "exit code 1");
  clock_.Advance(seconds(599));
  log_.Record(kShop, EventType::kWarning, "Died", "exit code 1");
  auto events = log_.Snapshot();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].count, 2);
  EXPECT_EQ(events[0].first, first);
  EXPECT_EQ(events[0].last, first + seconds(599));
  EXPECT_EQ(metrics_.Get("ballast_events_total{reason=Died,type=Warning}"), 2);

  clock_.Advance(seconds(1));
  log_.Record(kShop, EventType::kWarning, "Died", "exit code 1");
  events = log_.Snapshot();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].count, 1);
}

TEST_F(EventLogTest, DifferentOnesStayApartNewestLast) {
  log_.Record(kShop, EventType::kNormal, "Created", "shop-1");
  log_.Record(kShop, EventType::kNormal, "Created", "shop-2");
  log_.Record(kBlog, EventType::kNormal, "Created", "shop-1");
  log_.Record(kShop, EventType::kNormal, "Removed", "shop-1");
  log_.Record(kShop, EventType::kNormal, "Created", "shop-1");
  const auto events = log_.Snapshot();
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events.back().message, "shop-1");
  EXPECT_EQ(events.back().reason, "Created");
  EXPECT_EQ(events.back().count, 2);
  EXPECT_EQ(log_.Snapshot(kBlog).size(), 1U);
}

TEST_F(EventLogTest, KeepsTheLastThousand) {
  for (int i = 0; i < 2'500; ++i) {
    log_.Record(kShop, EventType::kNormal, "Created", std::to_string(i));
  }
  const auto events = log_.Snapshot();
  ASSERT_EQ(events.size(), EventLog::kCapacity);
  EXPECT_EQ(events.front().message, "1500");
  EXPECT_EQ(events.back().message, "2499");
}

TEST_F(EventLogTest, OldOneThatIsPushedOutDoesNotTakeItsSuccessorAlong) {
  log_.Record(kShop, EventType::kNormal, "Created", "again");
  clock_.Advance(minutes(11));
  for (std::size_t i = 0; i + 1 < EventLog::kCapacity; ++i) {
    log_.Record(kShop, EventType::kNormal, "Created", std::to_string(i));
  }
  log_.Record(kShop, EventType::kNormal, "Created", "again");  // pushes the first one out
  log_.Record(kShop, EventType::kNormal, "Created", "again");
  EXPECT_EQ(log_.Snapshot().back().count, 2);
}

TEST_F(EventLogTest, LongMessagesAreCut) {
  log_.Record(kShop, EventType::kNormal, "Created", std::string(1 << 20, 'x'));
  EXPECT_EQ(log_.Snapshot()[0].message.size(), EventLog::kMaxMessageBytes);
}

}  // namespace
}  // namespace ballast::runtime
