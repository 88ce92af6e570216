// Properties of the planner in a simulated world: whatever is lost, delayed or killed in between,
// the end state is the same, and the pool never falls below its floor.
#include <gtest/gtest.h>

#include <algorithm>

#include "api/codec.h"
#include "tests/unit/webapp/world.h"

namespace ballast::reconcilers {
namespace {

// Exactly the wanted replicas, each with its server, nothing else; and a settled object is quiet.
void ExpectConverged(World& world, int replicas, const std::string& what) {
  EXPECT_EQ(world.Running(), replicas) << what;
  EXPECT_EQ(world.InService(), replicas) << what;
  EXPECT_EQ(world.servers.size(), static_cast<std::size_t>(replicas)) << what;
  for (const auto& [id, c] : world.containers) {
    if (c.view.phase != ReplicaPhase::kRunning) continue;
    EXPECT_EQ(c.view.revision, world.revision) << what;
  }
  const auto servers = world.servers.size();
  const PlanOutput out = world.Pass();
  EXPECT_TRUE(out.actions.empty()) << what;
  EXPECT_EQ(world.servers.size(), servers) << what;
  EXPECT_TRUE(out.rollout_complete) << what;
}

TEST(PlanProperty, ScalesUpAndDownFromAnySeed) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    World world(seed);
    for (const int replicas : {2, 8, 2, 0, 5}) {
      world.app.spec.replicas = replicas;
      ASSERT_TRUE(world.Settle()) << "seed " << seed;
      ExpectConverged(world, replicas, "seed " + std::to_string(seed));
    }
  }
}

TEST(PlanProperty, ScaleDownNeverTakesMoreThanTheSurplus) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    World world(seed);
    world.app.spec.replicas = 8;
    ASSERT_TRUE(world.Settle());
    world.app.spec.replicas = 2;
    world.connections_left = 5;
    int lowest = 8;
    world.on_change = [&] { lowest = std::min(lowest, world.InService()); };
    ASSERT_TRUE(world.Settle());
    EXPECT_EQ(lowest, 2) << "seed " << seed;
  }
}

struct RolloutCase {
  const char* name;
  int replicas;
  api::IntOrPercent surge;
  api::IntOrPercent unavailable;
};

class RolloutFloor : public testing::TestWithParam<RolloutCase> {};

TEST_P(RolloutFloor, HoldsThroughTheWholeRollout) {
  const RolloutCase& c = GetParam();
  for (unsigned seed = 0; seed < 20; ++seed) {
    World world(seed);
    world.app.spec.replicas = c.replicas;
    world.app.spec.strategy.max_surge = c.surge;
    world.app.spec.strategy.max_unavailable = c.unavailable;
    world.connections_left = 3;
    ASSERT_TRUE(world.Settle());
    const int surge = api::ResolveUp(c.surge, c.replicas);
    int unavailable = api::ResolveDown(c.unavailable, c.replicas);
    if (surge == 0 && unavailable == 0) unavailable = 1;
    int lowest = c.replicas;
    int highest = 0;
    world.on_change = [&] {
      lowest = std::min(lowest, world.InService());
      int staying = 0;  // those with a leaving mark are on their way out
      for (const ReplicaView& r : world.Input().replicas) {
        if (r.phase == ReplicaPhase::kRunning && !r.drain_since &&
            r.server != ServerAdmin::kDrain) {
          ++staying;
        }
      }
      highest = std::max(highest, staying);
    };
    world.revision = "bbbb";
    ASSERT_TRUE(world.Settle(8000)) << c.name << " seed " << seed;
    EXPECT_GE(lowest, c.replicas - unavailable) << c.name << " seed " << seed;
    EXPECT_LE(highest, c.replicas + surge) << c.name << " seed " << seed;
    world.on_change = [] {};
    ExpectConverged(world, c.replicas, std::string(c.name) + " seed " + std::to_string(seed));
  }
}

INSTANTIATE_TEST_SUITE_P(Strategies, RolloutFloor,
                         testing::Values(RolloutCase{"Defaults", 4, {true, 25}, {false, 0}},
                                         RolloutCase{"SurgeOne", 3, {false, 1}, {false, 0}},
                                         RolloutCase{"UnavailableOne", 3, {false, 0}, {false, 1}},
                                         RolloutCase{"Percent", 10, {true, 30}, {true, 25}},
                                         RolloutCase{"SurgeAll", 5, {true, 100}, {false, 0}},
                                         RolloutCase{"Single", 1, {true, 25}, {false, 0}},
                                         RolloutCase{"BothRoundToZero", 2, {false, 0}, {true, 10}}),
                         [](const auto& info) { return info.param.name; });

// kill -9 after any single action of scaling up, a rollout and scaling down: same end state.
TEST(PlanProperty, ControllerKilledAfterAnyAction) {
  for (int kill_at = 1; kill_at < 60; ++kill_at) {
    World world(static_cast<unsigned>(kill_at));
    world.connections_left = 2;
    world.kill_after_actions = kill_at;
    world.app.spec.replicas = 4;
    ASSERT_TRUE(world.Settle());
    world.revision = "bbbb";
    ASSERT_TRUE(world.Settle(8000));
    world.app.spec.replicas = 7;
    ASSERT_TRUE(world.Settle());
    world.app.spec.replicas = 1;
    ASSERT_TRUE(world.Settle());
    ExpectConverged(world, 1, "killed after action " + std::to_string(kill_at));
  }
}

// The controller is killed again and again, at random, in the middle of a rollout: still no replica
// below the floor, and it ends.
TEST(PlanProperty, ControllerKilledOverAndOver) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    World world(seed);
    world.app.spec.replicas = 4;
    ASSERT_TRUE(world.Settle());
    int lowest = 4;
    world.on_change = [&] { lowest = std::min(lowest, world.InService()); };
    world.connections_left = 2;
    world.revision = "bbbb";
    std::uniform_int_distribution<int> dice(0, 9);
    for (int i = 0; i < 400; ++i) {
      world.Pass();
      world.RunJobs(1);
      world.Advance(api::Millis(50));
      if (dice(world.random) == 0) world.KillController();
    }
    ASSERT_TRUE(world.Settle(8000)) << "seed " << seed;
    EXPECT_GE(lowest, 4) << "seed " << seed;
    world.on_change = [] {};
    ExpectConverged(world, 4, "seed " + std::to_string(seed));
  }
}

// Replicas crash at random all along; once they stop crashing the wanted state is reached.
TEST(PlanProperty, RandomCrashesAreReplaced) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    World world(seed);
    world.app.spec.replicas = 5;
    std::uniform_int_distribution<int> dice(0, 19);
    for (int i = 0; i < 500; ++i) {
      world.Pass();
      world.RunJobs(2);
      world.Advance(api::Millis(200));
      for (auto& [id, c] : world.containers) {
        if (c.view.phase == ReplicaPhase::kRunning && dice(world.random) == 0) {
          world.KillContainer(id);
          break;
        }
      }
    }
    ASSERT_TRUE(world.Settle(8000)) << "seed " << seed;
    ExpectConverged(world, 5, "seed " + std::to_string(seed));
    // The last dead attempt of each slot is kept, no more.
    EXPECT_LE(world.containers.size(), 10U);
  }
}

TEST(PlanProperty, RolledBackInTheMiddle) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    World world(seed);
    world.app.spec.replicas = 4;
    ASSERT_TRUE(world.Settle());
    int lowest = 4;
    world.on_change = [&] { lowest = std::min(lowest, world.InService()); };
    world.revision = "bbbb";
    for (unsigned i = 0; i < 10 + seed * 3; ++i) {
      world.Pass();
      world.RunJobs(1);
      world.Advance(api::Millis(50));
    }
    world.revision = "aaaa";
    ASSERT_TRUE(world.Settle(8000)) << "seed " << seed;
    EXPECT_GE(lowest, 4) << "seed " << seed;
    world.on_change = [] {};
    ExpectConverged(world, 4, "seed " + std::to_string(seed));
  }
}

// A Secret of the new template is missing: whatever the strategy, those in service stay, and those
// that die come back as they were. Once it is there, the rollout goes on as ever.
TEST(PlanProperty, HeldBackNothingChanges) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    World world(seed);
    world.app.spec.replicas = 4;
    if (seed % 2 == 0) {
      world.app.spec.strategy.type = api::StrategyType::kRecreate;
    } else {
      world.app.spec.strategy.max_surge = {false, 0};
      world.app.spec.strategy.max_unavailable = {false, 2};
    }
    ASSERT_TRUE(world.Settle());
    const auto before = world.RunningNames();
    world.hold = true;
    world.revision = "";
    int lowest = 4;
    world.on_change = [&] { lowest = std::min(lowest, world.InService()); };
    ASSERT_TRUE(world.Settle());
    EXPECT_EQ(lowest, 4) << "seed " << seed;
    world.on_change = [] {};
    world.KillContainer(world.containers.begin()->first);
    ASSERT_TRUE(world.Settle());
    EXPECT_EQ(world.RunningNames(), before) << "seed " << seed;
    world.hold = false;
    world.revision = "bbbb";
    ASSERT_TRUE(world.Settle(8000));
    ExpectConverged(world, 4, "seed " + std::to_string(seed));
  }
}

// Its Secret is gone, so none of the running revision can be made any more.
TEST(PlanProperty, WhatCannotBeMadeIsNotMade) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    World world(seed);
    world.app.spec.replicas = 4;
    ASSERT_TRUE(world.Settle());
    world.hold = true;
    world.unmakeable = {"aaaa"};
    world.KillContainer(world.containers.begin()->first);
    world.app.spec.replicas = 6;
    ASSERT_TRUE(world.Settle());
    EXPECT_EQ(world.InService(), 3) << "seed " << seed;
    EXPECT_TRUE(world.Pass().blocked_on_config);
    world.hold = false;
    world.unmakeable = {};
    ASSERT_TRUE(world.Settle());
    ExpectConverged(world, 6, "seed " + std::to_string(seed));
  }
}

// Its Secret changed, and then replicas of the old revision die: the new one takes their places.
TEST(PlanProperty, TheNewRevisionReplacesWhatCannotBeMadeAgain) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    World world(seed);
    world.app.spec.replicas = 4;
    ASSERT_TRUE(world.Settle());
    world.revision = "bbbb";
    world.unmakeable = {"aaaa"};
    bool old_made = false;
    std::uniform_int_distribution<int> dice(0, 9);
    const auto log_size = world.log.size();
    for (int i = 0; i < 60; ++i) {
      world.Pass();
      world.RunJobs(1);
      world.Advance(api::Millis(50));
      for (auto& [id, c] : world.containers) {
        if (c.view.revision == "aaaa" && c.view.phase == ReplicaPhase::kRunning &&
            dice(world.random) == 0) {
          world.KillContainer(id);
          break;
        }
      }
    }
    ASSERT_TRUE(world.Settle(8000)) << "seed " << seed;
    for (std::size_t i = log_size; i < world.log.size(); ++i) {
      old_made = old_made || world.log[i].starts_with("create shop-aaaa");
    }
    EXPECT_FALSE(old_made) << "seed " << seed;
    ExpectConverged(world, 4, "seed " + std::to_string(seed));
  }
}

TEST(PlanProperty, SameInputSameOutput) {
  World world(7);
  world.app.spec.replicas = 6;
  for (int i = 0; i < 20; ++i) {
    world.Pass();
    world.RunJobs(1);
    world.Advance(api::Millis(100));
    PlanInput in = world.Input();
    const PlanOutput first = Plan(in);
    std::ranges::shuffle(in.replicas, world.random);
    const PlanOutput second = Plan(in);
    EXPECT_EQ(first.actions, second.actions);
    EXPECT_EQ(first.servers, second.servers);
  }
}

TEST(PlanProperty, DeletedAppLeavesNothing) {
  World world(3);
  world.app.spec.replicas = 3;
  ASSERT_TRUE(world.Settle());
  world.deleted = true;
  world.connections_left = 4;
  ASSERT_TRUE(world.Settle());
  EXPECT_TRUE(world.containers.empty());
  EXPECT_TRUE(world.servers.empty());
  EXPECT_TRUE(Plan(world.Input()).gone);
}

}  // namespace
}  // namespace ballast::reconcilers
