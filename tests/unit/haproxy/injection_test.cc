// Whatever bytes a field holds: either the model is refused, or the file has the same lines with
// the same directives and as many words as with a harmless value, and the command line has the same
// commands. Random, with a fixed seed that is printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "reconcilers/haproxy/diff.h"
#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/render.h"
#include "tests/golden/haproxy/models.h"
#include "tests/golden/haproxy/shape.h"

namespace ballast::reconcilers::haproxy {
namespace {

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
      ASSERT_TRUE(SameShape(*files, *harmless)) << field.name << ": " << value;
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
