#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "controller/cli/table.h"
#include "controller/cli/top_view.h"
#include "tests/unit/cli/fake_connection.h"

namespace ballast::cli {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kAnswer[] = R"({"now":"2026-11-21T10:42:00Z","items":[
  {"namespace":"default","name":"blog","requestRate":3.25,"concurrency":0,"queued":0,
   "responseSeconds":0.004,"errorRate":0,"cpu":null,"memory":null,"inService":1,"held":0,
   "replicas":[]},
  {"namespace":"default","name":"idle","requestRate":null,"concurrency":null,"queued":null,
   "responseSeconds":null,"errorRate":null,"cpu":null,"memory":null,"inService":0,"held":0,
   "replicas":[]},
  {"namespace":"default","name":"shop","requestRate":1234.4,"concurrency":60,"queued":12,
   "responseSeconds":1.24,"errorRate":0.4,"cpu":1.52,"memory":301989888,"inService":2,"held":0,
   "replicas":[
    {"name":"shop-7f3a-1","requestRate":600,"concurrency":20,"queued":0,"responseSeconds":0.9,
     "errorRate":0,"cpu":0.7,"memory":150994944},
    {"name":"shop-7f3a-2","requestRate":634.4,"concurrency":40,"queued":0,"responseSeconds":1.5,
     "errorRate":0.4,"cpu":0.82,"memory":150994944}]}]})";

TEST(TopView, FiguresAreShort) {
  EXPECT_EQ(ShowSeconds(0.0234), "23ms");
  EXPECT_EQ(ShowSeconds(1.24), "1.2s");
  EXPECT_EQ(ShowSeconds(42.4), "42s");
  EXPECT_EQ(ShowCount(0), "0");
  EXPECT_EQ(ShowCount(0.25), "0.2");
  EXPECT_EQ(ShowCount(12.6), "13");
  EXPECT_EQ(ShowCount(15'432), "15k");
  EXPECT_EQ(ShowCount(25e6), "25M");
  EXPECT_EQ(ShowCpu(0.2504), "250m");
  EXPECT_EQ(ShowCpu(1.52), "1.5");
  EXPECT_EQ(ShowBytes(301'989'888), "288Mi");
  EXPECT_EQ(ShowBytes(700'000), "0.7Mi");
  for (const json& nothing : {json(), json("x"), json(-1), json(1e300), json::array()}) {
    EXPECT_EQ(ShowSeconds(nothing), "-");
    EXPECT_EQ(ShowCount(nothing), "-");
    EXPECT_EQ(ShowCpu(nothing), "-");
    EXPECT_EQ(ShowBytes(nothing), "-");
  }
}

TEST(Top, TheBusiestFirst) {
  FakeServer server;
  server.On("GET /ballast/v1/top", kAnswer);
  const Outcome outcome = RunOn(server, {"top"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "WEBAPP   REQ/S   IN FLIGHT   QUEUED   RESPONSE   5XX/S   REPLICAS   CPU   MEMORY\n"
            "shop      1234          60       12       1.2s     0.4          2   1.5    288Mi\n"
            "blog       3.2           0        0        4ms       0          1     -        -\n"
            "idle         -           -        -          -       -          0     -        -\n");
  EXPECT_THAT(server.calls, ElementsAre("GET /ballast/v1/top?namespace=default"));
}

TEST(Top, Replicas) {
  FakeServer server;
  server.On("GET /ballast/v1/top", kAnswer);
  const Outcome outcome = RunOn(server, {"top", "replicas", "-A"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "NAMESPACE   REPLICA       REQ/S   IN FLIGHT   QUEUED   RESPONSE   5XX/S    CPU   "
            "MEMORY\n"
            "default     shop-7f3a-2     634          40        0       1.5s     0.4   820m    "
            "144Mi\n"
            "default     shop-7f3a-1     600          20        0      900ms       0   700m    "
            "144Mi\n");
  EXPECT_THAT(server.calls, ElementsAre("GET /ballast/v1/top"));
}

TEST(Top, JsonIsWhatTheControllerAnswers) {
  FakeServer server;
  server.On("GET /ballast/v1/top", kAnswer);
  const Outcome outcome = RunOn(server, {"top", "-ojson"});
  EXPECT_EQ(json::parse(outcome.out), json::parse(kAnswer));
}

TEST(Top, WrongWords) {
  FakeServer server;
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"top", "nodes"},
                                             {"top", "webapps", "shop"},
                                             {"top", "-o", "yaml"},
                                             {"top", "--frequency=2"}}) {
    const Outcome outcome = RunOn(server, words);
    EXPECT_EQ(outcome.code, kExitUsage);
    EXPECT_THAT(outcome.err, HasSubstr("ballast top --help"));
  }
  EXPECT_TRUE(server.calls.empty());
}

TEST(Top, FailuresAreSaid) {
  FakeServer server;
  server.away = true;
  EXPECT_EQ(RunOn(server, {"top"}).code, kExitFailed);
  server.away = false;
  server.On("GET /ballast/v1/top",
            R"({"kind":"Status","code":403,"message":"User \"eve\" cannot read the loads"})", 403);
  const Outcome outcome = RunOn(server, {"top", "-n", "team"});
  EXPECT_EQ(outcome.code, kExitFailed);
  EXPECT_THAT(outcome.err, HasSubstr("cannot read the loads"));
  FakeServer garbage;
  garbage.On("GET /ballast/v1/top", "<html>");
  EXPECT_EQ(RunOn(garbage, {"top"}).code, kExitFailed);
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// What a terminal shows of a line: without escape sequences.
std::string Visible(const std::string& line) {
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\x1b') {
      text += line[i];
      continue;
    }
    while (i < line.size() && (std::isalpha(static_cast<unsigned char>(line[i])) == 0)) ++i;
  }
  return text;
}

TEST(TopView, FitsAnyTerminal) {
  json answer = json::parse(kAnswer);
  answer["items"][2]["name"] = "a-web-app-with-quite-a-long-name";
  answer["items"][1]["name"] = "b\xc3\xa4r\x1b[2Jx";
  for (std::size_t width = 1; width <= 120; ++width) {
    for (const std::size_t height : {1U, 2U, 3U, 24U}) {
      for (const bool replicas : {false, true}) {
        const std::string picture = DrawTop(
            answer, {.replicas = replicas, .with_namespace = true, .width = width, .color = true},
            height, width % 7 == 0 ? "no controller answers on the socket" : "");
        const std::vector<std::string> lines = LinesOf(picture);
        // The line below the last one is where the cursor stays.
        ASSERT_LE(lines.size(), std::max<std::size_t>(height, 2)) << width;
        for (const std::string& line : lines) {
          ASSERT_LE(DisplayWidth(Visible(line)), width) << line;
        }
      }
    }
  }
  const std::string narrow = Visible(DrawTop(json::parse(kAnswer), {.width = 20}, 24, ""));
  EXPECT_THAT(narrow, HasSubstr("shop"));
  EXPECT_THAT(narrow, HasSubstr("1234"));
}

TEST(TopView, ReadsWhatIsNotWhatItShouldBe) {
  for (const char* text : {"[]", "{}", "null", R"({"items":3})", R"({"items":[1,null,"x",{}]})",
                           R"({"items":[{"name":{},"replicas":[7,{}]}]})"}) {
    const json answer = json::parse(text);
    for (const bool replicas : {false, true}) {
      EXPECT_THAT(RenderTop(answer, {.replicas = replicas}), HasSubstr("REQ/S")) << text;
      EXPECT_THAT(DrawTop(answer, {.replicas = replicas, .width = 20}, 5, ""), StartsWith("\x1b[H"))
          << text;
    }
  }
}

class LiveTopTest : public testing::Test {
 protected:
  Outcome RunLive(const std::vector<std::string>& arguments) {
    std::ostringstream out;
    std::ostringstream err;
    Environment environment{.version = "1", .width = 80, .color = true};
    environment.now = [] { return std::chrono::system_clock::from_time_t(1795257720); };
    environment.terminal = [] { return TerminalSize{80, 24}; };
    environment.connect = [this](const std::string&) {
      return std::make_unique<FakeConnection>(server_);
    };
    const int code = cli::Run(arguments, environment, out, err);
    return {code, out.str(), err.str()};
  }
  FakeServer server_;
};

TEST_F(LiveTopTest, DrawsAgainUntilItIsInterrupted) {
  const std::string path = "GET /ballast/v1/top";
  server_.On(path, kAnswer);
  server_.OnStream(path, {std::string(kAnswer).substr(0, 50), std::string(kAnswer).substr(50)});
  server_.OnLost(path, {"{"});
  server_.OnStream(path, {"{\"items\":[]}"});
  server_.OnStream(path, {}, /*stays_open=*/true);  // Ctrl-C
  const Outcome outcome = RunLive({"top"});
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  std::size_t pictures = 0;
  for (std::size_t at = outcome.out.find("\x1b[H"); at != std::string::npos;
       at = outcome.out.find("\x1b[H", at + 1)) {
    ++pictures;
  }
  EXPECT_EQ(pictures, 4U);
  EXPECT_THAT(outcome.out, HasSubstr("closed the connection"));
  EXPECT_TRUE(outcome.out.ends_with("\x1b[?25h")) << "the cursor is shown again";
}

TEST_F(LiveTopTest, OnceIsOneTable) {
  server_.On("GET /ballast/v1/top", kAnswer);
  const Outcome outcome = RunLive({"top", "--once"});
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b[H")));
  EXPECT_EQ(server_.calls.size(), 1U);
}

}  // namespace
}  // namespace ballast::cli
