#include "controller/cmd/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>

#include "controller/cli/cli.h"
#include "controller/cli/commands.h"

namespace ballast::cmd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string WrongWith(const std::vector<std::string>& arguments) {
  const auto parsed = ParseOptions(arguments);
  const auto* wrong = std::get_if<UsageError>(&parsed);
  return wrong == nullptr ? "nothing" : wrong->message;
}

Options Valid(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--manifests=/m");
  const auto parsed = ParseOptions(arguments);
  EXPECT_TRUE(std::holds_alternative<Options>(parsed)) << WrongWith(arguments);
  return std::holds_alternative<Options>(parsed) ? std::get<Options>(parsed) : Options();
}

TEST(ParseOptions, HasDefaults) {
  const Options options = Valid({});
  EXPECT_EQ(options.manifests, "/m");
  EXPECT_EQ(options.instance, "ballast");
  EXPECT_EQ(options.socket, cli::kDefaultSocket);
  EXPECT_EQ(options.docker_socket, "/var/run/docker.sock");
  EXPECT_EQ(options.state_dir, "/var/lib/ballast");
  EXPECT_EQ(options.run_dir, "/run/ballast");
  EXPECT_EQ(options.network, "ballast");
  EXPECT_EQ(options.prune, manifests::PruneMode::kSafe);
  EXPECT_EQ(options.metrics_host, "127.0.0.1");
  EXPECT_EQ(options.metrics_port, 9464);
  EXPECT_FALSE(options.debug);
}

TEST(ParseOptions, TakesBothFormsAndForgetsTheLastParse) {
  Options options = Valid({"--workers", "7", "--prune=never", "-v", "--instance=blue"});
  EXPECT_EQ(options.workers, 7);
  EXPECT_EQ(options.prune, manifests::PruneMode::kNever);
  EXPECT_TRUE(options.debug);
  EXPECT_EQ(options.network, "ballast-blue");
  options = Valid({});
  EXPECT_EQ(options.workers, 4);
  EXPECT_FALSE(options.debug);
}

TEST(ParseOptions, PathsAreMadePlain) {
  const Options options = Valid({"--state-dir", "/a//b/../c/", "--run-dir", "/r/",
                                 "--allow-host-path", "/srv/,,/data/x/../y"});
  EXPECT_EQ(options.state_dir, "/a/c");
  EXPECT_EQ(options.socket, "/r/ballast.sock");
  EXPECT_THAT(options.allowed_host_paths, ElementsAre("/srv", "/data/y"));
}

TEST(ParseOptions, MetricsMayBeElsewhereOrNowhere) {
  EXPECT_EQ(Valid({"--metrics-address="}).metrics_host, "");
  EXPECT_EQ(Valid({"--metrics-address", "[::1]:80"}).metrics_host, "::1");
  EXPECT_EQ(Valid({"--metrics-address", "127.1.2.3:0"}).metrics_port, 0);
}

TEST(ParseOptions, SaysWhatIsWrong) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--listen=7443"}, "--listen is an IP address and a port"},
      {{"--listen=localhost:7443"}, "--listen is an IP address and a port"},
      {{"--listen=127.0.0.1:7443", "--tls-cert=/c"}, "--tls-cert and --tls-key belong together"},
      {{"--client-ca=/c"}, "--listen HOST:PORT, which is missing"},
      {{"/m"}, "/m is no flag; the manifests' directory is given as --manifests DIR"},
      {{"--manifest", "/m"}, "no flag --manifest; did you mean --manifests?"},
      {{"--stderrthreshold=1"}, "no flag --stderrthreshold"},
      {{"--flagfile=/etc/passwd"}, "no flag --flagfile"},
      {{"--manifests"}, "--manifests needs a value"},
      {{"--"}, "is no flag"},
      {{"--manifests=/m", "--workers=abc"}, "--workers takes a number, not \"abc\""},
      {{"--manifests=/m", "--workers=0"}, "--workers must be between 1 and 64"},
      {{"--manifests=/m", "--workers=99999999999999"}, "--workers takes a number"},
      {{"--manifests=/m", "--instance=Blue"}, "--instance must be 1 to 20 lower case"},
      {{"--manifests=/m", "--instance=a23456789012345678901"}, "--instance must be 1 to 20"},
      {{"--manifests=/m", "--instance="}, "--instance must be 1 to 20"},
      {{"--manifests=/m", "--instance=a\nb"}, "not \"a b\""},
      {{"--manifests=/m", "--prune=sometimes"}, "--prune is safe, never or always"},
      {{"--manifests=/m", "--subnet=172.30.0.0"}, "--subnet must be an IPv4 network"},
      {{"--manifests=/m", "--subnet=172.30.0.0/30"}, "--subnet must be an IPv4 network"},
      {{"--manifests=/m", "--network=host"}, "--network must be a name"},
      {{"--manifests=/m", "--network=a b"}, "--network must be a name"},
      {{"--manifests=/m", "--state-dir=x"}, "--state-dir must be an absolute path"},
      {{"--manifests=/m", "--run-dir=/a:b"}, "--run-dir must be an absolute path"},
      {{"--manifests=/m", "--docker-host=tcp://1.2.3.4:2375"}, "--docker-host must be unix:///"},
      {{"--manifests=/m", "--allow-host-path=srv"}, "--allow-host-path takes absolute paths"},
      {{"--manifests=/m", "--metrics-address=9464"}, "--metrics-address is an IP address"},
      {{"--manifests=/m", "--metrics-address=0.0.0.0:9464"}, "must be a loopback address"},
      {{"--manifests=/m", "--metrics-address=127.0.0.1:99999"}, "--metrics-address is an IP"},
      {{"--manifests=/m", "--log-level=loud"}, "--log-level is debug, info, warning or error"}};
  for (const auto& [arguments, message] : cases) {
    EXPECT_THAT(WrongWith(arguments), HasSubstr(message));
  }
}

TEST(ParseOptions, HelpWinsOverEverything) {
  EXPECT_TRUE(std::holds_alternative<HelpWanted>(ParseOptions({"--help"})));
  EXPECT_TRUE(std::holds_alternative<HelpWanted>(ParseOptions({"--manifests=/m", "-h"})));
}

std::string ReadDocument() {
  std::ifstream in(std::string(BALLAST_SOURCE_DIR) + "/docs/cli.md");
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// docs/cli.md names every flag with its default, and no flag that does not exist.
TEST(Documentation, NamesEveryFlagAndNoOther) {
  const std::string text = ReadDocument();
  std::set<std::string> known = {"--help", "--kubeconfig"};
  for (const cli::Command& command : cli::Commands()) {
    for (const cli::Flag& flag : command.flags) {
      known.insert(flag.name);
      EXPECT_THAT(text, HasSubstr(flag.name)) << "of ballast " << command.name;
    }
  }
  for (const FlagDescription& flag : ControllerFlags()) {
    known.insert(flag.name);
    EXPECT_THAT(ControllerHelp(), HasSubstr("  " + flag.name + "\n"));
    const std::string value = flag.default_value.empty() ? "" : "`" + flag.default_value + "`";
    EXPECT_THAT(text, HasSubstr("| `" + flag.name + "` | " + value));
  }
  const std::regex flag("--[a-z][a-z-]+");
  for (std::sregex_iterator it(text.begin(), text.end(), flag), end; it != end; ++it) {
    EXPECT_TRUE(known.contains(it->str())) << it->str() << " does not exist";
  }
}

TEST(Documentation, NamesEveryCommandAndExitCode) {
  const std::string text = ReadDocument();
  for (const std::string& command : cli::CommandNames()) {
    EXPECT_THAT(text, HasSubstr("| `ballast " + command));
    EXPECT_THAT(cli::GeneralHelp(), HasSubstr("\n  " + command + " "));
  }
  for (const int code : {cli::kExitOk, cli::kExitFailed, cli::kExitUsage, cli::kExitTimeout,
                         cli::kExitInterrupted}) {
    EXPECT_THAT(text, HasSubstr("\n| " + std::to_string(code) + " | "));
  }
}

}  // namespace
}  // namespace ballast::cmd
