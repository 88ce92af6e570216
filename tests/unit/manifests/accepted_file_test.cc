#include "controller/manifests/accepted_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "tests/fakes/temp_dir.h"
#include "tests/unit/manifests/situation.h"

namespace ballast::manifests {
namespace {

using testing::HasSubstr;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
const api::ObjectKey kEdge{"LoadBalancer", "", "edge"};

// What a store would have.
class Stored {
 public:
  explicit Stored(const AcceptedSet& objects) {
    for (const auto& [key, accepted] : objects) objects_[key] = accepted.object;
  }
  [[nodiscard]] FindStored Find() const {
    return [this](const api::ObjectKey& key) {
      const auto found = objects_.find(key);
      return found == objects_.end() ? nullptr : found->second;
    };
  }

 private:
  std::map<api::ObjectKey, std::shared_ptr<const api::Object>> objects_;
};

std::shared_ptr<const api::Object> Nothing(const api::ObjectKey&) { return nullptr; }

AcceptedState Sample() {
  Situation s;
  s.Write("lb.yaml", BalancerYaml("edge", 8080));
  s.Write("sub/shop.yaml", AppYaml("shop", "shop.test, loadBalancer: edge")).Pass();
  s.Write("sub/shop.yaml", AppYaml("shop", "shop.test, loadBalancer: edge", "replicas: 2")).Pass();
  AcceptedState state{.objects = s.state().accepted};
  state.objects.at(kShop).kept = true;
  return state;
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

TEST(AcceptedFile, KeepsEverything) {
  const TempDir dir;
  const AcceptedFile file(dir.path("objects.json"));
  AcceptedState sample = Sample();
  sample.removing = {{"WebApp", "default", "old"}, {"LoadBalancer", "", "old"}};
  const Stored stored(sample.objects);
  ASSERT_EQ(sample.objects.size(), 2U);
  ASSERT_TRUE(file.Save(sample));
  const auto loaded = file.Load({}, stored.Find());
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->problems.empty());
  EXPECT_FALSE(loaded->old);
  ExpectSame(sample.objects, loaded->state.objects);
  EXPECT_EQ(loaded->state.removing, sample.removing);
  EXPECT_TRUE(loaded->state.unstored.empty());
  EXPECT_EQ(loaded->state.objects.at(kShop).written, nullptr) << "only its file knows";
}

TEST(AcceptedFile, HasNoObjectsAndThusNoSecrets) {
  Situation s;
  s.Write("db.yaml",
          "apiVersion: v1\nkind: Secret\nmetadata: {name: db, labels: {tier: back}}\n"
          "stringData: {password: hunter2}\n");
  s.Write("shop.yaml", AppYaml("shop")).Pass();
  AcceptedState state{.objects = s.state().accepted};
  ASSERT_EQ(state.objects.size(), 2U);
  const auto document = nlohmann::json::parse(EncodeAccepted(state));
  EXPECT_EQ(document, nlohmann::json::parse(
                          R"({"version": 2, "removing": [], "objects": [
                            {"kind": "Secret", "namespace": "default", "name": "db",
                             "file": "db.yaml", "kept": false},
                            {"kind": "WebApp", "namespace": "default", "name": "shop",
                             "file": "shop.yaml", "kept": false}]})"));
  // Not even by mistake.
  for (const auto& [key, object] : state.objects) state.unstored.insert(key);
  const std::string text = EncodeAccepted(state);
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  EXPECT_EQ(text.find("aHVudGVyMg"), std::string::npos);
  EXPECT_EQ(text.find("tier"), std::string::npos);
}

TEST(AcceptedFile, WhatIsNotStoredIsLeftOut) {
  const AcceptedState sample = Sample();
  const auto loaded = DecodeAccepted(EncodeAccepted(sample), {}, Nothing);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->state.objects.empty());
  EXPECT_TRUE(loaded->problems.empty());
}

// As the first version of Ballast wrote it.
constexpr char kVersion1[] = R"({
 "objects": [
  {"file": "lb.yaml", "generation": 1, "kept": false,
   "object": {"apiVersion": "ballast.dev/v1alpha1", "kind": "LoadBalancer",
    "metadata": {"name": "edge"},
    "spec": {"hostNetwork": true, "image": "ballast/haproxy:latest",
     "listeners": [{"name": "http", "port": 8080, "protocol": "HTTP"}],
     "stats": {"port": 8081}}}},
  {"file": "sub/shop.yaml", "generation": 2, "kept": true,
   "object": {"apiVersion": "ballast.dev/v1alpha1", "kind": "WebApp",
    "metadata": {"generation": 2, "name": "shop", "namespace": "default"},
    "spec": {"replicas": 2, "template": {"spec": {"containers": [
     {"image": "i", "name": "web", "ports": [{"containerPort": 80}]}]}}}}}
 ],
 "version": 1
})";

TEST(AcceptedFile, TheObjectsOfVersion1AreInForceAndKeptUntilTheyAreStored) {
  const auto loaded = DecodeAccepted(kVersion1, {}, Nothing);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_TRUE(loaded->old);
  EXPECT_TRUE(loaded->problems.empty());
  EXPECT_EQ(loaded->state.unstored, (std::set<api::ObjectKey>{kEdge, kShop}));
  const AcceptedObject& shop = loaded->state.objects.at(kShop);
  EXPECT_EQ(shop.file, "sub/shop.yaml");
  EXPECT_TRUE(shop.kept);
  EXPECT_EQ(std::get<api::WebApp>(*shop.object).spec.replicas, 2);
  ASSERT_TRUE(shop.written);
  nlohmann::json expected = api::EncodeObject(*shop.object);
  expected["metadata"].erase("generation");
  EXPECT_EQ(*shop.written, expected);
  EXPECT_FALSE(shop.written->at("metadata").contains("generation")) << "the store's business";
  // A crash before they are stored: nothing is lost.
  AcceptedState state = loaded->state;
  const auto again = DecodeAccepted(EncodeAccepted(state), {}, Nothing);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->old);
  ExpectSame(state.objects, again->state.objects);
  EXPECT_EQ(again->state.unstored, state.unstored);
  EXPECT_EQ(*again->state.objects.at(kShop).written, *shop.written);
  // Stored: then the store has it.
  state.unstored.erase(kShop);
  const std::string text = EncodeAccepted(state);
  EXPECT_EQ(text.find("containers"), std::string::npos);
  EXPECT_EQ(DecodeAccepted(text, {}, Nothing)->state.objects.size(), 1U);
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
  const auto loaded = AcceptedFile(dir.path("objects.json")).Load({}, Nothing);
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->state.objects.empty());
  EXPECT_TRUE(loaded->problems.empty());
}

TEST(AcceptedFile, WhatCannotBeUnderstoodIsKeptBeside) {
  const std::string good = EncodeAccepted(Sample());
  for (const std::string& text :
       {std::string(), std::string("{"), good.substr(0, good.size() / 2), std::string("[]"),
        std::string(R"({"version": 99, "objects": []})"), std::string(R"({"version": 1})"),
        std::string(R"({"version": 1, "objects": [1]})"), std::string(1000, '['),
        std::string(R"({"version": 2, "objects": [{"file": "a.yaml"}]})"),
        std::string(R"({"version": 2, "objects": [{"file": "a", "kind": 1, "name": "x"}]})"),
        std::string(R"({"version": 2, "objects": [], "removing": [{"kind": "WebApp"}]})"),
        std::string(R"({"version": 2, "objects": [], "removing": [7]})"),
        std::string(R"({"version": 2, "objects": [], "removing": "x"})")}) {
    const TempDir dir;
    dir.Write("objects.json", text);
    const auto loaded = AcceptedFile(dir.path("objects.json")).Load({}, Nothing);
    ASSERT_TRUE(loaded) << text;
    EXPECT_TRUE(loaded->state.objects.empty());
    EXPECT_EQ(loaded->problems.size(), 1U) << text;
    EXPECT_EQ(dir.Read("objects.json.bad"), text);
  }
}

TEST(AcceptedFile, AHostPathThatIsNotAllowedAnyMoreStaysInForce) {
  AcceptedState state;
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
  state.objects[KeyOf(object)] = {.object = std::make_shared<const api::Object>(object),
                                  .file = "shop.yaml"};
  state.unstored.insert(KeyOf(object));
  const auto decoded = DecodeAccepted(EncodeAccepted(state), {}, Nothing);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->state.objects.size(), 1U);
  ASSERT_EQ(decoded->problems.size(), 1U);
  EXPECT_THAT(decoded->problems[0], HasSubstr("stays in force"));
}

TEST(AcceptedFile, AnObjectThatCannotBeReadIsLeftOut) {
  std::string text = kVersion1;
  const std::size_t at = text.find("\"replicas\": 2");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 13, "\"replicas\": -2");
  const auto decoded = DecodeAccepted(text, {}, Nothing);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->state.objects.size(), 1U);
  ASSERT_EQ(decoded->problems.size(), 1U);
  EXPECT_THAT(decoded->problems[0], HasSubstr("sub/shop.yaml"));
}

TEST(AcceptedFile, AFailureLeavesTheOldFile) {
  const TempDir dir;
  const AcceptedFile file(dir.path("objects.json"));
  const AcceptedState sample = Sample();
  ASSERT_TRUE(file.Save(sample));
  std::filesystem::create_directory(dir.path("objects.json.new"));
  const auto saved = file.Save({});
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr("objects.json"));
  EXPECT_EQ(file.Load({}, Stored(sample.objects).Find())->state.objects.size(), 2U);
}

}  // namespace
}  // namespace ballast::manifests
