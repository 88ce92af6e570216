#include "controller/cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "controller/cli/commands.h"

namespace ballast::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Arguments Parse(const std::vector<std::string>& arguments) {
  const auto parsed = Arguments::Parse(*FindCommand("get"), arguments);
  EXPECT_TRUE(parsed) << parsed.error();
  return parsed ? *parsed : Arguments();
}

TEST(Arguments, ReadsFlagsInEveryForm) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"-o", "yaml"},
                                                                     {"-oyaml"},
                                                                     {"-o=yaml"},
                                                                     {"--output", "yaml"},
                                                                     {"--output=yaml"},
                                                                     {"-Awoyaml"},
                                                                     {"-oname", "-oyaml"}}) {
    EXPECT_EQ(Parse(arguments).Get("--output"), "yaml");
  }
  const Arguments several =
      Parse({"webapps", "-wA", "shop", "--no-headers=false", "-", "--", "-x"});
  EXPECT_THAT(several.words(), ElementsAre("webapps", "shop", "-", "-x"));
  EXPECT_TRUE(several.On("--watch"));
  EXPECT_TRUE(several.On("--all-namespaces"));
  EXPECT_FALSE(several.On("--no-headers"));
  EXPECT_FALSE(several.Given("--selector"));
  EXPECT_EQ(several.Get("--output"), "table");
  EXPECT_EQ(several.Get("--namespace"), "default");
  EXPECT_TRUE(Parse({"--watch", "-h"}).help());
}

TEST(Arguments, SaysWhatIsWrong) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"--outptu"}, "get has no flag --outptu; did you mean --output?"},
      {{"-z"}, "get has no flag -z"},
      {{"-wz"}, "get has no flag -wz"},
      {{"-o"}, "--output needs a value: --output FORMAT"},
      {{"--output="}, "--output needs a value"},
      {{"--watch=maybe"}, "--watch is true or false, not \"maybe\""},
      {{""}, "an argument is empty"},
      {{"--\x1b[31m"}, "get has no flag --?[31m"}};
  for (const auto& [arguments, message] : cases) {
    const auto parsed = Arguments::Parse(*FindCommand("get"), arguments);
    ASSERT_FALSE(parsed);
    EXPECT_THAT(parsed.error(), HasSubstr(message));
  }
}

TEST(ParseDuration, TakesWhatPeopleWrite) {
  using std::chrono::seconds;
  EXPECT_EQ(ParseDuration("0"), seconds(0));
  EXPECT_EQ(ParseDuration("90s"), seconds(90));
  EXPECT_EQ(ParseDuration("1h30m"), seconds(5400));
  EXPECT_EQ(ParseDuration("365d"), seconds(365 * 86400));
  for (const char* wrong :
       {"", "5", "m", "-1s", "1.5h", "5x", "1h5", "99999999999999999999s", "9999999999d", "s5"}) {
    EXPECT_FALSE(ParseDuration(wrong)) << wrong;
  }
}

TEST(ParseCount, OnlyWholeNumbers) {
  EXPECT_EQ(ParseCount("0"), 0);
  EXPECT_EQ(ParseCount("12"), 12);
  for (const char* wrong : {"", "-1", "+1", "1.0", "x", "99999999999"}) {
    EXPECT_FALSE(ParseCount(wrong)) << wrong;
  }
}

TEST(CommandTable, IsWhatHelpShows) {
  for (const Command& command : Commands()) {
    EXPECT_FALSE(command.summary.empty());
    EXPECT_THAT(command.usages, testing::Not(IsEmpty()));
    const std::string help = CommandHelp(command);
    EXPECT_THAT(help, HasSubstr("usage: ballast " + command.name));
    std::set<char> letters = {'h'};
    for (const Flag& flag : command.flags) {
      EXPECT_THAT(help, HasSubstr(flag.name));
      if (flag.letter != 0) {
        EXPECT_TRUE(letters.insert(flag.letter).second) << command.name << " " << flag.name;
      }
    }
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = help.find('\n', begin)) != help.npos; begin = end + 1) {
      EXPECT_LE(end - begin, 110U) << help.substr(begin, end - begin);
    }
  }
}

}  // namespace
}  // namespace ballast::cli
