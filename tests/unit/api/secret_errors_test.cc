// No error about a Secret shows a piece of a value: not of the wrong type, not where YAML itself is
// wrong, not in JSON that breaks off, not when the kind comes last.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Written in such a way that something is wrong with it; every piece has 77 in it.
const std::vector<std::string>& WrongValues() {
  static const std::vector<std::string> values = {
      "777",
      "07770",
      "77.5",
      "0x77",
      "[a77, b77]",
      "{a77: b77}",
      "{a77: 077}",
      "&a77 b",
      "!a77 b",
      "*a77",
      "\"a77\\q\"",
      "'a77",
      "\"a77",
      "a77: b77",
      "\"a77\" b77",
      "[a77",
      "{a77",
      "{[a77]: b77}",
      "|77\n   a77",
      "a77\n b77: c77",
      "@a77",
      "`a77",
      "%a77",
      "\"\\u77\"",
      "\"a77\\x0\"",
      "{<<: {a77: b77}}",
      "{a77: x, a77: y}",
      "? a77",
      "- a77",
      "{a: &a77 [*a77]}",
  };
  return values;
}

// Without places, numbers of the lines and of limits.
std::string Messages(const std::vector<FieldError>& errors) {
  std::string out;
  for (const FieldError& error : errors) out += error.field + ": " + error.message + "\n";
  return out;
}

TEST(SecretErrors, InYaml) {
  const std::vector<std::pair<std::string, std::string>> frames = {
      {"apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  password: ", "\n"},
      {"apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata:\n  password: ", "\n"},
      {"apiVersion: v1\ndata:\n  password: ", "\nkind: Secret\nmetadata: {name: db}\n"},
      {"stringData:\n  a: b\n  password: ", "\nkind: Secret\nmetadata: {name: db}\n"},
      {"{\"stringData\": {\"password\": ", "}, \"kind\": \"Secret\", \"apiVersion\": \"v1\"}"},
      {"kind: Secret\nmetadata: {name: db}\ntype: ", "\n"},
      {"kind: Secret\nmetadata: {name: db}\nimmutable: ", "\n"},
      {"kind: Secret\nmetadata: {name: db, annotations: {a: ", "}}\n"},
      {"kind: Secret\nmetadata: {name: db}\nstringData: ", "\n"},
      {"kind: secret\nstringData:\n  password: ", "\n"},
      {"kind: Secert\nstringData:\n  password: ", "\n"},
  };
  for (const auto& [head, tail] : frames) {
    for (const std::string& value : WrongValues()) {
      SCOPED_TRACE(head + value + tail);
      const auto objects = DecodeManifest("a.yaml", "kind: Nonsense\n---\n" + head + value + tail,
                                          testing::AllKinds());
      ASSERT_FALSE(objects.has_value());
      // Keys of what the file has in place of a map are names, not values.
      if (head.ends_with("stringData: ") && value.starts_with('{')) continue;
      EXPECT_THAT(Messages(objects.error()), Not(HasSubstr("77")));
      const auto refused = DecodeManifest("a.yaml", head + value + tail, testing::Options());
      ASSERT_FALSE(refused.has_value());
      EXPECT_THAT(Messages(refused.error()), Not(HasSubstr("77")));
    }
  }
}

// How half a file looks, in the order that programs write.
TEST(SecretErrors, InYamlThatBreaksOff) {
  const std::string text =
      "apiVersion: v1\ndata:\n  a: 'a77'\n  b: \"b77\\x41\"\n  c: {d77: [e77]}\n  f: 0770\n"
      "  g: !h77 x\nstringData: {i: \"j77\", k: 077}\nkind: Secret\nmetadata:\n  annotations:\n"
      "    l: '77'\n    m: 77\n  name: n\ntype: '77 77'\n";
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto objects = DecodeManifest("a.yaml", text.substr(0, size), testing::AllKinds());
    if (objects) continue;
    EXPECT_THAT(Messages(objects.error()), Not(HasSubstr("77"))) << text.substr(0, size);
  }
}

TEST(SecretErrors, OtherKindsStillShowWhatIsThere) {
  EXPECT_THAT(testing::ErrorsOf(testing::kConfigMapHead + "data: {a: 010}\n", testing::AllKinds()),
              HasSubstr("\"010\" is an octal number"));
  EXPECT_THAT(testing::ErrorsOf("kind: WebApp\nspec: {replicas: 010, paused: &x true}\n"),
              ::testing::AllOf(HasSubstr("\"010\" is an octal number"), HasSubstr("(&x)")));
  // After a Secret in the same file, too.
  EXPECT_THAT(testing::ErrorsOf(
                  testing::kSecretHead + "---\n" + testing::kWebAppHead + "  replicas: three\n",
                  testing::AllKinds()),
              HasSubstr("got \"three\""));
}

TEST(SecretErrors, InJson) {
  const auto secret = [](const nlohmann::json& fields) {
    nlohmann::json json = {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", "a"}}}};
    json.update(fields);
    return json;
  };
  const nlohmann::json values[] = {
      777, 77.5, "a77", nlohmann::json::array({"a77"}), {{"a77", "b77"}}, nullptr, true, "YTc3"};
  for (const nlohmann::json& value : values) {
    for (const nlohmann::json& fields : std::initializer_list<nlohmann::json>{
             {{"data", {{"password", value}}}},
             {{"data", value}},
             {{"type", value}, {"data", {{"a", 77}}}},
             {{"immutable", value}, {"data", {{"a", 77}}}},
             {{"stringData", {{"not a key", value}}}},
             {{"type", "kubernetes.io/dockerconfigjson"},
              {"stringData", {{".dockerconfigjson", value.dump()}}}},
             {{"spec", value}}}) {
      if (fields.contains("data") && fields["data"].is_object() && fields["data"].contains("a77")) {
        continue;  // a key is a name
      }
      const nlohmann::json json = secret(fields);
      SCOPED_TRACE(json.dump());
      const auto object = DecodeJson(json, testing::AllKinds());
      if (object) continue;
      EXPECT_THAT(Messages(object.error()), Not(HasSubstr("77")));
      const auto once = DecodeObject(json, testing::AllKinds());
      ASSERT_FALSE(once.has_value());
      EXPECT_THAT(once.error().message, Not(HasSubstr("77")));
    }
  }
}

TEST(SecretErrors, InJsonThatIsBroken) {
  for (const char* text :
       {R"({"data":{"password":"a77)", R"({"data":{"password":a77}})",
        R"({"data":{"password":"a77\q"}})", R"({"data":{"password":7777e9999}})",
        R"({"data":{"password":-a77}})", R"({"data":{"password":"a77" "b77"}})",
        "{\"data\":{\"password\":\"a77\n\"}}", "{\"data\":{\"password\":\"a77\xff\"}}",
        R"({"data":{"password":077}})"}) {
    const auto json = ParseJsonStrict(text, 1000, 10);
    ASSERT_FALSE(json.has_value()) << text;
    // The column may be any number.
    const std::string& message = json.error().message;
    const std::size_t place = message.find(": ", message.find("line"));
    EXPECT_THAT(place == message.npos ? message : message.substr(place), Not(HasSubstr("77")))
        << message;
    EXPECT_THAT(message, ::testing::StartsWith("not valid JSON"));
  }
}

}  // namespace
}  // namespace ballast::api
