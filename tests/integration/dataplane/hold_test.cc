// Requests that wait for a replica: the controller is told of them, and they outlive reloads and an
// upgrade of HAProxy.
#include <future>
#include <mutex>

#include "api/labels.h"
#include "controller/haproxy/data_plane_factory.h"
#include "tests/integration/dataplane/live.h"

namespace ballast::live {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;

class Hold : public Live {
 protected:
  void SetUp() override {
    held = [this](const api::ObjectKey& app) {
      const std::lock_guard lock(mutex_);
      told_.push_back(app);
    };
    hold_seconds = 60;
    Live::SetUp();
  }
  void TearDown() override {
    waiting_.clear();  // their answers have come, or they give up
    Live::TearDown();
  }

  // HAProxy runs, and the shop's requests wait.
  void StartHolding() {
    static_cast<void>(Publish("shop", {}));
    ASSERT_TRUE(Until([this] {
      const auto seen = manager->Observe(reconcilers::App("shop"), false);
      return seen && seen->holds && seen->settled;
    })) << Condition("Available");
    Settle();
    reloads_ = Status().reloads;
  }
  // Clients who ask for the shop and wait; until HAProxy has told of them.
  void Ask(int count) {
    {
      const std::lock_guard lock(mutex_);
      told_.clear();
    }
    for (int i = 0; i < count; ++i) {
      waiting_.push_back(std::async(std::launch::async, [port = spec.listeners.front().port] {
        return StatusOf(port, "shop.test", seconds(60));
      }));
    }
    EXPECT_TRUE(Until([this] {
      const std::lock_guard lock(mutex_);
      return !told_.empty();
    }));
    const std::lock_guard lock(mutex_);
    EXPECT_THAT(told_, testing::Each(reconcilers::App("shop")));
  }
  [[nodiscard]] std::size_t Answered() const {
    return static_cast<std::size_t>(std::ranges::count_if(waiting_, [](const auto& one) {
      return one.wait_for(seconds(0)) == std::future_status::ready;
    }));
  }
  // Every one of them is answered 200.
  void ExpectAnswers() {
    ASSERT_TRUE(Until([this] { return Answered() == waiting_.size(); }));
    for (auto& one : waiting_) EXPECT_EQ(one.get(), 200);
    waiting_.clear();
  }
  void Drive(milliseconds time) {
    const auto end = clock.Now() + time;
    static_cast<void>(Until([&] { return clock.Now() >= end; }));
  }

  int reloads_ = 0;

 private:
  std::mutex mutex_;
  std::vector<api::ObjectKey> told_;
  std::vector<std::future<int>> waiting_;
};

TEST_F(Hold, TheControllerIsToldAndAllAreAnswered) {
  StartHolding();
  Ask(50);
  EXPECT_EQ(Answered(), 0U);
  App a("a");
  ASSERT_TRUE(Publish("shop", {a.endpoint()}));
  ExpectAnswers();
  EXPECT_EQ(Status().reloads, reloads_);
}

TEST_F(Hold, AnotherControllerIsToldToo) {
  StartHolding();
  Ask(1);
  planes = haproxy::NewDataPlaneFactory(
      {.config_root = root, .run_root = root + "/r", .held = held}, *engine);
  Restart();
  static_cast<void>(Publish("shop", {}));
  Ask(1);
  App a("a");
  ASSERT_TRUE(Publish("shop", {a.endpoint()}));
  ExpectAnswers();
}

TEST_F(Hold, BridgedTheControllerIsToldToo) {
  spec.host_network = false;
  hold_seconds = 3;
  StartHolding();
  Ask(1);
}

TEST_F(Hold, AReloadWaitsForThem) {
  StartHolding();
  Ask(20);
  App a("a");
  App b("b");
  static_cast<void>(Publish("blog", {b.endpoint()}));
  Drive(seconds(1));
  EXPECT_EQ(Status().reloads, reloads_);
  EXPECT_TRUE(events.Has("ReloadPutOff"));
  ASSERT_TRUE(Publish("shop", {a.endpoint()}));
  ExpectAnswers();
  EXPECT_TRUE(Until([&] { return Serves("blog.test"); }));
  EXPECT_EQ(Status().reloads, reloads_ + 1);
}

TEST_F(Hold, AReloadThatCannotWaitLosesNone) {
  StartHolding();
  Ask(20);
  App a("a");
  App b("b");
  static_cast<void>(Publish("blog", {b.endpoint()}));
  ASSERT_TRUE(Until([&] { return Serves("blog.test"); }));
  EXPECT_EQ(Answered(), 0U);
  ASSERT_TRUE(Publish("shop", {a.endpoint()}));
  ExpectAnswers();
}

TEST_F(Hold, AnUpgradeLosesNone) {
  StartHolding();
  Ask(20);
  const std::string image = "ballast-test/haproxy:" + owner;
  Shell("printf 'FROM " + std::string(kImage) + "\\nLABEL test=" + owner +
        "\\n' | docker build -q -t " + image + " -");
  spec.image = image;
  const std::string next = owner + "-lb-lb-2";
  ASSERT_TRUE(Until([&] { return Status().version != "" && events.Has("LoadBalancerUpgraded"); }));
  EXPECT_THAT(Containers(), Contains(next));
  Drive(milliseconds(500));
  EXPECT_EQ(Answered(), 0U);
  App a("a");
  ASSERT_TRUE(Publish("shop", {a.endpoint()}));
  ExpectAnswers();
  spec = {};
  const auto left = engine->ListContainers(std::string(api::kLabelOwner) + "=" + owner);
  ASSERT_TRUE(left);
  for (const auto& info : *left) EXPECT_TRUE(engine->RemoveContainer(info.id));
  Shell("docker rmi " + image);
}

}  // namespace
}  // namespace ballast::live
