// The load as a whole: its counts add up, and it starts and stops as promised.
#include "tests/fault/loadgen/load.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

#include "tests/unit/loadgen/scripted_server.h"

namespace ballast::loadgen {
namespace {

void WaitUntilSent(Load* load, std::uint64_t n) {
  while (load->Snapshot().sent < n) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

TEST(Load, CountsAddUp) {
  ScriptedServer server({{Answer(503, "")}, {Answer(200, "", "X-Hello-Id: a\r\n")}});
  Load load({.port = server.port(), .rate = 500});
  load.Start();
  WaitUntilSent(&load, 20);
  const Report report = load.Stop();
  EXPECT_EQ(report.failed, 1u) << report.Details();
  EXPECT_EQ(report.ok + report.failed, report.sent);
  EXPECT_EQ(report.in_flight, 0u);
  EXPECT_EQ(report.statuses.at(503), 1u);
  EXPECT_EQ(report.replicas.at("a").answers, report.ok);
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].status, 503);
  EXPECT_EQ(report.slowest.size(), 10u);
  EXPECT_EQ(load.Stop().sent, report.sent) << "stopped twice";
  EXPECT_EQ(load.Snapshot().sent, report.sent) << "looked at afterwards";
}

TEST(Load, RefusesNonsense) {
  EXPECT_THROW(Load({.rate = 0}), std::invalid_argument);
  Load load({.address = "localhost"});
  EXPECT_THROW(load.Start(), std::invalid_argument);
  EXPECT_EQ(load.Stop().sent, 0u) << "never started";
}

}  // namespace
}  // namespace ballast::loadgen
