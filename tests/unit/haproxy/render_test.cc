// The configuration files: byte for byte against tests/golden/haproxy (BALLAST_UPDATE_GOLDEN=1
// writes them anew), and what Render refuses.
#include "reconcilers/haproxy/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/server_line.h"
#include "tests/golden/haproxy/models.h"

namespace ballast::reconcilers::haproxy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void CompareWithGolden(const std::string& name, const ConfigFiles& files) {
  const std::filesystem::path directory =
      std::filesystem::path(BALLAST_SOURCE_DIR) / "tests/golden/haproxy" / name;
  const bool update = std::getenv("BALLAST_UPDATE_GOLDEN") != nullptr;
  for (const auto& [file, text] : files) {
    const std::filesystem::path path = directory / file;
    if (update) {
      std::filesystem::create_directories(path.parent_path());
      std::ofstream(path) << text;
    }
    std::ifstream in(path);
    ASSERT_TRUE(in) << path << " is missing: run with BALLAST_UPDATE_GOLDEN=1";
    std::stringstream golden;
    golden << in.rdbuf();
    EXPECT_EQ(text, golden.str()) << path;
  }
}

std::string Config(const LoadBalancerModel& model) {
  const Result<ConfigFiles> files = Render(model);
  EXPECT_TRUE(files) << files.error().message;
  return files ? files->at(kConfigFile) : "";
}

std::string Refused(const LoadBalancerModel& model) {
  const Result<ConfigFiles> files = Render(model);
  if (files) return "accepted";
  EXPECT_EQ(files.error().code, Code::kInvalidArgument);
  return files.error().message;
}

TEST(RenderTest, MatchesTheGoldenFiles) {
  for (const auto& [name, model] : GoldenModels()) {
    SCOPED_TRACE(name);
    const Result<ConfigFiles> files = Render(model, TlsContent());
    ASSERT_TRUE(files) << files.error().message;
    CompareWithGolden(name, *files);
  }
  CompareWithGolden("bootstrap", RenderBootstrap("default"));
}

TEST(RenderTest, ContentThatIsNotKnownIsAnError) {
  const LoadBalancerModel model = TlsModel();
  EXPECT_TRUE(Render(model, TlsContent()));
  for (const char* const digest : {"00000000000000c1", "00000000000000c2"}) {
    SecretContent content = TlsContent();
    content.certificates.erase(digest);
    EXPECT_FALSE(Render(model, content));
  }
  for (const char* const digest : {"00000000000000a1", "00000000000000a2"}) {
    SecretContent content = TlsContent();
    content.users.erase(digest);
    EXPECT_FALSE(Render(model, content));
  }
}

TEST(RenderTest, NamesOfSecretsAndUsersAreQuoted) {
  LoadBalancerModel model = TlsModel();
  SecretContent content = TlsContent();
  content.users["00000000000000a2"][0].name = "x'\n  http-request allow";
  EXPECT_FALSE(Render(model, content));
  model.certificates[1].secret.name = "x\n/etc/passwd";
  model.spec.listeners[2].tls_secrets = {model.certificates[1].secret};
  EXPECT_FALSE(Render(model, TlsContent()));
}

TEST(RenderTest, IsDeterministic) { EXPECT_EQ(Render(FullModel()), Render(FullModel())); }

TEST(RenderTest, BootstrapHasAListenerButNoPort) {
  const std::string config = RenderBootstrap("default").at(kConfigFile);
  EXPECT_THAT(config, HasSubstr("bind unix@/run/haproxy/idle.sock\n"));
  EXPECT_THAT(config, Not(HasSubstr("*:")));
}

TEST(RenderTest, NoLineHasMoreThan64Words) {
  LoadBalancerModel model = FullModel();
  for (int i = 0; i < 200; ++i) {
    model.spec.listeners[0].trusted_proxies.push_back("192.0.2." + std::to_string(i));
  }
  std::istringstream config(Config(model));
  for (std::string line; std::getline(config, line);) {
    EXPECT_LE(std::count(line.begin(), line.end(), ' '), 64) << line;
  }
}

TEST(RenderTest, PrefixKeysEndInASlashAndOccurOnce) {
  LoadBalancerModel model = ShopModel();
  model.routes = {{{.host = "a.test", .path = "/x"}, "default_shop"},
                  {{.host = "a.test", .path = "/x//"}, "other"},
                  {{.host = "a.test", .path = "/x", .path_type = api::PathType::kExact}, "exact"},
                  {{.host = "", .path = "/"}, "any"}};
  const Result<ConfigFiles> files = Render(model);
  ASSERT_TRUE(files);
  EXPECT_EQ(files->at(kPrefixMapFile), "# Written by Ballast.\n/ any\na.test/x/ default_shop\n");
  EXPECT_EQ(files->at(kExactMapFile), "# Written by Ballast.\na.test/x exact\n");
}

TEST(RenderTest, AdminStatesInTheFile) {
  LoadBalancerModel model = ShopModel();
  model.backends[0].servers[0].admin = ServerAdmin::kDrain;
  model.backends[0].servers[1].admin = ServerAdmin::kMaint;
  const std::string config = Config(model);
  EXPECT_THAT(config, HasSubstr("guid s:default_shop:shop-7f3a-1 weight 0 check"));
  EXPECT_THAT(config, HasSubstr("guid s:default_shop:shop-7f3a-2 weight 20 check"));
  EXPECT_THAT(config, HasSubstr("on-error fastinter disabled\n"));
}

TEST(RenderTest, GuidsFitAndDiffer) {
  const std::string backend = std::string(63, 'n') + "_" + std::string(63, 'a');
  const std::string one = ServerGuid(backend, std::string(63, 'a') + "-7f3a-1");
  const std::string two = ServerGuid(backend, std::string(63, 'a') + "-7f3a-2");
  EXPECT_LE(one.size(), 127U);
  EXPECT_NE(one, two);
  EXPECT_NE(one, ServerGuid("x" + backend, std::string(63, 'a') + "-7f3a-1"));
  EXPECT_THAT(one, HasSubstr("-7f3a-1"));
}

TEST(RenderTest, RefusalsNameTheObjectAndTheDirective) {
  LoadBalancerModel model = ShopModel();
  model.backends[0].servers[0].name = "a b";
  EXPECT_EQ(Refused(model),
            "backend default_shop: server: name 'a b': character ' ' is not allowed");
  model = ShopModel();
  model.routes[0].route.host = "a b";
  EXPECT_EQ(Refused(model), "route to default_shop: host 'a b': character ' ' is not allowed");
  model = ShopModel();
  model.spec.snippets.global = {"user root"};
  EXPECT_THAT(Refused(model), HasSubstr("'user' is set by Ballast or would end HAProxy"));
}

TEST(RenderTest, RefusesWhatHaproxyWouldAcceptSilently) {
  LoadBalancerModel model = ShopModel();
  model.spec.listeners.push_back({.name = "http", .port = 81});
  EXPECT_THAT(Refused(model), HasSubstr("named twice"));
  model.spec.listeners[1] = {.name = "more", .port = 80};
  EXPECT_THAT(Refused(model), HasSubstr("port 80 is used twice"));
  model.spec.listeners[1] = {.name = "more", .port = 1936};
  EXPECT_THAT(Refused(model), HasSubstr("port 1936 is used twice"));
  model.spec.listeners[1] = {.name = "more", .port = 443, .protocol = "TCP"};
  EXPECT_THAT(Refused(model), HasSubstr("only HTTP"));
  model = ShopModel();
  model.backends.push_back(ShopBackend());
  EXPECT_THAT(Refused(model), HasSubstr("named twice"));
  model = ShopModel();
  model.backends[0].servers[1].name = model.backends[0].servers[0].name;
  EXPECT_THAT(Refused(model), HasSubstr("named twice"));
  model = ShopModel();
  model.backends[0].servers[0].port = 0;
  EXPECT_THAT(Refused(model), HasSubstr("port 0"));
  model = ShopModel();
  model.backends[0].servers[0].address = "shop.internal";
  EXPECT_THAT(Refused(model), HasSubstr("is not an IPv4 address"));
  model = ShopModel();
  model.backends[0].traffic.retry_on = {418};
  EXPECT_THAT(Refused(model), HasSubstr("cannot retry on 418"));
}

}  // namespace
}  // namespace ballast::reconcilers::haproxy
