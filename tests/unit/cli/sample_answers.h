// What the server answers in the tests of commands, and the fixture that asks.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/unit/cli/fake_connection.h"

namespace ballast::cli {

inline constexpr char kWebApps[] = "/apis/ballast.dev/v1alpha1/namespaces/default/webapps";
inline constexpr char kShopYaml[] =
    "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {name: shop}\nspec:\n  replicas: "
    "2\n";

inline std::string WebApps(const std::string& rest = "") { return kWebApps + rest; }

inline std::string Table(const std::string& rows, const std::string& version = "7") {
  return R"({"kind":"Table","metadata":{"resourceVersion":")" + version +
         R"("},"columnDefinitions":[{"name":"Name","priority":0},{"name":"Ready","priority":0},
      {"name":"Status","priority":0},{"name":"Image","priority":1}],"rows":[)" +
         rows + "]}";
}
inline std::string Row(const std::string& name, const std::string& ready,
                       const std::string& status) {
  return R"({"cells":[")" + name + R"(",")" + ready + R"(",")" + status +
         R"(","acme/x:1"],"object":{"metadata":{"name":")" + name +
         R"(","namespace":"default","resourceVersion":"9","labels":{"a":"b"}}}})";
}
inline std::string Event(const std::string& type, const std::string& object) {
  return nlohmann::json({{"type", type}, {"object", nlohmann::json::parse(object)}}).dump() + "\n";
}
// A WebApp as the server tells it.
inline std::string Shop(int generation, int observed, int in_service, int wanted, int replicas,
                        const std::string& version = "5") {
  const bool done = in_service >= wanted;
  return nlohmann::json(
             {{"kind", "WebApp"},
              {"apiVersion", "ballast.dev/v1alpha1"},
              {"metadata",
               {{"name", "shop"},
                {"namespace", "default"},
                {"uid", "u1"},
                {"generation", generation},
                {"resourceVersion", version},
                {"managedFields", nlohmann::json::array()}}},
              {"spec", {{"replicas", wanted}, {"template", nlohmann::json::object()}}},
              {"status",
               {{"observedGeneration", observed},
                {"desiredReplicas", wanted},
                {"inServiceReplicas", in_service},
                {"updatedReplicas", wanted},
                {"replicas", replicas},
                {"url", "http://shop/"},
                {"conditions",
                 nlohmann::json::array(
                     {nlohmann::json{{"type", "Available"}, {"status", done ? "True" : "False"}},
                      nlohmann::json{
                          {"type", "Progressing"},
                          {"status", "True"},
                          {"reason", done ? "RolloutComplete" : "ReplicasUpdated"}}})}}}})
      .dump();
}
inline std::string ListOf(const std::string& items, const std::string& version = "7") {
  return R"({"kind":"List","metadata":{"resourceVersion":")" + version + R"("},"items":[)" + items +
         "]}";
}
inline std::string NotFound(const std::string& name) {
  return R"({"kind":"Status","code":404,"reason":"NotFound","message":"webapps.ballast.dev \")" +
         name + R"(\" not found"})";
}

inline std::string Pod(const std::string& name, const std::string& container) {
  return R"({"metadata":{"name":")" + name +
         R"(","resourceVersion":"8"},"status":{"containerStatuses":[{"containerID":")" + container +
         R"("}]}})";
}

class Commands : public testing::Test {
 protected:
  Commands() { AddDiscovery(server_); }
  Outcome Ballast(const std::vector<std::string>& arguments, const std::string& input = "") {
    return RunOn(server_, arguments, input);
  }
  FakeServer server_;
};

}  // namespace ballast::cli
