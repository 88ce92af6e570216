// Who may do what, tokens, and the audit log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sstream>

#include "controller/apiserver/audit_log.h"
#include "controller/apiserver/management.h"
#include "controller/apiserver/tokens.h"
#include "tests/fakes/temp_dir.h"
#include "tests/unit/rest/world.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Case {
  const char* name;
  std::vector<std::string> groups;
  const char* verb;  // "GET /path"
  bool allowed;
};

std::string PathOf(const std::string& verb) { return verb.substr(verb.find(' ') + 1); }

class Roles : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    Access, Roles,
    testing::Values(
        Case{"NobodyReads", {}, "GET /api/v1/namespaces/default/configmaps", false},
        Case{"OtherGroups", {"admins", "system:masters"}, "GET /api/v1/namespaces/a/pods", false},
        Case{"ViewReads", {"ballast:view"}, "GET /api/v1/namespaces/default/configmaps", true},
        Case{"ViewReadsAll", {"ballast:view"}, "GET /api/v1/configmaps", true},
        Case{"ViewReadsBalancers",
             {"ballast:view"},
             "GET /apis/ballast.dev/v1alpha1/loadbalancers",
             true},
        Case{"ViewReadsLogs", {"ballast:view"}, "GET /api/v1/namespaces/a/pods/p/log", true},
        Case{"ViewReadsNoSecrets",
             {"ballast:view"},
             "GET /api/v1/namespaces/default/secrets",
             false},
        Case{"ViewReadsNoSecret",
             {"ballast:view"},
             "GET /api/v1/namespaces/default/secrets/s",
             false},
        Case{"ViewWatchesNoSecrets", {"ballast:view"}, "GET /api/v1/secrets?watch=true", false},
        Case{"ViewDeletesNothing",
             {"ballast:view"},
             "DELETE /api/v1/namespaces/default/configmaps/c",
             false},
        Case{"ViewCreatesNothing",
             {"ballast:view"},
             "POST /api/v1/namespaces/default/configmaps",
             false},
        Case{"ViewScalesNothing",
             {"ballast:view"},
             "PATCH /apis/ballast.dev/v1alpha1/namespaces/default/webapps/shop/scale",
             false},
        Case{"EditReadsSecrets", {"ballast:edit"}, "GET /api/v1/namespaces/default/secrets", true},
        Case{
            "EditWrites", {"ballast:edit"}, "DELETE /api/v1/namespaces/default/configmaps/c", true},
        Case{"EditDeletesAll", {"ballast:edit"}, "DELETE /api/v1/configmaps", true},
        Case{"EditWritesNoNamespaces", {"ballast:edit"}, "DELETE /api/v1/namespaces/team", false},
        Case{"EditWritesNoBalancers",
             {"ballast:edit"},
             "DELETE /apis/ballast.dev/v1alpha1/loadbalancers/default",
             false},
        Case{"AdminWritesBalancers",
             {"ballast:admin"},
             "DELETE /apis/ballast.dev/v1alpha1/loadbalancers/default",
             true},
        Case{"AdminWritesNamespaces", {"ballast:admin"}, "DELETE /api/v1/namespaces/team", true},
        Case{"HereReads", {"ballast:view:team"}, "GET /api/v1/namespaces/team/configmaps", true},
        Case{"ElsewhereNot",
             {"ballast:admin:team"},
             "GET /api/v1/namespaces/other/configmaps",
             false},
        Case{"HereNotAll", {"ballast:admin:team"}, "GET /api/v1/configmaps", false},
        Case{"HereNotAllSecrets", {"ballast:admin:team"}, "GET /api/v1/secrets", false},
        Case{"HereWrites",
             {"ballast:edit:team"},
             "DELETE /api/v1/namespaces/team/configmaps/c",
             true},
        Case{"HereReadsBalancers",
             {"ballast:view:team"},
             "GET /apis/ballast.dev/v1alpha1/loadbalancers",
             true},
        Case{"HereAdminWritesNoBalancers",
             {"ballast:admin:team"},
             "DELETE /apis/ballast.dev/v1alpha1/loadbalancers/default",
             false},
        Case{"HereAdminDeletesNotItsNamespace",
             {"ballast:admin:team"},
             "DELETE /api/v1/namespaces/team",
             false},
        Case{"EmptyNamespaceIsNone",
             {"ballast:edit:"},
             "GET /api/v1/namespaces/team/configmaps",
             false},
        Case{"NoSuchRole", {"ballast:root"}, "GET /api/v1/namespaces/team/configmaps", false},
        Case{"Beginning", {"ballast:viewer"}, "GET /api/v1/namespaces/team/configmaps", false},
        Case{"TwoGrants",
             {"ballast:view", "ballast:edit:team"},
             "GET /api/v1/namespaces/team/secrets",
             true},
        Case{"DiscoveryForAll", {}, "GET /apis/ballast.dev/v1alpha1", true},
        Case{"VersionForAll", {}, "GET /version", true},
        Case{"HealthForAll", {}, "GET /healthz", true},
        Case{"NotBeginnings", {}, "GET /versions", false},
        Case{"StatusForAdmins", {"ballast:admin"}, "GET /status", true},
        Case{"StatusNotForEditors", {"ballast:edit"}, "GET /status", false},
        Case{"TokensNotForEditors", {"ballast:edit"}, "GET /ballast/v1/tokens", false},
        Case{"TokensNotForAdminsOfANamespace",
             {"ballast:admin:team"},
             "POST /ballast/v1/tokens",
             false},
        Case{"BackupNotForViewers", {"ballast:view"}, "GET /ballast/v1/backup", false},
        Case{"MetricsNotForViewers", {"ballast:view"}, "GET /metrics", false},
        Case{"TopForViewers", {"ballast:view"}, "GET /ballast/v1/top", true},
        Case{"TopOfAllNotForThoseOfOne", {"ballast:admin:team"}, "GET /ballast/v1/top", false},
        Case{"TopHere", {"ballast:view:team"}, "GET /ballast/v1/top?namespace=team", true},
        Case{"TopElsewhere", {"ballast:view:team"}, "GET /ballast/v1/top?namespace=other", false},
        Case{"TopOfNoName", {"ballast:view:team"}, "GET /ballast/v1/top?namespace=", false},
        Case{"TopIsOnlyRead", {"ballast:edit"}, "POST /ballast/v1/top", false},
        Case{"LoadHere",
             {"ballast:view:team"},
             "GET /ballast/v1/load/namespaces/team/webapps/shop",
             true},
        Case{"LoadElsewhere",
             {"ballast:view:team"},
             "GET /ballast/v1/load/namespaces/other/webapps/shop?namespace=team",
             false},
        Case{"LoadOfNoNamespace",
             {"ballast:view:team"},
             "GET /ballast/v1/load/namespaces//webapps/shop",
             false},
        Case{"LoadIsOnlyRead",
             {"ballast:edit:team"},
             "DELETE /ballast/v1/load/namespaces/team/webapps/shop",
             false},
        Case{"LoadsNotForStrangers",
             {"admins"},
             "GET /ballast/v1/load/namespaces/team/webapps/shop",
             false}),
    [](const auto& info) { return info.param.name; });

TEST_P(Roles, MayOrMayNot) {
  World world;
  world.user = {.name = "alice", .groups = GetParam().groups};
  const std::string verb = GetParam().verb;
  const Reply reply = world.Send(verb.substr(0, verb.find(' ')), PathOf(verb), "{}",
                                 {{"content-type", "application/merge-patch+json"}});
  if (GetParam().allowed) {
    EXPECT_NE(reply.status, 403) << reply.text;
    EXPECT_NE(reply.status, 401) << reply.text;
  } else {
    EXPECT_EQ(reply.status, 403) << reply.text;
    EXPECT_EQ(reply.body["reason"], "Forbidden");
    EXPECT_THAT(reply.text, HasSubstr("alice"));
  }
}

TEST(Access, A403IsTheSameWhetherItIsThereOrNot) {
  World world;
  world.Post("/api/v1/namespaces/team/secrets",
             {{"metadata", {{"name", "there"}}}, {"stringData", {{"k", "hunter2"}}}});
  world.user = {.name = "alice", .groups = {"ballast:view"}};
  const std::string path = "/api/v1/namespaces/team/secrets/";
  std::string there = world.Get(path + "there").text;
  std::string absent = world.Get(path + "absent").text;
  EXPECT_THAT(there, Not(HasSubstr("hunter2")));
  for (std::size_t at = 0; (at = absent.find("absent")) != std::string::npos;) {
    absent.replace(at, 6, "there");
  }
  EXPECT_EQ(there, absent);
  EXPECT_EQ(json::parse(there)["message"],
            "secrets \"there\" is forbidden: User \"alice\" cannot get resource \"secrets\" in API "
            "group \"\" in the namespace \"team\"");
}

TEST(Access, WhoIsNotKnownIsToldSo) {
  World world;
  world.user = {};
  for (const char* path : {"/version", "/api/v1/pods", "/metrics"}) {
    const Reply reply = world.Get(path);
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.body["reason"], "Unauthorized");
    EXPECT_TRUE(reply.response.headers.contains("WWW-Authenticate"));
  }
}

TEST(Access, WhatBallastMakesCanOnlyBeRead) {
  World world;
  for (const char* path : {"/api/v1/namespaces/a/pods/p", "/api/v1/namespaces/a/events/e",
                           "/apis/ballast.dev/v1alpha1/namespaces/a/replicas/r",
                           "/apis/ballast.dev/v1alpha1/namespaces/a/revisions/r"}) {
    EXPECT_EQ(world.Delete(path).status, 405) << path;
    EXPECT_EQ(world.Merge(path, json::object()).status, 405) << path;
    EXPECT_EQ(world.Get(path).status, 404) << path;
  }
  EXPECT_EQ(world.Get("/api/v1/namespaces/a/pods/p/log").text, "log of p\n");
  EXPECT_EQ(world.Delete("/api/v1/namespaces/a/pods/p/log").status, 405);
}

class TokensTest : public testing::Test {
 protected:
  fakes::FakeClock clock_;
  store::MemoryStore store_{clock_};
  Tokens tokens_{store_, clock_};
};

TEST_F(TokensTest, LetInWhoHoldsThem) {
  const auto issued =
      tokens_.Issue({.user = "alice", .grant = {.role = Role::kEdit, .ns = "team"}});
  ASSERT_TRUE(issued);
  const auto user = tokens_.Check(issued->token);
  ASSERT_TRUE(user);
  EXPECT_EQ(user->name, "alice");
  EXPECT_THAT(user->groups, ElementsAre("ballast:edit:team"));
  EXPECT_FALSE(user->may_do_all);
  EXPECT_EQ(issued->info.created, "2026-01-01T00:00:00Z");
  EXPECT_EQ(issued->info.expires, "");
}

TEST_F(TokensTest, AreNotInTheStore) {
  const auto issued = tokens_.Issue({.user = "alice", .grant = {}});
  const std::string secret = issued->token.substr(issued->token.rfind('_') + 1);
  EXPECT_EQ(secret.size(), 64U);
  const auto page = store_.List({.resource = "tokens", .ns = "", .start_after = {}});
  ASSERT_EQ(page->items.size(), 1U);
  EXPECT_THAT(*page->items[0].value, Not(HasSubstr(secret)));
  EXPECT_THAT(*page->items[0].value, Not(HasSubstr(secret.substr(0, 16))));
  EXPECT_THAT(*page->items[0].value, HasSubstr("sha256"));
  EXPECT_NE(tokens_.Issue({.user = "alice", .grant = {}})->token, issued->token);
}

TEST_F(TokensTest, AreCheckedToTheLastLetter) {
  const std::string token = tokens_.Issue({.user = "alice", .grant = {}})->token;
  ASSERT_TRUE(tokens_.Check(token));
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(tokens_.Check(other)) << i;
    EXPECT_FALSE(tokens_.Check(token.substr(0, i))) << i;
  }
  EXPECT_FALSE(tokens_.Check(token + "a"));
  EXPECT_FALSE(tokens_.Check(token + "\n"));
  EXPECT_FALSE(tokens_.Check(""));
}

TEST_F(TokensTest, Expire) {
  const auto issued =
      tokens_.Issue({.user = "alice", .grant = {}, .life = std::chrono::seconds(60)});
  EXPECT_EQ(issued->info.expires, "2026-01-01T00:01:00Z");
  clock_.Advance(std::chrono::seconds(59));
  EXPECT_TRUE(tokens_.Check(issued->token));
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_FALSE(tokens_.Check(issued->token));
}

TEST_F(TokensTest, CanBeRevoked) {
  const auto one = tokens_.Issue({.user = "alice", .grant = {}});
  const auto two = tokens_.Issue({.user = "bob", .grant = {}});
  EXPECT_EQ(tokens_.List()->size(), 2U);
  EXPECT_TRUE(tokens_.Revoke(one->info.id));
  EXPECT_FALSE(tokens_.Check(one->token));
  EXPECT_TRUE(tokens_.Check(two->token));
  EXPECT_EQ(tokens_.Revoke(one->info.id).error().code, 404);
  ASSERT_EQ(tokens_.List()->size(), 1U);
  EXPECT_EQ(tokens_.List()->front().user, "bob");
}

TEST_F(TokensTest, ForWhatMakesNoSenseAreNotIssued) {
  for (const std::string& user :
       {std::string(), std::string("a b"), std::string("a\nb"), std::string("a\"b"),
        std::string("\xc3\xa4"), std::string(129, 'x')}) {
    EXPECT_FALSE(tokens_.Issue({.user = user, .grant = {}})) << user;
  }
  EXPECT_FALSE(tokens_.Issue({.user = "a", .grant = {.role = Role::kView, .ns = "No_Name"}}));
  EXPECT_FALSE(tokens_.Issue({.user = "a", .grant = {}, .life = std::chrono::seconds(-1)}));
  EXPECT_FALSE(
      tokens_.Issue({.user = "a", .grant = {}, .life = std::chrono::hours(24 * 366 * 11)}));
  EXPECT_EQ(store_.Revision(), 0U);
}

class ManagementTest : public TokensTest {
 protected:
  HttpResponse Send(const std::string& method, const std::string& path,
                    const std::string& body = "") {
    HttpRequest request{.method = method, .path = path, .query = {}, .headers = {}, .body = body};
    request.peer.address = "192.0.2.7:1";
    return management_.Handle({.name = "root", .groups = {}, .may_do_all = true}, request);
  }
  TempDir dir_;
  std::optional<ApiEndpoint> endpoint_;
  std::vector<AuditRecord> audits_;
  Management management_{{.tokens = tokens_,
                          .store = store_,
                          .scratch_dir = dir_.path(),
                          .endpoint = [this] { return endpoint_; },
                          .audit = [this](const AuditRecord& r) { audits_.push_back(r); },
                          .otherwise = [](const HttpRequest&) { return TextResponse(418, "x"); }}};
};

TEST_F(ManagementTest, MakesListsAndRevokesTokens) {
  const auto made = Send("POST", "/ballast/v1/tokens",
                         R"({"user":"alice","role":"view","namespace":"team",
                             "expirationSeconds":60})");
  ASSERT_EQ(made.status, 201) << made.body;
  const json body = json::parse(made.body);
  EXPECT_TRUE(tokens_.Check(body["token"].get<std::string>()));
  const auto list = Send("GET", "/ballast/v1/tokens");
  EXPECT_THAT(list.body, HasSubstr("alice"));
  EXPECT_THAT(list.body, Not(HasSubstr("sha256")));
  EXPECT_THAT(list.body, Not(HasSubstr("token\":")));
  const std::string id = body["id"];
  EXPECT_EQ(Send("DELETE", "/ballast/v1/tokens/" + id).status, 200);
  EXPECT_EQ(Send("DELETE", "/ballast/v1/tokens/" + id).status, 404);
  EXPECT_FALSE(tokens_.Check(body["token"].get<std::string>()));
  ASSERT_EQ(audits_.size(), 3U);
  EXPECT_EQ(audits_[0].verb, "create");
  EXPECT_EQ(audits_[0].resource, "tokens");
  EXPECT_EQ(audits_[1].verb, "delete");
  EXPECT_EQ(audits_[1].name, id);
  EXPECT_EQ(audits_[2].code, 404);
}

TEST_F(ManagementTest, RefusesWhatMakesNoSense) {
  for (const char* body :
       {"", "[]", "{}", R"({"user":5})", R"({"user":"a","role":"root"})",
        R"({"user":"a","expirationSeconds":"x"})",
        R"({"user":"a","expirationSeconds":9223372036854775807})",
        R"({"user":"a","expirationSeconds":-1})", R"({"user":"a","nope":"b"})"}) {
    EXPECT_EQ(Send("POST", "/ballast/v1/tokens", body).status, 400) << body;
  }
  EXPECT_EQ(Send("PUT", "/ballast/v1/tokens", "{}").status, 405);
  EXPECT_EQ(Send("GET", "/ballast/v1/tokens/x").status, 405);
  EXPECT_EQ(Send("GET", "/ballast/v1/nothing").status, 404);
  EXPECT_EQ(Send("GET", "/else").status, 418);
  EXPECT_EQ(tokens_.List()->size(), 0U);
}

TEST_F(ManagementTest, TellsHowItIsReached) {
  EXPECT_EQ(Send("GET", "/ballast/v1/endpoint").status, 409);
  endpoint_ = {.url = "https://127.0.0.1:7443", .authority = "PEM"};
  const json body = json::parse(Send("GET", "/ballast/v1/endpoint").body);
  EXPECT_EQ(body["server"], "https://127.0.0.1:7443");
  EXPECT_EQ(body["certificateAuthorityData"], "UEVN");
}

TEST_F(ManagementTest, ABackupThatFailsIsToldAndLogged) {
  EXPECT_EQ(Send("GET", "/ballast/v1/backup").status, 507) << "a store in memory has none";
  ASSERT_EQ(audits_.size(), 1U);
  EXPECT_EQ(audits_[0].resource, "backup");
}

class Audits : public testing::Test {
 protected:
  static std::string Line(const AuditRecord& record) {
    return record.user + " " + record.verb + " " + record.resource + " " + record.ns + "/" +
           record.name + " " + std::to_string(record.code) + " " + record.reason +
           (record.dry_run ? " dry" : "");
  }
  std::vector<std::string> Lines() {
    std::vector<std::string> lines;
    for (const AuditRecord& record : world_.Audit()) lines.push_back(Line(record));
    return lines;
  }
  World world_;
};

TEST_F(Audits, HaveALineForEachWriteAndNoneForReads) {
  const std::string map = std::string(kConfigMaps) + "/c";
  world_.Post(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  world_.Get(map);
  world_.Get(kConfigMaps);
  {
    const Watcher watcher(world_, std::string(kConfigMaps) + "?watch=true");
  }
  world_.Post(kConfigMaps, ConfigMap("c", {{"a", "1"}}));
  world_.Merge(map, {{"data", {{"a", "2"}}}});
  world_.Merge(map + "?dryRun=All", {{"data", {{"a", "3"}}}});
  world_.Merge(map, {{"data", 5}});
  world_.Merge(std::string(kApps) + "/shop/scale", {{"spec", {{"replicas", 1}}}});
  world_.Put(map, ConfigMap("c", {{"a", "1"}}));
  world_.Delete(map);
  world_.Delete(kConfigMaps);
  world_.user = {.name = "alice", .groups = {}};
  world_.Delete(map);
  EXPECT_THAT(Lines(), ElementsAre("root create configmaps default/c 201 ",
                                   "root create configmaps default/c 409 AlreadyExists",
                                   "root patch configmaps default/c 200 ",
                                   "root patch configmaps default/c 200  dry",
                                   "root patch configmaps default/c 422 Invalid",
                                   "root patch webapps/scale default/shop 404 NotFound",
                                   "root update configmaps default/c 200 ",
                                   "root delete configmaps default/c 200 ",
                                   "root deletecollection configmaps default/ 200 ",
                                   "alice delete configmaps default/c 403 Forbidden"));
}

TEST_F(Audits, NeverHoldMoreOfANameThanANameHas) {
  world_.Post(kConfigMaps, ConfigMap(std::string(100'000, 'x'), {{"a", "1"}}));
  ASSERT_EQ(world_.Audit().size(), 1U);
  EXPECT_LE(world_.Audit()[0].name.size(), 253U);
}

TEST(AuditFiles, AreJsonLinesForTheirOwnerOnly) {
  const TempDir dir;
  fakes::FakeClock clock;
  AuditLog log(dir.path("audit.log"), clock);
  ASSERT_TRUE(log.Open());
  log.Write({.user = "eve\n{\"user\":\"root\"}",
             .address = "a",
             .verb = "create",
             .resource = "secrets",
             .ns = "default",
             .name = "s",
             .dry_run = true,
             .code = 403,
             .reason = "Forbidden"});
  log.Write({.user = "bob", .address = "", .verb = "delete", .resource = "pods", .code = 200});
  std::istringstream in(dir.Read("audit.log"));
  std::vector<json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["user"], "eve\n{\"user\":\"root\"}");
  EXPECT_EQ(lines[0]["dryRun"], true);
  EXPECT_EQ(lines[0]["time"], "2026-01-01T00:00:00Z");
  EXPECT_FALSE(lines[1].contains("namespace"));
  struct stat info{};
  ASSERT_EQ(::stat(dir.path("audit.log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST(AuditFiles, AreMovedAwayWhenFull) {
  const TempDir dir;
  fakes::FakeClock clock;
  {
    AuditLog log(dir.path("audit.log"), clock, 1000);
    ASSERT_TRUE(log.Open());
    for (int i = 0; i < 100; ++i) {
      log.Write({.user = "u" + std::to_string(i), .address = "", .verb = "x", .resource = "y"});
    }
  }
  EXPECT_LE(dir.Read("audit.log").size(), 1000U);
  EXPECT_LE(dir.Read("audit.log.1").size(), 1000U);
  EXPECT_THAT(dir.Read("audit.log"), HasSubstr("u99"));
  AuditLog again(dir.path("audit.log"), clock, 1000);
  ASSERT_TRUE(again.Open()) << "and go on where they were";
  again.Write({.user = "later", .address = "", .verb = "x", .resource = "y"});
  EXPECT_THAT(dir.Read("audit.log") + dir.Read("audit.log.1"), HasSubstr("u99"));
}

TEST(AuditFiles, ThatCannotBeOpenedSaySo) {
  fakes::FakeClock clock;
  AuditLog log("/nonexistent/audit.log", clock);
  EXPECT_FALSE(log.Open());
}

// The value of a Secret is in no answer but the Secret itself.
TEST(SecretValues, AreInNoErrorAndNoLine) {
  World world;
  const std::string value = "hunter2-very-secret";
  const std::string encoded = "aHVudGVyMi12ZXJ5LXNlY3JldA==";
  const std::string path = std::string(kSecrets) + "/s";
  const auto clean = [&](const Reply& reply) {
    EXPECT_GE(reply.status, 400) << reply.text;
    EXPECT_THAT(reply.text, Not(HasSubstr("hunter2")));
    EXPECT_THAT(reply.text, Not(HasSubstr("aHVudGVy")));
  };
  EXPECT_EQ(
      world.Post(kSecrets, {{"metadata", {{"name", "s"}}}, {"stringData", {{"k", value}}}}).status,
      201);
  clean(world.Post(kSecrets, {{"metadata", {{"name", "s"}}}, {"stringData", {{"k", value}}}}));
  clean(world.Post(kSecrets, {{"metadata", {{"name", "t"}}}, {"data", {{"k", value}}}}));
  clean(world.Post(kSecrets, {{"metadata", {{"name", "t"}}}, {"data", value}}));
  clean(world.Post(kSecrets, {{"metadata", {{"name", "t"}}}, {"data", {{"k", {value}}}}}));
  clean(world.Post(kSecrets, {{"metadata", {{"name", "t"}}}, {"type", {value}}}));
  clean(world.Send("POST", kSecrets, R"({"stringData":{"k":"hunter2-very-secret"}x)",
                   {{"content-type", "application/json"}}));
  clean(world.Send("POST", kSecrets, R"({"stringData":{"k":"hunter2-very-secret)",
                   {{"content-type", "application/json"}}));
  clean(world.Send("POST", kSecrets, "stringData: {k: hunter2-very-secret\n  x: [",
                   {{"content-type", "application/yaml"}}));
  clean(world.JsonPatch(path, {{{"op", "test"}, {"path", "/data/k"}, {"value", value}}}));
  clean(world.JsonPatch(path, {{{"op", "add"}, {"path", "/data/k/x"}, {"value", value}}}));
  clean(world.JsonPatch(path, {{{"op", value}, {"path", "/data/k/x"}, {"value", encoded}}}));
  clean(world.Merge(path, {{"data", {{"k", value}}}}));
  clean(world.Apply(path, {{"stringData", {{"k", "hunter2-other"}}}}, "other"));
  clean(world.Apply(path, {{"stringData", {{"k", {"hunter2"}}}}}, "other"));
  clean(world.Get(path + "?labelSelector=%3D"
                         "&watch=true"));
  for (const AuditRecord& record : world.Audit()) {
    const std::string all =
        record.user + record.verb + record.resource + record.name + record.reason;
    EXPECT_THAT(all, Not(HasSubstr("hunter2")));
    EXPECT_THAT(all, Not(HasSubstr("aHVudGVy")));
  }
  const Reply table = world.Get(kSecrets, {{"accept", kTableAccept}});
  EXPECT_THAT(table.text, Not(HasSubstr("aHVudGVy")));
}

}  // namespace
}  // namespace ballast::apiserver
