// Namespace, ConfigMap and Secret: what is read, what is shown, what may change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

using ::testing::HasSubstr;
using testing::kConfigMapHead;
using testing::kSecretHead;

TEST(Namespace, AsKubectlCreatesIt) {
  const auto object = DecodeJson(nlohmann::json::parse(
                                     R"({"kind":"Namespace","apiVersion":"v1",
                         "metadata":{"name":"staging","creationTimestamp":null},
                         "spec":{},"status":{}})"),
                                 testing::AllKinds());
  ASSERT_TRUE(object.has_value());
  const auto& ns = std::get<Namespace>(*object);
  EXPECT_EQ(ns.Key().ToString(), "Namespace/staging");
  EXPECT_EQ(EncodeObject(ns).dump(),
            R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"staging"}})");
}

TEST(ConfigMap, TextAndBytes) {
  const auto config = testing::DecodeOne<ConfigMap>(
      kConfigMapHead +
      "data: {app.conf: \"a=b\\nc=d\\n\", empty: \"\", nul: \"\\0\"}\nbinaryData: {logo: AP8=}\n");
  EXPECT_EQ(config.Key().ToString(), "ConfigMap/default/settings");
  EXPECT_EQ(config.data.at("app.conf"), "a=b\nc=d\n");
  EXPECT_EQ(config.data.at("empty"), "");
  EXPECT_EQ(config.data.at("nul"), std::string(1, '\0'));
  EXPECT_EQ(config.binary_data.at("logo"), std::string("\0\xff", 2));
  EXPECT_FALSE(config.immutable.has_value());
  const nlohmann::json json = EncodeObject(config);
  EXPECT_EQ(json["binaryData"]["logo"], "AP8=");
  EXPECT_FALSE(json.contains("immutable"));
  EXPECT_FALSE(json.contains("spec"));
}

TEST(ConfigMap, EmptyMapsAreLeftOut) {
  const auto config = testing::DecodeOne<ConfigMap>(kConfigMapHead + "data: {}\nbinaryData: {}\n");
  EXPECT_EQ(EncodeObject(config).dump(),
            R"({"apiVersion":"v1","kind":"ConfigMap",)"
            R"("metadata":{"name":"settings","namespace":"default"}})");
}

TEST(Secret, StringDataIsPutOverDataAndNotShown) {
  const std::string data = "data: {a: b25l, b: dHdv}\n";  // one, two
  const std::string text = "stringData: {b: three, c: four}\n";
  for (const std::string& body : {data + text, text + data}) {
    const auto secret = testing::DecodeOne<Secret>(kSecretHead + body);
    EXPECT_EQ(secret.data,
              (std::map<std::string, std::string>{{"a", "one"}, {"b", "three"}, {"c", "four"}}));
    EXPECT_EQ(secret.type, "Opaque");
    const nlohmann::json json = EncodeObject(secret);
    EXPECT_EQ(json["data"].dump(), R"({"a":"b25l","b":"dGhyZWU=","c":"Zm91cg=="})");
    EXPECT_FALSE(json.contains("stringData"));
    EXPECT_EQ(json["type"], "Opaque");
  }
}

TEST(Secret, Base64InBlocks) {
  const auto secret =
      testing::DecodeOne<Secret>(kSecretHead + "data:\n  key: |\n    Zm9v\n    YmFy\n");
  EXPECT_EQ(secret.data.at("key"), "foobar");
}

TEST(Secret, TypesThatAreRight) {
  for (const char* body :
       {"type: kubernetes.io/tls\nstringData: {tls.crt: a, tls.key: b, ca.crt: c}\n",
        "type: kubernetes.io/tls\ndata: {tls.crt: \"\"}\nstringData: {tls.key: b}\n",
        "type: kubernetes.io/dockerconfigjson\nstringData: {.dockerconfigjson: '{\"auths\":{}}'}\n",
        "type: kubernetes.io/basic-auth\nstringData: {username: me, password: b}\n",
        "type: kubernetes.io/basic-auth\nstringData: {password: b}\n", "type: example.com/own\n",
        "type: Opaque\n"}) {
    EXPECT_EQ(testing::ErrorsOf(kSecretHead + body, testing::AllKinds()), "") << body;
  }
}

TEST(Secret, LongNames) {
  const std::string name = "a." + std::string(251, 'b');
  const auto text = [](const std::string& kind, const std::string& of) {
    return "apiVersion: v1\nkind: " + kind + "\nmetadata: {name: " + of + "}\n";
  };
  for (const char* kind : {"Secret", "ConfigMap"}) {
    EXPECT_EQ(testing::ErrorsOf(text(kind, name), testing::AllKinds()), "");
    EXPECT_THAT(testing::ErrorsOf(text(kind, name + "b"), testing::AllKinds()),
                HasSubstr("must be a DNS subdomain"));
  }
}

TEST(Data, OneMebibyteInAll) {
  const auto errors = [](const char* kind, const nlohmann::json& fields) {
    nlohmann::json json = {{"apiVersion", "v1"}, {"kind", kind}, {"metadata", {{"name", "a"}}}};
    json.update(fields);
    const auto object = DecodeJson(json, testing::AllKinds());
    return object ? std::string() : object.error().front().ToString();
  };
  const std::string half(kMaxDataBytes / 2, 'x');
  EXPECT_EQ(errors("Secret", {{"stringData", {{"a", half}, {"b", half}}}}), "");
  EXPECT_EQ(errors("Secret", {{"stringData", {{"a", half}, {"b", half + "x"}}}}),
            "stringData: must be at most 1048576 bytes in all, got 1048577");
  EXPECT_EQ(errors("ConfigMap", {{"data", {{"a", half}, {"b", half}}}}), "");
  EXPECT_EQ(
      errors("ConfigMap", {{"data", {{"a", half}, {"b", half}}}, {"binaryData", {{"c", "YQ=="}}}}),
      "data: must be at most 1048576 bytes in all, got 1048577");
}

// What the controller of `--manifests` sees by default.
TEST(AllKinds, AreRefusedUnlessAskedFor) {
  for (const char* kind : {"Autoscaler", "Namespace", "Secret", "ConfigMap"}) {
    const nlohmann::json json = {{"kind", kind}};
    const auto object = DecodeObject(json, {});
    ASSERT_FALSE(object.has_value());
    EXPECT_THAT(object.error().message, HasSubstr(std::string(kind) + " is not built yet"));
  }
}

TEST(DecodeJson, SaysEverythingThatIsWrong) {
  const auto object =
      DecodeJson({{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", {{"a", 1}}}, {"x", "y"}},
                 testing::AllKinds());
  ASSERT_FALSE(object.has_value());
  std::string all;
  for (const FieldError& error : object.error()) {
    EXPECT_EQ(error.line, 0);
    all += error.ToString() + "\n";
  }
  EXPECT_EQ(all,
            "data.a: must be a string, got the number 1: put it in quotes\n"
            "x: unknown field\n"
            "metadata: is required: Name and labels\n");
  const auto list = DecodeJson(nlohmann::json::array(), {});
  ASSERT_FALSE(list.has_value());
  EXPECT_EQ(list.error().size(), 1U);
  EXPECT_FALSE(DecodeJson("\xff", {}).has_value());
}

TEST(ValidateUpdate, ImmutableStays) {
  ConfigMap config;
  config.meta.name = "a";
  config.data = {{"a", "1"}};
  ConfigMap changed = config;
  changed.data["a"] = "2";
  EXPECT_TRUE(ValidateUpdate(config, changed).empty());
  config.immutable = true;
  changed.immutable = true;
  ASSERT_EQ(ValidateUpdate(config, changed).size(), 1U);
  EXPECT_EQ(ValidateUpdate(config, changed)[0].field, "data");
  changed.immutable = false;
  changed.binary_data["b"] = "x";
  EXPECT_EQ(ValidateUpdate(config, changed).size(), 3U);
  EXPECT_TRUE(ValidateUpdate(changed, config).empty());
  ConfigMap labelled = config;
  labelled.meta.labels["a"] = "b";
  EXPECT_TRUE(ValidateUpdate(config, labelled).empty());
}

TEST(ValidateUpdate, ASecretKeepsItsType) {
  Secret secret;
  secret.data = {{"a", "hunter2"}};
  Secret changed = secret;
  changed.type = "example.com/other";
  const auto errors = ValidateUpdate(secret, changed);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].ToString(), "type: must not change: delete the Secret and make it anew");
  EXPECT_TRUE(ValidateUpdate(secret, WebApp{}).empty());
}

}  // namespace
}  // namespace ballast::api
