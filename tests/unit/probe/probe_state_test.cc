#include "controller/probe/probe_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

namespace ballast::probe {
namespace {

using reconcilers::ProbeTarget;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Steady = reconcilers::Clock::Steady;

constexpr ProbeKind kStartup = ProbeKind::kStartup;
constexpr ProbeKind kReadiness = ProbeKind::kReadiness;
constexpr ProbeKind kLiveness = ProbeKind::kLiveness;
const Steady kZero = Steady(std::chrono::hours(1));

api::Probe Http(int period = 10) {
  return {.action = api::HttpGetAction{.path = "/healthz"}, .period_seconds = period};
}

ProbeTarget Target() {
  return {.container_id = "c1",
          .app = {"WebApp", "default", "shop"},
          .address = "10.0.0.5",
          .port = 8080};
}

// Lets time pass and answers every probe at once, as `answer` says at that time.
class Life {
 public:
  using Answer = std::function<bool(ProbeKind, Steady)>;

  explicit Life(const ProbeTarget& target, Steady start = kZero)
      : now_(kZero), state_(target, start, kZero) {}

  void For(std::chrono::nanoseconds time, const Answer& answer) {
    const Steady end = now_ + time;
    while (true) {
      const auto due = state_.NextDue();
      if (!due || *due > end) break;
      now_ = std::max(now_, *due);
      const auto kinds = state_.Due(now_);
      ASSERT_THAT(kinds, testing::Not(IsEmpty()));
      for (const ProbeKind kind : kinds) {
        ++probes;
        const bool changed = state_.OnResult(kind, answer(kind, now_), "GET /healthz: 503", now_);
        if (changed) changes.push_back(std::chrono::duration_cast<milliseconds>(now_ - kZero));
      }
    }
    now_ = end;
  }
  void Succeed(std::chrono::nanoseconds time) {
    For(time, [](ProbeKind, Steady) { return true; });
  }
  void Fail(std::chrono::nanoseconds time) {
    For(time, [](ProbeKind, Steady) { return false; });
  }
  [[nodiscard]] const reconcilers::Health& health() const { return state_.health(); }
  [[nodiscard]] ProbeState& state() { return state_; }
  [[nodiscard]] Steady now() const { return now_; }

  int probes = 0;
  std::vector<milliseconds> changes;  // when something changed

 private:
  Steady now_;
  ProbeState state_;
};

TEST(ProbeState, NothingToProbeIsReadyAtOnce) {
  ProbeTarget target = Target();
  target.port = 0;
  Life run(target);
  EXPECT_EQ(
      run.health(),
      (reconcilers::Health{
          .started = true, .ready = true, .alive = true, .decided = true, .ready_since = kZero}));
  EXPECT_EQ(run.state().NextDue(), std::nullopt);
}

TEST(ProbeState, PortIsTriedOftenUntilItAnswersAndThenOnceASecond) {
  ProbeTarget target = Target();
  target.port_answers = true;
  Life run(target);
  run.For(seconds(1), [](ProbeKind, Steady now) { return now >= kZero + milliseconds(400); });
  ASSERT_EQ(run.changes.size(), 1U);
  EXPECT_EQ(run.changes[0], milliseconds(400));
  EXPECT_TRUE(run.health().ready);
  EXPECT_EQ(run.health().ready_since, kZero + milliseconds(400));
  run.probes = 0;
  run.Succeed(seconds(10));
  EXPECT_GE(run.probes, 10);
  EXPECT_LE(run.probes, 11);
}

TEST(ProbeState, PortThatNeverAnswersIsTriedFiveTimesASecond) {
  ProbeTarget target = Target();
  target.port_answers = true;
  Life run(target);
  run.Fail(seconds(30));
  run.probes = 0;
  run.Fail(seconds(10));
  EXPECT_EQ(run.probes, 50);
  EXPECT_FALSE(run.health().ready);
  EXPECT_TRUE(run.health().alive);
  EXPECT_EQ(run.health().message, "GET /healthz: 503");
}

TEST(ProbeState, ReadinessIsFoundAtMostATwentiethOfTheWaitLate) {
  for (const int after : {5, 100, 900, 3'000, 15'000, 60'000}) {
    ProbeTarget target = Target();
    target.readiness = Http(10);
    Life run(target);
    run.For(seconds(90), [&](ProbeKind, Steady now) { return now >= kZero + milliseconds(after); });
    // What takes longer than the threshold of failures has a first verdict before.
    ASSERT_EQ(run.changes.size(), after > 30'000 ? 2U : 1U) << after;
    const auto late = run.changes.back() - milliseconds(after);
    EXPECT_LE(late, std::max(milliseconds(20), milliseconds(after / 19))) << after;
  }
}

TEST(ProbeState, ExecProbesAreQuickWithinReason) {
  ProbeTarget target = Target();
  target.readiness = api::Probe{.action = api::ExecAction{{"/bin/true"}}, .period_seconds = 10};
  Life run(target);
  run.Fail(seconds(60));
  EXPECT_LE(run.probes, 25);
  EXPECT_GE(run.probes, 10);
}

TEST(ProbeState, InitialDelayCountsFromTheContainersStart) {
  ProbeTarget target = Target();
  target.readiness = Http();
  target.readiness->initial_delay_seconds = 30;
  Life fresh(target);
  EXPECT_EQ(fresh.state().NextDue(), kZero + seconds(30));
  // After a restart of the controller: it runs for an hour already.
  Life old(target, kZero - std::chrono::hours(1));
  EXPECT_EQ(old.state().NextDue(), kZero);
}

TEST(ProbeState, OthersWaitForTheStartupProbe) {
  ProbeTarget target = Target();
  target.startup = Http(1);
  target.startup->failure_threshold = 60;
  target.readiness = Http(1);
  target.liveness = Http(1);
  Life run(target);
  run.For(seconds(20), [](ProbeKind kind, Steady) {
    EXPECT_EQ(kind, kStartup);
    return false;
  });
  EXPECT_EQ(run.health().started, false);
  EXPECT_EQ(run.health().alive, true);
  run.For(milliseconds(1'500), [](ProbeKind, Steady) { return true; });
  EXPECT_TRUE(run.health().started);
  EXPECT_TRUE(run.health().ready);
  EXPECT_EQ(run.health().message, "");
  // Done for good.
  run.For(seconds(5), [](ProbeKind kind, Steady) {
    EXPECT_NE(kind, kStartup);
    return true;
  });
}

TEST(ProbeState, StartupGivesUpAfterItsThresholdInPeriodsHoweverOftenItWasTried) {
  ProbeTarget target = Target();
  target.startup = Http(2);
  target.startup->failure_threshold = 5;
  Life run(target);
  run.Fail(seconds(60));
  ASSERT_EQ(run.changes.size(), 1U);
  // The kubelet: failures at 0, 2, 4, 6, 8 s.
  EXPECT_GE(run.changes[0], seconds(8));
  EXPECT_LT(run.changes[0], seconds(10));
  EXPECT_FALSE(run.health().alive);
  EXPECT_FALSE(run.health().started);
  EXPECT_EQ(run.state().NextDue(), std::nullopt);
}

TEST(ProbeState, ReadyAgainOnlyAfterFailuresInARowAndBackAtTheNextSuccess) {
  ProbeTarget target = Target();
  target.readiness = Http(1);
  Life run(target);
  run.Succeed(seconds(5));
  EXPECT_TRUE(run.health().ready);
  run.Fail(milliseconds(2'000));  // two failures
  EXPECT_TRUE(run.health().ready);
  EXPECT_EQ(run.health().message, "GET /healthz: 503");
  run.Succeed(milliseconds(1'000));
  run.Fail(milliseconds(2'000));  // two more are not three in a row
  EXPECT_TRUE(run.health().ready);
  run.Fail(milliseconds(1'000));
  EXPECT_FALSE(run.health().ready);
  EXPECT_EQ(run.health().ready_since, Steady{});
  run.Succeed(milliseconds(1'000));
  EXPECT_TRUE(run.health().ready);
  EXPECT_EQ(run.health().message, "");
}

TEST(ProbeState, SuccessThresholdCountsSuccessesInARow) {
  ProbeTarget target = Target();
  target.readiness = Http(1);
  target.readiness->success_threshold = 3;
  Life run(target);
  run.Succeed(milliseconds(1'900));
  EXPECT_FALSE(run.health().ready);
  run.Succeed(milliseconds(200));
  EXPECT_TRUE(run.health().ready);
  EXPECT_EQ(run.probes, 3);
}

TEST(ProbeState, LivenessGivesUpForGood) {
  ProbeTarget target = Target();
  target.readiness = Http(1);
  target.liveness = Http(1);
  Life run(target);
  run.Succeed(seconds(5));
  run.For(seconds(4), [](ProbeKind kind, Steady) { return kind != kLiveness; });
  EXPECT_FALSE(run.health().alive);
  EXPECT_TRUE(run.health().ready);
  run.Succeed(seconds(10));
  EXPECT_FALSE(run.health().alive);
}

TEST(ProbeState, WithoutReadinessProbeItIsReadyOnceStarted) {
  ProbeTarget target = Target();
  target.startup = Http(1);
  Life run(target);
  EXPECT_FALSE(run.health().ready);
  run.Succeed(seconds(1));
  EXPECT_TRUE(run.health().ready);
}

TEST(ProbeState, PortIsNotTriedBesideAReadinessProbe) {
  ProbeTarget target = Target();
  target.readiness = Http(1);
  target.port_answers = true;
  Life run(target);
  EXPECT_TRUE(std::holds_alternative<api::HttpGetAction>(run.state().probe(kReadiness).action));
}

TEST(ProbeState, ProbeUnderWayIsNotStartedAgainAndLateAnswersCount) {
  ProbeTarget target = Target();
  target.readiness = Http(1);
  ProbeState state(target, kZero, kZero);
  EXPECT_THAT(state.Due(kZero), ElementsAre(kReadiness));
  EXPECT_THAT(state.Due(kZero + seconds(5)), IsEmpty());
  EXPECT_EQ(state.NextDue(), std::nullopt);
  EXPECT_TRUE(state.OnResult(kReadiness, true, "", kZero + seconds(5)));
  EXPECT_FALSE(state.OnResult(kReadiness, false, "twice", kZero + seconds(5)));
  EXPECT_TRUE(state.health().ready);
  EXPECT_EQ(state.NextDue(), kZero + seconds(5));
}

TEST(ProbeState, WhatTheProberCouldNotAskCountsForNothing) {
  ProbeTarget target = Target();
  target.readiness = Http(1);
  target.liveness = Http(1);
  target.liveness->failure_threshold = 1;
  ProbeState state(target, kZero, kZero);
  Steady now = kZero;
  const auto none = [&](int times) {
    for (int i = 0; i < times; ++i) {
      now = std::max(now, *state.NextDue());
      for (const ProbeKind kind : state.Due(now)) state.OnNoResult(kind, "Docker is away", now);
    }
  };
  none(5);
  EXPECT_FALSE(state.health().decided);
  EXPECT_EQ(state.health().message, "Docker is away");
  now = std::max(now, *state.NextDue());
  for (const ProbeKind kind : state.Due(now + seconds(1))) state.OnResult(kind, true, "", now);
  ASSERT_TRUE(state.health().ready);
  none(20);
  EXPECT_TRUE(state.health().ready);
  EXPECT_TRUE(state.health().alive);
  EXPECT_EQ(state.health().message, "");
  // Nor does it interrupt a row of failures.
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(state.health().ready);
    now = std::max(now, *state.NextDue()) + seconds(1);
    for (const ProbeKind kind : state.Due(now)) {
      state.OnResult(kind, kind == kLiveness, "GET /healthz: 503", now);
    }
    none(2);
  }
  EXPECT_FALSE(state.health().ready);
}

TEST(ProbeState, ContainersSeenAtTheSameTimeAreSpreadOverThePeriod) {
  std::set<Steady> times;
  for (int i = 0; i < 100; ++i) {
    ProbeTarget target = Target();
    target.container_id = "container-" + std::to_string(i);
    target.readiness = Http(10);
    ProbeState state(target, kZero, kZero);
    EXPECT_THAT(state.Due(kZero), ElementsAre(kReadiness));
    state.OnResult(kReadiness, true, "", kZero);
    times.insert(*state.NextDue());
    EXPECT_GE(*state.NextDue(), kZero + seconds(5));
    EXPECT_LE(*state.NextDue(), kZero + seconds(10));
  }
  EXPECT_GT(times.size(), 80U);
}

}  // namespace
}  // namespace ballast::probe
