#include "controller/cli/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "controller/cli/commands.h"

namespace ballast::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome RunCli(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = Run(arguments, {.version = "1.2.3"}, out, err);
  return {code, out.str(), err.str()};
}

TEST(Cli, Helps) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"help"}, {"--help"}, {"-h"}, {"help", "help"}, {"help", "--help"}}) {
    const Outcome outcome = RunCli(arguments);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("usage: ballast COMMAND"));
    EXPECT_EQ(outcome.err, "");
  }
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"status", "--help"}, {"status", "-h"}, {"help", "status"}, {"status", "x", "--help"}}) {
    EXPECT_EQ(RunCli(arguments).out, CommandHelp(*FindCommand("status")));
  }
  for (const std::string& name : CommandNames()) {
    EXPECT_THAT(GeneralHelp(), HasSubstr("\n  " + name + " "));
  }
  EXPECT_EQ(RunCli({"version", "--client"}).out, "ballast 1.2.3\n");
  EXPECT_EQ(RunCli({"--version", "--client"}).out, "ballast 1.2.3\n");
}

struct Wrong {
  std::vector<std::string> arguments;
  const char* message;
};

TEST(Cli, SaysWhatIsWrongWithTheCommandLine) {
  const Wrong cases[] = {
      {{"statsu"}, "there is no command statsu; did you mean status?"},
      {{"stat"}, "there is no command stat; did you mean status?"},
      {{"controler"}, "did you mean controller?"},
      {{"frobnicate"}, "there is no command frobnicate\n"},
      {{"--verbose"}, "there is no flag --verbose"},
      {{"a\x1b[31m"}, "there is no command a?[31m"},
      {{""}, "there is no command"},
      {{"help", "statu"}, "did you mean status?"},
      {{"version", "x"}, "version takes no words"},
      {{"status", "--sock=x"}, "status has no flag --sock; did you mean --socket?"},
      {{"status", "--socket"}, "--socket needs a value"},
      {{"status", "--socket="}, "--socket needs a value: --socket PATH"},
      {{"status", "-o", "yaml"}, "--output is table or json, not \"yaml\""},
      {{"status", "-oyaml"}, "--output is table or json, not \"yaml\""},
      {{"status", "a", "b"}, "more than one web app is named"},
      {{"status", ""}, "an argument is empty"},
      {{"status", "--", "-a", "-b"}, "more than one web app is named"}};
  for (const Wrong& wrong : cases) {
    const Outcome outcome = RunCli(wrong.arguments);
    EXPECT_EQ(outcome.code, kExitUsage) << wrong.message;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("ballast: "));
    EXPECT_THAT(outcome.err, HasSubstr(wrong.message));
    EXPECT_THAT(outcome.err, HasSubstr("see `ballast "));
  }
  const Outcome nothing = RunCli({});
  EXPECT_EQ(nothing.code, kExitUsage);
  EXPECT_THAT(nothing.err, HasSubstr("usage: ballast COMMAND"));
}

TEST(Cli, SaysWhatToDoWithoutAController) {
  for (const auto& flags : std::vector<std::vector<std::string>>{
           {"--socket", "/nowhere/b.sock"}, {"--socket=/nowhere/b.sock", "-ojson", "shop"}}) {
    std::vector<std::string> arguments = {"status"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome outcome = RunCli(arguments);
    EXPECT_EQ(outcome.code, kExitFailed);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "ballast: no controller answers on /nowhere/b.sock: is it running? start it with "
              "`ballast controller --manifests DIR`\n");
  }
}

TEST(Suggest, OnlyWhatIsNear) {
  const std::vector<std::string> known = {"status", "version"};
  EXPECT_EQ(Suggest("staus", known), "; did you mean status?");
  EXPECT_EQ(Suggest("ver", known), "; did you mean version?");
  EXPECT_EQ(Suggest("xyz", known), "");
  EXPECT_EQ(Suggest(std::string(1'000'000, 's'), known), "");
}

}  // namespace
}  // namespace ballast::cli
