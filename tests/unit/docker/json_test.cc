#include "controller/docker/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace ballast::docker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Elements(const std::string& text, std::size_t chunk, bool& whole) {
  std::vector<std::string> out;
  ArraySplitter splitter([&](std::string_view element) -> Result<void> {
    out.emplace_back(element);
    return {};
  });
  whole = true;
  for (std::size_t at = 0; whole && at < text.size(); at += chunk) {
    whole = splitter.Feed(std::string_view(text).substr(at, chunk)).has_value();
  }
  whole = whole && splitter.Finish();
  return out;
}

TEST(Json, DeepNestingIsAnErrorAndNoCrash) {
  const std::string deep(1'000'000, '[');
  EXPECT_FALSE(ParseJson(deep));
  std::string allowed = std::string(64, '[') + std::string(64, ']');
  EXPECT_TRUE(ParseJson(allowed));
  EXPECT_FALSE(ParseJson("[" + allowed + "]"));
  // Brackets inside of strings are no nesting.
  EXPECT_TRUE(ParseJson("\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\""));
}

TEST(Json, RubbishIsAnError) {
  for (const char* text : {"", "{", "nul", "{\"a\":}", "\x80", "[1]]"})
    EXPECT_FALSE(ParseJson(text));
}

TEST(Json, GettersSurviveEveryWrongType) {
  const auto json = ParseJson(
      R"({"s":"x","i":5,"f":1.5,"b":true,"n":null,"big":18446744073709551615,"o":{"k":"v","l":1}})");
  ASSERT_TRUE(json);
  EXPECT_EQ(GetString(*json, {"s"}), "x");
  EXPECT_EQ(GetString(*json, {"i"}), "");
  EXPECT_EQ(GetString(*json, {"s", "deeper"}), "");
  EXPECT_EQ(GetInt(*json, {"i"}), 5);
  EXPECT_EQ(GetInt(*json, {"f"}), 0);
  EXPECT_EQ(GetInt(*json, {"b"}), 0);
  EXPECT_EQ(GetInt(*json, {"big"}), 0);
  EXPECT_TRUE(GetBool(*json, {"b"}));
  EXPECT_FALSE(GetBool(*json, {"n"}));
  EXPECT_THAT(GetStringMap(*json, {"o"}), ElementsAre(std::pair("k", "v")));
  EXPECT_THAT(GetStringMap(*json, {"n"}), IsEmpty());
  EXPECT_EQ(Find(*json, {"missing", "too"}), nullptr);
}

TEST(Json, DumpsWhatIsNoUtf8) { EXPECT_EQ(DumpJson(nlohmann::json("a\xff")), "\"a\xef\xbf\xbd\""); }

TEST(ArraySplitter, FindsTheSameElementsHoweverTheTextIsCut) {
  const std::string text = R"( [ {"a":"]}\"","b":[1,{"c":2}]},
    {"d":"\\"} , {} ] )";
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
    bool whole = false;
    EXPECT_THAT(Elements(text, chunk, whole),
                ElementsAre(R"({"a":"]}\"","b":[1,{"c":2}]})", R"({"d":"\\"})", "{}"));
    EXPECT_TRUE(whole) << chunk;
  }
}

TEST(ArraySplitter, KnowsWhatIsNotWhole) {
  bool whole = true;
  EXPECT_THAT(Elements("[]", 1, whole), IsEmpty());
  EXPECT_TRUE(whole);
  EXPECT_THAT(Elements("null\n", 1, whole), IsEmpty());
  EXPECT_TRUE(whole);
  for (const char* text : {"", "[", "[{\"a\":1}", "[{\"a\":1", "{}", "[1]", "[] x", "<html>"}) {
    (void)Elements(text, 3, whole);
    EXPECT_FALSE(whole) << text;
  }
}

TEST(ArraySplitter, RefusesAnElementWithoutEnd) {
  ArraySplitter splitter([](std::string_view) -> Result<void> { return {}; });
  ASSERT_TRUE(splitter.Feed("[{\"a\":\""));
  const std::string part(std::size_t{1} << 20, 'x');
  Result<void> fed;
  for (int i = 0; fed && i < 20; ++i) fed = splitter.Feed(part);
  EXPECT_FALSE(fed);
}

TEST(LineSplitter, LinesCutAnywhere) {
  const std::string text = "{\"a\":1}\r\n\n  {\"b\":2}\nlast";
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
    std::vector<std::string> out;
    LineSplitter lines([&](std::string_view line) -> Result<void> {
      out.emplace_back(line);
      return {};
    });
    for (std::size_t at = 0; at < text.size(); at += chunk) {
      ASSERT_TRUE(lines.Feed(std::string_view(text).substr(at, chunk)));
    }
    ASSERT_TRUE(lines.Finish());
    EXPECT_THAT(out, ElementsAre("{\"a\":1}", "{\"b\":2}", "last"));
  }
}

TEST(LineSplitter, SkipsAndCountsWhatIsTooLong) {
  std::vector<std::string> out;
  LineSplitter lines(
      [&](std::string_view line) -> Result<void> {
        out.emplace_back(line);
        return {};
      },
      8);
  ASSERT_TRUE(lines.Feed("123456789\nshort\n12345"));
  ASSERT_TRUE(lines.Feed("6789 and much more\nend\n"));
  EXPECT_THAT(out, ElementsAre("short", "end"));
  EXPECT_EQ(lines.too_long(), 2U);
}

}  // namespace
}  // namespace ballast::docker
