// The other commands against canned answers: delete, scale, logs, events, backup, kubeconfig,
// token, version.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/fakes/temp_dir.h"
#include "tests/unit/cli/sample_answers.h"

namespace ballast::cli {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST_F(Commands, Deletes) {
  server_.On("DELETE " + WebApps("/shop"), Shop(3, 3, 2, 2, 2));
  server_.On("GET " + WebApps("?fieldSelector=metadata.name%3Dshop"), ListOf(Shop(3, 3, 1, 2, 1)));
  server_.OnStream("GET " + WebApps(),
                   {Event("MODIFIED", Shop(3, 3, 1, 2, 0)), Event("DELETED", Shop(3, 3, 1, 2, 0))});
  const Outcome outcome = Ballast({"delete", "wa", "shop", "--cascade=orphan"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "webapp/shop is being deleted\nwebapp/shop is gone\n");
  EXPECT_EQ(outcome.err, "webapp/shop: 1 replica left\nwebapp/shop: 0 replicas left\n");
  EXPECT_THAT(
      server_.calls,
      Contains("DELETE " + WebApps("/shop") +
               R"( {"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Orphan"})"));
  EXPECT_EQ(Ballast({"delete", "wa/shop", "--wait=false"}).out, "webapp/shop is being deleted\n");
  EXPECT_EQ(Ballast({"delete", "-f", "-", "--wait=false"}, kShopYaml).out,
            "webapp/shop is being deleted\n");
  EXPECT_EQ(Ballast({"delete", "wa/shop", "--dry-run"}).out,
            "webapp/shop would be deleted (dry run)\n");
  server_.On("DELETE /api/v1/namespaces/default/secrets/s",
             R"({"kind":"Status","status":"Success"})");
  EXPECT_EQ(Ballast({"delete", "secret", "s"}).out, "secret/s deleted\n");
  EXPECT_EQ(Ballast({"delete", "wa"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"delete", "wa", "x", "--all"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"delete", "wa", "x", "--cascade=none"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"delete"}).code, kExitUsage);
}

TEST_F(Commands, Scales) {
  server_.On("PATCH " + WebApps("/shop/scale"), R"({"kind":"Scale","spec":{"replicas":3}})");
  server_.On("GET " + WebApps("?fieldSelector=metadata.name%3Dshop"), ListOf(Shop(3, 3, 3, 3, 4)));
  server_.OnStream("GET " + WebApps(), {Event("MODIFIED", Shop(3, 3, 3, 3, 3))}, true);
  const Outcome outcome = Ballast({"scale", "webapp/shop", "--replicas", "3", "--wait"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out,
            "webapp/shop scaled to 3\nwebapp/shop is scaled: 3 of 3 replicas in service\n");
  EXPECT_THAT(server_.calls, Contains("PATCH " + WebApps("/shop/scale?fieldManager=ballast") +
                                      R"( {"spec":{"replicas":3}})"));
  EXPECT_EQ(Ballast({"scale", "shop", "--replicas=3"}).code, 0);
  EXPECT_EQ(Ballast({"scale", "shop"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"scale", "shop", "--replicas=-1"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"scale", "lb/default", "--replicas=1"}).code, kExitUsage);
}

TEST_F(Commands, LogsOfAPodAreAsTheyAre) {
  server_.OnStream("GET /api/v1/namespaces/default/pods/shop-1/log?container=web&tailLines=5",
                   {"one\ntw", "o"});
  EXPECT_EQ(Ballast({"logs", "shop-1", "--tail", "5", "-c", "web"}).out, "one\ntwo");
  EXPECT_EQ(Ballast({"logs", "shop-1", "-fp"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"logs", "shop-1", "--tail=x"}).code, kExitUsage);
  server_.On("GET /api/v1/namespaces/default/pods/shop/log", NotFound("shop"), 404);
  server_.On("GET " + WebApps("/shop"), Shop(1, 1, 1, 1, 1));
  EXPECT_THAT(Ballast({"logs", "shop"}).err, HasSubstr("`ballast logs webapp/shop`"));
}

TEST_F(Commands, LogsOfAWebAppAreThoseOfItsReplicas) {
  server_.On("GET " + WebApps("/shop/scale"), R"({"status":{"selector":"a=b"}})");
  server_.On("GET /api/v1/namespaces/default/pods?labelSelector=a%3Db&limit=500",
             ListOf(Pod("shop-10", "c2") + "," + Pod("shop-1", "c1")));
  server_.OnStream("GET /api/v1/namespaces/default/pods/shop-1/log", {"a\nb", "c\n"});
  server_.OnStream("GET /api/v1/namespaces/default/pods/shop-10/log", {"no end"});
  EXPECT_EQ(Ballast({"logs", "webapp/shop"}).out, "shop-1  | a\nshop-1  | bc\nshop-10 | no end\n");
  // Followed: what comes later, and what takes the place of what died.
  server_.OnStream(
      "GET /api/v1/namespaces/default/pods?allowWatchBookmarks=true&labelSelector="
      "a%3Db&resourceVersion=7&watch=true",
      {Event("MODIFIED", Pod("shop-1", "c1")), Event("MODIFIED", Pod("shop-1", "c9")),
       Event("ADDED", Pod("shop-2", "c3"))},
      true);
  server_.OnStream("GET /api/v1/namespaces/default/pods/shop-2/log?follow=true", {"new\n"}, true);
  const Outcome followed = Ballast({"logs", "webapp/shop", "-f", "--tail=1"});
  EXPECT_EQ(followed.code, kExitInterrupted);
  EXPECT_EQ(
      followed.out,
      "shop-1  | a\nshop-1  | bc\nshop-10 | no end\nshop-1  | a\nshop-1  | bc\nshop-2  | new\n");
}

TEST_F(Commands, FollowedLogsGoOnAfterARestart) {
  server_.On("GET " + WebApps("/shop/scale"), R"({"status":{"selector":"a=b"}})");
  server_.On("GET /api/v1/namespaces/default/pods?labelSelector=a%3Db&limit=500",
             ListOf(Pod("shop-1", "c1")));
  server_.OnStream("GET /api/v1/namespaces/default/pods", {}, true);
  server_.OnLost("GET /api/v1/namespaces/default/pods/shop-1/log?follow=true", {"a\nhalf"});
  server_.OnStream("GET /api/v1/namespaces/default/pods/shop-1/log?follow=true&tailLines=0",
                   {"b\n"}, true);
  const Outcome outcome = Ballast({"logs", "webapp/shop", "-f"});
  EXPECT_EQ(outcome.out, "shop-1 | a\nshop-1 | half\nshop-1 | b\n");
  EXPECT_EQ(outcome.err, "shop-1: the controller closed the connection; trying again\n");
}

TEST_F(Commands, Events) {
  server_.On("GET /api/v1/namespaces/default/events", ListOf(R"(
      {"type":"Warning","reason":"Died","message":"exit 1","count":3,"lastTimestamp":
       "2026-11-21T10:41:00Z","involvedObject":{"kind":"WebApp","name":"shop"}},
      {"type":"Normal","reason":"Created","message":"made","count":1,"lastTimestamp":
       "2026-11-21T10:32:00Z","involvedObject":{"kind":"WebApp","name":"shop"}})"));
  EXPECT_EQ(Ballast({"events"}).out,
            "LAST SEEN   TYPE      REASON    OBJECT        MESSAGE\n"
            "10m         Normal    Created   webapp/shop   made\n"
            "60s         Warning   Died      webapp/shop   exit 1 (x3)\n");
  EXPECT_EQ(Ballast({"events", "--for", "wa/shop", "--types=Warning"}).code, 0);
  EXPECT_THAT(server_.calls.back(),
              HasSubstr("fieldSelector=involvedObject.kind%3DWebApp%2CinvolvedObject.name%3Dshop%2C"
                        "type%3DWarning"));
  EXPECT_EQ(Ballast({"events", "shop"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"events", "--for", "shop"}).code, kExitFailed);
  EXPECT_EQ(Ballast({"events", "--for", "wa"}).code, kExitUsage);
}

TEST_F(Commands, Backup) {
  const TempDir dir;
  server_.OnStream("GET /ballast/v1/backup", {"SQLite", " format 3"});
  const Outcome outcome = Ballast({"backup", dir.path("b.db")});
  EXPECT_EQ(outcome.out, dir.path("b.db") + " written, 15 bytes\n");
  EXPECT_EQ(dir.Read("b.db"), "SQLite format 3");
  struct stat status{};
  ASSERT_EQ(stat(dir.path("b.db").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  // What breaks off leaves the old one.
  FakeServer broken;
  broken.OnLost("GET /ballast/v1/backup", {"half"});
  EXPECT_EQ(RunOn(broken, {"backup", dir.path("b.db")}).code, kExitFailed);
  broken.answers.clear();
  EXPECT_EQ(RunOn(broken, {"backup", dir.path("b.db")}).code, kExitFailed);
  broken.answers.clear();
  broken.OnStream("GET /ballast/v1/backup", {"half"}, true);
  EXPECT_EQ(RunOn(broken, {"backup", dir.path("b.db")}).code, kExitInterrupted);
  EXPECT_EQ(dir.Read("b.db"), "SQLite format 3");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
  EXPECT_THAT(Ballast({"backup", dir.path()}).err, HasSubstr("is a directory"));
  EXPECT_THAT(Ballast({"backup", dir.path("no/b.db")}).err, HasSubstr("cannot be written"));
  EXPECT_EQ(Ballast({"backup"}).code, kExitUsage);
}

TEST_F(Commands, KubeconfigAndTokens) {
  const TempDir dir;
  server_.On("GET /ballast/v1/endpoint",
             R"({"server":"https://127.0.0.1:7443","certificateAuthorityData":"Q0E="})");
  server_.On("POST /ballast/v1/tokens",
             R"({"id":"t1","token":"secret","user":"ci","groups":["ballast:edit"],
                 "expirationTimestamp":"2026-12-21T00:00:00Z"})",
             201);
  const char kWanted[] = R"(apiVersion: v1
clusters:
  - cluster:
      certificate-authority-data: Q0E=
      server: https://127.0.0.1:7443
    name: ballast
contexts:
  - context:
      cluster: ballast
      namespace: shop
      user: ci
    name: ballast
current-context: ballast
kind: Config
users:
  - name: ci
    user:
      token: secret
)";
  const std::vector<std::string> arguments = {"kubeconfig", "--user",   "ci",         "--role",
                                              "edit",       "-n",       "shop",       "--expires",
                                              "30d",        "--output", dir.path("k")};
  EXPECT_EQ(Ballast({arguments.begin(), arguments.end() - 2}).out, kWanted);
  EXPECT_EQ(server_.calls.back(),
            R"(POST /ballast/v1/tokens {"expirationSeconds":2592000,"namespace":"shop",)"
            R"("role":"edit","user":"ci"})");
  const Outcome written = Ballast(arguments);
  EXPECT_EQ(dir.Read("k"), kWanted);
  EXPECT_THAT(written.out, Not(HasSubstr("secret")));
  EXPECT_THAT(written.out, HasSubstr("until 2026-12-21T00:00:00Z (token t1)"));
  EXPECT_EQ(Ballast({"kubeconfig", "--role", "root"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"kubeconfig", "--expires", "0"}).code, kExitUsage);

  server_.On("GET /ballast/v1/tokens",
             R"({"items":[{"id":"t1","user":"ci","groups":["a","b"],
                 "creationTimestamp":"2026-11-21T10:41:00Z"}]})");
  EXPECT_EQ(Ballast({"token", "list"}).out,
            "ID   USER   GROUPS   AGE   EXPIRES\n"
            "t1   ci     a,b      60s   never\n");
  server_.On("DELETE /ballast/v1/tokens/t1", "{}");
  EXPECT_EQ(Ballast({"token", "revoke", "t1"}).out, "token t1 revoked\n");
  EXPECT_EQ(Ballast({"token", "revoke", "t2"}).code, kExitFailed);
  EXPECT_EQ(Ballast({"token", "revoke"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"token"}).code, kExitUsage);
}

TEST_F(Commands, Version) {
  server_.On("GET /version", R"({"gitVersion":"v1.32.0+ballast-0.9.0"})");
  EXPECT_EQ(Ballast({"version"}).out,
            "ballast 1.2.3\ncontroller 0.9.0, speaks Kubernetes v1.32.0\n");
  EXPECT_EQ(Ballast({"version", "--client"}).out, "ballast 1.2.3\n");
  EXPECT_EQ(json::parse(Ballast({"version", "-o", "json"}).out)["serverVersion"], "0.9.0");
  server_.away = true;
  const Outcome alone = Ballast({"version"});
  EXPECT_EQ(alone.code, 0);
  EXPECT_EQ(alone.out, "ballast 1.2.3\n");
  EXPECT_THAT(alone.err, HasSubstr("no controller answers"));
}

}  // namespace
}  // namespace ballast::cli
