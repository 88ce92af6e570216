// The program itself, as people run it: its exit codes, its messages, its end. Without Docker: what
// the controller does with one is the other suites' business.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "controller/cli/client.h"
#include "tests/fakes/temp_dir.h"
#include "tests/fault/harness/process.h"

namespace ballast {
namespace {

using fault::Child;
using fault::CommandResult;
using fault::Eventually;
using testing::HasSubstr;
using testing::Not;

constexpr std::chrono::seconds kLong{20};
constexpr char kShop[] =
    "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {name: shop}\nspec:\n"
    "  template: {spec: {containers: [{name: w, image: i, ports: [{containerPort: 80}]}]}}\n";

CommandResult Ballast(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), BALLAST_BINARY);
  return fault::Run(arguments);
}
CommandResult Shell(const std::string& script) {
  return fault::Run({"/bin/bash", "-c", "B='" BALLAST_BINARY "'; " + script});
}

class Program : public testing::Test {
 protected:
  Program() { dir_.Write("m/shop.yaml", kShop); }
  ~Program() override {
    if (HasFailure()) std::fprintf(stderr, "%s\n", dir_.Read("log").c_str());
  }

  std::vector<std::string> Flags(std::vector<std::string> more = {}) {
    std::vector<std::string> flags = {"controller",
                                      "--manifests=" + dir_.path("m"),
                                      "--instance=e2e-cli",
                                      "--state-dir=" + dir_.path("s"),
                                      "--run-dir=" + dir_.path("r"),
                                      "--docker-host=unix://" + dir_.path("docker.sock"),
                                      "--metrics-address="};
    flags.insert(flags.end(), more.begin(), more.end());
    return flags;
  }
  bool Start(std::vector<std::string> more = {}) {
    std::vector<std::string> flags = Flags(std::move(more));
    flags.insert(flags.begin(), BALLAST_BINARY);
    controller_ = Child(flags, dir_.path("log"));
    return Eventually([this] { return Healthy(); }, kLong);
  }
  bool Healthy() {
    const auto reply = cli::Get(Socket(), "/healthz", kLong);
    return reply && reply->status == 200;
  }
  bool Ends(int signal, int wanted_exit) {
    controller_.Signal(signal);
    if (!Eventually([this] { return !controller_.Running(); }, kLong)) return false;
    return controller_.Wait() == wanted_exit << 8;
  }
  std::string Socket() const { return dir_.path("r/ballast.sock"); }

  TempDir dir_;
  Child controller_;
};

TEST_F(Program, HasExitCodesAndMessages) {
  EXPECT_EQ(Ballast({"version"}).exit_code, 0);
  EXPECT_EQ(Ballast({"help", "controller"}).exit_code, 0);
  EXPECT_EQ(Ballast({"controller", "--help"}).exit_code, 0);
  EXPECT_THAT(Ballast({"controller", "--help"}).output, Not(HasSubstr("stderrthreshold")));
  EXPECT_EQ(Ballast({}).exit_code, 2);
  EXPECT_EQ(Ballast({"staus"}).exit_code, 2);
  EXPECT_EQ(Ballast({"controller", "--listen=x"}).exit_code, 2);
  EXPECT_EQ(Ballast({"controller", "--manifests=/m", "--nope"}).exit_code, 2);
  const CommandResult status = Ballast({"status", "--socket=" + Socket()});
  EXPECT_EQ(status.exit_code, 1);
  EXPECT_EQ(status.output, "ballast: no controller answers on " + Socket() +
                               ": is it running? start it with `ballast controller --manifests "
                               "DIR`\n");
}

TEST_F(Program, RunsWithoutDockerAndSaysSo) {
  ASSERT_TRUE(Start());
  EXPECT_EQ(cli::Get(Socket(), "/readyz", kLong)->status, 503);
  const CommandResult table = Ballast({"status", "--socket=" + Socket()});
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_THAT(table.output, HasSubstr("Docker does not answer"));
  EXPECT_THAT(table.output, HasSubstr("not ready: "));
  EXPECT_THAT(dir_.Read("log"), HasSubstr("Docker Engine does not answer; trying again"));
  EXPECT_THAT(dir_.Read("log"), HasSubstr("next_step="));
  const auto json = nlohmann::json::parse(
      Ballast({"status", "-o", "json", "--socket=" + Socket()}).output, nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["controller"]["instance"], "e2e-cli");
  EXPECT_EQ(json["controller"]["ready"], false);
  EXPECT_EQ(Ballast({"status", "nobody", "--socket=" + Socket()}).exit_code, 1);
  EXPECT_TRUE(Ends(SIGTERM, 0));
}

TEST_F(Program, EndsOnEverySignalAndLeavesNoSocket) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    ASSERT_TRUE(Start());
    EXPECT_TRUE(Ends(signal, 0));
    EXPECT_FALSE(std::filesystem::exists(Socket()));
  }
}

TEST_F(Program, ComesBackAfterBeingKilled) {
  ASSERT_TRUE(Start());
  controller_.Kill();
  EXPECT_TRUE(std::filesystem::exists(Socket())) << "nobody could remove it";
  EXPECT_EQ(Ballast({"status", "--socket=" + Socket()}).exit_code, 1);
  ASSERT_TRUE(Start());
  EXPECT_TRUE(Ends(SIGTERM, 0));
}

TEST_F(Program, ASecondControllerIsRefused) {
  ASSERT_TRUE(Start());
  const CommandResult same = Ballast(Flags());
  EXPECT_EQ(same.exit_code, 1);
  EXPECT_THAT(same.output,
              HasSubstr("another controller (process " + std::to_string(controller_.pid()) + ")"));
  const CommandResult same_socket = Ballast(Flags({"--state-dir=" + dir_.path("s2")}));
  EXPECT_EQ(same_socket.exit_code, 1);
  EXPECT_THAT(same_socket.output, HasSubstr("another controller answers on " + Socket()));
  EXPECT_TRUE(Healthy());
}

TEST_F(Program, APortThatIsTakenIsOnlyAWarning) {
  const std::string address = "--metrics-address=127.0.0.1:" + std::to_string(fault::FreePort());
  ASSERT_TRUE(Start({address}));
  Child first = std::move(controller_);
  const TempDir other;
  ASSERT_FALSE(std::filesystem::exists(other.path("r")));
  controller_ = Child({BALLAST_BINARY, "controller", "--manifests=" + dir_.path("m"),
                       "--state-dir=" + other.path("s"), "--run-dir=" + other.path("r"),
                       "--docker-host=unix://" + other.path("d.sock"), address},
                      other.path("log"));
  EXPECT_TRUE(Eventually(
      [&] { return cli::Get(other.path("r/ballast.sock"), "/healthz", kLong).has_value(); },
      kLong));
  EXPECT_THAT(other.Read("log"), HasSubstr("Metrics are not served over TCP"));
  EXPECT_THAT(other.Read("log"), HasSubstr("Address already in use"));
}

TEST_F(Program, ADirectoryThatCannotBeWrittenIsSaid) {
  dir_.Write("file", "");
  const CommandResult result = Ballast(Flags({"--state-dir=" + dir_.path("file/s")}));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output,
              HasSubstr("--state-dir " + dir_.path("file/s") + " cannot be written"));
}

TEST_F(Program, TakesABrokenPipeButNotAFullDisk) {
  const CommandResult pipe =
      Shell("trap '' PIPE; set -o pipefail; $B controller --help | true; echo \"exit $?\"");
  EXPECT_THAT(pipe.output, testing::EndsWith("exit 0\n"));
  const CommandResult full = Shell("$B help >/dev/full; echo \"exit $?\"");
  EXPECT_THAT(full.output, HasSubstr("standard output cannot be written"));
  EXPECT_THAT(full.output, HasSubstr("exit 1"));
}

TEST_F(Program, ColoursOnlyOnATerminal) {
  ASSERT_TRUE(Start());
  const std::string command = "$B status --socket " + Socket();
  EXPECT_THAT(Shell(command).output, Not(HasSubstr("\x1b")));
  if (Shell("command -v script").exit_code != 0) GTEST_SKIP() << "no script(1)";
  const std::string on_terminal = " script -qec \"" + command + "\" /dev/null </dev/null";
  EXPECT_THAT(Shell("export B; TERM=xterm" + on_terminal).output, HasSubstr("\x1b[31m"));
  EXPECT_THAT(Shell("export B; NO_COLOR=1 TERM=xterm" + on_terminal).output,
              Not(HasSubstr("\x1b[")));
}

}  // namespace
}  // namespace ballast
