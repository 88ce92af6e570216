// Every field of a pod template as Docker shows it, sidecars, volumes and probes, end to end.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/fault/fixture.h"

namespace ballast::fault {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class Template : public FaultTest {
 protected:
  json Inspect(const std::string& container) {
    return json::parse(stack_->Docker({"inspect", container})).at(0);
  }
  std::string Main(const std::string& app = "shop") {
    const auto names = stack_->Containers(app);
    for (const std::string& name : names) {
      if (std::ranges::count(name, '.') == 3) return name;  // a sidecar's has one more
    }
    return "";
  }
  bool WaitInService(const std::string& app, int replicas,
                     seconds deadline = std::chrono::seconds(60)) {
    return Eventually(
        [&] {
          const json status = stack_->Status();
          if (!status.is_object()) return false;
          for (const json& entry : status.at("webapps")) {
            if (entry.at("name") == app) {
              return entry.at("status").at("inServiceReplicas") == replicas;
            }
          }
          return false;
        },
        deadline, milliseconds(100));
  }
  json Condition(const std::string& app, const std::string& type) {
    const json status = stack_->Status();
    if (!status.is_object()) return {{"reason", ""}, {"message", ""}};
    for (const json& entry : status.at("webapps")) {
      if (entry.at("name") != app) continue;
      for (const json& condition : entry.at("status").at("conditions")) {
        if (condition.at("type") == type) return condition;
      }
    }
    return {{"reason", ""}, {"message", ""}};
  }
  bool WaitReason(const std::string& type, const std::string& reason) {
    return Eventually([&] { return Condition("shop", type).at("reason") == reason; }, seconds(60),
                      milliseconds(100));
  }
};

TEST_F(Template, EveryFieldReachesDocker) {
  StackOptions options;
  options.more_flags = {"--allow-host-path=/tmp"};
  stack_ = std::make_unique<Stack>(options);
  const std::string extra = stack_->instance() + "-db";
  const std::string volume = stack_->instance() + "-data";
  stack_->Docker(
      {"network", "create", "--label", "ballast.dev/owner=" + stack_->instance(), extra});
  std::filesystem::create_directory(stack_->dir() + "/host");
  app_.replicas = 1;
  app_.more_template =
      "      terminationGracePeriodSeconds: 7\n"
      "      logging: {driver: json-file, options: {max-size: 1m}}\n"
      "      networks: [" +
      extra +
      "]\n"
      "      volumes:\n"
      "      - {name: cache, emptyDir: {}}\n"
      "      - {name: fast, emptyDir: {medium: Memory, sizeLimit: 8Mi}}\n"
      "      - {name: host, hostPath: {path: " +
      stack_->dir() +
      "/host}}\n"
      "      - {name: data, dockerVolume: {name: " +
      volume + "}}\n";
  app_.more_container =
      "        command: [/usr/local/bin/hello]\n"
      "        workingDir: /tmp\n"
      "        resources: {limits: {cpu: 500m, memory: 64Mi}}\n"
      "        securityContext: {runAsUser: 1000, runAsGroup: 1001, readOnlyRootFilesystem: true,\n"
      "          allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [NET_RAW]}}\n"
      "        volumeMounts:\n"
      "        - {name: cache, mountPath: /cache}\n"
      "        - {name: fast, mountPath: /fast}\n"
      "        - {name: host, mountPath: /host, readOnly: true}\n"
      "        - {name: data, mountPath: /data}\n";
  app_.env = {{"HELLO_TAG", "a b=c;$x"}};
  const std::string hello = MustRun({"docker", "image", "inspect", "-f",
                                     "{{index .Config.Entrypoint 0}}", "ballast/hello:latest"});
  const std::string path = hello.substr(0, hello.find('\n'));
  app_.more_container.replace(app_.more_container.find("/usr/local/bin/hello"), 20, path);
  stack_->Apply(app_);
  stack_->StartController();
  ASSERT_TRUE(stack_->WaitSettled("shop", 1)) << stack_->Log();

  const json c = Inspect(Main());
  const json& host = c.at("HostConfig");
  EXPECT_EQ(c.at("Config").at("User"), "1000:1001");
  EXPECT_EQ(c.at("Config").at("WorkingDir"), "/tmp");
  EXPECT_EQ(c.at("Config").at("Entrypoint"), json::array({path}));
  EXPECT_EQ(c.at("Config").at("StopTimeout"), 7);
  EXPECT_THAT(c.at("Config").at("Env").dump(), HasSubstr("HELLO_TAG=a b=c;$x"));
  EXPECT_EQ(host.at("NanoCpus"), 500'000'000);
  EXPECT_EQ(host.at("Memory"), 64 << 20);
  EXPECT_EQ(host.at("ReadonlyRootfs"), true);
  EXPECT_THAT(host.at("SecurityOpt").dump(), HasSubstr("no-new-privileges"));
  EXPECT_THAT(host.at("CapDrop").dump(), HasSubstr("ALL"));
  EXPECT_THAT(host.at("CapAdd").dump(), HasSubstr("NET_RAW"));
  EXPECT_EQ(host.at("RestartPolicy").at("Name"), "no");
  EXPECT_EQ(host.at("LogConfig").at("Type"), "json-file");
  EXPECT_EQ(host.at("LogConfig").at("Config").at("max-size"), "1m");
  EXPECT_TRUE(c.at("NetworkSettings").at("Networks").contains(extra));
  EXPECT_TRUE(c.at("NetworkSettings").at("Networks").contains(stack_->network()));
  std::map<std::string, std::string> mounts;
  for (const json& mount : c.at("Mounts")) mounts[mount.at("Destination")] = mount.at("Type");
  EXPECT_EQ(mounts["/cache"], "volume");
  EXPECT_EQ(mounts["/fast"], "volume");
  EXPECT_EQ(mounts["/host"], "bind");
  EXPECT_EQ(mounts["/data"], "volume");

  // emptyDir goes with its replica, a named volume stays.
  app_.env = {{"HELLO_TAG", "next"}};
  const std::string old = stack_->Revision("shop");
  stack_->Apply(app_);
  ASSERT_TRUE(stack_->WaitRolledOut("shop", 1, old)) << stack_->Log();
  EXPECT_TRUE(Eventually(
      [&] {
        const std::string volumes = stack_->Docker(
            {"volume", "ls", "-q", "--filter", "label=ballast.dev/owner=" + stack_->instance()});
        return std::ranges::count(volumes, '\n') == 2;
      },
      seconds(20)));
  EXPECT_EQ(stack_->TryDocker({"volume", "inspect", volume}).exit_code, 0);
  stack_->KillController();
  for (const std::string& name : stack_->Containers("shop", false)) {
    stack_->Docker({"rm", "-f", name});
  }
  stack_->Docker({"volume", "rm", volume});
}

// The design's own example: not root, nothing writable but the volume.
TEST_F(Template, EmptyDirCanBeWrittenByWhoeverTheContainerRunsAs) {
  stack_ = std::make_unique<Stack>();
  app_.replicas = 1;
  app_.more_template =
      "      volumes: [{name: cache, emptyDir: {}}, {name: fast, emptyDir: {medium: Memory}}]\n";
  app_.more_container =
      "        securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true}\n"
      "        volumeMounts: [{name: cache, mountPath: /cache}, {name: fast, mountPath: /fast}]\n";
  stack_->Apply(app_);
  stack_->StartController();
  ASSERT_TRUE(stack_->WaitSettled("shop", 1)) << stack_->Log();
  const std::string name = stack_->Containers("shop").at(0);
  stack_->Docker({"exec", name, "touch", "/cache/x", "/fast/x"});
  EXPECT_NE(stack_->TryDocker({"exec", name, "touch", "/x"}).exit_code, 0);
}

TEST_F(Template, SidecarsShareTheFirstContainersNetwork) {
  stack_ = std::make_unique<Stack>();
  app_.replicas = 1;
  app_.more_container =
      "      - name: side\n"
      "        image: ballast/hello:latest\n"
      "        env: [{name: PORT, value: \"9090\"}]\n"
      "        ports: [{containerPort: 9090}]\n"
      "        readinessProbe: {tcpSocket: {port: 9090}, periodSeconds: 1}\n";
  stack_->Apply(app_);
  stack_->StartController();
  ASSERT_TRUE(WaitInService("shop", 1)) << stack_->Log();
  const std::string main = Main();
  const std::string sidecar = main + ".side";
  const std::string id = Inspect(main).at("Id");
  EXPECT_EQ(Inspect(sidecar).at("HostConfig").at("NetworkMode"), "container:" + id);
  // A sidecar that dies is started again, beside the same main container.
  stack_->Docker({"kill", sidecar});
  EXPECT_TRUE(Eventually(
      [&] {
        const auto result = stack_->TryDocker({"inspect", "-f", "{{.State.Running}}", sidecar});
        return result.output == "true\n";
      },
      seconds(20)));
  EXPECT_TRUE(WaitInService("shop", 1));
  EXPECT_EQ(Inspect(main).at("Id"), id);
  Scale(0);
  EXPECT_TRUE(Eventually([&] { return stack_->Containers("shop", false).empty(); }, seconds(30)));
}

TEST_F(Template, ExecAndStartupProbes) {
  stack_ = std::make_unique<Stack>();
  app_.replicas = 1;
  app_.readiness_probe = false;
  app_.env = {{"HELLO_START_DELAY_MS", "1500"}};
  app_.more_container =
      "        startupProbe: {httpGet: {path: /healthz}, periodSeconds: 1, failureThreshold: 30}\n"
      "        readinessProbe: {exec: {command: [test, -e, /tmp/ready]}, periodSeconds: 1}\n";
  stack_->Apply(app_);
  stack_->StartController();
  ASSERT_TRUE(Eventually([&] { return !Main().empty(); }, seconds(20)));
  RunFor(seconds(4));
  EXPECT_FALSE(WaitInService("shop", 1, seconds(0))) << "in service before its probe passes";
  stack_->Docker({"exec", Main(), "touch", "/tmp/ready"});
  EXPECT_TRUE(WaitInService("shop", 1));
  stack_->Docker({"exec", Main(), "rm", "/tmp/ready"});
  EXPECT_TRUE(WaitInService("shop", 0));
}

TEST_F(Template, FailingLivenessIsReplaced) {
  stack_ = std::make_unique<Stack>();
  app_.replicas = 1;
  app_.more_container =
      "        livenessProbe: {exec: {command: [test, \"!\", -e, /tmp/sick]}, periodSeconds: 1,\n"
      "          failureThreshold: 2}\n";
  stack_->Apply(app_);
  stack_->StartController();
  ASSERT_TRUE(WaitInService("shop", 1)) << stack_->Log();
  const std::string first = Main();
  stack_->Docker({"exec", first, "touch", "/tmp/sick"});
  EXPECT_TRUE(Eventually([&] { return Main() != first && WaitInService("shop", 1, seconds(0)); },
                         seconds(60)));
  EXPECT_THAT(Main(), HasSubstr("-0.1")) << "the same slot, another attempt";
}

TEST_F(Template, MissingImageDisturbsNobody) {
  Begin(2);
  loadgen::Load gets(Requests());
  gets.Start();
  app_.image = "ballast/there-is-none:1";
  stack_->Apply(app_);
  EXPECT_TRUE(WaitReason("Degraded", "ImagePullFailed"));
  EXPECT_THAT(Condition("shop", "Degraded").at("message"), HasSubstr("ballast/there-is-none:1"));
  RunFor(seconds(2));
  EXPECT_EQ(stack_->Containers("shop").size(), 2U);
  app_.image = "ballast/hello:latest";
  stack_->Apply(app_);
  ExpectConsistent(2, "image named right again");
  ExpectNoFailure(gets.Stop(), "GET");
}

TEST_F(Template, CrashLoopBacksOffAndSaysSo) {
  stack_ = std::make_unique<Stack>();
  app_.replicas = 1;
  app_.more_container = "        command: [/bin/sh, -c, \"exit 3\"]\n";
  stack_->Apply(app_);
  stack_->StartController();
  EXPECT_TRUE(WaitReason("Degraded", "CrashLoopBackOff")) << stack_->Log();
  EXPECT_THAT(Condition("shop", "Degraded").at("message"), HasSubstr("exited with code 3"));
}

TEST_F(Template, CommandThatDoesNotExistSaysSo) {
  stack_ = std::make_unique<Stack>();
  app_.replicas = 1;
  app_.more_container = "        command: [/there/is/none]\n";
  stack_->Apply(app_);
  stack_->StartController();
  EXPECT_TRUE(WaitReason("Degraded", "CreateFailed")) << stack_->Log();
  EXPECT_THAT(Condition("shop", "Degraded").at("message"), HasSubstr("/there/is/none"));
}

TEST_F(Template, StuckRolloutKeepsTheOldOnes) {
  Begin(2);
  app_.more_spec = "  progressDeadlineSeconds: 5\n";
  app_.env = {{"HELLO_READY_AFTER_MS", "3600000"}};
  stack_->Apply(app_);
  loadgen::Load gets(Requests());
  gets.Start();
  EXPECT_TRUE(WaitReason("Progressing", "ProgressDeadlineExceeded")) << stack_->Log();
  EXPECT_THAT(Condition("shop", "Progressing").at("message"), HasSubstr("503"));
  ExpectNoFailure(gets.Stop(), "GET");
  EXPECT_TRUE(WaitInService("shop", 2));
  app_.env.clear();
  stack_->Apply(app_);
  ExpectConsistent(2, "rolled back");
}

TEST_F(Template, RecreateRunsOneRevisionAtATime) {
  Begin(2);
  app_.more_spec = "  strategy: {type: Recreate}\n";
  stack_->Apply(app_);
  ExpectConsistent(2, "strategy");
  const std::string old = stack_->Revision("shop");
  app_.env = {{"HELLO_TAG", "next"}};
  stack_->Apply(app_);
  bool mixed = false;
  EXPECT_TRUE(Eventually(
      [&] {
        std::set<std::string> revisions;
        for (const std::string& name : stack_->Containers("shop")) {
          revisions.insert(name.substr(0, name.rfind('-')));
        }
        mixed = mixed || revisions.size() > 1;
        return stack_->WaitRolledOut("shop", 2, old, seconds(0));
      },
      seconds(60)));
  EXPECT_FALSE(mixed);
}

// What the controller counted of its writes: commands to HAProxy, requests to Docker but for reads.
std::map<std::string, std::string> Writes(const std::string& page) {
  std::map<std::string, std::string> writes;
  std::istringstream in(page);
  for (std::string line; std::getline(in, line);) {
    const bool command = line.starts_with("ballast_haproxy_runtime_commands_total");
    const bool request = line.starts_with("ballast_docker_requests_total") &&
                         line.find("inspect") == line.npos && line.find("list") == line.npos &&
                         line.find("version") == line.npos && line.find("ping") == line.npos;
    if (command || request) writes[line.substr(0, line.rfind(' '))] = line.substr(line.rfind(' '));
  }
  return writes;
}

TEST_F(Template, SettledObjectIsNotWrittenTo) {
  Begin(2);
  RunFor(seconds(2));
  const std::string since = std::to_string(
      std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  const std::string before = stack_->Haproxy("show servers state");
  const auto written = [this] { return Writes(stack_->Metrics()); };
  const std::map<std::string, std::string> writes = written();
  ASSERT_FALSE(writes.empty());
  RunFor(seconds(15));
  EXPECT_EQ(written(), writes) << "commands that change nothing are commands too";
  const std::string until = std::to_string(
      std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  const std::string events =
      stack_->Docker({"events", "--since", since, "--until", until, "--filter",
                      "label=ballast.dev/owner=" + stack_->instance()});
  EXPECT_EQ(events, "") << "Docker was written to";
  const auto servers = [](const std::string& text) {
    std::string stable;  // without the column that counts seconds
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string word;
      for (int i = 0; words >> word; ++i) {
        if (i != 9) stable += word + " ";
      }
      stable += "\n";
    }
    return stable;
  };
  EXPECT_EQ(servers(stack_->Haproxy("show servers state")), servers(before));
  ExpectNoReload("settled");
}

}  // namespace
}  // namespace ballast::fault
