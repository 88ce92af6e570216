// What becomes of references to Secrets and ConfigMaps: variables, files, digests, and what is told
// of those that are missing.
#include "reconcilers/webapp/config_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "api/codec.h"
#include "tests/fakes/fake_config.h"

namespace ballast::reconcilers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class ConfigValues : public testing::Test {
 protected:
  ConfigValues() {
    pod_.containers.resize(1);
    pod_.containers[0].name = "web";
  }

  [[nodiscard]] ResolvedConfig Resolve() const {
    const auto objects = ReadConfigObjects(config_, "default", ReferencesOf(pod_));
    EXPECT_TRUE(objects);
    return ResolveConfig("default", pod_, objects.value_or(ConfigObjects{}),
                         [this](std::string_view bytes) { return config_.Digest(bytes); });
  }
  api::Container& Web() { return pod_.containers[0]; }
  void AddSecretVolume(api::SecretVolume source) { pod_.volumes.push_back({"s", source}); }

  fakes::FakeConfig config_;
  api::PodTemplate pod_;
};

TEST_F(ConfigValues, WithoutReferencesThereIsNothingToSay) {
  Web().env = {{"A", "1"}, {"B", ""}};
  const ResolvedConfig resolved = Resolve();
  EXPECT_EQ(resolved.label, "");
  EXPECT_THAT(resolved.values.env, ElementsAre(ElementsAre("A=1", "B=")));
  EXPECT_THAT(resolved.missing, IsEmpty());
  EXPECT_EQ(api::RevisionOf(pod_, resolved.label), api::RevisionOf(pod_));
}

TEST_F(ConfigValues, LaterSourcesWinAndEnvOverAll) {
  config_.PutSecret("db", {{"A", "secret-a"}, {"B", "secret-b"}});
  config_.PutConfigMap("shop", {{"B", "map-b"}, {"C", "map-c"}}, {{"BIN", "x"}});
  Web().env_from = {{"", api::SecretEnvSource{"db"}},
                    {"", api::ConfigMapEnvSource{"shop"}},
                    {"P_", api::SecretEnvSource{"db"}}};
  Web().env = {{"C", "own"},
               {"D", "", api::SecretKeySelector{"db", "A"}},
               {"E", "", api::ConfigMapKeySelector{"shop", "C"}},
               {"A", "", api::SecretKeySelector{"db", "none", true}}};
  const ResolvedConfig resolved = Resolve();
  EXPECT_THAT(resolved.missing, IsEmpty());
  // A ConfigMap's binaryData makes no variable; an optional key that is not there takes none away.
  EXPECT_THAT(resolved.values.env,
              ElementsAre(ElementsAre("A=secret-a", "B=map-b", "C=own", "P_A=secret-a",
                                      "P_B=secret-b", "D=secret-a", "E=map-c")));
}

TEST_F(ConfigValues, KeysThatAreNoNamesAreLeftOutUnlessAPrefixHelps) {
  config_.PutConfigMap("shop", {{"1st", "x"}, {"ok", "y"}});
  Web().env_from = {{"", api::ConfigMapEnvSource{"shop"}}};
  ResolvedConfig resolved = Resolve();
  EXPECT_THAT(resolved.values.env[0], ElementsAre("ok=y"));
  ASSERT_THAT(resolved.skipped, SizeIs(1));
  EXPECT_THAT(resolved.skipped[0], HasSubstr("1st"));
  Web().env_from[0].prefix = "X_";
  resolved = Resolve();
  EXPECT_THAT(resolved.values.env[0], ElementsAre("X_1st=x", "X_ok=y"));
  EXPECT_THAT(resolved.skipped, IsEmpty());
}

TEST_F(ConfigValues, FilesAreKeysOrItems) {
  config_.PutSecret("tls", {{"key", std::string("\0\xff", 2)}, {"crt", "c"}});
  config_.PutConfigMap("shop", {{"a.conf", "1"}}, {{"blob", std::string("\0", 1)}});
  pod_.volumes = {
      {"s", api::SecretVolume{"tls", {{"key", "x/y/k.pem"}, {"crt", "x/c.pem"}}, 0400, false}},
      {"m", api::ConfigMapVolume{.name = "shop"}},
      {"none", api::ConfigMapVolume{.name = "other", .optional = true}}};
  const ResolvedConfig resolved = Resolve();
  EXPECT_THAT(resolved.missing, IsEmpty());
  EXPECT_THAT(
      resolved.values.files.at("s"),
      ElementsAre(FileEntry{.path = "x", .directory = true, .mode = 0755},
                  FileEntry{.path = "x/y", .directory = true, .mode = 0755},
                  FileEntry{.path = "x/y/k.pem", .mode = 0400, .content = std::string("\0\xff", 2)},
                  FileEntry{.path = "x/c.pem", .mode = 0400, .content = "c"}));
  EXPECT_THAT(resolved.values.files.at("m"),
              ElementsAre(FileEntry{.path = "a.conf", .mode = 0644, .content = "1"},
                          FileEntry{.path = "blob", .content = std::string("\0", 1)}));
  EXPECT_THAT(resolved.values.files.at("none"), IsEmpty());
}

TEST_F(ConfigValues, WhatIsMissingIsNamedWithWhatToDo) {
  config_.PutSecret("there", {{"a", "hunter2"}});
  Web().env = {{"A", "", api::SecretKeySelector{"db", "password"}},
               {"B", "", api::SecretKeySelector{"there", "b"}},
               {"C", "", api::ConfigMapKeySelector{"shop", "c"}}};
  AddSecretVolume({.secret_name = "there", .items = {{"z", "z"}, {"a", "a"}}});
  const ResolvedConfig resolved = Resolve();
  ASSERT_THAT(resolved.missing, SizeIs(4));
  EXPECT_THAT(resolved.missing[0], HasSubstr("kubectl create configmap shop --namespace default"));
  EXPECT_THAT(resolved.missing[1], HasSubstr("kubectl create secret generic db --namespace"));
  EXPECT_THAT(resolved.missing[2], HasSubstr("Secret there (namespace default) has no key b"));
  EXPECT_THAT(resolved.missing[3], HasSubstr("has no key z"));
  for (const std::string& message : resolved.missing) {
    EXPECT_THAT(message, Not(HasSubstr("hunter2")));
  }
}

TEST_F(ConfigValues, OptionalOnesMayBeMissing) {
  Web().env_from = {{"", api::SecretEnvSource{"db", true}}};
  Web().env = {{"A", "", api::ConfigMapKeySelector{"shop", "a", true}}};
  AddSecretVolume({.secret_name = "db", .items = {{"z", "z"}}, .optional = true});
  const ResolvedConfig absent = Resolve();
  EXPECT_THAT(absent.missing, IsEmpty());
  EXPECT_THAT(absent.values.env, ElementsAre(IsEmpty()));
  // Once it is there, that is a change.
  config_.PutSecret("db", {});
  EXPECT_NE(Resolve().label, absent.label);
}

// Docker takes text without NUL only: anything else would be another value in the container.
TEST_F(ConfigValues, WhatIsNoTextIsNoVariable) {
  Web().env = {{"A", "", api::SecretKeySelector{"db", "a"}}};
  for (const std::string& value :
       {std::string("a\0b", 3), std::string("\xff\xfe"), std::string(128 * 1024, 'x')}) {
    config_.PutSecret("db", {{"a", value}});
    const ResolvedConfig resolved = Resolve();
    ASSERT_THAT(resolved.missing, SizeIs(1));
    EXPECT_THAT(resolved.missing[0], HasSubstr("mount it as a file"));
    EXPECT_LT(resolved.missing[0].size(), 200U);
  }
}

TEST_F(ConfigValues, OnlyWhatIsUsedIsInTheLabel) {
  config_.PutSecret("db", {{"password", "hunter2"}, {"other", "1"}});
  config_.PutConfigMap("shop", {{"a", "1"}});
  Web().env = {{"P", "", api::SecretKeySelector{"db", "password"}}};
  AddSecretVolume({.secret_name = "db", .items = {{"password", "p"}}});
  pod_.volumes.push_back({"m", api::ConfigMapVolume{.name = "shop"}});
  pod_.image_pull_secrets = {{"registry"}};
  const std::string label = Resolve().label;
  EXPECT_THAT(label, testing::MatchesRegex("configmap/shop=[0-9a-f]{16},secret/db=[0-9a-f]{16}"));
  config_.PutSecret("db", {{"password", "hunter2"}, {"other", "2"}});
  config_.PutSecret("registry", {{"x", "y"}});
  EXPECT_EQ(Resolve().label, label);
  config_.PutSecret("db", {{"password", "hunter3"}, {"other", "2"}});
  const std::string changed = Resolve().label;
  EXPECT_THAT(ConfigChanges(label, changed), ElementsAre("secret db changed"));
  EXPECT_NE(api::RevisionOf(pod_, changed), api::RevisionOf(pod_, label));
  config_.PutConfigMap("shop", {{"a", "1"}, {"b", ""}});
  EXPECT_THAT(ConfigChanges(label, Resolve().label),
              ElementsAre("configmap shop changed", "secret db changed"));
}

// Who sees the labels of two apps does not see that their passwords are the same.
TEST_F(ConfigValues, EqualValuesHaveDifferentDigests) {
  config_.PutSecret("a", {{"k", "same"}});
  config_.PutSecret("b", {{"k", "same"}});
  Web().env_from = {{"A", api::SecretEnvSource{"a"}}, {"B", api::SecretEnvSource{"b"}}};
  const std::string label = Resolve().label;
  EXPECT_NE(label.substr(label.find('=') + 1, 16), label.substr(label.rfind('=') + 1, 16));
}

TEST_F(ConfigValues, BoundariesOfKeysAndValuesCount) {
  Web().env_from = {{"", api::SecretEnvSource{"a"}}};
  std::set<std::string> labels;
  const std::vector<fakes::FakeConfig::Data> all = {{{"a", "b"}, {"c", "d"}},
                                                    {{"a", "b1:c1:d"}},
                                                    {{"a", "bcd"}},
                                                    {{"ab", ""}, {"c", "d"}},
                                                    {{"a", "-"}},
                                                    {{"a", ""}},
                                                    {}};
  for (const fakes::FakeConfig::Data& data : all) {
    config_.PutSecret("a", data);
    labels.insert(Resolve().label);
  }
  config_.secrets.clear();
  labels.insert(Resolve().label);
  EXPECT_THAT(labels, SizeIs(8));
}

TEST_F(ConfigValues, WhatCannotBeReadIsNoAnswer) {
  Web().env_from = {{"", api::SecretEnvSource{"a", true}}};
  config_.down = Status{Code::kUnavailable, "the store is locked"};
  const auto objects = ReadConfigObjects(config_, "default", ReferencesOf(pod_));
  ASSERT_FALSE(objects);
  EXPECT_EQ(objects.error().code, Code::kUnavailable);
  EXPECT_EQ(objects.error().message, "read Secret a: the store is locked");
}

// Same input, same revision; and any change of a value that is used is another one.
TEST_F(ConfigValues, SameInputSameRevision) {
  std::mt19937 random(7);
  const auto pick = [&random](int n) {
    return static_cast<int>(random() % static_cast<unsigned>(n));
  };
  for (int round = 0; round < 300; ++round) {
    config_.secrets.clear();
    config_.config_maps.clear();
    pod_.volumes.clear();
    Web().env.clear();
    Web().env_from.clear();
    const auto name = [&] { return std::string(1, static_cast<char>('a' + pick(3))); };
    for (int i = pick(4); i > 0; --i) {
      config_.PutSecret(name(), {{name(), name()}, {name(), name()}});
      config_.PutConfigMap(name(), {{name(), name()}});
    }
    for (int i = pick(3); i > 0; --i) {
      Web().env.push_back({"V" + name(), "", api::SecretKeySelector{name(), name(), pick(2) == 0}});
      Web().env_from.push_back({"", api::ConfigMapEnvSource{name(), pick(2) == 0}});
      pod_.volumes.push_back(
          {"v" + std::to_string(i), api::SecretVolume{.secret_name = name(), .optional = true}});
    }
    const ResolvedConfig first = Resolve();
    const ResolvedConfig again = Resolve();
    ASSERT_EQ(first.label, again.label);
    ASSERT_EQ(first.values.env, again.values.env);
    ASSERT_EQ(first.values.files, again.values.files);
    ASSERT_EQ(first.missing, again.missing);
    ASSERT_EQ(first.label.empty(), ReferencesOf(pod_).empty());
    // Other values of variables or files never come with the same label.
    const fakes::FakeConfig before = config_;
    config_.PutSecret(name(), {{name(), "other"}});
    config_.PutConfigMap(name(), {{name(), "other"}});
    const ResolvedConfig after = Resolve();
    if (after.values.env != first.values.env || after.values.files != first.values.files) {
      ASSERT_NE(after.label, first.label);
    }
    config_ = before;
    ASSERT_EQ(Resolve().label, first.label);
  }
}

}  // namespace
}  // namespace ballast::reconcilers
