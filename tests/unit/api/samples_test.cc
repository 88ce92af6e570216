// Every sample loads, alone and together, and comes back from JSON as it was.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

std::vector<DecodedObject> LoadSamples() {
  std::vector<DecodedObject> objects;
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::SourcePath("manifests/samples"))) {
    if (entry.path().extension() != ".yaml") continue;
    const auto decoded =
        DecodeManifest(entry.path().filename().string(), testing::ReadFile(entry.path().string()),
                       {.all_kinds = true});
    if (!decoded) {
      for (const FieldError& error : decoded.error()) ADD_FAILURE() << error.ToString();
      continue;
    }
    EXPECT_FALSE(decoded->empty()) << entry.path();
    objects.insert(objects.end(), decoded->begin(), decoded->end());
  }
  return objects;
}

TEST(Samples, AreValidTogether) {
  const auto objects = LoadSamples();
  EXPECT_GE(objects.size(), 4U);
  for (const FieldError& error : ValidateSet(objects)) ADD_FAILURE() << error.ToString();
}

TEST(Samples, ComeBackFromJson) {
  for (const DecodedObject& decoded : LoadSamples()) {
    const auto back = DecodeObject(EncodeObject(decoded.object), {.all_kinds = true});
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, decoded.object);
  }
}

TEST(Samples, Hello) {
  const auto hello = testing::DecodeOne<WebApp>(
      testing::ReadFile(testing::SourcePath("manifests/samples/hello.yaml")));
  EXPECT_EQ(hello.Key().ToString(), "WebApp/default/hello");
  EXPECT_EQ(hello.spec.replicas, 2);
  ASSERT_TRUE(hello.spec.pod_template.has_value());
  EXPECT_EQ(hello.spec.pod_template->ServingPort(), 8080);
  const Container& web = hello.spec.pod_template->containers.at(0);
  EXPECT_EQ(web.image, "ballast/hello:latest");
  ASSERT_TRUE(web.readiness_probe.has_value());
  EXPECT_EQ(std::get<HttpGetAction>(web.readiness_probe->action).path, "/healthz");
  EXPECT_EQ(hello.spec.routes, std::vector<Route>{Route{}});
}

}  // namespace
}  // namespace ballast::api
