// Everything a user may have got wrong, with the exact message and place. The cases are files in
// tests/golden/bad-input: a name, the text, the errors. {00} stands for a byte in hex, {eof} for
// the end of the text without a newline. BALLAST_UPDATE_GOLDEN=1 rewrites the errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

struct BadInput {
  std::string name;
  std::string text;
  std::string errors;
};

struct Group {
  const char* file;
  std::string head;
  bool all = false;  // kinds and features
};

const std::string kPodHead = testing::kWebAppHead + "  template:\n    spec:\n";
const std::string kContainerHead =
    kPodHead + "      containers:\n      - name: web\n        image: acme/shop\n" +
    "        ports: [{name: http, containerPort: 80}]\n";
const std::string kImageHead =
    kPodHead + "      containers:\n      - name: web\n        ports: [{containerPort: 80}]\n";

const std::string kMetricsHead = testing::kAutoscalerHead +
                                 "  scaleTargetRef: {kind: WebApp, name: shop}\n" +
                                 "  maxReplicas: 10\n  metrics:\n";
const std::string kScalerHead =
    kMetricsHead + "  - {type: RequestRate, requestRate: {target: {averageValue: \"50\"}}}\n";

const std::vector<Group>& Groups() {
  static const std::vector<Group> groups = {
      {"document", ""},
      {"spec", testing::kWebAppHead},
      {"pod", kPodHead},
      {"container", kContainerHead},
      {"image", kImageHead},
      {"route", testing::kWebAppHead + "  routes:\n"},
      {"traffic", testing::kWebAppHead + "  traffic:\n"},
      {"load-balancer", testing::kLoadBalancerHead},
      {"all-kinds", "", true},
      {"autoscaler", testing::kAutoscalerHead, true},
      {"metrics", kMetricsHead, true},
      {"behavior", kScalerHead, true},
      {"config-map", testing::kConfigMapHead, true},
      {"secret", testing::kSecretHead, true},
      {"env-references", kContainerHead, true},
      {"object-volumes", kPodHead, true},
      {"https", testing::kLoadBalancerHead, true},
  };
  return groups;
}

std::string PathOf(const Group& group) {
  return testing::SourcePath(std::string("tests/golden/bad-input/") + group.file + ".txt");
}

DecodeOptions OptionsOf(const Group& group) {
  return group.all ? testing::AllKinds() : testing::Options();
}

std::vector<BadInput> Load(const Group& group) {
  std::vector<BadInput> cases;
  std::istringstream lines(testing::ReadFile(PathOf(group)));
  std::string line;
  bool errors = false;
  while (std::getline(lines, line)) {
    if (line.starts_with("== ")) {
      cases.push_back({line.substr(3), "", ""});
      errors = false;
    } else if (line == "--") {
      errors = true;
    } else if (!cases.empty()) {
      (errors ? cases.back().errors : cases.back().text) += line + "\n";
    }
  }
  return cases;
}

std::string Unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto hex = [](char c) { return std::string_view("0123456789abcdef").find(c); };
    if (text.compare(i, 6, "{eof}\n") == 0) {
      i += 5;
    } else if (text[i] == '{' && i + 3 < text.size() && text[i + 3] == '}' &&
               hex(text[i + 1]) != std::string_view::npos &&
               hex(text[i + 2]) != std::string_view::npos) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

class BadInputTest : public ::testing::TestWithParam<std::size_t> {};

TEST_P(BadInputTest, SaysWhatIsWrongAndWhere) {
  const Group& group = Groups()[GetParam()];
  std::string rewritten;
  const std::vector<BadInput> cases = Load(group);
  EXPECT_GE(cases.size(), 10U);
  for (const BadInput& bad : cases) {
    SCOPED_TRACE(bad.name);
    const std::string errors = testing::ErrorsOf(group.head + Unescape(bad.text), OptionsOf(group));
    EXPECT_NE(errors, "") << "accepted";
    rewritten += "== " + bad.name + "\n" + bad.text + "--\n" + errors;
    if (!testing::UpdateGolden()) {
      EXPECT_EQ(errors, bad.errors);
    }
  }
  if (testing::UpdateGolden()) testing::WriteFile(PathOf(group), rewritten);
}

INSTANTIATE_TEST_SUITE_P(Files, BadInputTest, ::testing::Range(std::size_t{0}, Groups().size()),
                         [](const auto& info) {
                           std::string name = Groups()[info.param].file;
                           std::erase(name, '-');
                           return name;
                         });

// The mark of an error is inside the text and its line holds the field that it names.
TEST(BadInput, PlacesLieInTheText) {
  for (const Group& group : Groups()) {
    for (const BadInput& bad : Load(group)) {
      SCOPED_TRACE(bad.name);
      const std::string text = group.head + Unescape(bad.text);
      const auto objects = DecodeManifest("app.yaml", text, OptionsOf(group));
      ASSERT_FALSE(objects.has_value());
      int line = 0;
      for (const FieldError& error : objects.error()) {
        EXPECT_GE(error.line, line) << "not in the order of the text";
        line = error.line;
        EXPECT_LE(error.line, 2 + std::count(text.begin(), text.end(), '\n'));
        EXPECT_EQ(error.ToString().find('\n'), std::string::npos) << "a forged log line";
      }
    }
  }
}

TEST(BadInput, OneErrorMeansNoObjects) {
  const std::string good = testing::kWebAppHead + "  paused: true\n---\n";
  EXPECT_TRUE(DecodeManifest("a.yaml", good, {}).has_value());
  EXPECT_FALSE(DecodeManifest("a.yaml", good + "kind: Nonsense\n", {}).has_value());
}

TEST(BadInput, SecretsAreNotShown) {
  const std::string errors = testing::ErrorsOf(
      kContainerHead + "        env: [{name: PASSWORD, value: \"hunter2\\0\"}]\n");
  EXPECT_THAT(errors, ::testing::HasSubstr("without NUL characters"));
  EXPECT_THAT(errors, ::testing::Not(::testing::HasSubstr("hunter2")));
}

TEST(BadInput, AtMostAHundredErrors) {
  std::string text = testing::kWebAppHead;
  for (int i = 0; i < 500; ++i) text += "  unknown" + std::to_string(i) + ": 1\n";
  const auto objects = DecodeManifest("app.yaml", text, {});
  ASSERT_FALSE(objects.has_value());
  EXPECT_EQ(objects.error().size(), 100U);
  EXPECT_EQ(objects.error().front().line, 5);
  EXPECT_EQ(objects.error().back().line, 104);
}

}  // namespace
}  // namespace ballast::api
