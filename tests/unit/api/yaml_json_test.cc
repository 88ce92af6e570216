// YAML as the command line reads and writes it: what WriteYaml prints is read back as the same
// value, and errors of a server are found in the text again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/yaml_json.h"
#include "api/yaml_marks.h"
#include "api/yaml_write.h"

namespace ballast::api {
namespace {

using nlohmann::json;

TEST(WriteYaml, LooksAsPeopleWriteIt) {
  const json object = json::parse(R"({
    "apiVersion": "ballast.dev/v1alpha1", "kind": "WebApp",
    "metadata": {"name": "shop", "labels": {}, "creationTimestamp": "2026-11-21T10:00:00Z"},
    "spec": {"replicas": 3, "paused": false, "weight": 0.5, "note": null, "list": [],
             "args": ["-c", "a: b", "yes", "007", "1.4", "two\nlines\n", "no end\nhere"],
             "routes": [{"host": "shop.example.com", "path": "/"}],
             "image": "acme/shop:1.4", "maxSurge": "25%", "empty": ""}})");
  EXPECT_EQ(WriteYaml(object), R"(apiVersion: ballast.dev/v1alpha1
kind: WebApp
metadata:
  creationTimestamp: "2026-11-21T10:00:00Z"
  labels: {}
  name: shop
spec:
  args:
    - "-c"
    - "a: b"
    - "yes"
    - "007"
    - "1.4"
    - |
      two
      lines
    - "no end\nhere"
  empty: ""
  image: acme/shop:1.4
  list: []
  maxSurge: "25%"
  note: null
  paused: false
  replicas: 3
  routes:
    - host: shop.example.com
      path: /
  weight: 0.5
)");
}

class YamlRoundTrip : public testing::TestWithParam<const char*> {};

TEST_P(YamlRoundTrip, ReadsBackWhatWasWritten) {
  const std::string text = GetParam();
  for (const json& value : {json{{"key", text}}, json{{"list", {text, {{"inner", text}}, {text}}}},
                            json{{text.empty() ? "k" : text, 1}}}) {
    const std::string yaml = WriteYaml(value);
    const auto read = ParseYamlAsJson(yaml);
    ASSERT_TRUE(read) << yaml << read.error().front().message;
    ASSERT_EQ(read->size(), 1U) << yaml;
    EXPECT_EQ(read->front(), value) << yaml;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, YamlRoundTrip,
    testing::Values("plain", "", " ", " a", "a ", "true", "True", "yes", "on", "y", "N", "null",
                    "~", "1", "-1", "1.5", "1e3", "0x1f", "0o7", "010", ".inf", ".nan", "1:30",
                    "2026-11-21", "2026-11-21T10:00:00Z", "12345678901234567890", "a: b",
                    "a:", ":a", "# c", "a # b", "a#b", "- a", "-", "--", "---", "...", "? a", "[a]",
                    "{a}", "a, b", "*a", "&a", "!a", "|", ">", "%a", "@a", "`a", "'a'", "\"a\"",
                    "a\"b", "a'b", "a\\b", "a\tb", "a\nb", "a\nb\n", "\na\n", "a\n\nb\n",
                    "  a\nb\n", "a  \nb\n", "a\n\n", "a\r\nb", "\xc3\xa4\xe2\x82\xac",
                    "\xc3\xa4\nb\n", "shop:1.4", "acme/shop@sha256:ab", "a=b", "=", "<<", "a b c",
                    "http://x/y?z=1", "1.4.2", "1_000", "e", "e1", "0", "00", "+1", "25%", "7f3a",
                    "123e4"));

TEST(WriteYaml, WritesWhatIsNoMap) {
  EXPECT_EQ(WriteYaml(json("text")), "text\n");
  EXPECT_EQ(WriteYaml(json(3)), "3\n");
  EXPECT_EQ(WriteYaml(json::object()), "{}\n");
  EXPECT_EQ(WriteYaml(json::array({1, 2})), "- 1\n- 2\n");
}

TEST(YamlMarks, FindFieldsAndWhatIsAroundThem) {
  const std::string text = R"(kind: WebApp
metadata:
  name: shop
  labels: {a.b/c: d}
spec:
  template:
    spec:
      containers:
      - name: web
        image: x
        ports:
        - {containerPort: 1}
---
kind: Second
)";
  const auto documents = MarkYaml(text);
  ASSERT_EQ(documents.size(), 2U);
  const auto line = [&](std::string_view field) { return documents[0].Find(field).line; };
  EXPECT_EQ(line("kind"), 1);
  EXPECT_EQ(line("metadata.name"), 3);
  EXPECT_EQ(line(".metadata.name"), 3);
  EXPECT_EQ(line("metadata.labels[\"a.b/c\"]"), 4);
  EXPECT_EQ(line("metadata.labels[\"no.such\"]"), 4);
  EXPECT_EQ(line("spec.template.spec.containers[0].image"), 10);
  EXPECT_EQ(line("spec.template.spec.containers[0].ports[0].containerPort"), 12);
  EXPECT_EQ(line("spec.template.spec.containers[0].command"), 9) << "the container";
  EXPECT_EQ(line("spec.template.spec.containers[7]"), 8);
  EXPECT_EQ(line("spec.replicas"), 5) << "the spec";
  EXPECT_EQ(line("status"), 1) << "the document";
  EXPECT_EQ(line(""), 1);
  EXPECT_EQ(line("[\""), 1);
  EXPECT_EQ(documents[1].Find("kind").line, 14);
  EXPECT_TRUE(MarkYaml("a: [").empty());
  EXPECT_EQ(DocumentMarks().Find("a.b").line, 0);
}

}  // namespace
}  // namespace ballast::api
