// Inputs that are too large, too deep, too many: clean errors, no crash, no long wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/yaml.h"
#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

using ::testing::HasSubstr;

std::string Repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Limits, HundredMegabytesAreRefusedUnread) {
  const std::string text(100'000'000, 'a');
  EXPECT_EQ(testing::ErrorsOf(text),
            "app.yaml: the file is larger than 1 MiB (100000000 bytes): split it\n");
}

TEST(Limits, ExactlyOneMebibyteIsRead) {
  std::string text = testing::kWebAppHead + "  paused: true\n# ";
  text.resize(kMaxManifestBytes, 'x');
  EXPECT_EQ(testing::ErrorsOf(text), "");
  EXPECT_THAT(testing::ErrorsOf(text + "x"), HasSubstr("larger than 1 MiB"));
}

TEST(Limits, DeepNestingInEveryNotation) {
  std::string block;
  for (int i = 0; i < 1000; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  const std::string many[] = {"a: " + Repeat("[", 1000),
                              Repeat("[", 500'000),
                              Repeat("{a: ", 1000),
                              Repeat("{", 500'000),
                              Repeat("- ", 1000),
                              Repeat("- ", 500'000),
                              Repeat("? ", 500'000),
                              block,
                              Repeat("[", 1000) + Repeat("]", 1000)};
  for (const std::string& text : many) {
    SCOPED_TRACE(text.substr(0, 10));
    const auto objects = DecodeManifest("app.yaml", text, {});
    ASSERT_FALSE(objects.has_value());
    ASSERT_FALSE(objects.error().empty());
    EXPECT_THAT(objects.error().front().message,
                ::testing::AnyOf(HasSubstr("nested deeper than 64 levels"),
                                 HasSubstr("a key must be a string")));
  }
}

TEST(Limits, DepthSixtyFourIsTheLast) {
  ErrorList good("a");
  EXPECT_EQ(ParseYaml(Repeat("[", 64) + Repeat("]", 64), good).size(), 1U);
  EXPECT_TRUE(good.empty());
  ErrorList bad("a");
  EXPECT_EQ(ParseYaml(Repeat("[", 65) + Repeat("]", 65), bad).size(), 0U);
  EXPECT_FALSE(bad.empty());
}

TEST(Limits, Documents) {
  const std::string document = "---\n" + testing::kWebAppHead + "  paused: true\n";
  const auto good = DecodeManifest("app.yaml", Repeat(document, 200), {});
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->size(), 200U);
  EXPECT_THAT(testing::ErrorsOf(Repeat(document, 201)),
              HasSubstr("more than 200 documents in one file"));
}

TEST(Limits, Values) {
  EXPECT_THAT(testing::ErrorsOf("[" + Repeat("a,", 60'000) + "]"),
              HasSubstr("more than 50000 values in one file"));
  std::string keys;
  for (int i = 0; i < 60'000; ++i) keys += "k" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(testing::ErrorsOf(keys), HasSubstr("more than 50000 values in one file"));
}

TEST(Limits, ManyErrorsAndManyKeysAreNotQuadratic) {
  std::string text = testing::kWebAppHead + "  traffic:\n";
  for (int i = 0; i < 20'000; ++i) text += "    k" + std::to_string(i) + ": yes\n";
  const auto objects = DecodeManifest("app.yaml", text, {});
  ASSERT_FALSE(objects.has_value());
  EXPECT_EQ(objects.error().size(), 100U);
}

TEST(Limits, BillionLaughsIsRefusedAtItsFirstAnchor) {
  std::string text = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c < 'j'; ++c) {
    const std::string before = "*" + std::string(1, static_cast<char>(c - 1));
    text += std::string(1, c) + ": &" + c + " [" + Repeat(before + ", ", 8) + before + "]\n";
  }
  EXPECT_EQ(testing::ErrorsOf(text).substr(0, 60),
            "app.yaml:1:4: a: anchors (&a) are not allowed: write the val");
}

TEST(Limits, EmptyTextsHaveNoObjects) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "---\n---\n", "---\n# a\n---\n...\n",
                           "null\n", "\xEF\xBB\xBF"}) {
    const auto objects = DecodeManifest("app.yaml", text, {});
    ASSERT_TRUE(objects.has_value()) << text;
    EXPECT_TRUE(objects->empty()) << text;
  }
}

TEST(ParseJsonStrict, ReadsWhatJsonIs) {
  const auto json =
      ParseJsonStrict(R"( {"a": [1, -2, 3.5, true, null, "\u00e9"], "b": {}} )", 1000, 10);
  ASSERT_TRUE(json.has_value()) << json.error().message;
  EXPECT_EQ(json->dump(), R"({"a":[1,-2,3.5,true,null,"é"],"b":{}})");
}

TEST(ParseJsonStrict, Refuses) {
  const struct {
    std::string text;
    std::string message;
  } cases[] = {
      {R"({"a":1,"a":2})", "duplicate key \"a\""},
      {R"({"b":{"a":1},"c":{"a":1,"a":1}})", "duplicate key \"a\""},
      {Repeat("[", 11) + Repeat("]", 11), "nested deeper than 10 levels"},
      {Repeat("[", 100'000), "larger than 1000 bytes (100000)"},
      {"", "not valid JSON: parse error at line 1, column 1"},
      {"{} x", "not valid JSON: parse error at line 1, column 4"},
      {"{'a':1}", "not valid JSON: parse error at line 1, column 2"},
      {"\"\xff\"", "not valid JSON"},
      {std::string("\"a\0\"", 4), "not valid JSON"},
      {"[1e999]", "not valid JSON"},
      {"NaN", "not valid JSON"},
  };
  for (const auto& bad : cases) {
    const auto json = ParseJsonStrict(bad.text, 1000, 10);
    ASSERT_FALSE(json.has_value()) << bad.text;
    EXPECT_EQ(json.error().code, Code::kInvalidArgument);
    EXPECT_THAT(json.error().message, ::testing::StartsWith(bad.message));
  }
}

TEST(ParseJsonStrict, DeepTextDoesNotCrash) {
  const auto json = ParseJsonStrict(Repeat("[", 1'000'000), 2'000'000, 64);
  ASSERT_FALSE(json.has_value());
  EXPECT_EQ(json.error().message, "nested deeper than 64 levels");
}

TEST(DecodeObject, DeepOrBrokenJsonIsAnError) {
  nlohmann::json deep = 1;
  for (int i = 0; i < 1000; ++i) {
    nlohmann::json outer = nlohmann::json::object();
    outer["a"] = std::move(deep);
    deep = std::move(outer);
  }
  const auto object = DecodeObject(deep, {});
  ASSERT_FALSE(object.has_value());
  EXPECT_THAT(object.error().message, HasSubstr("nested deeper than 64 levels"));

  nlohmann::json invalid;
  invalid["kind"] = "\xff";
  EXPECT_FALSE(DecodeObject(invalid, {}).has_value());
  EXPECT_FALSE(DecodeObject(nlohmann::json::array(), {}).has_value());
  EXPECT_FALSE(DecodeObject(nullptr, {}).has_value());
}

}  // namespace
}  // namespace ballast::api
