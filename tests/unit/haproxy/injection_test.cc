// Whatever bytes a field holds: either the model is refused, or the file has the same lines with
// the same directives and as many words as with a harmless value, and the command line has the same
// commands. Random, with a fixed seed that is printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <sstream>

#include "reconcilers/haproxy/diff.h"
#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/render.h"
#include "tests/golden/haproxy/models.h"

namespace ballast::reconcilers::haproxy {
namespace {

using Setter = std::function<void(LoadBalancerModel&, const std::string&)>;

// A field that a user's or administrator's text reaches (snippets have a test of their own).
struct Field {
  std::string name;
  std::string harmless;
  Setter set;
};

const std::vector<Field>& Fields() {
  using M = LoadBalancerModel;
  static const std::vector<Field> kFields{
      {"backend", "x", [](M& m, const std::string& v) { m.backends[1].name = v; }},
      {"server", "x", [](M& m, const std::string& v) { m.backends[1].servers[0].name = v; }},
      {"address", "1.2.3.4",
       [](M& m, const std::string& v) { m.backends[1].servers[0].address = v; }},
      {"check path", "/x", [](M& m, const std::string& v) { m.backends[1].check_path = v; }},
      {"cookie", "x",
       [](M& m, const std::string& v) { m.backends[1].traffic.sticky_session->cookie_name = v; }},
      {"host", "x", [](M& m, const std::string& v) { m.routes[2].route.host = v; }},
      {"path", "/x", [](M& m, const std::string& v) { m.routes[2].route.path = v; }},
      {"route", "x", [](M& m, const std::string& v) { m.routes[2].backend = v; }},
      {"listener", "x", [](M& m, const std::string& v) { m.spec.listeners[0].name = v; }},
      {"protocol", "HTTP", [](M& m, const std::string& v) { m.spec.listeners[0].protocol = v; }},
      {"proxy", "1.2.3.4",
       [](M& m, const std::string& v) { m.spec.listeners[0].trusted_proxies[0] = v; }},
      {"syslog", "x:1", [](M& m, const std::string& v) { m.spec.syslog = v; }},
      {"name", "x", [](M& m, const std::string& v) { m.name = v; }},
  };
  return kFields;
}

// Splits a line of the file as HAProxy does.
std::vector<std::string> FileWords(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == 0 && (c == ' ' || c == '\t')) {
      if (in_word) words.push_back(word);
      word.clear();
      in_word = false;
    } else if (quote == 0 && c == '#') {
      break;
    } else if (quote != '\'' && c == '\\') {
      word += i + 1 < line.size() ? line[++i] : '\\';
      in_word = true;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      in_word = true;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else {
      word += c;
      in_word = true;
    }
  }
  EXPECT_EQ(quote, 0) << "open quote: " << line;
  if (in_word) words.push_back(word);
  return words;
}

// Line by line: the directive and the number of words.
std::vector<std::pair<std::string, std::size_t>> Skeleton(const std::string& text) {
  std::vector<std::pair<std::string, std::size_t>> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> words = FileWords(line);
    // A map's first word is the key itself.
    const bool config = line.starts_with("  ");
    lines.emplace_back(config && !words.empty() ? words[0] : "", words.size());
  }
  return lines;
}

// Number of words of each command that HAProxy's command line would run.
std::vector<std::size_t> CliWordCounts(const std::string& text) {
  std::vector<std::size_t> counts{0};
  bool in_word = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      ++i;
      if (!in_word) ++counts.back();
      in_word = true;
    } else if (c == ';' || c == '\n') {
      counts.push_back(0);
      in_word = false;
    } else if (c == ' ' || c == '\t' || c == '\0') {
      in_word = false;
    } else {
      if (!in_word) ++counts.back();
      in_word = true;
    }
  }
  return counts;
}

std::string RandomValue(std::mt19937& random, const std::string& harmless) {
  static const std::string kSharp = "\n\r\t '\"\\;#%$<>{}[]()`&|/.*:-_\x7f\x1b";
  std::uniform_int_distribution<int> byte(0, 255);
  std::uniform_int_distribution<std::size_t> sharp(0, kSharp.size() - 1);
  std::uniform_int_distribution<int> length(0, 12);
  std::uniform_int_distribution<int> kind(0, 3);
  std::string value = kind(random) == 0 ? "" : harmless;
  for (int n = length(random); n > 0; --n) {
    std::uniform_int_distribution<std::size_t> position(0, value.size());
    switch (kind(random)) {
      case 0:
        value.insert(position(random), 1, static_cast<char>(byte(random)));
        break;
      case 1:
        value.insert(position(random), "\nglobal\n  user root\n");
        break;
      case 2:
        value.insert(position(random), ";set server x/y state maint;");
        break;
      default:
        value.insert(position(random), 1, kSharp[sharp(random)]);
    }
  }
  return value;
}

TEST(InjectionTest, FilesKeepTheirShape) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  int accepted = 0;
  for (const Field& field : Fields()) {
    LoadBalancerModel model = FullModel();
    field.set(model, field.harmless);
    const Result<ConfigFiles> harmless = Render(model);
    ASSERT_TRUE(harmless) << field.name << harmless.error().message;
    for (int i = 0; i < 150; ++i) {
      const std::string value = RandomValue(random, field.harmless);
      if (value.empty()) continue;  // "no check", "no syslog": other lines, as it should be
      field.set(model, value);
      const Result<ConfigFiles> files = Render(model);
      if (!files) {
        EXPECT_EQ(files.error().code, Code::kInvalidArgument);
        for (const char c : files.error().message) EXPECT_TRUE(c >= ' ' && c < 0x7f) << value;
        continue;
      }
      ++accepted;
      for (const auto& [name, text] : *files) {
        ASSERT_EQ(Skeleton(text).size(), Skeleton(harmless->at(name)).size()) << value;
        auto is = Skeleton(text);
        auto was = Skeleton(harmless->at(name));
        if (name != kConfigFile) {  // sorted by key: order may differ
          std::ranges::sort(is);
          std::ranges::sort(was);
        }
        ASSERT_EQ(is, was) << field.name << ": " << value;
      }
    }
  }
  EXPECT_GT(accepted, 30);
}

TEST(InjectionTest, CommandsKeepTheirShape) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 1000; ++i) {
    BackendModel backend = FullModel().backends[1];
    ServerModel server = backend.servers[0];
    backend.name = RandomValue(random, "x");
    server.name = RandomValue(random, "x");
    server.address = RandomValue(random, "1.2.3.4");
    std::vector<RuntimeCommand> commands = AddServerCommands(backend, server);
    for (const RuntimeCommand& more : SetAdminCommands(backend.name, server.name, server.admin)) {
      commands.push_back(more);
    }
    for (const RuntimeCommand& more : DeleteServerCommands(backend.name, server.name)) {
      commands.push_back(more);
    }
    const std::size_t words[] = {0, 3, 5, 5, 5, 3};
    ASSERT_EQ(commands.size(), std::size(words));
    for (std::size_t n = 0; n < commands.size(); ++n) {
      const std::vector<std::size_t> counts = CliWordCounts(commands[n].text);
      ASSERT_EQ(counts.size(), 1U) << commands[n].text;
      ASSERT_TRUE(n == 0 || counts[0] == words[n]) << commands[n].text;
      ASSERT_LE(counts[0], 64U);
      for (const char c : commands[n].text) ASSERT_TRUE(c >= ' ' && c < 0x7f);
    }
  }
}

TEST(InjectionTest, RoutesThatCannotBeWrittenAreNoCommands) {
  LoadBalancerModel to = ShopModel();
  to.routes.push_back({{.host = "evil.test", .path = "/a;show info"}, "default_shop"});
  const DiffResult diff = Diff(ShopModel(), to);
  EXPECT_TRUE(diff.commands.empty());
  ASSERT_EQ(diff.reload_reasons.size(), 1U);
  EXPECT_THAT(diff.reload_reasons[0], ::testing::StartsWith("routes: "));
  EXPECT_FALSE(diff.removal_only);
}

}  // namespace
}  // namespace ballast::reconcilers::haproxy
