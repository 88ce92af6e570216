#include "controller/runtime/log.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace ballast::runtime {
namespace {

TEST(Log, WritesKeysAndValues) {
  EXPECT_EQ(FormatLogLine("Replica created", {{"app", api::ObjectKey{"WebApp", "a", "b"}},
                                              {"replicas", 3},
                                              {"ready", true},
                                              {"error", Status{Code::kTimeout, "no answer"}}}),
            "Replica created app=WebApp/a/b replicas=3 ready=true error=\"Timeout: no answer\"");
}

TEST(Log, LineStaysOneLineWhateverIsInIt) {
  using std::string_view_literals::operator""sv;
  const std::pair<std::string_view, std::string_view> cases[] = {
      {""sv, R"(x="")"},
      {"a b"sv, R"(x="a b")"},
      {"a\nb\r\t"sv, R"(x="a\nb\r\t")"},
      {"a=\"b\\"sv, R"(x="a=\"b\\")"},
      {"a\0\x1b[31m\x7f"sv, R"(x="a\x00\x1b[31m\x7f")"},
      {"\xc3\xa4"sv, "x=\xc3\xa4"},
  };
  for (const auto& [value, expected] : cases) {
    EXPECT_EQ(FormatLogLine("m", {{"x", value}}), "m " + std::string(expected));
  }
}

TEST(Log, ScopesAddTheirFieldsWhileTheyLive) {
  const LogScope outer("reconcile", 7);
  {
    const LogScope inner("object", "WebApp/default/shop");
    EXPECT_EQ(FormatLogLine("m", {}), "m reconcile=7 object=WebApp/default/shop");
  }
  EXPECT_EQ(FormatLogLine("m", {{"a", 1}}), "m a=1 reconcile=7");
}

}  // namespace
}  // namespace ballast::runtime
