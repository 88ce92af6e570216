#include "controller/docker/registry_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "controller/docker/base64.h"
#include "controller/docker/json.h"
#include "controller/docker/reference.h"

namespace ballast::docker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Base64, BothWays) {
  for (const std::string text : {"", "a", "ab", "abc", "user:p\xff\xfe?~ss"}) {
    EXPECT_EQ(DecodeBase64(EncodeBase64Url(text)), text);
  }
  EXPECT_EQ(EncodeBase64Url("\xfb\xff"), "-_8=");
  EXPECT_EQ(DecodeBase64("+/8"), "\xfb\xff");
  EXPECT_EQ(DecodeBase64("dXNlcjpwYXNz\n"), "user:pass");
  for (const char* text : {"a", "abcde", "ab=c", "a b ", "===="}) EXPECT_FALSE(DecodeBase64(text));
}

ImageReference Parsed(const std::string& text) {
  const auto reference = ParseReference(text);
  EXPECT_TRUE(reference) << text;
  return reference.value_or(ImageReference{});
}

TEST(Reference, AsDockerReadsIt) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  EXPECT_EQ(Parsed("nginx"), (ImageReference{"docker.io", "library/nginx", "latest"}));
  EXPECT_EQ(Parsed("acme/shop:1.4"), (ImageReference{"docker.io", "acme/shop", "1.4"}));
  EXPECT_EQ(Parsed("index.docker.io/nginx"),
            (ImageReference{"docker.io", "library/nginx", "latest"}));
  EXPECT_EQ(Parsed("localhost/shop"), (ImageReference{"localhost", "shop", "latest"}));
  EXPECT_EQ(Parsed("127.0.0.1:5000/a/b:x"), (ImageReference{"127.0.0.1:5000", "a/b", "x"}));
  EXPECT_EQ(Parsed("ghcr.io/a/b:x@" + digest), (ImageReference{"ghcr.io", "a/b", digest}));
  for (const std::string& bad :
       {std::string(), digest, std::string("Shop"), std::string("a//b"), std::string("a/"),
        std::string("a:"), std::string("a:b c"), std::string("a@sha256:xyz"), std::string("a\nb"),
        std::string("a/../b"), std::string("/a"), std::string("a.b:x?y/z"),
        std::string(600, 'a')}) {
    EXPECT_FALSE(ParseReference(bad)) << bad;
  }
}

class RegistryConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("ballast-config-" + std::to_string(getpid()) + "-" +
             ::testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  void TearDown() override { std::filesystem::remove(path_); }
  // Another inode each time, as editors and `docker login` do.
  void Write(const std::string& text) {
    const std::string next = path_ + ".new";
    std::ofstream(next) << text;
    std::filesystem::rename(next, path_);
  }
  static nlohmann::json Header(const Result<RegistryAuth>& auth) {
    EXPECT_TRUE(auth);
    if (!auth || auth->header.empty()) return nullptr;
    return *ParseJson(*DecodeBase64(auth->header));
  }

  std::string path_;
};

TEST_F(RegistryConfigTest, CredentialsByRegistry) {
  Write(R"({"auths":{
    "https://index.docker.io/v1/":{"auth":"aHViOmE6Yg=="},
    "127.0.0.1:5000":{"username":"u","password":"p"},
    "https://ghcr.io":{"auth":"dTpw","identitytoken":"tok"}}})");
  RegistryConfig config(path_);
  EXPECT_EQ(Header(config.For("docker.io")),
            nlohmann::json::parse(R"({"username":"hub","password":"a:b",
                                      "serveraddress":"https://index.docker.io/v1/"})"));
  EXPECT_EQ(Header(config.For("127.0.0.1:5000"))["password"], "p");
  EXPECT_EQ(Header(config.For("ghcr.io"))["identitytoken"], "tok");
  EXPECT_FALSE(Header(config.For("ghcr.io")).contains("password"));
  EXPECT_EQ(config.For("quay.io")->header, "");
  EXPECT_THAT(config.For("quay.io")->hint, HasSubstr("has no credentials for quay.io"));
}

TEST_F(RegistryConfigTest, IsReadAgainWhenItChanged) {
  Write(R"({"auths":{"r.example":{"auth":"dTpw"}}})");
  RegistryConfig config(path_);
  EXPECT_EQ(Header(config.For("r.example"))["password"], "p");
  Write(R"({"auths":{"r.example":{"auth":"dTpx"}}})");
  EXPECT_EQ(Header(config.For("r.example"))["password"], "q");
  Write("{ rubbish dTpx");
  const auto broken = config.For("r.example");
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr(path_));
  EXPECT_THAT(broken.error().message, Not(HasSubstr("dTpx"))) << "no secrets in messages";
  EXPECT_FALSE(config.For("r.example")) << "still broken";
  std::filesystem::remove(path_);
  EXPECT_THAT(config.For("r.example").error().message, HasSubstr("No such file"));
  Write(R"({"auths":{"r.example":{"auth":"dTpw"}}})");
  EXPECT_EQ(Header(config.For("r.example"))["password"], "p");
}

TEST_F(RegistryConfigTest, HelpersAreRefusedClearly) {
  Write(R"({"auths":{"a.example":{},"b.example":{"auth":"dTpw"}},"credsStore":"desktop",
            "credHelpers":{"c.example":"gcloud"}})");
  RegistryConfig config(path_);
  EXPECT_THAT(config.For("a.example").error().message, HasSubstr("not supported"));
  EXPECT_THAT(config.For("a.example").error().message, HasSubstr("auths"));
  EXPECT_THAT(config.For("c.example").error().message, HasSubstr("gcloud"));
  EXPECT_EQ(Header(config.For("b.example"))["password"], "p");
  // A public image may still be pulled; if not, the message says why.
  EXPECT_THAT(config.For("docker.io")->hint, HasSubstr("credsStore"));
}

TEST_F(RegistryConfigTest, MalformedEntriesAreErrors) {
  RegistryConfig config(path_);
  for (const char* text : {R"({"auths":{"a":{"auth":"%%%"}}})",
                           R"({"auths":{"a":{"auth":"dXNlcg=="}}})", R"({"auths":[]})", "[]", ""}) {
    Write(text);
    EXPECT_EQ(config.For("a").error().code, Code::kFailedPrecondition) << text;
  }
  EXPECT_EQ(RegistryConfig("").For("a")->header, "");
  EXPECT_FALSE(RegistryConfig("/").For("a"));
}

}  // namespace
}  // namespace ballast::docker
