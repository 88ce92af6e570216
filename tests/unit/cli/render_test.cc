// What `ballast status` prints, compared with tests/golden/status. After a wanted change:
// BALLAST_UPDATE_GOLDEN=1 unit_cli, then read the difference.
#include "controller/cli/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string PathOf(const std::string& name) {
  return std::string(BALLAST_SOURCE_DIR) + "/tests/golden/status/" + name;
}

std::string ReadText(const std::string& name) {
  std::ifstream in(PathOf(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

json Sample(const std::string& name) { return json::parse(ReadText(name + ".json")); }

struct Picture {
  const char* name;  // of the golden file
  const char* sample;
  const char* app;
  std::size_t width;
  bool color;
};
class Golden : public testing::TestWithParam<Picture> {};
INSTANTIATE_TEST_SUITE_P(Status, Golden,
                         testing::Values(Picture{"full", "full", "", 0, false},
                                         Picture{"full_color", "full", "", 0, true},
                                         Picture{"full_120", "full", "", 120, false},
                                         Picture{"full_80", "full", "", 80, false},
                                         Picture{"full_40", "full", "", 40, false},
                                         Picture{"one_app", "full", "blog", 0, false},
                                         Picture{"empty", "empty", "", 80, false}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(Golden, LooksAsBefore) {
  const Picture& picture = GetParam();
  const auto selected = SelectStatus(Sample(picture.sample), picture.app);
  ASSERT_TRUE(selected);
  const std::string text = RenderStatus(*selected, *picture.app != '\0',
                                        {.width = picture.width, .color = picture.color});
  const std::string file = std::string(picture.name) + ".txt";
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  if (std::getenv("BALLAST_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(PathOf(file), std::ios::binary) << text;
  }
  EXPECT_EQ(text, ReadText(file));
}

TEST(RenderStatus, ObeysNothingThatUsersWrite) {
  const std::string text = RenderStatus(Sample("full"), true, {});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\x1b'), 0);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\a'), 0);
}

TEST(RenderStatus, FitsTheTerminalWhereItCan) {
  for (const std::size_t width : {60U, 80U, 100U, 132U, 200U}) {
    std::istringstream text(RenderStatus(Sample("full"), true, {.width = width}));
    bool problems = false;
    for (std::string line; std::getline(text, line);) {
      if (line.empty()) problems = false;
      if (line.starts_with("PROBLEM")) problems = true;  // is never cut
      if (!problems && !line.starts_with("ballast ")) {
        EXPECT_LE(DisplayWidth(line), width) << line;
      }
    }
  }
}

// A newer or older controller, or something else altogether.
TEST(RenderStatus, TakesAnyJson) {
  for (const char* text :
       {"null", "[]", "{}", "3", R"({"webapps": 3})", R"({"webapps": [null, 3, [], {}]})",
        R"({"controller": [], "webapps": [{"name": 3, "status": {"conditions": [1, {}]}}]})",
        R"({"now": "x", "events": [{"count": "many"}], "loadBalancers": [{}], "problems": [[]]})",
        R"({"webapps": [{"replicas": [{}], "status": null, "desired": "yes"}]})"}) {
    EXPECT_FALSE(RenderStatus(json::parse(text), true, {.width = 80, .color = true}).empty());
    const auto selected = SelectStatus(json::parse(text), "x");
    EXPECT_TRUE(selected || !selected.error().message.empty());
  }
}

TEST(SelectStatus, FindsByNameWithAndWithoutNamespace) {
  for (const char* name : {"blog", "team-b/blog"}) {
    const auto selected = SelectStatus(Sample("full"), name);
    ASSERT_TRUE(selected);
    EXPECT_EQ(selected->at("webapps").size(), 1U);
    EXPECT_EQ(selected->at("events").size(), 1U);
  }
  for (const char* name : {"bog", "default/blog", "", "/"}) {
    const auto selected = SelectStatus(Sample("full"), name);
    EXPECT_EQ(selected.has_value(), *name == '\0') << name;
  }
  EXPECT_THAT(SelectStatus(Sample("full"), "bog\x1b").error().message,
              HasSubstr("default/shop, team-b/blog"));
  EXPECT_THAT(SelectStatus(Sample("empty"), "x").error().message, HasSubstr("none yet"));
}

TEST(FormatAge, IsAsKubectlSays) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {-5, "0s"},     {0, "0s"},        {119, "119s"},     {120, "2m"},          {185, "3m5s"},
      {600, "10m"},   {3 * 3600, "3h"}, {11100, "3h5m"},   {8 * 3600, "8h"},     {47 * 3600, "47h"},
      {172800, "2d"}, {190800, "2d5h"}, {8 * 86400, "8d"}, {400 * 86400, "400d"}};
  for (const auto& [seconds, text] : cases) EXPECT_EQ(FormatAge(seconds), text);
}

TEST(SecondsBetween, KnowsNoTime) {
  EXPECT_EQ(SecondsBetween("2026-11-21T09:59:50Z", "2026-11-21T10:00:00Z"), 10);
  EXPECT_EQ(SecondsBetween("2026-11-21T10:00:10Z", "2026-11-21T10:00:00Z"), 0);
  EXPECT_EQ(SecondsBetween("", "2026-11-21T10:00:00Z"), -1);
  EXPECT_EQ(SecondsBetween("yesterday", "today"), -1);
}

TEST(Table, CutsTheLastColumnOnly) {
  EXPECT_EQ(Fit("abcdef", 6), "abcdef");
  EXPECT_EQ(Fit("abcdef", 5), "ab...");
  EXPECT_EQ(Fit("äöüäöü", 5), "äö...");
  EXPECT_EQ(Fit("abcdef", 2), "..");
  EXPECT_EQ(Fit("", 0), "");
  EXPECT_EQ(Sanitize("a\tb\x1b[1m\x7f\xc2\x9b"
                     "2Jä"),
            "a b?[1m??2Jä");
  EXPECT_EQ(
      RenderTable({{"A"}, {"N", true}, {"B"}}, {{{"xx"}, {"7"}, {"y"}}, {{"z"}, {"10"}, {""}}}, {}),
      "A     N   B\nxx    7   y\nz    10\n");
}

}  // namespace
}  // namespace ballast::cli
