// The small parsers: durations, quantities, hosts, paths, names, plain YAML scalars.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/names.h"
#include "api/quantity.h"
#include "api/tree.h"
#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

TEST(Duration, Parses) {
  const struct {
    const char* text;
    int millis;
  } good[] = {{"250ms", 250},     {"60s", 60'000},          {"1h", 3'600'000},
              {"1m30s", 90'000},  {"1h1m1s1ms", 3'661'001}, {"0", 0},
              {"5", 5'000},       {"1.5s", 1'500},          {"0.25", 250},
              {"1.5h", 5'400'000}};
  for (const auto& [text, millis] : good) {
    const auto duration = ParseDuration(text);
    ASSERT_TRUE(duration.has_value()) << text;
    EXPECT_EQ(duration->count(), millis) << text;
  }
  for (const char* text : {"",
                           "s",
                           "-1s",
                           "1x",
                           "1 s",
                           "1s ",
                           "1s1s",
                           "1s1m",
                           "1m30",
                           "1.0005s",
                           "0.5ms",
                           "1e3",
                           "99999999999999999999",
                           "999999999999999h",
                           "1999999999999.1",
                           "1d",
                           "+1s",
                           "1.",
                           ".5s",
                           "1M"}) {
    EXPECT_FALSE(ParseDuration(text).has_value()) << text;
  }
}

TEST(Duration, FormatIsReadBack) {
  EXPECT_EQ(FormatDuration(Millis(60'000)), "60s");
  EXPECT_EQ(FormatDuration(Millis(120'000)), "2m");
  EXPECT_EQ(FormatDuration(Millis(3'600'000)), "1h");
  for (const int millis : {0, 1, 250, 999, 1'000, 60'000, 61'000, 90'000, 3'600'000, 3'600'001}) {
    const auto back = ParseDuration(FormatDuration(Millis(millis)));
    ASSERT_TRUE(back.has_value()) << millis;
    EXPECT_EQ(back->count(), millis);
  }
}

TEST(Quantity, Cpu) {
  EXPECT_EQ(ParseCpuMillis("500m").value(), 500);
  EXPECT_EQ(ParseCpuMillis("0.5").value(), 500);
  EXPECT_EQ(ParseCpuMillis("2").value(), 2000);
  EXPECT_EQ(ParseCpuMillis("1.25").value(), 1250);
  for (const char* text :
       {"", "m", "999999999999999.5", "-1", "0.0001", "1.5m", "500M", "1 ", "1e3", "1,5"}) {
    EXPECT_FALSE(ParseCpuMillis(text).has_value()) << text;
  }
  EXPECT_EQ(FormatCpuMillis(2000), "2");
  EXPECT_EQ(FormatCpuMillis(1250), "1250m");
}

TEST(Quantity, Bytes) {
  EXPECT_EQ(ParseBytes("256Mi").value(), 268'435'456);
  EXPECT_EQ(ParseBytes("1.5Gi").value(), 1'610'612'736);
  EXPECT_EQ(ParseBytes("500M").value(), 500'000'000);
  EXPECT_EQ(ParseBytes("1k").value(), 1'000);
  EXPECT_EQ(ParseBytes("8191Pi").value(), 9'222'246'136'947'933'184);
  EXPECT_EQ(ParseBytes("1048576").value(), 1'048'576);
  for (const char* text : {"", "Mi", "-1", "1.5", "1MB", "1mi", "1KI", "9999Pi", "1 Mi",
                           "999999999999999999999", "0x10"}) {
    EXPECT_FALSE(ParseBytes(text).has_value()) << text;
  }
  EXPECT_EQ(FormatBytes(268'435'456), "256Mi");
  EXPECT_EQ(FormatBytes(500'000'001), "500000001");
  EXPECT_EQ(FormatBytes(0), "0");
}

TEST(IntOrPercent, RoundsAsKubernetes) {
  EXPECT_EQ(ResolveUp({true, 25}, 3), 1);
  EXPECT_EQ(ResolveDown({true, 25}, 3), 0);
  EXPECT_EQ(ResolveUp({true, 25}, 4), 1);
  EXPECT_EQ(ResolveDown({true, 50}, 5), 2);
  EXPECT_EQ(ResolveUp({true, 50}, 5), 3);
  EXPECT_EQ(ResolveUp({true, 0}, 5), 0);
  EXPECT_EQ(ResolveUp({true, 100}, 1000), 1000);
  EXPECT_EQ(ResolveUp({false, 2}, 1), 2);
  EXPECT_EQ(ResolveDown({false, 2}, 100), 2);
}

TEST(Host, IsLowerCasedOrRefused) {
  EXPECT_EQ(NormalizeHost("Shop.Example.COM").value(), "shop.example.com");
  EXPECT_EQ(NormalizeHost("*.example.com").value(), "*.example.com");
  EXPECT_EQ(NormalizeHost("localhost").value(), "localhost");
  EXPECT_EQ(NormalizeHost("10.0.0.1").value(), "10.0.0.1");
  EXPECT_TRUE(NormalizeHost(std::string(63, 'a') + ".b").has_value());
  const std::string bad[] = {"",
                             "*",
                             "a b",
                             "a\nb",
                             "a:80",
                             "a.*.b",
                             "*.*.a",
                             "a..b",
                             ".a",
                             "a.",
                             "-a",
                             "a-",
                             "a_b",
                             "a/b",
                             "[::1]",
                             "a;b",
                             "a#b",
                             "a\"b",
                             "a'b",
                             "a\\b",
                             "a%b",
                             "$HOME",
                             "é.com",
                             "a\rb",
                             "a\tb",
                             "a b.com",
                             "**.a",
                             "*a.b",
                             std::string("a\0b", 3),
                             std::string(64, 'a'),
                             std::string(300, 'a')};
  for (const std::string& host : bad) EXPECT_FALSE(NormalizeHost(host).has_value()) << host;
}

TEST(Path, IsTakenOrRefused) {
  for (const char* path : {"/", "/shop", "/shop/", "/a/b.c/~d-e_f", "/a:b@c!d&e(f)*g+h,i=j"}) {
    EXPECT_EQ(NormalizePath(path).value(), path);
  }
  const std::string bad[] = {"",
                             "a",
                             "/a b",
                             "/a\nb",
                             "/a#b",
                             "/a;b",
                             "/a\\b",
                             "/a\"b",
                             "/a'b",
                             "/a%b",
                             "/%2e",
                             "/a?b",
                             "/../a",
                             "/a/..",
                             "/a/./b",
                             "//a",
                             "/a//b",
                             "/é",
                             "/a\tb",
                             "/a|b",
                             "/$a",
                             "/a{b}",
                             "/<a>",
                             "/a`b",
                             "/a^b",
                             std::string("/\0", 2),
                             "/" + std::string(512, 'a')};
  for (const std::string& path : bad) EXPECT_FALSE(NormalizePath(path).has_value()) << path;
}

// No host, path or cookie name that is accepted holds a byte that means something to HAProxy.
TEST(Injection, NoDangerousByteIsAccepted) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string text = std::string("a") + c + "b";
    const bool harmless = byte > 0x20 && byte < 0x7F &&
                          std::string_view("#;\"'\\%$`{}|<>^?[]").find(c) == std::string_view::npos;
    EXPECT_TRUE(!NormalizePath("/" + text) || (harmless)) << byte;
    EXPECT_TRUE(!NormalizeHost(text) || (harmless && c != '/' && c != '*')) << byte;
    EXPECT_TRUE(!RuleObjectName(text).empty() || (harmless && c != '.')) << byte;
    const bool separator =
        byte <= 0x20 || byte >= 0x7F ||
        std::string_view("()<>@,;:\\\"/[]?={}").find(c) != std::string_view::npos;
    EXPECT_FALSE(RuleCookieName(text).empty() && separator) << byte;
    EXPECT_FALSE(RuleHeaderName(text).empty() && separator) << byte;
    if (byte < 0x20 || byte == 0x7F) {
      for (const Rule rule : {RuleSnippet, RuleHostPort, RuleImage, RulePlainText, RuleProbePath,
                              RuleHeaderValue, RuleLogDriver, RuleDockerNetwork}) {
        EXPECT_NE(rule("/" + text), "") << byte;
        EXPECT_NE(rule(text), "") << byte;
      }
    }
  }
}

TEST(Image, DockersGrammar) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  for (const std::string& image :
       {std::string("nginx"), std::string("nginx:1.25"), std::string("acme/shop:1.4"),
        std::string("registry.example.com/acme/shop"), std::string("localhost:5000/a"),
        std::string("Registry.Example.com:443/a/b__c/d-e.f:V1_2"), "nginx" + digest,
        "a/b:1" + digest}) {
    EXPECT_EQ(RuleImage(image), "") << image;
  }
  for (const char* image :
       {"", ":1", "a:", "A", "a/B", "/a", "a/", "a//b", "a___b", "a..b", "a.-b", "a@sha256:12",
        "a b", "a:-1", "host:99999/a", "a:b:c", "a@b", "-a", "a\n"}) {
    EXPECT_NE(RuleImage(image), "") << image;
  }
}

TEST(Addresses, CidrAndHostPort) {
  for (const char* text : {"10.0.0.0/8", "1.2.3.4", "0.0.0.0/0", "::/0", "fd00::/8", "::1",
                           "2001:db8:1:2:3:4:5:6/128"}) {
    EXPECT_EQ(RuleCidr(text), "") << text;
  }
  for (const char* text :
       {"", "10.0.0.0/33", "10.0.0/8", "256.1.1.1", "01.1.1.1", "::/129", ":::", "1::2::3",
        "1:2:3:4:5:6:7:8:9", "g::", "1.2.3.4/", "1.2.3.4/08", "::1%0", "10.0.0.0/8 "}) {
    EXPECT_NE(RuleCidr(text), "") << text;
  }
  for (const char* text : {"logs.example.com:514", "10.0.0.1:1", "LOG:514"}) {
    EXPECT_EQ(RuleHostPort(text), "") << text;
  }
  for (const char* text :
       {"", "a", "a:", ":514", "a:0", "a:65536", "a:5 14", "::1:514", "[::1]:514", "a b:1"}) {
    EXPECT_NE(RuleHostPort(text), "") << text;
  }
}

TEST(Snippet, TakesDirectivesOfTheSectionOnly) {
  for (const char* line : {"tune.bufsize 32768", "  option dontlognull", "# user root", "no log",
                           "http-request deny if { path /x }", "default log"}) {
    EXPECT_EQ(RuleSnippet(line), "") << line;
  }
  for (const char* line :
       {"", " ", "no", "user root", "default user root", "no daemon", "mode tcp", "stats enable",
        "default_backend x", "ulimit-n 5", "listen x", ".endif", "\\user x", "'user' x", "$USER",
        "option x \\", "opti\xc3\xb6n x", "a\rb", "a\tb"}) {
    EXPECT_NE(RuleSnippet(line), "") << line;
  }
}

TEST(HostPath, IsComparedAsText) {
  EXPECT_EQ(CleanPath("/srv/../etc//x/./"), "/etc/x");
  EXPECT_EQ(CleanPath("/../.."), "/");
  EXPECT_TRUE(IsBelow("/srv", "/srv"));
  EXPECT_TRUE(IsBelow("/srv/a", "/srv"));
  EXPECT_FALSE(IsBelow("/srvx", "/srv"));
  EXPECT_FALSE(IsBelow("/", "/srv"));
  EXPECT_TRUE(IsBelow("/anything", "/"));
}

TEST(PlainScalar, FollowsYaml12Core) {
  using Kind = Value::Kind;
  const struct {
    const char* text;
    Kind kind;
    std::int64_t integer;
  } cases[] = {{"", Kind::kNull, 0},        {"~", Kind::kNull, 0},     {"null", Kind::kNull, 0},
               {"true", Kind::kBool, 0},    {"FALSE", Kind::kBool, 0}, {"0", Kind::kInt, 0},
               {"-0", Kind::kInt, 0},       {"+12", Kind::kInt, 12},   {"-12", Kind::kInt, -12},
               {"0x1F", Kind::kInt, 31},    {"0o17", Kind::kInt, 15},  {"1.5", Kind::kFloat, 0},
               {"1e3", Kind::kFloat, 0},    {".5", Kind::kFloat, 0},   {"-.inf", Kind::kFloat, 0},
               {".nan", Kind::kFloat, 0},   {"5.", Kind::kFloat, 0},   {"1_000", Kind::kString, 0},
               {"0x", Kind::kString, 0},    {"0o8", Kind::kString, 0}, {"1.2.3", Kind::kString, 0},
               {"12:30", Kind::kString, 0}, {"y", Kind::kString, 0},   {"tRue", Kind::kString, 0},
               {"-", Kind::kString, 0},     {"1e", Kind::kString, 0},  {".", Kind::kString, 0}};
  for (const auto& [text, kind, integer] : cases) {
    const Scalar scalar = ResolvePlainScalar(text);
    EXPECT_EQ(scalar.problem, "") << text;
    EXPECT_EQ(scalar.node.kind, kind) << text;
    EXPECT_EQ(scalar.node.integer, integer) << text;
  }
  for (const char* text : {"yes", "No", "ON", "off", "010", "-07", "+00", "00"}) {
    EXPECT_NE(ResolvePlainScalar(text).problem, "") << text;
  }
  EXPECT_TRUE(ResolvePlainScalar("9223372036854775808").node.too_big);
  EXPECT_FALSE(ResolvePlainScalar("-9223372036854775808").node.too_big);
}

TEST(Quote, NothingLeavesUnescaped) {
  EXPECT_EQ(Quote("a\nb\r\t\"\\\x01\x7f"), R"("a\nb\r\t\"\\\x01\x7f")");
  EXPECT_EQ(Quote(std::string(100, 'a')), "\"" + std::string(60, 'a') + "\"...");
  EXPECT_EQ(Quote(std::string(59, 'a') + "é"), "\"" + std::string(59, 'a') + "\"...");
}

TEST(FieldError, Text) {
  EXPECT_EQ((FieldError{"a.yaml", 7, 3, "spec.replica", "unknown field"}.ToString()),
            "a.yaml:7:3: spec.replica: unknown field");
  EXPECT_EQ((FieldError{"a.yaml", 0, 0, "", "too large"}.ToString()), "a.yaml: too large");
  EXPECT_EQ((FieldError{"", 0, 0, "kind", "is required"}.ToString()), "kind: is required");
}

}  // namespace
}  // namespace ballast::api
