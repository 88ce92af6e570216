// An unmodified kubectl, of every version that is here, does with Ballast what people do with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/fakes/temp_dir.h"
#include "tests/fault/harness/process.h"
#include "tests/fault/harness/stack.h"

namespace ballast::fault {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::chrono::seconds kLong{60};

// The binary of a version; empty: it is not here. The `kubectl` of Google's package only starts the
// others, so its own are asked for.
std::string Find(const std::string& version) {
  if (version != "installed") {
    const std::string path = "/usr/lib/google-cloud-sdk/bin/kubectl." + version;
    return std::filesystem::exists(path) ? path : "";
  }
  if (const char* given = std::getenv("BALLAST_KUBECTL")) return given;
  std::error_code ignored;
  const auto path = std::filesystem::canonical("/usr/bin/kubectl", ignored);
  return path.empty() || path.string().find("google") != std::string::npos ? "" : path.string();
}

class Kubectl : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    binary_ = Find(GetParam());
    if (binary_.empty()) {
      GTEST_SKIP()
          << "no kubectl " << GetParam()
          << " here: Debian's is in the package kubernetes-client (hack/install-deps test)";
    }
    if (const std::string why = Stack::Unavailable(); !why.empty()) GTEST_SKIP() << why;
    StackOptions options;
    options.more_flags = {"--listen=127.0.0.1:0"};
    stack_ = std::make_unique<Stack>(options);
    stack_->StartController();
    ASSERT_TRUE(Eventually([this] { return WriteKubeconfig(); }, kLong)) << stack_->Log();
    const CommandResult client = fault::Run({binary_, "version", "--client", "-o", "json"});
    const json version = json::parse(client.output.substr(client.output.find('{')), nullptr, false);
    ASSERT_TRUE(version.is_object()) << client.output;
    minor_ = std::atoi(version["clientVersion"]["minor"].get<std::string>().c_str());
  }
  void TearDown() override {
    if (HasFailure() && stack_) std::fprintf(stderr, "%s\n", stack_->Log(80).c_str());
    stack_.reset();
  }

  json Ask(const std::string& path, const std::string& body = "") {
    std::vector<std::string> curl = {"curl",
                                     "-sS",
                                     "--max-time",
                                     "20",
                                     "--unix-socket",
                                     stack_->socket(),
                                     "http://ballast" + path};
    if (!body.empty()) curl.insert(curl.end(), {"-d", body});
    const CommandResult result = fault::Run(curl);
    return result.exit_code == 0 ? json::parse(result.output, nullptr, false) : json();
  }
  // As `ballast kubeconfig` will.
  bool WriteKubeconfig() {
    const json endpoint = Ask("/ballast/v1/endpoint");
    const json token = Ask("/ballast/v1/tokens", R"({"user":"tester","role":"admin"})");
    if (!endpoint.is_object() || !endpoint.contains("server") || !token.is_object() ||
        !token.contains("token")) {
      return false;
    }
    const json config = {
        {"apiVersion", "v1"},
        {"kind", "Config"},
        {"current-context", "b"},
        {"clusters",
         {{{"name", "b"},
           {"cluster",
            {{"server", endpoint["server"]},
             {"certificate-authority-data", endpoint["certificateAuthorityData"]}}}}}},
        {"users", {{{"name", "b"}, {"user", {{"token", token["token"]}}}}}},
        {"contexts",
         {{{"name", "b"}, {"context", {{"cluster", "b"}, {"user", "b"}, {"namespace", "team"}}}}}}};
    home_.Write("config", config.dump());
    return true;
  }

  std::vector<std::string> Command(const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {"env",
                                        "HOME=" + home_.path(),
                                        "KUBECONFIG=" + home_.path("config"),
                                        "KUBECTL_EXTERNAL_DIFF=diff -u -N",
                                        binary_,
                                        "--cache-dir=" + home_.path("cache")};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
  }
  // What it says; a failure of the test unless it ends with `exit_code`.
  std::string Do(const std::vector<std::string>& arguments, int exit_code = 0) {
    const CommandResult result = fault::Run(Command(arguments));
    std::string shown = "kubectl";
    for (const std::string& argument : arguments) shown += " " + argument;
    EXPECT_EQ(result.exit_code, exit_code) << shown << "\n" << result.output;
    return result.output;
  }
  std::string File(const std::string& name, const std::string& text) {
    home_.Write(name, text);
    return home_.path(name);
  }
  static std::string Shop(const std::string& more = "", int replicas = 1) {
    return "apiVersion: ballast.dev/v1alpha1\n"
           "kind: WebApp\n"
           "metadata: {name: shop, namespace: team, labels: {tier: front}}\n"
           "spec:\n"
           "  replicas: " +
           std::to_string(replicas) +
           "\n"
           "  traffic: {drainSeconds: 1}\n"
           "  routes: [{host: shop.test}]\n"
           "  template:\n"
           "    spec:\n"
           "      terminationGracePeriodSeconds: 1\n"
           "      containers:\n"
           "      - name: web\n"
           "        image: ballast/hello:latest\n"
           "        ports: [{containerPort: 8080}]\n"
           "        readinessProbe: {httpGet: {path: /healthz}, periodSeconds: 1}\n" +
           more;
  }

  std::string binary_;
  int minor_ = 0;
  TempDir home_;
  std::unique_ptr<Stack> stack_;
};

INSTANTIATE_TEST_SUITE_P(Versions, Kubectl,
                         testing::Values("installed", "1.27", "1.28", "1.29", "1.30", "1.31",
                                         "1.32", "1.33"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return "v" + name;
                         });

TEST_P(Kubectl, DoesWhatPeopleDoWithIt) {
  // Discovery.
  EXPECT_THAT(Do({"version"}), HasSubstr("+ballast"));
  EXPECT_THAT(Do({"api-resources"}),
              AllOf(HasSubstr("webapps"), HasSubstr("ballast.dev/v1alpha1"), HasSubstr("wa ")));
  EXPECT_THAT(Do({"api-versions"}), HasSubstr("ballast.dev/v1alpha1\n"));

  // Making things.
  EXPECT_EQ(Do({"create", "ns", "team"}), "namespace/team created\n");
  EXPECT_THAT(Do({"create", "ns", "team"}, 1), HasSubstr("AlreadyExists"));
  EXPECT_EQ(Do({"create", "configmap", "settings", "--from-literal=colour=blue"}),
            "configmap/settings created\n");
  EXPECT_EQ(Do({"create", "secret", "generic", "db", "--from-literal=password=hunter2"}),
            "secret/db created\n");
  EXPECT_EQ(Do({"get", "secret", "db", "-o", "jsonpath={.data.password}"}), "aHVudGVyMg==");
  EXPECT_THAT(Do({"describe", "secret", "db"}),
              AllOf(HasSubstr("password:  7 bytes"), Not(HasSubstr("hunter2"))));

  // Applying: client side.
  const std::string shop = File("shop.yaml", Shop());
  EXPECT_EQ(Do({"apply", "-f", shop}), "webapp.ballast.dev/shop created\n");
  // kubectl replaces lists that were given defaults, and says so; nothing changes.
  const std::vector<std::string> version = {"get", "wa", "shop", "-o",
                                            "jsonpath={.metadata.generation}"};
  EXPECT_THAT(Do({"apply", "-f", shop}), StartsWith("webapp.ballast.dev/shop "));
  EXPECT_EQ(Do(version), "1");
  EXPECT_THAT(Do({"create", "-f", shop}, 1), HasSubstr("already exists"));
  EXPECT_THAT(Do({"apply", "-f", File("bad.yaml", Shop("        bogus: 1\n"))}, 1),
              HasSubstr("containers[0].bogus"));
  EXPECT_THAT(Do({"wait", "--for=condition=Available", "webapp/shop", "--timeout=60s"}),
              HasSubstr("webapp.ballast.dev/shop condition met"));

  // Looking.
  EXPECT_THAT(Do({"get", "webapps"}), AllOf(StartsWith("NAME"), HasSubstr("shop")));
  EXPECT_THAT(Do({"get", "wa", "shop", "-o", "wide"}), HasSubstr("AGE"));
  EXPECT_THAT(Do({"get", "wa", "shop", "-o", "yaml"}), HasSubstr("kind: WebApp"));
  EXPECT_EQ(json::parse(Do({"get", "wa", "shop", "-o", "json"}))["spec"]["replicas"], 1);
  EXPECT_EQ(Do({"get", "wa", "-o", "name"}), "webapp.ballast.dev/shop\n");
  EXPECT_EQ(Do({"get", "wa", "shop", "-o", "jsonpath={.status.readyReplicas}"}), "1");
  EXPECT_EQ(Do({"get", "wa", "-o", "custom-columns=N:.metadata.name", "--no-headers"}), "shop\n");
  EXPECT_EQ(Do({"get", "wa", "-l", "tier=front", "-o", "name"}), "webapp.ballast.dev/shop\n");
  EXPECT_EQ(Do({"get", "wa", "-l", "tier=back", "-o", "name"}), "");
  EXPECT_THAT(Do({"get", "wa", "-l", "tier=back"}), HasSubstr("No resources found"));
  EXPECT_EQ(Do({"get", "wa", "--field-selector", "metadata.name=shop", "-o", "name"}),
            "webapp.ballast.dev/shop\n");
  EXPECT_THAT(Do({"get", "wa", "-A", "--show-labels"}),
              AllOf(StartsWith("NAMESPACE"), HasSubstr("tier=front")));
  EXPECT_THAT(Do({"get", "wa", "--sort-by=.metadata.name"}), HasSubstr("shop"));
  EXPECT_THAT(Do({"get", "all"}), AllOf(HasSubstr("webapp.ballast.dev/shop"), HasSubstr("pod/")));
  EXPECT_THAT(Do({"get", "replicas,revisions,ns,lb"}), HasSubstr("revision.ballast.dev/shop-"));
  EXPECT_THAT(Do({"get", "wa", "nothing"}, 1),
              HasSubstr("Error from server (NotFound): webapps.ballast.dev \"nothing\" not found"));
  EXPECT_THAT(Do({"get", "--raw", "/healthz"}), HasSubstr("ok"));

  // Watching, while it is scaled.
  Child watching(Command({"get", "wa", "-w"}), home_.path("watch"));
  EXPECT_TRUE(
      Eventually([&] { return home_.Read("watch").find("shop") != std::string::npos; }, kLong));
  EXPECT_EQ(Do({"scale", "webapp/shop", "--replicas=2"}), "webapp.ballast.dev/shop scaled\n");
  EXPECT_TRUE(Eventually(
      [&] {
        const std::string seen = home_.Read("watch");
        return std::ranges::count(seen, '\n') >= 3;
      },
      kLong))
      << home_.Read("watch");
  EXPECT_TRUE(watching.Running());
  watching.Kill();
  EXPECT_THAT(Do({"scale", "webapp/shop", "--current-replicas=7", "--replicas=3"}, 1),
              HasSubstr("7"));
  EXPECT_EQ(Do({"scale", "webapp/shop", "--current-replicas=2", "--replicas=1"}),
            "webapp.ballast.dev/shop scaled\n");

  // Changing.
  EXPECT_THAT(Do({"label", "wa", "shop", "team=red"}), HasSubstr("shop labeled"));
  EXPECT_THAT(Do({"annotate", "wa", "shop", "note=hello"}), HasSubstr("shop annotate"));
  EXPECT_EQ(Do({"get", "wa", "-l", "team=red", "-o", "name"}), "webapp.ballast.dev/shop\n");
  EXPECT_THAT(Do({"label", "wa", "shop", "team-"}), HasSubstr("shop"));
  EXPECT_THAT(Do({"patch", "wa", "shop", "--type=merge", "-p",
                  R"({"metadata":{"labels":{"by":"merge"}}})"}),
              HasSubstr("patched"));
  EXPECT_THAT(Do({"patch", "wa", "shop", "--type=json", "-p",
                  R"([{"op":"replace","path":"/metadata/labels/by","value":"json"}])"}),
              HasSubstr("patched"));
  EXPECT_EQ(Do({"get", "wa", "shop", "-o", "jsonpath={.metadata.labels.by}"}), "json");
  EXPECT_THAT(Do({"patch", "wa", "shop", "-p", "{}"}, 1), HasSubstr("--type=merge"));
  const std::string changed = File("changed.yaml", Shop("        env: [{name: A, value: b}]\n"));
  if (minor_ >= 27) {  // 1.20 asks the OpenAPI document first whether a dry run is possible
    EXPECT_THAT(Do({"diff", "-f", changed}, 1), AllOf(HasSubstr("+"), HasSubstr("name: A")));
    EXPECT_EQ(Do({"diff", "-f", shop}), "");
    EXPECT_EQ(Do({"apply", "-f", changed, "--dry-run=server"}),
              "webapp.ballast.dev/shop configured (server dry run)\n");
  }
  EXPECT_EQ(Do({"apply", "-f", changed}), "webapp.ballast.dev/shop configured\n");
  EXPECT_EQ(
      Do({"get", "wa", "shop", "-o", "jsonpath={.spec.template.spec.containers[0].env[0].value}"}),
      "b");
  EXPECT_THAT(Do({"wait", "--for=condition=Progressing", "webapp/shop", "--timeout=60s"}),
              HasSubstr("condition met"));

  // Server side.
  const auto map = [this](const std::string& value) {
    return File("map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: {a: \"" +
                                value + "\"}\n");
  };
  EXPECT_EQ(Do({"apply", "--server-side", "-f", map("1")}), "configmap/ssa serverside-applied\n");
  EXPECT_EQ(Do({"apply", "--server-side", "-f", map("2")}), "configmap/ssa serverside-applied\n");
  EXPECT_THAT(Do({"apply", "--server-side", "--field-manager=other", "-f", map("3")}, 1),
              AllOf(HasSubstr("conflict with \"kubectl\""), HasSubstr(".data.a")));
  EXPECT_EQ(
      Do({"apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", map("3")}),
      "configmap/ssa serverside-applied\n");
  EXPECT_EQ(Do({"get", "cm", "ssa", "-o", "jsonpath={.data.a}"}), "3");
  EXPECT_EQ(Do({"apply", "--server-side", "-f", shop}),
            "webapp.ballast.dev/shop serverside-applied\n")
      << "what was applied by itself before is taken over";
  EXPECT_EQ(Do({"replace", "-f", changed}), "webapp.ballast.dev/shop replaced\n");

  // What happened.
  EXPECT_TRUE(Eventually(
      [this] {
        return fault::Run(Command({"describe", "wa", "shop"})).output.find("InService") !=
               std::string::npos;
      },
      kLong))
      << Do({"describe", "wa", "shop"});
  EXPECT_THAT(Do({"describe", "wa", "shop"}),
              AllOf(HasSubstr("Name:         shop"), HasSubstr("Events:"), HasSubstr("Reason")));
  EXPECT_THAT(Do({"get", "events"}), AllOf(HasSubstr("LAST SEEN"), HasSubstr("webapp/shop")));
  std::string pod = Do({"get", "pods", "-o", "jsonpath={.items[0].metadata.name}"});
  EXPECT_THAT(Do({"describe", "pod", pod}), HasSubstr(pod));
  EXPECT_EQ(fault::Run(Command({"logs", pod})).exit_code, 0);
  EXPECT_THAT(Do({"logs", "nothing"}, 1), HasSubstr("NotFound"));

  // What it uses: the first to ask is told.
  EXPECT_THAT(Do({"api-versions"}), HasSubstr("metrics.k8s.io/v1beta1\n"));
  EXPECT_THAT(Do({"top", "pod"}), AllOf(HasSubstr("CPU(cores)"), HasSubstr("MEMORY(bytes)"),
                                        testing::ContainsRegex(pod + " +[0-9]+m +[0-9]+Mi")));
  EXPECT_THAT(Do({"top", "pod", pod, "--no-headers"}), StartsWith(pod));
  EXPECT_THAT(Do({"top", "pod", "--containers"}),
              AllOf(HasSubstr("NAME"), testing::ContainsRegex(pod + " +web +[0-9]+m +[0-9]+Mi")));
  EXPECT_THAT(Do({"top", "pod", "-A"}), testing::ContainsRegex("team +" + pod));
  EXPECT_THAT(Do({"top", "pods", "-l", "ballast.dev/webapp=shop"}), HasSubstr(pod));
  EXPECT_THAT(Do({"top", "pods", "-l", "ballast.dev/webapp=none"}),
              HasSubstr("No resources found"));
  EXPECT_THAT(Do({"get", "pods.v1beta1.metrics.k8s.io"}), AllOf(HasSubstr("CPU"), HasSubstr(pod)));
  EXPECT_THAT(Do({"top", "pod", "nothing"}, 1), HasSubstr("NotFound"));
  EXPECT_THAT(Do({"top", "node"}, 1), HasSubstr("kubectl top pod"));

  // The end.
  Child ending(Command({"wait", "--for=delete", "webapp/shop", "--timeout=60s"}),
               home_.path("end"));
  EXPECT_THAT(Do({"delete", "-f", shop, "--wait=false"}),
              StartsWith("webapp.ballast.dev \"shop\" deleted"));
  EXPECT_EQ(ending.Wait(), 0) << home_.Read("end");
  EXPECT_THAT(Do({"get", "wa", "shop"}, 1), HasSubstr("NotFound"));
  EXPECT_TRUE(Eventually([this] { return stack_->Containers("shop", false).empty(); }, kLong));
  EXPECT_THAT(Do({"delete", "cm", "settings", "ssa"}), HasSubstr("deleted"));
  EXPECT_THAT(Do({"delete", "cm", "settings"}, 1), HasSubstr("NotFound"));
  EXPECT_THAT(Do({"delete", "ns", "team"}), HasSubstr("deleted")) << "waits until it is empty";
  EXPECT_THAT(Do({"get", "secret", "-A"}), HasSubstr("No resources found"));
}

}  // namespace
}  // namespace ballast::fault
