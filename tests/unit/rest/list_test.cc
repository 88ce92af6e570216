// Lists: selectors, pages, tables, and what a client may ask to be shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/apiserver/columns.h"
#include "controller/apiserver/continue_token.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Lists : public testing::Test {
 protected:
  void Add(const std::string& name, const json& labels = json::object(),
           const std::string& ns = "default") {
    const Reply reply = world_.Post("/api/v1/namespaces/" + ns + "/configmaps",
                                    ConfigMap(name, {{"k", name}}, labels));
    ASSERT_EQ(reply.status, 201) << reply.text;
  }
  static std::vector<std::string> Names(const json& list) {
    std::vector<std::string> names;
    for (const json& item : list.at("items")) names.push_back(item["metadata"]["name"]);
    return names;
  }
  std::vector<std::string> List(const std::string& query) {
    const Reply reply = world_.Get(std::string(kConfigMaps) + query);
    EXPECT_EQ(reply.status, 200) << reply.text;
    return Names(reply.body);
  }
  World world_;
};

TEST_F(Lists, AreSortedAndCarryTheVersionOfTheStore) {
  Add("b");
  Add("a");
  Add("z", json::object(), "other");
  const json list = world_.Get(kConfigMaps).body;
  EXPECT_EQ(list["kind"], "ConfigMapList");
  EXPECT_EQ(list["apiVersion"], "v1");
  EXPECT_EQ(list["metadata"]["resourceVersion"], std::to_string(world_.durable.Revision()));
  EXPECT_THAT(Names(list), ElementsAre("a", "b"));
  EXPECT_EQ(list["items"][0], world_.Get(std::string(kConfigMaps) + "/a").body);
  EXPECT_THAT(Names(world_.Get("/api/v1/configmaps").body), ElementsAre("a", "b", "z"));
  EXPECT_THAT(List("?resourceVersion=0"), ElementsAre("a", "b"));
  const json none = world_.Get(kApps).body;
  EXPECT_EQ(none["kind"], "WebAppList");
  EXPECT_EQ(none["items"], json::array());
}

TEST_F(Lists, SelectByLabels) {
  Add("a", {{"app", "web"}, {"env", "prod"}});
  Add("b", {{"app", "web"}});
  Add("c", {{"app", "db"}});
  Add("d");
  EXPECT_THAT(List("?labelSelector=app%3Dweb"), ElementsAre("a", "b"));
  EXPECT_THAT(List("?labelSelector=app%3D%3Dweb,env%3Dprod"), ElementsAre("a"));
  EXPECT_THAT(List("?labelSelector=app!%3Dweb"), ElementsAre("c", "d"));
  EXPECT_THAT(List("?labelSelector=app"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(List("?labelSelector=!app"), ElementsAre("d"));
  EXPECT_THAT(List("?labelSelector=app+in+(web,+db),!env"), ElementsAre("b", "c"));
  EXPECT_THAT(List("?labelSelector=app+notin+(web)"), ElementsAre("c", "d"));
  EXPECT_THAT(List("?labelSelector=app%3Dnothing"), IsEmpty());
  for (const char* wrong : {"?labelSelector=app%3Dweb+x", "?labelSelector=app+in+web",
                            "?labelSelector=%3D", "?labelSelector=app+in+(a", "?labelSelector=,"}) {
    EXPECT_EQ(world_.Get(std::string(kConfigMaps) + wrong).status, 400) << wrong;
  }
}

TEST_F(Lists, SelectByFields) {
  Add("a");
  Add("b");
  EXPECT_THAT(List("?fieldSelector=metadata.name%3Db"), ElementsAre("b"));
  EXPECT_THAT(List("?fieldSelector=metadata.name!%3Db"), ElementsAre("a"));
  EXPECT_THAT(List("?fieldSelector=metadata.name%3Da,metadata.namespace%3Ddefault"),
              ElementsAre("a"));
  EXPECT_THAT(List("?fieldSelector=metadata.namespace%3Dother"), IsEmpty());
  EXPECT_THAT(List("?fieldSelector=data.k%3Db"), ElementsAre("b"));
  EXPECT_THAT(List("?fieldSelector=data.nothing%3D"), ElementsAre("a", "b"));
  EXPECT_EQ(world_.Get(std::string(kConfigMaps) + "?fieldSelector=metadata.name").status, 400);
  EXPECT_EQ(world_.Get(std::string(kConfigMaps) + "?fieldSelector=%3Dx").status, 400);
}

TEST_F(Lists, PagesShowOneInstant) {
  for (const char* name : {"a", "b", "c", "d", "e"}) Add(name);
  const json first = world_.Get(std::string(kConfigMaps) + "?limit=2").body;
  EXPECT_THAT(Names(first), ElementsAre("a", "b"));
  const std::string token = first["metadata"]["continue"];
  world_.Delete(std::string(kConfigMaps) + "/c");
  Add("bb");
  world_.Merge(std::string(kConfigMaps) + "/d", {{"data", {{"k", "changed"}}}});
  const json second = world_.Get(std::string(kConfigMaps) + "?limit=2&continue=" + token).body;
  EXPECT_THAT(Names(second), ElementsAre("c", "d"));
  EXPECT_EQ(second["items"][1]["data"]["k"], "d") << "as it was";
  EXPECT_EQ(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
  const json third = world_
                         .Get(std::string(kConfigMaps) + "?limit=2&continue=" +
                              second["metadata"]["continue"].get<std::string>())
                         .body;
  EXPECT_THAT(Names(third), ElementsAre("e"));
  EXPECT_FALSE(third["metadata"].contains("continue"));
}

TEST_F(Lists, PagesOfASelectorAreFullAndComplete) {
  for (int i = 0; i < 30; ++i) {
    Add("c" + std::to_string(100 + i), {{"odd", i % 2 == 1 ? "yes" : "no"}});
  }
  for (const std::string limit : {"1", "4", "15", "16"}) {
    std::vector<std::string> names;
    std::string token;
    int pages = 0;
    do {
      const Reply reply =
          world_.Get(std::string(kConfigMaps) + "?labelSelector=odd%3Dyes&limit=" + limit +
                     (token.empty() ? "" : "&continue=" + token));
      ASSERT_EQ(reply.status, 200) << reply.text;
      const auto page = Names(reply.body);
      EXPECT_LE(page.size(), std::stoul(limit));
      names.insert(names.end(), page.begin(), page.end());
      token = reply.body["metadata"].value("continue", "");
      EXPECT_TRUE(token.empty() || page.size() == std::stoul(limit));
    } while (!token.empty() && ++pages < 100);
    EXPECT_EQ(names.size(), 15U);
    EXPECT_TRUE(std::ranges::is_sorted(names));
    EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
  }
}

TEST_F(Lists, AWrongTokenIsRefused) {
  Add("a");
  for (const std::string& token :
       {std::string("x"), std::string("eA=="), std::string("MQ=="), std::string(2000, 'A')}) {
    EXPECT_EQ(world_.Get(std::string(kConfigMaps) + "?limit=1&continue=" + token).status, 400);
  }
  EXPECT_EQ(world_.Get(std::string(kConfigMaps) + "?limit=x").status, 400);
  EXPECT_EQ(world_.Get(std::string(kConfigMaps) + "?limit=-1").status, 400);
  EXPECT_EQ(world_.Get(std::string(kConfigMaps) + "?resourceVersion=x").status, 400);
}

TEST(ExpiredPages, AreToldToBeginAnew) {
  World world({.keep_age = std::chrono::milliseconds(1), .keep_changes = 3});
  for (const char* name : {"a", "b", "c"}) {
    world.Post(kConfigMaps, ConfigMap(name, {{"k", "1"}}));
  }
  const json first = world.Get(std::string(kConfigMaps) + "?limit=1").body;
  for (int i = 0; i < 20; ++i) {
    world.clock.Advance(std::chrono::minutes(1));
    world.Merge(std::string(kConfigMaps) + "/c", {{"data", {{"k", std::to_string(i)}}}});
  }
  const Reply next = world.Get(std::string(kConfigMaps) + "?limit=1&continue=" +
                               first["metadata"]["continue"].get<std::string>());
  EXPECT_EQ(next.status, 410);
  EXPECT_EQ(next.body["reason"], "Expired");
}

class Tables : public Lists {};

TEST_F(Tables, ShowColumnsAndMetadata) {
  world_.Post(kApps, App("shop"));
  world_.clock.Advance(std::chrono::seconds(200));
  const Reply reply =
      world_.Get(kApps, {{"accept", std::string(kTableAccept) + ",application/json"}});
  const json& table = reply.body;
  EXPECT_EQ(reply.response.content_type, "application/json");
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["apiVersion"], "meta.k8s.io/v1");
  EXPECT_EQ(table["metadata"]["resourceVersion"], std::to_string(world_.durable.Revision()));
  EXPECT_EQ(table["columnDefinitions"][0]["name"], "Name");
  EXPECT_EQ(table["columnDefinitions"][0]["format"], "name");
  ASSERT_EQ(table["rows"].size(), 1U);
  const json& row = table["rows"][0];
  EXPECT_EQ(row["cells"].size(), table["columnDefinitions"].size());
  EXPECT_EQ(row["cells"][0], "shop");
  EXPECT_EQ(row["object"]["kind"], "PartialObjectMetadata");
  EXPECT_EQ(row["object"]["metadata"]["namespace"], "default");
  EXPECT_FALSE(row["object"].contains("spec"));
  bool has_age = false;
  for (std::size_t i = 0; i < row["cells"].size(); ++i) {
    if (table["columnDefinitions"][i]["name"] != "Age") continue;
    has_age = true;
    EXPECT_EQ(row["cells"][i], "3m20s");
  }
  EXPECT_TRUE(has_age);
}

TEST_F(Tables, IncludeWhatIsAskedFor) {
  world_.Post(kApps, App("shop"));
  const std::string path = std::string(kApps) + "?includeObject=";
  const World::Headers accept = {{"accept", kTableAccept}};
  const json whole = world_.Get(path + "Object", accept).body;
  EXPECT_EQ(whole["rows"][0]["object"], world_.Get(std::string(kApps) + "/shop").body);
  EXPECT_FALSE(world_.Get(path + "None", accept).body["rows"][0].contains("object"));
  EXPECT_EQ(world_.Get(path + "Metadata", accept).body["rows"][0]["object"]["kind"],
            "PartialObjectMetadata");
  EXPECT_EQ(world_.Get(path + "Nonsense", accept).status, 400);
}

TEST_F(Tables, OneObjectIsATableOfOneRow) {
  const json made = world_.Post(kApps, App("shop")).body;
  const json table = world_.Get(std::string(kApps) + "/shop", {{"accept", kTableAccept}}).body;
  EXPECT_EQ(table["rows"].size(), 1U);
  EXPECT_EQ(table["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
  const json old = world_
                       .Get(std::string(kApps) + "/shop",
                            {{"accept", "application/json;as=Table;v=v1beta1;g=meta.k8s.io"}})
                       .body;
  EXPECT_EQ(old["apiVersion"], "meta.k8s.io/v1beta1");
}

TEST_F(Tables, EveryKindHasThem) {
  for (const Resource& resource : AllResources()) {
    const std::string path = (resource.group.empty() ? "/api/" : "/apis/") + resource.ApiVersion() +
                             "/" + resource.plural;
    const Reply reply = world_.Get(path, {{"accept", kTableAccept}});
    EXPECT_EQ(reply.status, 200) << path;
    EXPECT_EQ(reply.body["columnDefinitions"].size(), ColumnsOf(resource).size()) << path;
    // What is stored may be of another version: cells of nothing are cells too.
    EXPECT_EQ(CellsOf(resource, json::object(), {}).size(), ColumnsOf(resource).size()) << path;
    const json absurd = {{"metadata", 5}, {"spec", "x"}, {"status", json::array()}, {"data", 1}};
    EXPECT_EQ(CellsOf(resource, absurd, {}).size(), ColumnsOf(resource).size()) << path;
  }
}

TEST(Ages, AreWrittenAsKubectlWritesThem) {
  const auto age = [](std::int64_t seconds) {
    const api::Time now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
    return Age("2026-01-01T00:00:00Z", now + std::chrono::seconds(seconds));
  };
  constexpr std::int64_t kDay = 86'400;
  EXPECT_EQ(age(-5), "0s");
  EXPECT_EQ(age(0), "0s");
  EXPECT_EQ(age(119), "119s");
  EXPECT_EQ(age(120), "2m");
  EXPECT_EQ(age(200), "3m20s");
  EXPECT_EQ(age(599), "9m59s");
  EXPECT_EQ(age(600), "10m");
  EXPECT_EQ(age(3 * 3600 - 1), "179m");
  EXPECT_EQ(age(3 * 3600), "3h");
  EXPECT_EQ(age(7 * 3600 + 59 * 60), "7h59m");
  EXPECT_EQ(age(8 * 3600), "8h");
  EXPECT_EQ(age(47 * 3600), "47h");
  EXPECT_EQ(age(2 * kDay), "2d");
  EXPECT_EQ(age(2 * kDay + 3 * 3600), "2d3h");
  EXPECT_EQ(age(8 * kDay + 5), "8d");
  EXPECT_EQ(age(729 * kDay), "729d");
  EXPECT_EQ(age(730 * kDay), "2y");
  EXPECT_EQ(age(800 * kDay), "2y70d");
  EXPECT_EQ(age(9 * 365 * kDay), "9y");
  EXPECT_EQ(Age("", {}), "<unknown>");
  EXPECT_EQ(Age("yesterday", {}), "<unknown>");
}

TEST_F(Lists, AcceptIsHonoured) {
  Add("a");
  const auto status = [this](const std::string& accept) {
    return world_.Get(kConfigMaps, {{"accept", accept}}).status;
  };
  EXPECT_EQ(status(""), 200);
  EXPECT_EQ(status("*/*"), 200);
  EXPECT_EQ(status("application/vnd.kubernetes.protobuf,application/json"), 200);
  EXPECT_EQ(status("application/vnd.kubernetes.protobuf, */*"), 200);
  EXPECT_EQ(status("application/json;q=0.9"), 200);
  const Reply refused = world_.Get(kConfigMaps, {{"accept", "application/yaml"}});
  EXPECT_EQ(refused.status, 406);
  EXPECT_EQ(refused.body["reason"], "NotAcceptable");
  EXPECT_EQ(status("application/json;as=Table;v=v7;g=meta.k8s.io"), 406);
  EXPECT_EQ(status("application/json;as=Nonsense;v=v1;g=meta.k8s.io"), 406);
}

TEST(ContinueTokens, AreReadBack) {
  const ContinuePlace place{.revision = 42, .after = {"webapps", "default", "shop"}};
  const auto read = ParseContinueToken(MakeContinueToken(place), "webapps");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->revision, 42U);
  EXPECT_EQ(read->after, place.after);
  const ContinuePlace cluster{.revision = 1, .after = {"loadbalancers", "", "default"}};
  EXPECT_EQ(ParseContinueToken(MakeContinueToken(cluster), "loadbalancers")->after, cluster.after);
}

}  // namespace
}  // namespace ballast::apiserver
