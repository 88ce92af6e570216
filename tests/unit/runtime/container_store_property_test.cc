// Events lost, doubled and reordered, answers that come late, lists in the middle of all that:
// after the next undisturbed list the store equals the engine.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "api/labels.h"
#include "controller/runtime/container_store.h"
#include "tests/fakes/fake_clock.h"

namespace ballast::runtime {
namespace {

using reconcilers::ContainerInfo;
using reconcilers::ContainerState;
using reconcilers::EngineEvent;

class World {
 public:
  World(unsigned seed, bool lists_tell_all) : random_(seed), lists_tell_all_(lists_tell_all) {}

  // Something happens to a container, and perhaps the store hears of it.
  void Happen() {
    clock_.Advance(std::chrono::milliseconds(1 + Random(2'000)));
    if (containers_.size() < 3 || Random(10) == 0) return Create();
    auto it = containers_.begin();
    std::advance(it, Random(static_cast<int>(containers_.size())));
    ContainerInfo& info = it->second;
    switch (Random(7)) {
      case 0:
        if (info.state == ContainerState::kRunning) return;
        info.state = ContainerState::kRunning;
        info.started_at = clock_.WallNow();
        info.exit_code = 0;
        info.networks["ballast"] = "10.0.0." + std::to_string(++addresses_ % 250);
        return Tell("start", info);
      case 1:
        if (info.state != ContainerState::kRunning) return;
        Tell("kill", info);
        return Die(info);
      case 2:
        if (info.state == ContainerState::kRunning) Die(info);
        return;
      case 3:
        info.name = "name-" + std::to_string(++names_);
        return Tell("rename", info);
      case 4: {
        if (info.state != ContainerState::kRunning) return;
        info.state = ContainerState::kPaused;
        return Tell("pause", info);
      }
      case 5: {
        if (info.state != ContainerState::kPaused) return;
        info.state = ContainerState::kRunning;
        return Tell("unpause", info);
      }
      default: {
        const ContainerInfo gone = info;
        containers_.erase(it);
        return Tell("destroy", gone);
      }
    }
  }

  void Deliver() {
    if (events_.empty()) return;
    const auto index = Random(4) == 0 ? Random(static_cast<int>(events_.size())) : 0;
    const EngineEvent event = events_[static_cast<std::size_t>(index)];
    const int fate = Random(10);
    if (fate != 0) events_.erase(events_.begin() + index);  // else: it comes once more
    if (fate != 1) Follow(store_.ApplyEvent(event));        // else: it is lost
  }

  void DeliverAll() {
    for (const EngineEvent& event : std::exchange(events_, {})) Follow(store_.ApplyEvent(event));
  }

  void BeginInspect() {
    if (to_inspect_.empty()) return;
    const std::string id = to_inspect_.back();
    to_inspect_.pop_back();
    answers_.push_back({store_.BeginInspect(), id, Look(id)});
  }
  void EndInspect() {
    if (answers_.empty()) return;
    const auto index = Random(static_cast<int>(answers_.size()));
    const Answer answer = answers_[static_cast<std::size_t>(index)];
    answers_.erase(answers_.begin() + index);
    Follow(store_.ApplyInspect(answer.ticket, answer.id, answer.info));
  }

  void BeginList() {
    if (listing_) return;
    listing_ = true;
    store_.BeginList();
    list_.clear();
    for (const auto& [id, info] : containers_) {
      list_.push_back(info);
      if (lists_tell_all_) continue;
      list_.back().started_at = list_.back().finished_at = {};
      if (info.state != ContainerState::kExited) list_.back().exit_code = 0;
    }
  }
  void EndList(bool after_gap) {
    if (!listing_) return;
    listing_ = false;
    for (const std::string& id : store_.Incomplete(list_)) {
      for (ContainerInfo& info : list_) {
        const auto now = Look(id);
        if (info.id == id && now) info = *now;
      }
    }
    Follow(store_.ApplyList(list_, after_gap));
  }

  // The stream broke and is open again; nothing happens any more.
  void Settle() {
    EndList(false);
    events_.clear();
    BeginList();
    EndList(true);
    FinishInspects();
  }
  void FinishInspects() {
    while (!to_inspect_.empty() || !answers_.empty()) {
      BeginInspect();
      EndInspect();
    }
    clock_.Advance(std::chrono::minutes(1));
    store_.Expire();
  }

  void Check() {
    std::map<std::string, ContainerInfo> known;
    for (const auto& container : store_.ForWebApp("default", "shop")) {
      known[container.info->id] = *container.info;
      EXPECT_FALSE(container.stopping);
    }
    ASSERT_EQ(known.size(), containers_.size());
    for (const auto& [id, info] : containers_) {
      ASSERT_TRUE(known.contains(id)) << id;
      EXPECT_EQ(known[id].name, info.name);
      EXPECT_EQ(known[id].state, info.state);
      EXPECT_EQ(known[id].networks, info.networks);
      EXPECT_EQ(known[id].started_at, info.started_at);
      EXPECT_EQ(known[id].finished_at, info.finished_at);
      EXPECT_EQ(known[id].exit_code, info.exit_code);
    }
    EXPECT_EQ(store_.counts().webapp, containers_.size());
  }

  int Random(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

 private:
  struct Answer {
    ContainerStore::Ticket ticket;
    std::string id;
    std::optional<ContainerInfo> info;
  };

  std::optional<ContainerInfo> Look(const std::string& id) {
    const auto found = containers_.find(id);
    return found == containers_.end() ? std::nullopt : std::optional(found->second);
  }
  void Create() {
    ContainerInfo info{.id = "id-" + std::to_string(++ids_),
                       .name = "name-" + std::to_string(++names_),
                       .labels = {{api::kLabelWebApp, "shop"}},
                       .networks = {{"ballast", ""}}};
    containers_[info.id] = info;
    Tell("create", info);
  }
  void Die(ContainerInfo& info) {
    info.state = ContainerState::kExited;
    info.finished_at = clock_.WallNow();
    info.exit_code = Random(3);
    info.networks["ballast"] = "";
    Tell("die", info, {{"exitCode", std::to_string(info.exit_code)}});
  }
  void Tell(const std::string& action, const ContainerInfo& info,
            std::map<std::string, std::string> attributes = {}) {
    attributes.insert(info.labels.begin(), info.labels.end());
    attributes["signal"] = "15";
    events_.push_back({"container", action, info.id, attributes, clock_.WallNow()});
  }
  void Follow(const StoreChanges& changes) {
    to_inspect_.insert(to_inspect_.end(), changes.refresh.begin(), changes.refresh.end());
    to_inspect_.insert(to_inspect_.end(), changes.refresh_later.begin(),
                       changes.refresh_later.end());
  }

  std::mt19937 random_;
  const bool lists_tell_all_;
  fakes::FakeClock clock_;
  ContainerStore store_{clock_};
  std::map<std::string, ContainerInfo> containers_;
  std::vector<EngineEvent> events_;
  std::vector<std::string> to_inspect_;
  std::vector<Answer> answers_;
  std::vector<ContainerInfo> list_;
  bool listing_ = false;
  int ids_ = 0;
  int names_ = 0;
  int addresses_ = 0;
};

class ContainerStoreProperty : public testing::TestWithParam<bool> {};

TEST_P(ContainerStoreProperty, EqualsTheEngineAfterAList) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    World world(seed, GetParam());
    for (int round = 0; round < 3; ++round) {
      for (int step = 0; step < 200; ++step) {
        switch (world.Random(8)) {
          case 0:
          case 1:
            world.Happen();
            break;
          case 2:
          case 3:
            world.Deliver();
            break;
          case 4:
            world.BeginInspect();
            break;
          case 5:
            world.EndInspect();
            break;
          case 6:
            world.BeginList();
            break;
          default:
            world.EndList(false);
        }
      }
      world.Settle();
      ASSERT_NO_FATAL_FAILURE(world.Check()) << "seed " << seed;
      if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
    }
  }
}

// With every event delivered once and in order, no list is needed at all.
TEST_P(ContainerStoreProperty, EqualsTheEngineByEventsAlone) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    World world(seed, GetParam());
    world.BeginList();
    world.EndList(true);
    for (int step = 0; step < 300; ++step) {
      world.Happen();
      if (world.Random(3) == 0) world.BeginInspect();
      if (world.Random(3) == 0) world.EndInspect();
      if (world.Random(2) == 0) world.DeliverAll();
    }
    world.DeliverAll();
    world.FinishInspects();
    ASSERT_NO_FATAL_FAILURE(world.Check()) << "seed " << seed;
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Lists, ContainerStoreProperty, testing::Bool(),
                         [](const auto& info) { return info.param ? "Full" : "AsDockerDoes"; });

}  // namespace
}  // namespace ballast::runtime
