#include "controller/manifests/put_back.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ballast::manifests {
namespace {

const nlohmann::json kWritten = nlohmann::json::parse(
    R"({"metadata": {"labels": {"a.b": "c"}},
        "spec": {"replicas": 3, "paused": false, "minReady": 1.5, "image": "secret?",
                 "routes": [{"host": "a"}, {"ports": [{"port": 80}]}]}})");

std::string Text(const std::string& field) { return PutBackText({field}, kWritten, "a.yaml"); }

TEST(PutBackText, ShowsNumbersAndTruthOnly) {
  EXPECT_EQ(Text("spec.replicas (changed by x)"),
            "spec.replicas (changed by x) put back: a.yaml says 3");
  EXPECT_EQ(Text("spec.paused"), "spec.paused put back: a.yaml says false");
  EXPECT_EQ(Text(".spec.minReady"), ".spec.minReady put back: a.yaml says 1.5");
  EXPECT_EQ(Text("spec.routes[1].ports[0].port"),
            "spec.routes[1].ports[0].port put back: a.yaml says 80");
  EXPECT_EQ(Text("spec.image"), "spec.image put back: a.yaml says otherwise");
}

TEST(PutBackText, WhatCannotBeFoundIsNotShown) {
  for (const std::string field :
       {"spec", "spec.nothing", "spec.replicas.deeper", "metadata.labels.a.b", "spec.routes[2]",
        "spec.routes[", "spec.routes[0", "spec.routes[x]", "spec.routes[-1]", "spec[0]",
        "spec.routes[99999999999999999999]", "", "..", "spec.routes[name=\"a\"].host"}) {
    EXPECT_EQ(Text(field), field + " put back: a.yaml says otherwise");
  }
}

TEST(PutBackText, ManyFieldsMakeOneShortText) {
  const std::vector<std::string> fields(7, "spec.replicas");
  const std::string text = PutBackText(fields, kWritten, "a.yaml");
  EXPECT_TRUE(text.ends_with("says 3; and 2 more")) << text;
}

}  // namespace
}  // namespace ballast::manifests
