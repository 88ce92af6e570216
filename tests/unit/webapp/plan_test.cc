// The planner step by step: what it does with one replica in one situation.
#include "reconcilers/webapp/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/webapp/rollout.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Kind = PlanAction::Kind;

constexpr Clock::Steady kNow{std::chrono::hours(5)};
constexpr api::Time kWall{std::chrono::hours(9000)};

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    app.meta.name = "shop";
    app.spec.replicas = 2;
    app.spec.pod_template.emplace();
    app.spec.pod_template->containers.resize(1);
    app.spec.routes = {{.host = "shop.test"}};
    in.app = &app;
    in.update_revision = "r1";
    in.image_ready = true;
    in.has_traffic = true;
    in.traffic_known = true;
    in.now = kNow;
    in.wall_now = kWall;
  }

  static ReplicaView Serving(int slot, const std::string& revision = "r1") {
    ReplicaView r;
    r.name = ReplicaName("shop", revision, slot);
    r.revision = revision;
    r.slot = slot;
    r.container_id = "id-" + r.name;
    r.container_name = "default." + r.name + ".0";
    r.phase = ReplicaPhase::kRunning;
    r.ready = true;
    r.ready_since = kNow - seconds(60);
    r.started = kWall - seconds(60);
    r.server = ServerAdmin::kReady;
    r.server_up = true;
    r.connections = 0;
    return r;
  }
  static ReplicaView Dead(int slot, seconds ago, int failures = 0) {
    ReplicaView r = Serving(slot);
    r.phase = ReplicaPhase::kDead;
    r.ready = false;
    r.finished = kWall - ago;
    r.started = r.finished - seconds(5);
    r.failures = failures;
    r.exit_code = 1;
    return r;
  }

  static std::vector<std::string> Words(const PlanOutput& out) {
    static constexpr const char* kNames[] = {"create", "sidecars", "signal", "kill", "remove"};
    std::vector<std::string> words;
    for (const PlanAction& a : out.actions) {
      words.push_back(std::string(kNames[static_cast<int>(a.kind)]) + " " + a.replica + "." +
                      std::to_string(a.attempt));
    }
    return words;
  }
  static std::vector<std::string> Servers(const PlanOutput& out) {
    static constexpr const char* kNames[] = {"ready", "drain", "maint"};
    std::vector<std::string> words;
    for (const ServerWish& s : out.servers) {
      words.push_back(s.server + " " + kNames[static_cast<int>(s.admin)]);
    }
    return words;
  }

  api::WebApp app;
  PlanInput in;
};

TEST_F(PlanTest, NothingThereMakesAllInTheLowestSlots) {
  const PlanOutput out = Plan(in);
  EXPECT_THAT(Words(out), ElementsAre("create shop-r1-0.0", "create shop-r1-1.0"));
}

TEST_F(PlanTest, WithoutImageNothingIsMade) {
  in.image_ready = false;
  const PlanOutput out = Plan(in);
  EXPECT_THAT(Words(out), IsEmpty());
  EXPECT_TRUE(out.blocked_on_image);
}

TEST_F(PlanTest, SettledIsQuiet) {
  in.replicas = {Serving(0), Serving(1)};
  const PlanOutput out = Plan(in);
  EXPECT_THAT(Words(out), IsEmpty());
  EXPECT_THAT(Servers(out), ElementsAre("shop-r1-0 ready", "shop-r1-1 ready"));
  EXPECT_TRUE(out.rollout_complete);
  EXPECT_EQ(out.in_service, 2);
  EXPECT_FALSE(out.check_after.has_value());
}

TEST_F(PlanTest, CreationUnderWayIsNotRepeated) {
  in.replicas = {Serving(0)};
  in.creating = {"shop-r1-1"};
  EXPECT_THAT(Words(Plan(in)), IsEmpty());
}

TEST_F(PlanTest, FirstCrashIsReplacedAtOnce) {
  in.replicas = {Serving(0), Dead(1, seconds(0))};
  const PlanOutput out = Plan(in);
  EXPECT_THAT(Words(out), ElementsAre("create shop-r1-1.1"));
  EXPECT_EQ(out.actions[0].failures, 1);
  EXPECT_THAT(out.dead_servers, ElementsAre("shop-r1-1"));
}

TEST_F(PlanTest, BackOffGrowsAndIsCapped) {
  EXPECT_EQ(CrashBackOff(0), milliseconds(0));
  EXPECT_EQ(CrashBackOff(1), milliseconds(0));
  EXPECT_EQ(CrashBackOff(2), seconds(1));
  EXPECT_EQ(CrashBackOff(3), seconds(2));
  EXPECT_EQ(CrashBackOff(7), seconds(32));
  EXPECT_EQ(CrashBackOff(8), seconds(60));
  EXPECT_EQ(CrashBackOff(1000), seconds(60));
  in.replicas = {Serving(0), Dead(1, seconds(3), 3)};  // the fourth in a row waits 4 s
  PlanOutput out = Plan(in);
  EXPECT_THAT(Words(out), IsEmpty());
  EXPECT_TRUE(out.back_off);
  EXPECT_EQ(out.check_after, seconds(1));
  in.replicas = {Serving(0), Dead(1, seconds(4), 3)};
  EXPECT_THAT(Words(Plan(in)), ElementsAre("create shop-r1-1.1"));
}

TEST_F(PlanTest, TenMinutesUpForgetsCrashes) {
  ReplicaView dead = Dead(1, seconds(0), 9);
  dead.started = dead.finished - seconds(600);
  EXPECT_EQ(FailuresAfter(dead), 1);
  dead.started = dead.finished - seconds(599);
  EXPECT_EQ(FailuresAfter(dead), 10);
}

TEST_F(PlanTest, LastDeadOfAWantedSlotIsKeptForItsLogs) {
  ReplicaView older = Dead(1, seconds(90));
  older.container_id = "older";
  ReplicaView newer = Dead(1, seconds(30));
  newer.attempt = 1;
  newer.container_id = "newer";
  ReplicaView running = Serving(1);
  running.attempt = 2;
  in.replicas = {Serving(0), older, newer, running};
  EXPECT_THAT(Words(Plan(in)), ElementsAre("remove shop-r1-1.0"));
}

TEST_F(PlanTest, NotReadyIsOutOfRotationAtOnceAndStays) {
  ReplicaView sick = Serving(1);
  sick.ready = false;
  in.replicas = {Serving(0), sick};
  const PlanOutput out = Plan(in);
  EXPECT_THAT(Servers(out), ElementsAre("shop-r1-0 ready", "shop-r1-1 maint"));
  EXPECT_THAT(Words(out), IsEmpty());
}

TEST_F(PlanTest, NewReplicaIsNotAddedBeforeItIsReady) {
  ReplicaView starting = Serving(1);
  starting.ready = false;
  starting.server.reset();
  in.replicas = {Serving(0), starting};
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r1-0 ready"));
}

TEST_F(PlanTest, SomebodyElsesStopSignalTakesItOut) {
  ReplicaView dying = Serving(1);
  dying.stopping = true;
  in.replicas = {Serving(0), dying};
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r1-0 ready", "shop-r1-1 maint"));
}

TEST_F(PlanTest, FailedLivenessStopsThenKills) {
  ReplicaView hung = Serving(1);
  hung.alive = false;
  in.replicas = {Serving(0), hung};
  EXPECT_THAT(Words(Plan(in)), ElementsAre("signal shop-r1-1.0"));
  in.replicas[1].stop_since = kNow - seconds(29);
  EXPECT_THAT(Words(Plan(in)), IsEmpty());
  in.replicas[1].stop_since = kNow - seconds(30);
  EXPECT_THAT(Words(Plan(in)), ElementsAre("kill shop-r1-1.0"));
}

TEST_F(PlanTest, ScaleDownTakesTheIdlestFirst) {
  app.spec.replicas = 1;
  ReplicaView busy = Serving(0);
  busy.connections = 7;
  ReplicaView idle = Serving(1);
  idle.connections = 2;
  in.replicas = {busy, idle};
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r1-0 ready", "shop-r1-1 drain"));
  in.replicas[0].connections = 1;
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r1-0 drain", "shop-r1-1 ready"));
}

TEST_F(PlanTest, DrainStopDeleteInOrder) {
  app.spec.replicas = 1;
  ReplicaView leaving = Serving(1);
  leaving.server = ServerAdmin::kDrain;
  leaving.drain_since = kNow - seconds(1);
  leaving.connections = 2;
  in.replicas = {Serving(0), leaving};
  PlanOutput out = Plan(in);  // still busy: waits
  EXPECT_THAT(Servers(out), ElementsAre("shop-r1-0 ready", "shop-r1-1 drain"));
  EXPECT_THAT(Words(out), IsEmpty());
  EXPECT_TRUE(out.check_after.has_value());
  in.replicas[1].connections = 0;  // idle: its server goes, not yet the container
  out = Plan(in);
  EXPECT_THAT(Servers(out), ElementsAre("shop-r1-0 ready"));
  EXPECT_THAT(Words(out), IsEmpty());
  in.replicas[1].server.reset();  // gone from HAProxy: only now the stop signal
  out = Plan(in);
  EXPECT_THAT(Words(out), ElementsAre("signal shop-r1-1.0"));
  in.replicas[1].stop_since = kNow;
  in.replicas[1].phase = ReplicaPhase::kDead;
  EXPECT_THAT(Words(Plan(in)), ElementsAre("remove shop-r1-1.0"));
}

TEST_F(PlanTest, DrainTimeOverSendsTheStopSignalAndKeepsConnections) {
  app.spec.replicas = 1;
  ReplicaView leaving = Serving(1);
  leaving.server = ServerAdmin::kDrain;
  leaving.drain_since = kNow - seconds(30);
  leaving.connections = 1;
  in.replicas = {Serving(0), leaving};
  const PlanOutput out = Plan(in);
  EXPECT_THAT(Servers(out), ElementsAre("shop-r1-0 ready", "shop-r1-1 maint"));
  EXPECT_THAT(Words(out), ElementsAre("signal shop-r1-1.0"));
}

TEST_F(PlanTest, StickyDrainsTheFullTime) {
  app.spec.replicas = 1;
  app.spec.traffic.sticky_session = {{.cookie_name = "BALLAST"}};
  ReplicaView leaving = Serving(1);
  leaving.server = ServerAdmin::kDrain;
  leaving.drain_since = kNow - seconds(29);
  leaving.connections = 0;
  in.replicas = {Serving(0), leaving};
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r1-0 ready", "shop-r1-1 drain"));
  in.replicas[1].drain_since = kNow - seconds(30);
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r1-0 ready"));
}

TEST_F(PlanTest, UnknownTrafficStopsNothingBeforeTheDrainTime) {
  app.spec.replicas = 1;
  in.traffic_known = false;
  ReplicaView leaving = Serving(1);
  leaving.server.reset();
  leaving.connections = -1;
  leaving.drain_since = kNow - seconds(5);
  in.replicas = {Serving(0), leaving};
  EXPECT_THAT(Words(Plan(in)), IsEmpty());
  in.replicas[1].drain_since = kNow - seconds(30);
  EXPECT_THAT(Words(Plan(in)), ElementsAre("signal shop-r1-1.0"));
}

TEST_F(PlanTest, CalledBackWhenWantedAgain) {
  ReplicaView leaving = Serving(1);
  leaving.server = ServerAdmin::kDrain;
  leaving.drain_since = kNow - seconds(3);
  in.replicas = {Serving(0), leaving};  // two are wanted again
  const PlanOutput out = Plan(in);
  EXPECT_THAT(Servers(out), ElementsAre("shop-r1-0 ready", "shop-r1-1 ready"));
  EXPECT_THAT(Words(out), IsEmpty());
}

TEST_F(PlanTest, HalfMadeContainerIsMadeAnew) {
  ReplicaView half = Serving(1);
  half.phase = ReplicaPhase::kCreated;
  half.ready = false;
  half.server.reset();
  in.replicas = {Serving(0), half};
  EXPECT_THAT(Words(Plan(in)), ElementsAre("remove shop-r1-1.0"));
  in.replicas[1].busy = true;
  EXPECT_THAT(Words(Plan(in)), IsEmpty());
}

TEST_F(PlanTest, RecreateStopsAllBeforeItStarts) {
  app.spec.strategy.type = api::StrategyType::kRecreate;
  in.replicas = {Serving(0, "r0"), Serving(1, "r0")};
  PlanOutput out = Plan(in);
  EXPECT_THAT(Words(out), IsEmpty());
  EXPECT_THAT(Servers(out), ElementsAre("shop-r0-0 drain", "shop-r0-1 drain"));
  in.replicas.clear();
  EXPECT_THAT(Words(Plan(in)), ElementsAre("create shop-r1-0.0", "create shop-r1-1.0"));
}

TEST_F(PlanTest, PausedRollsNothingButScalesAndReplaces) {
  app.spec.paused = true;
  in.replicas = {Serving(0, "r0"), Serving(1, "r0")};
  EXPECT_THAT(Words(Plan(in)), IsEmpty());
  app.spec.replicas = 3;
  EXPECT_THAT(Words(Plan(in)), ElementsAre("create shop-r0-2.0"));
  app.spec.replicas = 1;
  EXPECT_EQ(Plan(in).draining.size(), 1U);
}

TEST_F(PlanTest, PausedScalesTheOnlyRevisionToo) {
  app.spec.paused = true;
  in.replicas = {Serving(0), Serving(1)};
  app.spec.replicas = 3;
  EXPECT_THAT(Words(Plan(in)), ElementsAre("create shop-r1-2.0"));
  in.replicas = {Serving(0)};
  in.replicas[0].server = ServerAdmin::kDrain;
  app.spec.replicas = 1;
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r1-0 ready"));
  // One that was never rolled out is not begun; one that was at zero is.
  in.replicas.clear();
  EXPECT_THAT(Words(Plan(in)), IsEmpty());
  in.may_be_zero = true;
  EXPECT_THAT(Words(Plan(in)), ElementsAre("create shop-r1-0.0"));
}

TEST_F(PlanTest, PastTheDeadlineTheOldOnesServeOn) {
  app.spec.progress_deadline_seconds = 60;
  in.progress_at = kNow - seconds(60);
  ReplicaView broken = Serving(0, "r1");
  broken.ready = false;
  broken.server.reset();
  broken.health_message = "GET /healthz: 503";
  in.replicas = {Serving(0, "r0"), Serving(1, "r0"), broken};
  PlanOutput out = Plan(in);
  EXPECT_TRUE(out.deadline_exceeded);
  EXPECT_THAT(Words(out), IsEmpty());
  EXPECT_THAT(Servers(out), ElementsAre("shop-r0-0 ready", "shop-r0-1 ready"));
  // A crash of an old one is still replaced, in its own revision.
  in.replicas[1].phase = ReplicaPhase::kDead;
  in.replicas[1].finished = kWall;
  EXPECT_THAT(Words(Plan(in)), ElementsAre("create shop-r0-1.1"));
}

TEST_F(PlanTest, MinReadySecondsDelaysTheRollout) {
  app.spec.min_ready_seconds = 10;
  app.spec.replicas = 1;
  ReplicaView fresh = Serving(0, "r1");
  fresh.ready_since = kNow - seconds(4);
  in.replicas = {Serving(0, "r0"), fresh};
  const PlanOutput out = Plan(in);
  EXPECT_THAT(Servers(out), ElementsAre("shop-r0-0 ready", "shop-r1-0 ready"));
  EXPECT_LE(out.check_after, milliseconds(6001));
  in.replicas[1].ready_since = kNow - seconds(10);
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r0-0 drain", "shop-r1-0 ready"));
}

TEST_F(PlanTest, TheLastOneStaysUntilRequestsWaitForTheNext) {
  app.spec.replicas = 0;
  in.keep_last = true;
  in.replicas = {Serving(0), Serving(1)};
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r1-0 ready", "shop-r1-1 drain"));
  // On its way out already: it is called back, unless it has its stop signal.
  in.replicas = {Serving(0)};
  in.replicas[0].server = ServerAdmin::kDrain;
  in.replicas[0].drain_since = kNow;
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r1-0 ready"));
  in.replicas[0].stop_since = kNow;
  EXPECT_THAT(Words(Plan(in)), IsEmpty());
  // None is made for it.
  in.replicas.clear();
  EXPECT_THAT(Words(Plan(in)), IsEmpty());
  in.keep_last = false;
  in.replicas = {Serving(0)};
  EXPECT_THAT(Servers(Plan(in)), ElementsAre("shop-r1-0 drain"));
}

TEST_F(PlanTest, AdoptedFollowTheirReadinessAndAreNeverTouched) {
  app.spec.pod_template.reset();
  app.spec.replicas = 0;
  in.adopted = {{.server = "guest", .container_id = "g", .running = true, .ready = true},
                {.server = "late", .container_id = "l", .running = true},
                {.server = "leaving",
                 .container_id = "x",
                 .running = true,
                 .stopping = true,
                 .ready = true,
                 .server_state = ServerAdmin::kReady},
                {.server = "dead", .container_id = "d", .server_state = ServerAdmin::kReady}};
  const PlanOutput out = Plan(in);
  EXPECT_THAT(Servers(out), ElementsAre("guest ready", "leaving maint"));
  EXPECT_THAT(out.dead_servers, ElementsAre("dead"));
  EXPECT_THAT(Words(out), IsEmpty());
}

TEST_F(PlanTest, WithoutRoutesReadyIsEnough) {
  in.has_traffic = false;
  in.replicas = {Serving(0, "r0"), Serving(0), Serving(1)};
  for (ReplicaView& r : in.replicas) r.server.reset();
  EXPECT_THAT(Words(Plan(in)), ElementsAre("signal shop-r0-0.0"));
}

TEST_F(PlanTest, MissingSidecarIsMadeAgain) {
  ReplicaView r = Serving(0);
  r.sidecars = {{.name = "log"}};
  in.replicas = {r, Serving(1)};
  EXPECT_THAT(Words(Plan(in)), ElementsAre("sidecars shop-r1-0.0"));
}

// One that ends at once is no reason to keep Docker busy.
TEST_F(PlanTest, SidecarThatEndedWaitsAndIsTold) {
  ReplicaView r = Serving(0);
  r.sidecars = {{.name = "log", .container_id = "s", .finished_at = in.wall_now}};
  in.replicas = {r, Serving(1)};
  const PlanOutput waiting = Plan(in);
  EXPECT_THAT(Words(waiting), IsEmpty());
  EXPECT_TRUE(waiting.back_off);
  EXPECT_NE(waiting.unready_message.find("sidecar log"), std::string::npos);
  ASSERT_TRUE(waiting.check_after);
  in.wall_now += *waiting.check_after;
  EXPECT_THAT(Words(Plan(in)), ElementsAre("sidecars shop-r1-0.0"));
}

TEST(ReplicaNames, RoundTrip) {
  const auto id = ParseReplicaName("my-shop", ReplicaName("my-shop", "7f3a", 12));
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(id->revision, "7f3a");
  EXPECT_EQ(id->slot, 12);
  for (const char* bad : {"shop", "shop-", "shop-r", "shop-r-", "shop-r-x", "shop-r--1", "x-r-1"}) {
    EXPECT_FALSE(ParseReplicaName("shop", bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace ballast::reconcilers
