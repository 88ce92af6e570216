#include "controller/manifests/accepted_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/fakes/temp_dir.h"
#include "tests/unit/manifests/situation.h"

namespace ballast::manifests {
namespace {

using testing::HasSubstr;

AcceptedSet Sample() {
  Situation s;
  s.Write("lb.yaml", BalancerYaml("edge", 8080));
  s.Write("sub/shop.yaml", AppYaml("shop", "shop.test, loadBalancer: edge")).Pass();
  s.Write("sub/shop.yaml", AppYaml("shop", "shop.test, loadBalancer: edge", "replicas: 2")).Pass();
  AcceptedSet accepted = s.state().accepted;
  accepted.at({"WebApp", "default", "shop"}).kept = true;
  return accepted;
}

void ExpectSame(const AcceptedSet& a, const AcceptedSet& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [key, object] : a) {
    ASSERT_TRUE(b.contains(key)) << key.ToString();
    EXPECT_EQ(*object.object, *b.at(key).object) << key.ToString();
    EXPECT_EQ(object.file, b.at(key).file);
    EXPECT_EQ(object.kept, b.at(key).kept);
  }
}

TEST(AcceptedFile, KeepsEverythingAndItsGeneration) {
  const TempDir dir;
  const AcceptedFile file(dir.path("objects.json"));
  const AcceptedSet sample = Sample();
  ASSERT_EQ(sample.size(), 2U);
  ASSERT_TRUE(file.Save(sample));
  const auto loaded = file.Load({});
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->problems.empty());
  ExpectSame(sample, loaded->objects);
  const auto& shop = loaded->objects.at({"WebApp", "default", "shop"});
  EXPECT_EQ(std::get<api::WebApp>(*shop.object).meta.generation, 2);
}

TEST(AcceptedFile, IsForItsOwnerOnlyAndLeavesNothingBeside) {
  const TempDir dir;
  ASSERT_TRUE(AcceptedFile(dir.path("objects.json")).Save(Sample()));
  struct stat info{};
  ASSERT_EQ(stat(dir.path("objects.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    static_cast<void>(entry);
    ++files;
  }
  EXPECT_EQ(files, 1);
}

TEST(AcceptedFile, NothingYetIsEmpty) {
  const TempDir dir;
  const auto loaded = AcceptedFile(dir.path("objects.json")).Load({});
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->objects.empty());
  EXPECT_TRUE(loaded->problems.empty());
}

TEST(AcceptedFile, WhatCannotBeUnderstoodIsKeptBeside) {
  const std::string good = EncodeAccepted(Sample());
  for (const std::string& text :
       {std::string(), std::string("{"), good.substr(0, good.size() / 2), std::string("[]"),
        std::string(R"({"version": 99, "objects": []})"), std::string(R"({"version": 1})"),
        std::string(R"({"version": 1, "objects": [1]})"), std::string(1000, '[')}) {
    const TempDir dir;
    dir.Write("objects.json", text);
    const auto loaded = AcceptedFile(dir.path("objects.json")).Load({});
    ASSERT_TRUE(loaded) << text;
    EXPECT_TRUE(loaded->objects.empty());
    EXPECT_EQ(loaded->problems.size(), 1U) << text;
    EXPECT_EQ(dir.Read("objects.json.bad"), text);
  }
}

TEST(AcceptedFile, AHostPathThatIsNotAllowedAnyMoreStaysInForce) {
  AcceptedSet set;
  const auto objects = api::DecodeManifest("shop.yaml",
                                           "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\n"
                                           "metadata: {name: shop}\nspec: {template: {spec: {\n"
                                           "  containers: [{name: w, image: i, ports: "
                                           "[{containerPort: 80}], volumeMounts: "
                                           "[{name: d, mountPath: /d}]}],\n"
                                           "  volumes: [{name: d, hostPath: {path: /srv/x}}]}}}\n",
                                           {.allowed_host_paths = {"/srv"}});
  ASSERT_TRUE(objects) << objects.error().front().ToString();
  const api::Object& object = objects->front().object;
  set[KeyOf(object)] = {std::make_shared<const api::Object>(object), "shop.yaml"};
  const auto decoded = DecodeAccepted(EncodeAccepted(set), {});
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->objects.size(), 1U);
  ASSERT_EQ(decoded->problems.size(), 1U);
  EXPECT_THAT(decoded->problems[0], HasSubstr("stays in force"));
}

TEST(AcceptedFile, AnObjectThatCannotBeReadIsLeftOut) {
  std::string text = EncodeAccepted(Sample());
  const std::size_t at = text.find("\"replicas\": 2");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 13, "\"replicas\": -2");
  const auto decoded = DecodeAccepted(text, {});
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->objects.size(), 1U);
  ASSERT_EQ(decoded->problems.size(), 1U);
  EXPECT_THAT(decoded->problems[0], HasSubstr("sub/shop.yaml"));
}

TEST(AcceptedFile, AFailureLeavesTheOldFile) {
  const TempDir dir;
  const AcceptedFile file(dir.path("objects.json"));
  ASSERT_TRUE(file.Save(Sample()));
  std::filesystem::create_directory(dir.path("objects.json.new"));
  const auto saved = file.Save({});
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr("objects.json"));
  EXPECT_EQ(file.Load({})->objects.size(), 2U);
}

}  // namespace
}  // namespace ballast::manifests
