// What HAProxy counts, read beside everything else that is done with it.
#include <algorithm>
#include <atomic>
#include <functional>
#include <latch>
#include <thread>

#include "reconcilers/loadbalancer/load_probe.h"
#include "tests/unit/loadbalancer/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kHeader[] =
    "# pxname,svname,qcur,scur,stot,status,act,type,hrsp_5xx,req_tot,qtime,ctime,rtime,\n";

TEST(CountersOfTest, BackendsWithTheirServers) {
  const auto backends = CountersOf(std::string(kHeader) +
                                   "ballast.noroute,BACKEND,0,1,9,UP,0,1,0,9,0,0,0,\n"
                                   "default_shop,b,2,3,40,UP,1,2,1,38,5,1,20,\n"
                                   "default_shop,a,0,4,60,UP,1,2,0,58,0,0,30,\n"
                                   "default_shop,BACKEND,1,10,101,UP,2,1,1,96,6,1,25,\n"
                                   "default_blog,BACKEND,0,0,7,DOWN,0,1,0,7,,,,\n\n");
  ASSERT_TRUE(backends) << backends.error().message;
  ASSERT_THAT(*backends, SizeIs(2));
  EXPECT_EQ((*backends)[0].app, App("blog"));
  const BackendCounters& shop = (*backends)[1];
  EXPECT_EQ(shop.app, App("shop"));
  EXPECT_EQ(shop.counters.arrived, 101);
  EXPECT_EQ(shop.counters.ended, 96);
  EXPECT_EQ(shop.counters.errors, 1);
  EXPECT_EQ(shop.counters.mean_millis, 32);
  EXPECT_EQ(shop.counters.current, 10);
  EXPECT_EQ(shop.counters.queued, 3) << "in the backend's queue and in a server's";
  EXPECT_EQ(shop.active_servers, 2);
  EXPECT_EQ(shop.held, 0);
  ASSERT_THAT(shop.servers, SizeIs(2));
  EXPECT_EQ(shop.servers[0].name, "a");
  EXPECT_EQ(shop.servers[1].counters.current, 5);
}

TEST(CountersOfTest, HeldIsWhatWaitsForNoServer) {
  const auto backends = CountersOf(std::string(kHeader) +
                                   "default_shop,BACKEND,0,200,200,UP,0,1,0,0,0,0,0,\n"
                                   "default_ws,a,0,3,3,DRAIN,1,2,0,0,0,0,0,\n"
                                   "default_ws,BACKEND,0,3,3,UP,0,1,0,0,0,0,0,\n");
  ASSERT_TRUE(backends);
  EXPECT_EQ((*backends)[0].held, 200);
  EXPECT_EQ((*backends)[0].counters.queued, 200);
  EXPECT_EQ((*backends)[1].held, 0) << "WebSockets of a server that leaves wait for nothing";
}

TEST(CountersOfTest, WhatIsNotUnderstoodIsAnError) {
  for (const char* bad : {"", "Unknown command\n", "# pxname,svname,\nx,BACKEND\n"}) {
    EXPECT_FALSE(CountersOf(bad)) << bad;
  }
}

class LoadTest : public World {
 protected:
  Result<LoadReading> Read() { return manager->ReadLoad().at("default"); }
  fakes::FakeHaproxy::Load& Shop() { return Haproxy().loads["default_shop"]; }
};

TEST_F(LoadTest, ReadsBackendsAndServers) {
  EXPECT_THAT(manager->ReadLoad(), IsEmpty());
  StartShop();
  Shop() = {.arrived = 50, .ended = 45, .errors = 2, .current = 5, .queued = 1};
  Haproxy().backends["default_shop"]["a"].requests = 30;
  const auto reading = Read();
  ASSERT_TRUE(reading) << reading.error().message;
  ASSERT_THAT(reading->backends, SizeIs(1));
  const BackendCounters& shop = reading->backends.front();
  EXPECT_EQ(shop.app, App("shop"));
  EXPECT_EQ(shop.counters.arrived, 50);
  EXPECT_EQ(shop.active_servers, 2);
  EXPECT_EQ(shop.servers.front().counters.arrived, 30);
  EXPECT_EQ(reading->at, clock.Now());
  EXPECT_THAT(Haproxy().TakeWrites(), IsEmpty());
}

TEST_F(LoadTest, NobodyHasAnsweredYet) {
  desired.Add("shop", {{.host = "shop.test"}});
  static_cast<void>(manager->Publish(Spec("shop", {Ep("a", 1)})));
  EXPECT_FALSE(Read());
}

TEST_F(LoadTest, AReloadIsAnotherProcessAndARestartToo) {
  StartShop();
  const std::string before = Read()->process;
  EXPECT_EQ(Read()->process, before);
  desired.Add("blog", {{.host = "blog.test"}});
  static_cast<void>(manager->Publish(Spec("blog", {Ep("c", 3)})));
  Settle();
  const auto reloaded = Read();
  ASSERT_TRUE(reloaded) << "the connection that the reload ended is opened again at once";
  EXPECT_NE(reloaded->process, before);
  EXPECT_THAT(reloaded->backends, SizeIs(2));
  Haproxy().Stop();
  EXPECT_FALSE(Read());
  ASSERT_TRUE(Haproxy().Start());
  const auto restarted = Read();
  ASSERT_TRUE(restarted);
  EXPECT_NE(restarted->process, reloaded->process);
  EXPECT_EQ(restarted->reloads, reloaded->reloads);
}

TEST_F(LoadTest, OldWorkersAreCountedWhileThereAreAny) {
  StartShop();
  Shop() = {.current = 1, .old_current = 7};
  EXPECT_EQ(Read()->backends.front().elsewhere, 0);
  desired.Add("blog", {{.host = "blog.test"}});
  static_cast<void>(manager->Publish(Spec("blog", {Ep("c", 3)})));
  Haproxy().backends["default_shop"]["a"].connections = 7;  // go on in the old worker
  Settle();
  const auto shop_of = [](const LoadReading& reading) {
    return *std::ranges::find(reading.backends, App("shop"), &BackendCounters::app);
  };
  EXPECT_EQ(shop_of(*Read()).elsewhere, 7);
  EXPECT_EQ(shop_of(*Read()).elsewhere, 7);
  Haproxy().old_workers = 0;
  EXPECT_EQ(shop_of(*Read()).elsewhere, 0);
}

TEST_F(LoadTest, WhatIsLostIsAskedAgain) {
  StartShop();
  ASSERT_TRUE(Read());
  Haproxy().CutNext("show info");
  EXPECT_TRUE(Read()) << "a connection that is lost is opened again";
  Haproxy().FailNext("show stat", "Unknown command: 'show stat'\n");
  EXPECT_FALSE(Read());
  EXPECT_TRUE(Read());
}

// Passes calls on; a test says what they answer, or how long they take.
class OtherPlane final : public DataPlane {
 public:
  explicit OtherPlane(std::shared_ptr<DataPlane> plane, std::function<std::optional<Status>()> hook)
      : plane_(std::move(plane)), hook_(std::move(hook)) {}
  Result<std::vector<std::string>> Commands(const std::vector<std::string>& commands) override {
    if (auto status = hook_()) return std::unexpected(*status);
    return plane_->Commands(commands);
  }
  Result<std::vector<std::string>> OldWorkers(std::string_view command) override {
    return plane_->OldWorkers(command);
  }
  Result<std::string> OnWorker(int pid, std::string_view command) override {
    return plane_->OnWorker(pid, command);
  }
  Result<std::vector<WorkerProcess>> Processes() override { return plane_->Processes(); }
  Result<void> Publish(const ConfigFiles& files) override { return plane_->Publish(files); }
  Result<std::string> ReadFile(const std::string& name) override { return plane_->ReadFile(name); }
  Result<void> Check(const ConfigFiles& files) override { return plane_->Check(files); }
  Result<void> Reload() override { return plane_->Reload(); }

 private:
  const std::shared_ptr<DataPlane> plane_;
  const std::function<std::optional<Status>()> hook_;
};

class OtherHost final : public DataPlaneFactory {
 public:
  explicit OtherHost(DataPlaneFactory& host) : host_(host) {}
  // `plane` counts from 0, in the order in which they were opened.
  std::function<std::optional<Status>(int plane)> hook;

  std::shared_ptr<DataPlane> Open(const InstanceRef& instance) override {
    return std::make_shared<OtherPlane>(host_.Open(instance), [this, plane = opened_++] {
      return hook ? hook(plane) : std::nullopt;
    });
  }
  std::vector<MountSpec> Mounts(const std::string& name, int number) const override {
    return host_.Mounts(name, number);
  }
  Result<void> Prepare(const std::string& name, int number, const ConfigFiles& files) override {
    return host_.Prepare(name, number, files);
  }
  Result<std::vector<int>> Numbers(const std::string& name) const override {
    return host_.Numbers(name);
  }
  Result<void> Remove(const std::string& name, int number) override {
    return host_.Remove(name, number);
  }

 private:
  DataPlaneFactory& host_;
  int opened_ = 0;
};

TEST_F(LoadTest, OneThatDoesNotAnswerInTimeIsLeftAloneForAWhile) {
  StartShop();
  OtherHost slow(host);
  int calls = 0;
  bool answers = false;
  slow.hook = [&](int) -> std::optional<Status> {
    ++calls;
    if (answers) return std::nullopt;
    return Status{Code::kTimeout, "HAProxy does not answer in time"};
  };
  LoadProbe probe(clock, slow);
  probe.Follow({"default", 1, "c1"}, {}, 0);
  for (int i = 0; i < 8; ++i) {
    EXPECT_FALSE(probe.Read());
    clock.Advance(seconds(1));
  }
  EXPECT_EQ(calls, 1) << "other load balancers wait behind it";
  answers = true;
  clock.Advance(seconds(3));
  EXPECT_TRUE(probe.Read());
}

// A reload takes 100 ms, and a HAProxy that hangs takes seconds of whoever holds the lock.
TEST_F(LoadTest, DoesNotWaitForTheLock) {
  StartShop();
  OtherHost gate(host);
  TrafficManager other({clock, desired, lister, gate, enqueuer, events, metrics, secrets},
                       "ballast");
  other.Of("default").SetSpec(spec);
  static_cast<void>(other.Of("default").Tick());
  ASSERT_TRUE(other.ReadLoad().at("default"));
  std::latch inside(1);
  std::latch leave(1);
  std::atomic<int> waiting = 0;
  gate.hook = [&](int plane) -> std::optional<Status> {
    if (plane == 0 && waiting.exchange(1) == 0) {
      inside.count_down();
      leave.wait();
    }
    return std::nullopt;
  };
  std::thread holder([&] { static_cast<void>(other.Observe(App("shop"), true)); });
  inside.wait();
  EXPECT_TRUE(other.ReadLoad().at("default"));
  leave.count_down();
  holder.join();
}

}  // namespace
}  // namespace ballast::reconcilers
