// Secrets and ConfigMaps in real containers, and what a change of one does to the traffic.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string kLongKey(200, 'k');  // longer than a tar header holds

class Config : public FaultTest {
 protected:
  Config() {
    Put("secret/db", "password", "hunter2");
    Put("secret/tls", "tls.key", "the key");
    Put("configmap/shop", "LEVEL", "debug");
    Put("configmap/shop", "PASSWORD", "overridden");
    Put("configmap/shop", kLongKey, "long");
    app_.more_template =
        "      volumes:\n"
        "      - {name: tls, secret: {secretName: tls, defaultMode: 0o440,\n"
        "          items: [{key: tls.key, path: private/key.pem}]}}\n"
        "      - {name: settings, configMap: {name: shop}}\n"
        "      - {name: nothing, configMap: {name: none, optional: true}}\n";
    app_.more_container =
        "        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]\n"
        "        envFrom: [{configMapRef: {name: shop}}, {prefix: X_, secretRef: {name: db}}]\n"
        "        securityContext: {runAsUser: 1000}\n"
        "        volumeMounts:\n"
        "        - {name: tls, mountPath: /tls}\n"
        "        - {name: settings, mountPath: /settings}\n"
        "        - {name: nothing, mountPath: /etc/apt}\n";
  }
  // A Secret ("secret/db") or a ConfigMap ("configmap/shop"), as a manifest of its own.
  void Put(const std::string& object, const std::string& key, const std::string& value) {
    objects_[object][key] = value;
    if (stack_) WriteObject(object);
  }
  void WriteObject(const std::string& object) {
    const bool secret = object.starts_with("secret/");
    json manifest = {{"apiVersion", "v1"},
                     {"kind", secret ? "Secret" : "ConfigMap"},
                     {"metadata", {{"name", object.substr(object.find('/') + 1)}}},
                     {secret ? "stringData" : "data", objects_.at(object)}};
    stack_->Write(FileOf(object), manifest.dump());
  }
  static std::string FileOf(std::string object) {
    std::ranges::replace(object, '/', '-');
    return object + ".json";
  }
  // A controller with these, and so many replicas of `shop`.
  void Serve(int replicas) {
    stack_ = std::make_unique<Stack>();
    for (const auto& [object, values] : objects_) WriteObject(object);
    app_.replicas = replicas;
    stack_->Apply(app_);
    stack_->StartController();
    ExpectConsistent(replicas, "started");
  }
  json StatusOf(const std::string& app) {
    const json status = stack_->Status();
    if (!status.is_object()) return json::object();
    for (const json& entry : status.at("webapps")) {
      if (entry.at("name") == app) return entry.at("status");
    }
    return json::object();
  }
  bool WaitDegraded(const std::string& reason) {
    return Eventually(
        [&] {
          for (const json& condition : StatusOf("shop").value("conditions", json::array())) {
            if (condition.at("type") == "Degraded") return condition.at("reason") == reason;
          }
          return false;
        },
        seconds(30), milliseconds(100));
  }

  std::map<std::string, std::map<std::string, std::string>> objects_;
};

TEST_F(Config, ReachesTheContainer) {
  Serve(1);
  const std::string name = stack_->Containers("shop").at(0);
  const std::string environment = stack_->Docker({"exec", name, "env"});
  EXPECT_THAT(environment, HasSubstr("PASSWORD=hunter2\n"));
  EXPECT_THAT(environment, HasSubstr("X_password=hunter2\n"));
  EXPECT_THAT(environment, HasSubstr("LEVEL=debug\n"));
  EXPECT_EQ(stack_->Docker({"exec", name, "cat", "/settings/LEVEL"}), "debug");
  EXPECT_EQ(stack_->Docker({"exec", name, "cat", "/settings/" + kLongKey}), "long");
  EXPECT_EQ(stack_->Docker({"exec", name, "stat", "-c", "%a %U:%G", "/tls/private/key.pem"}),
            "440 root:root\n");
  // As in Kubernetes without fsGroup: a user without runAsGroup has root's group, another has not.
  EXPECT_EQ(stack_->Docker({"exec", name, "cat", "/tls/private/key.pem"}), "the key");
  EXPECT_NE(
      stack_->TryDocker({"exec", "-u", "1000:1000", name, "cat", "/tls/private/key.pem"}).exit_code,
      0);
  for (const char* path : {"/tls/x", "/settings/x", "/settings/LEVEL"}) {
    EXPECT_NE(stack_->TryDocker({"exec", "-u", "0", name, "touch", path}).exit_code, 0) << path;
  }
  // Empty, and not a copy of what the image has there.
  EXPECT_EQ(stack_->Docker({"exec", name, "ls", "-A", "/etc/apt"}), "");

  const json inspected = json::parse(stack_->Docker({"inspect", name})).at(0);
  const std::string labels = inspected.at("Config").at("Labels").dump();
  EXPECT_THAT(labels, HasSubstr("secret/db="));
  EXPECT_THAT(labels, Not(HasSubstr("hunter2")));
  EXPECT_THAT(stack_->Log(1000), Not(HasSubstr("hunter2")));
  EXPECT_THAT(stack_->Status().dump(), Not(HasSubstr("hunter2")));

  Scale(0);
  EXPECT_TRUE(Eventually(
      [&] {
        return stack_
            ->Docker(
                {"volume", "ls", "-q", "--filter", "label=ballast.dev/owner=" + stack_->instance()})
            .empty();
      },
      seconds(30), milliseconds(200)))
      << "the values of a Secret are left behind";
}

TEST_F(Config, AChangedSecretRollsWithoutAFailedRequest) {
  Serve(2);
  const std::string old = stack_->Revision("shop");
  loadgen::Load gets(Requests());
  gets.Start();
  Put("secret/db", "password", "hunter3");
  ASSERT_TRUE(stack_->WaitRolledOut("shop", 2, old)) << stack_->Log();
  RunFor(seconds(1));
  ExpectNoFailure(gets.Stop(), "GET");
  EXPECT_EQ(StatusOf("shop").at("updateCause"), "secret db changed");
  for (const std::string& name : stack_->Containers("shop")) {
    EXPECT_EQ(stack_->Docker({"exec", name, "printenv", "PASSWORD"}), "hunter3\n");
  }
  // Another controller finds everything as it should be.
  const auto before = stack_->Containers("shop");
  stack_->KillController();
  stack_->StartController();
  ExpectConsistent(2, "restarted");
  EXPECT_EQ(stack_->Containers("shop"), before);
  EXPECT_EQ(StatusOf("shop").at("updateCause"), "secret db changed");
}

TEST_F(Config, AMissingSecretIsWaitedForAndTheOldOnesServe) {
  Serve(2);
  const auto before = stack_->Containers("shop");
  loadgen::Load gets(Requests());
  gets.Start();
  const std::string container = app_.more_container;
  app_.more_container.replace(container.find("key: password"), 13, "key: other");
  stack_->Apply(app_);
  EXPECT_TRUE(WaitDegraded("ConfigMissing")) << stack_->Log();
  stack_->Delete(FileOf("secret/db"));
  objects_.erase("secret/db");
  RunFor(seconds(2));
  EXPECT_EQ(stack_->Containers("shop"), before);
  Put("secret/db", "other", "hunter4");
  EXPECT_TRUE(Eventually(
      [&] {
        const auto names = stack_->Containers("shop");
        return names.size() == 2 && names != before && StatusOf("shop").at("updatedReplicas") == 2;
      },
      seconds(60), milliseconds(100)));
  EXPECT_TRUE(WaitDegraded("AsExpected"));
  ExpectNoFailure(gets.Stop(), "GET");
}

}  // namespace
}  // namespace ballast::fault
