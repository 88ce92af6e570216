// What `ballast describe` prints, compared with tests/golden/cli, and when waiting is over. After a
// wanted change: BALLAST_UPDATE_GOLDEN=1 unit_cli, then read the difference.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "controller/cli/describe_view.h"
#include "controller/cli/readiness.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

std::string PathOf(const std::string& name) {
  return std::string(BALLAST_SOURCE_DIR) + "/tests/golden/cli/" + name;
}

std::string ReadText(const std::string& name) {
  std::ifstream in(PathOf(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class Described : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Objects, Described,
                         testing::Values("webapp", "webapp_stuck", "secret", "load_balancer",
                                         "nonsense"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(Described, LooksAsBefore) {
  const json sample = json::parse(ReadText(std::string(GetParam()) + ".json"));
  const std::string text =
      DescribeObject({.object = sample["object"],
                      .events = sample["events"].get_ref<const std::vector<json>&>(),
                      .pods = sample["pods"],
                      .autoscaler = sample["autoscaler"],
                      .now = std::chrono::system_clock::from_time_t(1795257720)});
  const std::string file = std::string(GetParam()) + ".txt";
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  if (std::getenv("BALLAST_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(PathOf(file), std::ios::binary) << text;
  }
  EXPECT_EQ(text, ReadText(file)) << PathOf(file);
  EXPECT_EQ(text.find("c2VjcmV0"), std::string::npos) << "a secret";
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

json WebApp(int observed, int wanted, int updated, int in_service, const char* available,
            const char* progressing, const char* reason) {
  return {{"kind", "WebApp"},
          {"spec", {{"replicas", wanted}, {"template", json::object()}}},
          {"status",
           {{"observedGeneration", observed},
            {"desiredReplicas", wanted},
            {"updatedReplicas", updated},
            {"inServiceReplicas", in_service},
            {"replicas", in_service},
            {"conditions", json::array({json{{"type", "Available"}, {"status", available}},
                                        json{{"type", "Progressing"},
                                             {"status", progressing},
                                             {"reason", reason},
                                             {"message", "because"}}})}}}};
}

TEST(Readiness, OfAWebApp) {
  struct Case {
    json object;
    bool ready;
    bool failed;
    const char* text;
  };
  const Case cases[] = {
      {WebApp(1, 2, 2, 2, "True", "True", "RolloutComplete"), false, false,
       "the controller has not seen it yet"},
      {WebApp(2, 2, 2, 2, "True", "True", "RolloutComplete"), true, false,
       "2 of 2 replicas in service"},
      {WebApp(2, 2, 1, 2, "True", "True", "ReplicasUpdated"), false, false,
       "1 of 2 replicas of the new revision"},
      {WebApp(2, 2, 2, 1, "True", "True", "RolloutComplete"), false, false,
       "1 of 2 replicas in service"},
      {WebApp(2, 2, 2, 2, "True", "True", "ReplicasUpdated"), false, false, "because"},
      {WebApp(2, 2, 1, 2, "True", "False", "ProgressDeadlineExceeded"), false, true,
       "ProgressDeadlineExceeded: because"},
      {WebApp(2, 2, 1, 2, "True", "Unknown", "RolloutPaused"), false, true,
       "RolloutPaused: spec.paused keeps the rollout from going on"},
      {WebApp(3, 0, 0, 0, "True", "True", "RolloutComplete"), true, false,
       "0 of 0 replicas in service"}};
  for (const Case& each : cases) {
    EXPECT_EQ(ReadinessOf(each.object, 2), (Readiness{each.ready, each.failed, each.text}))
        << each.object.dump();
  }
  json degraded = WebApp(2, 2, 2, 1, "False", "True", "ReplicasUpdated");
  degraded["status"]["conditions"].push_back({{"type", "Degraded"},
                                              {"status", "True"},
                                              {"reason", "ImagePullFailed"},
                                              {"message", "no such image"}});
  EXPECT_EQ(ReadinessOf(degraded, 2).text,
            "1 of 2 replicas in service; ImagePullFailed: no such image");
  json deleted = WebApp(2, 2, 2, 2, "True", "True", "RolloutComplete");
  deleted["metadata"]["deletionTimestamp"] = "2026-11-21T10:41:00Z";
  EXPECT_TRUE(ReadinessOf(deleted, 2).failed);
  json pool = WebApp(2, 2, 2, 2, "False", "True", "RolloutComplete");
  pool["spec"].erase("template");
  EXPECT_TRUE(ReadinessOf(pool, 2).ready);
  EXPECT_TRUE(ReadinessOf({{"kind", "Secret"}}, 5).ready);
  EXPECT_FALSE(ReadinessOf({{"kind", "LoadBalancer"}}, 0).ready);
  EXPECT_FALSE(ReadinessOf({{"kind", "WebApp"}, {"status", 3}}, 1).ready);
}

TEST(Readiness, OfAScaledWebApp) {
  EXPECT_TRUE(ScaledTo(WebApp(2, 2, 2, 2, "True", "True", ""), 2).ready);
  EXPECT_FALSE(ScaledTo(WebApp(2, 2, 2, 1, "True", "True", ""), 2).ready);
  EXPECT_TRUE(ScaledTo(WebApp(2, 5, 5, 5, "True", "True", ""), 2).failed) << "somebody else";
  json leaving = WebApp(2, 2, 2, 2, "True", "True", "");
  leaving["status"]["replicas"] = 4;
  EXPECT_EQ(ScaledTo(leaving, 2).text, "2 in service, 2 still leaving");
}

}  // namespace
}  // namespace ballast::cli
