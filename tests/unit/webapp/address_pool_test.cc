#include "reconcilers/webapp/address_pool.h"

#include <gtest/gtest.h>

#include "reconcilers/webapp/replica_network.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/memory_journal.h"

namespace ballast::reconcilers {
namespace {

class AddressPoolTest : public testing::Test {
 public:
  AddressPoolTest() { pool.SetSubnet(*ParseCidr("10.9.0.0/28")); }
  fakes::FakeClock clock;
  fakes::MemoryJournal journal;
  AddressPool pool{clock, journal};
};

TEST_F(AddressPoolTest, LeavesTheFirstQuarterToDocker) {
  EXPECT_EQ(AddressPool::DockerRange(*ParseCidr("172.30.0.0/16")).ToString(), "172.30.0.0/18");
  EXPECT_EQ(*pool.Allocate(), "10.9.0.4");
  EXPECT_EQ(*pool.Allocate(), "10.9.0.5");
}

TEST_F(AddressPoolTest, NeverTheBroadcastAddressNorTwice) {
  std::set<std::string> given;
  for (int i = 4; i <= 14; ++i) EXPECT_TRUE(given.insert(*pool.Allocate()).second);
  EXPECT_FALSE(given.contains("10.9.0.15"));
  const auto none = pool.Allocate();
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, Code::kFailedPrecondition);
}

TEST_F(AddressPoolTest, FreedAddressRestsTenMinutes) {
  for (int i = 4; i <= 14; ++i) ASSERT_TRUE(pool.Allocate().has_value());
  pool.Release("10.9.0.7");
  EXPECT_FALSE(pool.Allocate().has_value());
  clock.Advance(std::chrono::minutes(10) - std::chrono::seconds(1));
  EXPECT_FALSE(pool.Allocate().has_value());
  clock.Advance(std::chrono::seconds(1));
  EXPECT_EQ(*pool.Allocate(), "10.9.0.7");
}

TEST_F(AddressPoolTest, RestIsRememberedAcrossARestart) {
  ASSERT_EQ(*pool.Allocate(), "10.9.0.4");
  pool.Release("10.9.0.4");
  AddressPool next(clock, journal);
  next.SetSubnet(*ParseCidr("10.9.0.0/28"));
  EXPECT_EQ(*next.Allocate(), "10.9.0.5");
}

TEST_F(AddressPoolTest, UsedOnesAreSkipped) {
  pool.Use("10.9.0.4");
  pool.Use("10.9.0.6");
  EXPECT_EQ(*pool.Allocate(), "10.9.0.7");  // goes on behind the highest
  pool.Use("rubbish");
}

TEST(Cidr, ParsesAndCompares) {
  EXPECT_EQ(ParseCidr("10.1.2.3/16")->ToString(), "10.1.0.0/16");
  for (const char* bad : {"10.1.2.3", "10.1.2/8", "10.1.2.3/33", "10.1.2.3/0", "a.b.c.d/8",
                          "10.1.2.300/8", "10.1.2.3/8x", ""}) {
    EXPECT_FALSE(ParseCidr(bad).has_value()) << bad;
  }
  EXPECT_TRUE(ParseCidr("10.0.0.0/8")->Overlaps(*ParseCidr("10.9.0.0/16")));
  EXPECT_FALSE(ParseCidr("10.8.0.0/16")->Overlaps(*ParseCidr("10.9.0.0/16")));
}

TEST(CandidateSubnets, SkipsWhatIsTaken) {
  const auto free = CandidateSubnets({{.name = "a", .subnet = "172.30.5.0/24"},
                                      {.name = "b", .subnet = "172.29.0.0/16"},
                                      {.name = "host", .subnet = ""}});
  ASSERT_FALSE(free.empty());
  EXPECT_EQ(free.front().ToString(), "172.28.0.0/16");
}

}  // namespace
}  // namespace ballast::reconcilers
