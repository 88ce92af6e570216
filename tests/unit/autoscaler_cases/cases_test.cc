// Upstream's own tables as tests: each case of the file is a test named by its id. The file is
// tests/golden/autoscaler_cases.json, or what BALLAST_AUTOSCALER_CASES names.
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "tests/unit/autoscaler_cases/ops.h"

namespace ballast::reconcilers::cases {
namespace {

class CaseTest : public testing::Test {
 public:
  explicit CaseTest(Json one) : one_(std::move(one)) {}
  void TestBody() override {
    for (const std::string& problem : RunCase(one_)) {
      ADD_FAILURE() << Word("op") << ", " << Word("name") << ": " << problem;
    }
  }

 private:
  std::string Word(const char* name) const {
    return one_.is_object() && one_.contains(name) ? one_[name].dump() : "?";
  }

  Json one_;
};

class BrokenFile : public testing::Test {
 public:
  explicit BrokenFile(std::string what) : what_(std::move(what)) {}
  void TestBody() override { FAIL() << what_; }

 private:
  std::string what_;
};

void Register(const std::string& name, std::function<testing::Test*()> make) {
#ifndef __clang_analyzer__  // which takes gtest's own list for a leak
  testing::RegisterTest("UpstreamCases", name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                        std::move(make));
#endif
}

std::string FileName() {
  const char* file = std::getenv("BALLAST_AUTOSCALER_CASES");  // NOLINT(concurrency-mt-unsafe)
  return file != nullptr && *file != '\0'
             ? file
             : std::string(BALLAST_SOURCE_DIR) + "/tests/golden/autoscaler_cases.json";
}

// Test names are words; ids may be anything, and may repeat.
std::string UniqueName(const Json& one, std::size_t index, std::set<std::string>& names) {
  std::string name = one.is_object() && one.contains("id") && one["id"].is_string()
                         ? one["id"].get<std::string>()
                         : "Case" + std::to_string(index);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  while (name.empty() || !names.insert(name).second) name += "_again";
  return name;
}

bool RegisterAll() {
  const std::string file = FileName();
  const auto broken = [&file](const std::string& what) {
    Register("File", [what = file + ": " + what] { return new BrokenFile(what); });
    return false;
  };
  std::ifstream stream(file);
  if (!stream) return broken("cannot be read");
  std::stringstream text;
  text << stream.rdbuf();
  const Json all = Json::parse(text.str(), nullptr, false);
  if (all.is_discarded()) return broken("is not JSON");
  const Json& cases = all.is_object() && all.contains("cases") ? all["cases"] : all;
  if (!cases.is_array() || cases.empty()) return broken("has no list \"cases\"");
  std::set<std::string> names;
  std::size_t index = 0;
  for (const Json& one : cases) {
    Register(UniqueName(one, ++index, names), [one] { return new CaseTest(one); });
  }
  return true;
}

[[maybe_unused]] const bool kRegistered = RegisterAll();

// The runner itself must not pass what it does not understand.
TEST(CaseRunner, SaysWhatItDoesNotUnderstand) {
  const auto first = [](const char* text) {
    const Problems problems = RunCase(Json::parse(text));
    return problems.empty() ? "" : problems.front();
  };
  EXPECT_EQ(first(R"({"op": "guess", "expected": {}})"), "unknown op \"guess\"");
  EXPECT_EQ(first(R"({"op": "kpa", "steps": [{"t": 0, "colour": 1}]})"),
            "unknown field steps[0].colour");
  EXPECT_EQ(first(R"({"op": "convert_no_behavior", "min": 1, "max": 9, "current": 1, "desired": 3,
                      "expected": {"replicas": 3}, "mood": "good"})"),
            "unknown field mood");
  EXPECT_EQ(first(R"({"op": "convert_no_behavior", "min": 1, "max": 9, "current": 1, "desired": 3,
                      "expected": {"replicas": 4}})"),
            "expected.replicas: got 3, expected 4");
  EXPECT_EQ(first(R"({"op": "convert_no_behavior", "min": 1, "max": 9, "current": 1,
                      "desired": 3})"),
            "nothing is expected");
  EXPECT_EQ(first(R"({"op": "convert_no_behavior", "min": "one", "max": 9, "current": 1,
                      "desired": 3, "expected": {"replicas": 3}})"),
            ".min must be an integer");
  EXPECT_EQ(first(R"(7)"), " is no object: 7");
}

}  // namespace
}  // namespace ballast::reconcilers::cases
