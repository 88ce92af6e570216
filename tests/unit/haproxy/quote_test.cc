// What may be written to the file and to the command line, and what is refused.
#include "reconcilers/haproxy/quote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace ballast::reconcilers::haproxy {
namespace {

using std::string_literals::operator""s;

// Values that are something else to HAProxy's parsers, or to a terminal.
const std::string kHostile[] = {"",        "a b",    "a\tb",     "a\nb", "a\rb",        "a\0b"s,
                                "a;b",     "a#b",    "a'b",      "a\"b", "a\\b",        "$HOME",
                                "${HOME}", "a%b",    "\x1b[31m", "\x7f", "caf\xc3\xa9", "<<",
                                "a,b",     "a/../b", "a=b",      "a{b}"};

TEST(QuoteTest, PutsPrintableTextInSingleQuotes) {
  EXPECT_EQ(Quote("a b").value(), "'a b'");
  EXPECT_EQ(Quote("$HOME \"x\" \\n # % ;").value(), "'$HOME \"x\" \\n # % ;'");
}

TEST(QuoteTest, RefusesWhatSingleQuotesCannotHold) {
  for (const std::string& value :
       {""s, "it's"s, "a\nb"s, "a\0b"s, "a\tb"s, "caf\xc3\xa9"s, "\x7f"s, std::string(5000, 'a')}) {
    EXPECT_FALSE(Quote(value)) << Printable(value);
    EXPECT_FALSE(QuoteLogFormat(value)) << Printable(value);
  }
}

TEST(QuoteTest, DoublesPercentForLogFormats) {
  EXPECT_EQ(QuoteLogFormat("100% %[env(X)]").value(), "'100%% %%[env(X)]'");
}

TEST(QuoteTest, CliWordNeverSplitsNorEndsTheCommand) {
  EXPECT_EQ(CliWord("shop.test/a"), "shop.test/a");
  EXPECT_EQ(CliWord("a;show info"), "a\\;show\\ info");
  EXPECT_EQ(CliWord("a\\b"), "a\\\\b");
  EXPECT_EQ(CliWord("a\nb\0c"s), "a?b?c");
  EXPECT_EQ(CliWord(""), "?");
  EXPECT_EQ(CliWord("<<x"), "?<x");
}

TEST(QuoteTest, Names) {
  EXPECT_EQ(CheckName("default_shop").value(), "default_shop");
  EXPECT_EQ(CheckName("s:a.b-c_D9").value(), "s:a.b-c_D9");
  for (const std::string& value : kHostile) EXPECT_FALSE(CheckName(value)) << Printable(value);
  EXPECT_FALSE(CheckName("a/b"));
  EXPECT_FALSE(CheckName(std::string(256, 'a')));
}

TEST(QuoteTest, ListenerNames) {
  EXPECT_TRUE(CheckListenerName("http-2"));
  for (const char* bad : {"", "-a", "a-", "A", "a.b", "a_b", "ballast.stats"}) {
    EXPECT_FALSE(CheckListenerName(bad)) << bad;
  }
}

TEST(QuoteTest, Hosts) {
  for (const char* good : {"", "a", "shop.example.com", "*.example.com", "10.0.0.1"}) {
    EXPECT_EQ(CheckHost(good).value_or("refused"), good);
  }
  for (const char* bad :
       {"*", "*.", "*.*.a", "a.*", "A", ".a", "a.", "a..b", "a:80", "a/b", "#a"}) {
    EXPECT_FALSE(CheckHost(bad)) << bad;
  }
  for (const std::string& value : kHostile) {
    if (value.empty()) continue;
    EXPECT_FALSE(CheckHost(value)) << Printable(value);
  }
}

TEST(QuoteTest, Paths) {
  for (const char* good : {"/", "/a/b", "/a%20b", "/a?x=1&y=$z", "/~me/a,b@c!(d)[e]{f}*"}) {
    EXPECT_TRUE(CheckPath(good)) << good;
  }
  for (const char* bad : {"", "a", "/a b", "/a;b", "/a#b", "/a\\b", "/a\nb", "/a'b", "/a\"b",
                          "/\x7f", "/<a>", "/caf\xc3\xa9"}) {
    EXPECT_FALSE(CheckPath(bad)) << bad;
  }
}

TEST(QuoteTest, CookieNames) {
  EXPECT_TRUE(CheckCookieName("BALLAST"));
  EXPECT_TRUE(CheckCookieName("__Host-a.b"));
  for (const char* bad : {"", "a b", "a;b", "a=b", "a,b", "a\"b", "a'b", "a(b", "a\r\nX: y"}) {
    EXPECT_FALSE(CheckCookieName(bad)) << bad;
  }
}

TEST(QuoteTest, Addresses) {
  EXPECT_TRUE(CheckAddress("172.30.0.5"));
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4:80", "::1",
                          "localhost", "1.2.3.4 ", "1..2.3", "unix@/x", "/run/x"}) {
    EXPECT_FALSE(CheckAddress(bad)) << bad;
  }
}

TEST(QuoteTest, Networks) {
  for (const char* good : {"10.0.0.0/8", "192.0.2.1", "0.0.0.0/0", "fd00::/8", "::1"}) {
    EXPECT_TRUE(CheckNetwork(good)) << good;
  }
  for (const char* bad : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8 -f x", "-f", "fd00::/129",
                          "fd00::/8x", "a.b.c.d/8", "abc/8"}) {
    EXPECT_FALSE(CheckNetwork(bad)) << bad;
  }
}

TEST(QuoteTest, HostAndPort) {
  EXPECT_TRUE(CheckHostPort("logs.example.com:514"));
  for (const char* bad :
       {"", "logs", "logs:", "logs:0", "logs:65536", ":514", "a b:514", "a:514x"}) {
    EXPECT_FALSE(CheckHostPort(bad)) << bad;
  }
}

TEST(QuoteTest, SnippetsAreOneLineOfAnExistingSection) {
  for (const char* good :
       {"tune.bufsize 32768", "http-request set-header X-A \"b c\"", "no option httplog",
        "# a comment", "\toption tcp-smart-accept", "bind *:8443 ssl crt /etc/haproxy/x.pem"}) {
    EXPECT_EQ(CheckSnippet(good).value_or("refused"), good);
  }
  for (const std::string& bad : {""s,
                                 "   "s,
                                 "a\nb"s,
                                 "a\rb"s,
                                 "a\0b"s,
                                 "backend x"s,
                                 "  frontend x"s,
                                 "user root"s,
                                 "no user"s,
                                 "group x"s,
                                 "chroot /"s,
                                 "stats socket /x"s,
                                 "\"user\" root"s,
                                 "us\\er x"s,
                                 "'chroot' /"s,
                                 ".if true"s,
                                 "$X y"s,
                                 "no"s,
                                 "daemon"s,
                                 "master-worker"s,
                                 "mode tcp"s,
                                 "option x\\"s,
                                 "caf\xc3\xa9 x"s}) {
    EXPECT_FALSE(CheckSnippet(bad)) << Printable(bad);
  }
}

TEST(QuoteTest, MessagesShowWhatIsWrongWithoutBeingHarmful) {
  const Result<std::string> refused = CheckName("a\x1b[0mb");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_EQ(refused.error().message, "name 'a\\x1b[0mb': character '\\x1b' is not allowed");
  EXPECT_LT(Printable(std::string(100'000, 'x')).size(), 100U);
}

}  // namespace
}  // namespace ballast::reconcilers::haproxy
