#include "controller/runtime/resource_targets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/labels.h"
#include "reconcilers/webapp/container_spec.h"

namespace ballast::runtime {
namespace {

using reconcilers::ContainerInfo;
using reconcilers::ContainerState;
using reconcilers::ObservedContainer;
using testing::ElementsAre;
using testing::IsEmpty;

ObservedContainer Owned(const std::string& replica, int attempt, const std::string& sidecar = "",
                        const std::string& owner = "ballast") {
  ContainerInfo info{.state = ContainerState::kRunning};
  info.name = reconcilers::ContainerName(owner, "default", replica, attempt);
  if (!sidecar.empty()) info.name += "." + sidecar;
  info.id = "id:" + info.name;
  info.labels = {{api::kLabelWebApp, "shop"},
                 {api::kLabelNamespace, "default"},
                 {api::kLabelOwner, owner},
                 {api::kLabelReplica, replica},
                 {api::kLabelAttempt, std::to_string(attempt)}};
  if (!sidecar.empty()) info.labels[api::kLabelSidecar] = sidecar;
  return {std::make_shared<const ContainerInfo>(info), false};
}
ObservedContainer Adopted(const std::string& name) {
  ContainerInfo info{.id = "abcdef0123", .name = name, .state = ContainerState::kRunning};
  info.labels = {{api::kLabelWebApp, "shop"}};
  return {std::make_shared<const ContainerInfo>(info), false};
}
ObservedContainer In(ContainerState state, const ObservedContainer& container) {
  ContainerInfo info = *container.info;
  info.state = state;
  return {std::make_shared<const ContainerInfo>(info), container.stopping};
}
std::vector<std::string> Shown(const std::vector<ObservedContainer>& containers) {
  std::vector<std::string> out;
  for (const ResourceTarget& target : ResourceTargetsOf(containers, "ballast")) {
    out.push_back(target.replica + (target.sidecar.empty() ? "" : "/" + target.sidecar) + " = " +
                  target.id);
  }
  return out;
}

TEST(ResourceTargets, TheOneThatServesAndItsSidecars) {
  EXPECT_THAT(Shown({Owned("shop-r1-0", 0), Owned("shop-r1-0", 0, "log"), Owned("shop-r1-1", 0)}),
              ElementsAre("shop-r1-0 = id:default.shop-r1-0.0",
                          "shop-r1-0/log = id:default.shop-r1-0.0.log",
                          "shop-r1-1 = id:default.shop-r1-1.0"));
}

TEST(ResourceTargets, OnlyWhatRuns) {
  EXPECT_THAT(
      Shown({In(ContainerState::kExited, Owned("shop-r1-0", 0)), Owned("shop-r1-0", 0, "log"),
             In(ContainerState::kPaused, Owned("shop-r1-1", 0)),
             In(ContainerState::kExited, Owned("shop-r1-1", 0, "log")),
             In(ContainerState::kCreated, Adopted("mine"))}),
      ElementsAre("shop-r1-1 = id:default.shop-r1-1.0"));
}

TEST(ResourceTargets, TheNewestOfTwoAttempts) {
  EXPECT_THAT(Shown({Owned("shop-r1-0", 10), Owned("shop-r1-0", 9), Owned("shop-r1-0", 9, "log")}),
              ElementsAre("shop-r1-0 = id:default.shop-r1-0.10"));
}

TEST(ResourceTargets, AdoptedOnesByTheNameOfTheirServer) {
  EXPECT_THAT(Shown({Adopted("mine")}), ElementsAre("mine = abcdef0123"));
  // It has the name of a replica.
  EXPECT_THAT(Shown({In(ContainerState::kExited, Owned("shop-r1-0", 0)), Adopted("shop-r1-0")}),
              ElementsAre("shop-r1-0.abcdef = abcdef0123"));
}

TEST(ResourceTargets, NothingOfAnotherInstance) {
  EXPECT_THAT(Shown({Owned("shop-r1-0", 0, "", "other")}), IsEmpty());
}

}  // namespace
}  // namespace ballast::runtime
