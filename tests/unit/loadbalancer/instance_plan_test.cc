// The pure planner of a load balancer's containers, and the note.
#include "reconcilers/loadbalancer/instance_plan.h"

#include "api/labels.h"
#include "reconcilers/loadbalancer/target.h"
#include "tests/unit/loadbalancer/world.h"

namespace ballast::reconcilers {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = InstanceAction::Kind;

class InstancePlanTest : public testing::Test {
 public:
  InstancePlanTest() {
    in.load_balancer = "default";
    in.owner = "ballast";
    in.spec = &spec;
    in.image_id = "sha256:one";
  }

  ContainerInfo& Add(const ContainerSpec& from, const std::string& id) {
    ContainerInfo info;
    info.id = id;
    info.name = from.name;
    info.image_id = from.image;
    info.labels = from.labels;
    info.network_mode = from.network_mode;
    info.state = ContainerState::kRunning;
    info.started_at = api::Time(std::chrono::seconds(100));
    containers[id] = info;
    return containers[id];
  }
  ContainerInfo& AddInstance(int number, const std::string& pause = "") {
    return Add(HaproxySpec(in, number, pause), "c" + std::to_string(number));
  }
  ContainerInfo& AddPause() {
    ContainerInfo& pause = Add(PauseSpec(in), "p");
    pause.networks = {{NetworkName(in), "10.1.0.2"}};
    pause.started_at = api::Time(std::chrono::seconds(50));
    return pause;
  }
  InstancePlan Plan() {
    in.containers.clear();
    for (const auto& [id, info] : containers) {
      in.containers.push_back({std::make_shared<const ContainerInfo>(info)});
    }
    return PlanInstances(in);
  }
  // "create 1", "start c1", ...
  std::vector<std::string> Actions() {
    constexpr const char* kNames[] = {"remove", "pause", "create", "start", "takeover",
                                      "retire", "join",  "leave",  "forget"};
    std::vector<std::string> result;
    for (const InstanceAction& action : Plan().actions) {
      std::string text = kNames[static_cast<std::size_t>(action.kind)];
      const bool numbered = action.kind == Kind::kCreate || action.kind == Kind::kForget ||
                            action.kind == Kind::kTakeOver;
      if (numbered) {
        text += " " + std::to_string(action.number);
      } else if (!action.network.empty() && action.kind != Kind::kRemove) {
        text += " " + action.network;
      } else if (!action.container_id.empty()) {
        text += " " + action.container_id;
      }
      result.push_back(text);
    }
    return result;
  }

  api::LoadBalancerSpec spec;
  InstanceInput in;
  std::map<std::string, ContainerInfo> containers;
};

TEST_F(InstancePlanTest, MakesTheFirstOnceTheImageIsThere) {
  in.image_id.clear();
  EXPECT_THAT(Actions(), IsEmpty());
  in.image_id = "sha256:one";
  EXPECT_THAT(Actions(), ElementsAre("create 1"));
}

TEST_F(InstancePlanTest, SettledIsNothing) {
  AddInstance(1);
  in.serving = 1;
  in.known = {1};
  EXPECT_THAT(Actions(), IsEmpty());
  in.image_id.clear();  // a registry or an image that is away changes nothing
  EXPECT_THAT(Actions(), IsEmpty());
}

TEST_F(InstancePlanTest, RemovedContainerComesBackWithItsFiles) {
  in.known = {1, 3};
  EXPECT_THAT(Actions(), ElementsAre("create 3"));
}

TEST_F(InstancePlanTest, KilledContainerIsStartedAgain) {
  AddInstance(1).state = ContainerState::kExited;
  EXPECT_THAT(Actions(), ElementsAre("start c1"));
  containers["c1"].state = ContainerState::kRestarting;
  EXPECT_THAT(Actions(), IsEmpty());
  containers["c1"].state = ContainerState::kDead;
  EXPECT_THAT(Actions(), ElementsAre("remove c1"));
}

TEST_F(InstancePlanTest, UpgradeStepByStep) {
  AddInstance(1);
  in.serving = 1;
  in.known = {1};
  in.image_id = "sha256:two";
  EXPECT_THAT(Actions(), ElementsAre("create 2"));
  AddInstance(2);
  in.known = {1, 2};
  EXPECT_THAT(Actions(), ElementsAre("takeover 2"));
  in.serving = 2;
  EXPECT_THAT(Actions(), ElementsAre("retire c1"));
  containers["c1"].state = ContainerState::kExited;
  EXPECT_THAT(Actions(), ElementsAre("remove c1"));
  containers.erase("c1");
  EXPECT_THAT(Actions(), ElementsAre("forget 1"));
  in.known = {2};
  EXPECT_THAT(Actions(), IsEmpty());
}

TEST_F(InstancePlanTest, UpgradeThatDoesNotServeLeavesTheOldOneUp) {
  AddInstance(1);
  in.serving = 1;
  in.image_id = "sha256:bad";
  AddInstance(2).state = ContainerState::kExited;
  containers["c1"].state = ContainerState::kExited;
  EXPECT_THAT(Actions(), ElementsAre("start c2", "start c1"));
  in.image_id = "sha256:three";
  EXPECT_THAT(Actions(), ElementsAre("create 3", "start c1"));
}

TEST_F(InstancePlanTest, OtherOwnersAreLeftAlone) {
  AddInstance(1).labels[api::kLabelOwner] = "somebody";
  EXPECT_THAT(Actions(), ElementsAre("create 1"));
  in.spec = nullptr;
  EXPECT_THAT(Actions(), IsEmpty());
}

TEST_F(InstancePlanTest, GoneGoesWhole) {
  spec.host_network = false;
  AddPause();
  AddInstance(1, "p");
  in.known = {1};
  in.spec = nullptr;
  const InstancePlan plan = Plan();
  ASSERT_EQ(plan.actions.size(), 2U);
  EXPECT_EQ(plan.actions[0].container_id, "c1");
  EXPECT_EQ(plan.actions[1].container_id, "p");
  EXPECT_EQ(plan.actions[1].network, "0-ballast-default");
  containers.clear();
  EXPECT_THAT(Actions(), ElementsAre("forget 1"));
}

TEST_F(InstancePlanTest, BridgedStepByStep) {
  spec.host_network = false;
  in.networks = {"ballast"};
  EXPECT_THAT(Actions(), ElementsAre("pause"));
  AddPause().state = ContainerState::kCreated;
  EXPECT_THAT(Actions(), ElementsAre("start p"));
  containers["p"].state = ContainerState::kRunning;
  EXPECT_THAT(Actions(), ElementsAre("join ballast"));
  containers["p"].networks["ballast"] = "10.2.0.2";
  EXPECT_THAT(Actions(), ElementsAre("create 1"));
  AddInstance(1, "p");
  in.serving = 1;
  EXPECT_THAT(Actions(), IsEmpty());
  in.networks = {"ballast", "shop"};
  EXPECT_THAT(Actions(), ElementsAre("join shop"));
  containers["p"].networks["shop"] = "10.3.0.2";
  EXPECT_THAT(*Plan().joined, ElementsAre("ballast", "shop"));
  in.networks = {"shop"};
  EXPECT_THAT(Actions(), IsEmpty());
  in.may_leave = true;
  EXPECT_THAT(Actions(), ElementsAre("leave ballast"));
}

TEST_F(InstancePlanTest, PublishedPortMakesThePauseContainerAnew) {
  spec.host_network = false;
  AddPause();
  AddInstance(1, "p");
  in.serving = 1;
  spec.listeners.front().port = 8080;
  EXPECT_NE(Plan().outage, "");
  EXPECT_THAT(Actions(), ElementsAre("remove c1", "remove p"));
  containers.clear();
  EXPECT_THAT(Actions(), ElementsAre("pause"));
}

TEST_F(InstancePlanTest, RestartedPauseContainerHasAnotherNetworkNamespace) {
  spec.host_network = false;
  AddPause().started_at = api::Time(std::chrono::seconds(200));
  AddInstance(1, "p");
  EXPECT_THAT(Actions(), ElementsAre("remove c1"));
}

TEST_F(InstancePlanTest, ChangeOfModeFreesThePortsFirst) {
  AddInstance(1);
  in.serving = 1;
  spec.host_network = false;
  EXPECT_NE(Plan().outage, "");
  EXPECT_THAT(Actions(), ElementsAre("remove c1"));
  containers.clear();
  AddPause();
  AddInstance(1, "p");
  spec.host_network = true;
  EXPECT_THAT(Actions(), ElementsAre("remove c1", "remove p"));
}

TEST(NoteTest, KeepsTheModel) {
  Note note{.model = {.name = "default"}, .layout = "123"};
  note.model.spec.listeners.push_back({.name = "two", .port = 81, .accept_proxy = true});
  note.model.spec.snippets.global = {"tune.bufsize 32768"};
  haproxy::BackendModel shop{.name = "default_shop"};
  shop.traffic.balance = api::Balance::kUri;
  shop.traffic.sticky_session = api::StickySession{"SHOP", 60};
  shop.traffic.timeouts.server = api::Millis(1500);
  shop.servers.push_back({"a", "10.0.0.1", 80, ServerAdmin::kDrain});
  note.model.backends = {shop};
  note.model.routes = {
      {{.host = "shop.test", .path = "/x", .path_type = api::PathType::kExact}, "default_shop"}};
  const Result<Note> read = DecodeNote(EncodeNote(note));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, note);
  EXPECT_TRUE(DecodeNote(EncodeNote({.model = {.name = "x"}, .bootstrap = true}))->bootstrap);
}

TEST(NoteTest, RubbishIsAnError) {
  for (const char* text :
       {"", "{", "[]", "{}", "{\"version\": 2}", "{\"version\": \"1\"}", "null"}) {
    EXPECT_FALSE(DecodeNote(text)) << text;
  }
}

}  // namespace
}  // namespace ballast::reconcilers
