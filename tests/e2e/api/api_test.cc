// Objects in the database, changed with `ballast`: what a person does, on the real Docker and the
// real HAProxy, and what happens when the database is lost or damaged.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;

class Api : public FaultTest {
 protected:
  // `ballast ARGUMENTS` against this test's controller.
  CommandResult Ballast(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), BALLAST_BINARY);
    arguments.push_back("--socket=" + stack_->socket());
    return fault::Run(arguments);
  }
  // Without a name, the list.
  json Get(const std::string& type, const std::string& name = "") {
    std::vector<std::string> arguments = {"get", type, "-o", "json"};
    if (!name.empty()) arguments.insert(arguments.begin() + 2, name);
    const CommandResult result = Ballast(arguments);
    return json::parse(result.output, nullptr, false);
  }
  // What Docker calls the containers of `shop`, by name.
  std::map<std::string, std::string> Ids() {
    std::map<std::string, std::string> ids;
    for (const std::string& name : stack_->Containers("shop")) {
      ids[name] = stack_->Docker({"inspect", "--format", "{{.Id}}", name});
    }
    return ids;
  }
  [[nodiscard]] std::string Database() const { return stack_->dir() + "/state/ballast.db"; }
  [[nodiscard]] std::string WriteShop(int replicas) const {
    std::string file = stack_->dir() + "/shop.yaml";
    std::ofstream(file)
        << "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {name: shop}\n"
           "spec:\n  replicas: "
        << replicas
        << "\n  template:\n    spec:\n      containers:\n      - name: web\n"
           "        image: ballast/hello\n        ports: [{containerPort: 8080}]\n"
           "        readinessProbe: {httpGet: {path: /healthz}, periodSeconds: 1}\n"
           "  routes: [{host: shop.test}]\n";
    return file;
  }
};

TEST_F(Api, APersonAppliesScalesLooksAndDeletes) {
  stack_ = std::make_unique<Stack>();
  stack_->ApplyLoadBalancer();
  stack_->StartController();
  ASSERT_TRUE(Eventually([&] { return stack_->Status().is_object(); }, seconds(30)));
  const CommandResult applied = Ballast({"apply", "-f", WriteShop(2), "--wait"});
  ASSERT_EQ(applied.exit_code, 0) << applied.output;
  EXPECT_TRUE(stack_->WaitSettled("shop", 2)) << stack_->Inconsistency("shop", 2);
  const CommandResult listed = Ballast({"get", "webapps"});
  EXPECT_THAT(listed.output, HasSubstr("shop"));
  EXPECT_THAT(listed.output, HasSubstr("2/2"));

  const CommandResult scaled = Ballast({"scale", "webapp/shop", "--replicas", "3", "--wait"});
  ASSERT_EQ(scaled.exit_code, 0) << scaled.output;
  EXPECT_TRUE(stack_->WaitSettled("shop", 3)) << stack_->Inconsistency("shop", 3);
  EXPECT_THAT(Ballast({"describe", "webapp/shop"}).output, HasSubstr("InService"));
  EXPECT_THAT(Ballast({"logs", "webapp/shop"}).output, HasSubstr("hello: host="));
  EXPECT_EQ(Get("revisions").value("/items/0/revision"_json_pointer, 0), 1);

  // Everything is there again after a restart, without any file.
  const auto before = Ids();
  stack_->KillController();
  stack_->StartController();
  EXPECT_TRUE(stack_->WaitSettled("shop", 3)) << stack_->Inconsistency("shop", 3);
  EXPECT_EQ(Ids(), before);

  const CommandResult deleted = Ballast({"delete", "webapp", "shop"});
  EXPECT_EQ(deleted.exit_code, 0) << deleted.output;
  EXPECT_THAT(stack_->Containers("shop", false), IsEmpty()) << "delete waits for the containers";
  EXPECT_EQ(Ballast({"get", "webapp", "shop"}).exit_code, 1);
  EXPECT_THAT(Get("revisions").value("items", json()), IsEmpty());
}

TEST_F(Api, WhatAManifestNamesIsPutBack) {
  Begin(2);
  const CommandResult scaled = Ballast({"scale", "webapp/shop", "--replicas", "4"});
  ASSERT_EQ(scaled.exit_code, 0) << scaled.output;
  EXPECT_TRUE(Eventually(
      [&] {
        return Ballast({"events", "--for", "webapp/shop"}).output.find("spec.replicas") !=
               std::string::npos;
      },
      seconds(20)))
      << Ballast({"events"}).output;
  ExpectConsistent(2, "after the drift");
}

// Lost, not damaged: somebody removed the directory, or restored another machine's.
TEST_F(Api, ALostDatabaseCostsNobodyAContainer) {
  Begin(3);
  const auto before = Ids();
  stack_->KillController();
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    std::filesystem::remove(Database() + suffix);
  }
  stack_->StartController();
  ExpectConsistent(3, "with a new database");
  EXPECT_EQ(Ids(), before) << "the containers are recognised by their labels";
  EXPECT_EQ(Get("webapp", "shop").value("/metadata/generation"_json_pointer, 0), 1);
  ExpectNoReload("with a new database");
}

TEST_F(Api, ALostDatabaseWithoutManifestsLeavesAllAlone) {
  Begin(2);
  const auto before = Ids();
  stack_->KillController();
  std::filesystem::remove(Database());
  std::filesystem::remove(Database() + "-wal");
  std::filesystem::remove(stack_->dir() + "/state/objects.json");
  for (const auto& file : std::filesystem::directory_iterator(stack_->manifests())) {
    std::filesystem::remove(file);
  }
  stack_->StartController();
  ASSERT_TRUE(Eventually(
      [&] {
        const json status = stack_->Status();
        return status.is_object() && status.value("/controller/ready"_json_pointer, false);
      },
      seconds(30)));
  EXPECT_EQ(Ids(), before) << "unknown is not unwanted";
  EXPECT_EQ(Ballast({"get", "webapp", "shop"}).exit_code, 1);
}

TEST_F(Api, ADamagedDatabaseStopsTheControllerAlone) {
  Begin(2);
  const auto before = Ids();
  loadgen::Load load(Requests());
  load.Start();
  stack_->KillController();
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(Database() + suffix);
  std::ofstream(Database(), std::ios::trunc) << std::string(8192, 'x');
  const CommandResult refused =
      fault::Run({BALLAST_BINARY, "controller", "--state-dir=" + stack_->dir() + "/state",
                  "--run-dir=" + stack_->dir() + "/run", "--instance=" + stack_->instance(),
                  "--metrics-address="});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr("ballast.db"));
  EXPECT_THAT(refused.output, HasSubstr("go on as they are"));
  const auto report = load.Stop();
  EXPECT_EQ(report.failed, 0U) << report.Details();
  EXPECT_EQ(Ids(), before);
}

}  // namespace
}  // namespace ballast::fault
