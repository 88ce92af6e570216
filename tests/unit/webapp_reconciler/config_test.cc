// Web apps that take from Secrets and ConfigMaps: what reaches the containers, what a change does,
// what happens while something is missing, and that no value is shown anywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/labels.h"
#include "tests/unit/webapp_reconciler/world.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr char kValue[] = "hunter2";

class Config : public WebAppWorld {
 protected:
  // PASSWORD out of Secret db, and /tls of Secret tls.
  Config() {
    config.PutSecret("db", {{"password", kValue}});
    config.PutSecret("tls", {{"tls.key", "hunter2-key"}});
    api::PodTemplate& pod = *shop.spec.pod_template;
    pod.containers[0].env = {{"PASSWORD", "", api::SecretKeySelector{"db", "password"}}};
    pod.volumes = {{"tls", api::SecretVolume{.secret_name = "tls", .default_mode = 0400}}};
    pod.containers[0].volume_mounts = {{"tls", "/tls", false}};
  }

  [[nodiscard]] std::vector<ContainerInfo> Live() const {
    std::vector<ContainerInfo> live;
    for (const ContainerInfo& info : engine.Containers()) {
      if (info.state == ContainerState::kRunning) live.push_back(info);
    }
    return live;
  }
  [[nodiscard]] std::vector<std::string> Variables() const {
    std::vector<std::string> all;
    for (const ContainerInfo& info : Live()) {
      const auto spec = engine.SpecOf(info.name);
      all.insert(all.end(), spec->env.begin(), spec->env.end());
    }
    return all;
  }
  [[nodiscard]] std::vector<std::string> Messages(const std::string& reason) const {
    std::vector<std::string> messages;
    for (const auto& event : events.Events()) {
      if (event.reason == reason) messages.push_back(event.message);
    }
    return messages;
  }
  // Nothing that people or Docker's labels show has a value in it.
  void TearDown() override {
    for (const auto& event : events.Events()) {
      EXPECT_THAT(event.message, Not(HasSubstr(kValue))) << event.reason;
    }
    for (const ContainerInfo& info : engine.Containers()) {
      for (const auto& [label, text] : info.labels) {
        EXPECT_THAT(text, Not(HasSubstr(kValue))) << label;
      }
    }
    for (const api::Condition& condition : ShopStatus().conditions) {
      EXPECT_THAT(condition.message, Not(HasSubstr(kValue)));
    }
    for (const std::string& call : engine.Calls()) EXPECT_THAT(call, Not(HasSubstr(kValue)));
  }
};

TEST_F(Config, ReachesTheContainers) {
  StartShop(2);
  EXPECT_THAT(Variables(), ElementsAre("PASSWORD=hunter2", "PASSWORD=hunter2"));
  const std::string name = Live()[0].name;
  const auto files = engine.FilesOf(name + ".tls");
  EXPECT_EQ(files.at("tls.key").content, "hunter2-key");
  EXPECT_EQ(files.at("tls.key").mode, 0400);
  EXPECT_EQ(files.at(".").mode, 0755);
  const auto spec = engine.SpecOf(name);
  ASSERT_THAT(spec->mounts, SizeIs(1));
  EXPECT_TRUE(spec->mounts[0].read_only);
  EXPECT_THAT(Live()[0].labels.at(api::kLabelConfig),
              AllOf(HasSubstr("secret/db="), HasSubstr("secret/tls=")));
  EXPECT_EQ(ShopStatus().update_cause, "");
  // The volumes go with their replicas.
  Scale(0);
  Settle();
  EXPECT_THAT(*engine.ListVolumes(api::kLabelOwner), IsEmpty());
}

TEST_F(Config, AChangedSecretRollsOutAndSaysWhy) {
  StartShop(2);
  const std::string before = ShopStatus().update_revision;
  config.PutSecret("db", {{"password", "hunter2b"}});
  Settle();
  EXPECT_NE(ShopStatus().update_revision, before);
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  EXPECT_EQ(ShopStatus().update_cause, "secret db changed");
  EXPECT_THAT(Variables(), Each("PASSWORD=hunter2b"));
  EXPECT_THAT(
      Messages("RolloutStarted"),
      ElementsAre("rolling out revision " + ShopStatus().update_revision + ": secret db changed"));
  // Also for a controller that has seen nothing of it.
  Restart();
  engine.ClearCalls();
  Settle();
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_EQ(ShopStatus().update_cause, "secret db changed");
}

TEST_F(Config, WhatIsNotUsedRollsNothing) {
  StartShop(2);
  config.PutSecret("db", {{"password", kValue}, {"other", "x"}});
  config.PutSecret("another", {{"password", "x"}});
  Settle();
  EXPECT_THAT(engine.Writes(), IsEmpty());
}

TEST_F(Config, TheTemplateAndASecretTogether) {
  StartShop(1);
  shop.spec.pod_template->containers[0].args = {"-v"};
  config.PutSecret("db", {{"password", "x"}});
  Apply();
  Settle();
  EXPECT_EQ(ShopStatus().update_cause, "template changed, secret db changed");
}

TEST_F(Config, ARestartComputesTheSameRevision) {
  StartShop(2);
  const std::string revision = ShopStatus().update_revision;
  Restart();
  Settle();
  EXPECT_EQ(ShopStatus().update_revision, revision);
  EXPECT_THAT(engine.Writes(), IsEmpty());
}

// The database is gone, and with it every Secret: Docker alone tells what runs.
TEST_F(Config, WithoutAnySecretWhatRunsStays) {
  StartShop(2);
  const std::string revision = ShopStatus().update_revision;
  const auto secrets = config.secrets;
  config.secrets.clear();
  Restart();
  Settle();
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_EQ(ShopStatus().update_revision, revision);
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  EXPECT_EQ(Condition("Available"), "True MinimumReplicasAvailable");
  EXPECT_EQ(Condition("Degraded"), "True ConfigMissing");
  config.secrets = secrets;
  Settle();
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
}

TEST_F(Config, AMissingSecretHoldsTheFirstReplicas) {
  config.secrets.clear();
  Apply();
  StepFor(seconds(3), milliseconds(200));
  EXPECT_THAT(engine.Containers(), IsEmpty());
  EXPECT_THAT(*engine.ListVolumes(api::kLabelOwner), IsEmpty());
  EXPECT_EQ(Condition("Degraded"), "True ConfigMissing");
  EXPECT_EQ(Condition("Progressing"), "Unknown ConfigMissing");
  EXPECT_THAT(FindCondition("Degraded").message,
              AllOf(HasSubstr("Secret db (namespace default) does not exist"),
                    HasSubstr("kubectl create secret generic db")));
  EXPECT_THAT(Messages("ConfigMissing"), SizeIs(1)) << "told once";
  EXPECT_EQ(ShopStatus().update_revision, "");
  config.PutSecret("db", {{"password", kValue}});
  config.PutSecret("tls", {});
  Settle();
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
}

TEST_F(Config, AMissingKeyKeepsTheOldOnesServing) {
  shop.spec.strategy.type = api::StrategyType::kRecreate;
  StartShop(2);
  const auto before = Running();
  shop.spec.pod_template->containers[0].env.push_back(
      {"USER", "", api::SecretKeySelector{"db", "user"}});
  Apply();
  StepFor(seconds(3), milliseconds(200));
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  EXPECT_THAT(FindCondition("Degraded").message, HasSubstr("has no key user"));
  // What dies comes back as it was.
  engine.Kill(before[0], 1);
  StepFor(seconds(3), milliseconds(200));
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  EXPECT_THAT(Running(), Contains(before[1]));
  EXPECT_THAT(Variables(), Each("PASSWORD=hunter2"));
  config.PutSecret("db", {{"password", kValue}, {"user", "u"}});
  Settle();
  EXPECT_EQ(ShopStatus().in_service_replicas, 2);
  EXPECT_THAT(Variables(), Contains("USER=u"));
  EXPECT_THAT(Variables(), SizeIs(4));
}

TEST_F(Config, ASecretThatIsDeletedStopsNobodyButMakesNoneEither) {
  StartShop(2);
  config.secrets.erase({"default", "db"});
  Settle();
  EXPECT_THAT(engine.Writes(), IsEmpty());
  engine.Kill(Live()[0].name, 1);
  Scale(4);
  Settle();
  EXPECT_EQ(ShopStatus().in_service_replicas, 1);
  EXPECT_THAT(engine.Writes(), Not(Contains(StartsWith("Create"))));
  config.PutSecret("db", {{"password", kValue}});
  Settle();
  EXPECT_EQ(ShopStatus().in_service_replicas, 4);
}

TEST_F(Config, WhatCannotBeReadNowChangesNothing) {
  StartShop(2);
  const std::string revision = ShopStatus().update_revision;
  config.down = Status{Code::kUnavailable, "the store is locked"};
  const Wait wait = Step();
  ASSERT_TRUE(wait) << "nobody would look again";
  EXPECT_LE(*wait, seconds(2));
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_EQ(ShopStatus().update_revision, revision);
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
  // Something has to be made: now it matters.
  Scale(3);
  StepFor(seconds(3), milliseconds(200));
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_EQ(Condition("Degraded"), "True ConfigUnavailable");
  EXPECT_THAT(FindCondition("Degraded").message, HasSubstr("the store is locked"));
  config.down.reset();
  Settle();
  EXPECT_EQ(ShopStatus().in_service_replicas, 3);
  EXPECT_EQ(ShopStatus().update_revision, revision);
}

// Another value in the middle of a rollout: an old replica that dies then is not made with it.
TEST_F(Config, AnOldRevisionIsNeverMadeWithNewValues) {
  StartShop(2);
  const std::string revision = ShopStatus().update_revision;
  config.PutSecret("db", {{"password", "hunter2b"}});
  NothingIsReady();
  for (int i = 0; i < 5; ++i) Step();
  engine.Kill("default.shop-" + revision + "-0.0", 1);
  StepFor(seconds(5), milliseconds(200));
  for (const ContainerInfo& info : engine.Containers()) {
    const auto spec = engine.SpecOf(info.name);
    EXPECT_THAT(spec->env,
                ElementsAre(info.labels.at(api::kLabelRevision) == revision ? "PASSWORD=hunter2"
                                                                            : "PASSWORD=hunter2b"));
  }
}

TEST_F(Config, ValuesPutBackRollBack) {
  StartShop(2);
  const std::string revision = ShopStatus().update_revision;
  config.PutSecret("db", {{"password", "hunter2b"}});
  Settle();
  config.PutSecret("db", {{"password", kValue}});
  Settle();
  EXPECT_EQ(ShopStatus().update_revision, revision);
  EXPECT_THAT(Variables(), Each("PASSWORD=hunter2"));
}

TEST_F(Config, PausedIsPaused) {
  StartShop(2);
  shop.spec.paused = true;
  config.PutSecret("db", {{"password", "hunter2b"}});
  Apply();
  Settle();
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_THAT(Messages("RolloutStarted"), IsEmpty());
  Scale(3);
  Settle();
  EXPECT_THAT(engine.Writes(), IsEmpty());
  EXPECT_EQ(Condition("Degraded"), "True ConfigMissing");
  EXPECT_THAT(FindCondition("Degraded").message, HasSubstr("let the rollout go on"));
  shop.spec.paused = false;
  Apply();
  Settle();
  EXPECT_EQ(ShopStatus().in_service_replicas, 3);
  EXPECT_EQ(Condition("Degraded"), "False AsExpected");
}

TEST_F(Config, ACreateThatFailsLeavesNoValuesBehind) {
  engine.FailNext("CreateContainer", {Code::kUnavailable, "no"}, 1);
  engine.SetHook([](const std::string& method, const std::string& name) -> std::optional<Status> {
    if (method == "CreateContainer" && !name.ends_with(".volumes")) {
      return Status{Code::kFailedPrecondition, "the disk is full"};
    }
    return std::nullopt;
  });
  Scale(1);
  StepFor(seconds(5), milliseconds(500));
  EXPECT_EQ(Condition("Degraded"), "True CreateFailed");
  EXPECT_THAT(*engine.ListVolumes(api::kLabelOwner), IsEmpty());
}

TEST_F(Config, KeysThatAreNoVariablesAreToldOnce) {
  config.PutConfigMap("settings", {{"1st", "x"}, {"ok", "y"}});
  shop.spec.pod_template->containers[0].env_from = {{"", api::ConfigMapEnvSource{"settings"}}};
  StartShop(1);
  Settle();
  EXPECT_THAT(Variables(), Contains("ok=y"));
  Restart();
  Settle();
  EXPECT_THAT(Messages("VariablesLeftOut"), ElementsAre(HasSubstr("1st")));
}

TEST_F(Config, PullsWithItsOwnLogins) {
  engine.AddRemoteImage("shop:2");
  shop.spec.pod_template->containers[0].image = "shop:2";
  shop.spec.pod_template->image_pull_secrets = {{"gone"}, {"plain"}, {"registry"}};
  config.PutSecret("plain", {{"a", "b"}});
  config.PutSecret("registry", {{api::kDockerConfigJsonKey, "{\"auths\":{}}"}},
                   api::kSecretDockerConfigJson);
  StartShop(1);
  const auto logins = engine.LoginsOf("shop:2");
  ASSERT_THAT(logins, SizeIs(1));
  EXPECT_EQ(logins[0].name, "Secret registry");
  EXPECT_EQ(logins[0].config_json, "{\"auths\":{}}");
  // A changed login is no reason for a rollout.
  config.PutSecret("registry", {{api::kDockerConfigJsonKey, "{}"}}, api::kSecretDockerConfigJson);
  Settle();
  EXPECT_THAT(engine.Writes(), IsEmpty());
}

TEST_F(Config, APullThatFailsNamesTheMissingLogin) {
  shop.spec.pod_template->containers[0].image = "shop:3";
  shop.spec.pod_template->image_pull_secrets = {{"registry"}};
  Scale(1);
  StepFor(seconds(2), milliseconds(200));
  EXPECT_THAT(FindCondition("Degraded").message,
              AllOf(HasSubstr("manifest unknown"), HasSubstr("Secret registry does not exist"),
                    HasSubstr("kubectl create secret docker-registry registry")));
  EXPECT_TRUE(events.Has("PullSecretUnusable"));
}

}  // namespace
}  // namespace ballast::reconcilers
