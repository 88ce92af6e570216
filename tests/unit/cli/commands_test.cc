// `ballast get` and `apply` against canned answers: what they ask for, what they print, how they
// end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/cli/sample_answers.h"

namespace ballast::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(Commands, GetPrintsTables) {
  server_.On("GET " + WebApps(), Table(Row("shop", "2/2", "Available") + "," +
                                       Row("b\xc3\xa4r-is-long", "0/1", "Degraded")));
  EXPECT_EQ(Ballast({"get", "wa"}).out,
            "NAME          READY   STATUS\n"
            "shop          2/2     Available\n"
            "b\xc3\xa4r-is-long   0/1     Degraded\n");
  EXPECT_THAT(Ballast({"get", "wa", "-o", "wide", "--show-labels"}).out,
              HasSubstr("shop          2/2     Available   acme/x:1   a=b\n"));
  EXPECT_THAT(Ballast({"get", "wa", "--no-headers"}).out, StartsWith("shop"));
  EXPECT_THAT(RunOn(server_, {"get", "wa"}, "", true).out, HasSubstr("\x1b[31mDegraded\x1b[0m\n"));
  EXPECT_EQ(Ballast({"get", "wa", "-l", "a=b", "--field-selector=x!=y"}).code, 0);
  EXPECT_EQ(server_.calls.back(),
            "GET " + WebApps("?fieldSelector=x%21%3Dy&labelSelector=a%3Db&limit=500"));
}

TEST_F(Commands, GetGoesThroughPages) {
  json first = json::parse(Table(Row("a", "1/1", "Available")));
  first["metadata"]["continue"] = "next";
  server_.On("GET " + WebApps("?limit=500"), first.dump());
  server_.On("GET " + WebApps("?continue=next&limit=500"), Table(Row("b", "1/1", "Available")));
  EXPECT_THAT(Ballast({"get", "wa"}).out, HasSubstr("a      1/1     Available\nb "));
}

TEST_F(Commands, GetOfAllTypesAndNamespaces) {
  server_.On("GET /apis/ballast.dev/v1alpha1/webapps", Table(Row("shop", "1/1", "Available")));
  server_.On("GET /api/v1/pods", Table(""));
  EXPECT_EQ(Ballast({"get", "all", "-A"}).out,
            "NAMESPACE   NAME          READY   STATUS\n"
            "default     webapp/shop   1/1     Available\n");
  server_.On("GET " + WebApps(), Table(""));
  const Outcome nothing = Ballast({"get", "wa"});
  EXPECT_EQ(nothing.code, 0);
  EXPECT_EQ(nothing.out, "");
  EXPECT_EQ(nothing.err,
            "there are no webapps in the namespace default; -A looks in all of them\n");
}

TEST_F(Commands, GetPrintsObjects) {
  server_.On("GET " + WebApps("/shop"), Shop(1, 1, 2, 2, 2));
  const Outcome yaml = Ballast({"get", "wa/shop", "-oyaml"});
  EXPECT_THAT(yaml.out, StartsWith("apiVersion: ballast.dev/v1alpha1\nkind: WebApp\n"));
  EXPECT_THAT(yaml.out, Not(HasSubstr("managedFields")));
  EXPECT_THAT(Ballast({"get", "wa/shop", "-ojson", "--show-managed-fields"}).out,
              HasSubstr("\"managedFields\": []"));
  EXPECT_EQ(Ballast({"get", "wa", "shop", "-o", "name"}).out, "webapp/shop\n");
  server_.On("GET " + WebApps("/blog"), Shop(1, 1, 2, 2, 2));
  const json list = json::parse(Ballast({"get", "wa", "shop", "blog", "-o", "json"}).out);
  EXPECT_EQ(list["kind"], "List");
  EXPECT_EQ(list["items"].size(), 2U);
}

TEST_F(Commands, GetExplainsWhatIsNotThere) {
  server_.On("GET " + WebApps("/shpo"), NotFound("shpo"), 404);
  server_.On("GET /apis/ballast.dev/v1alpha1/webapps", Table(Row("shop", "1/1", "Available")));
  const Outcome outcome = Ballast({"get", "wa", "shpo"});
  EXPECT_EQ(outcome.code, kExitFailed);
  EXPECT_EQ(outcome.err, "ballast: webapps.ballast.dev \"shpo\" not found; did you mean shop?\n");
  EXPECT_EQ(Ballast({"get", "wa", "shpo", "--ignore-not-found"}).code, 0);
  server_.On("GET /apis/ballast.dev/v1alpha1/namespaces/x/webapps/shop", NotFound("shop"), 404);
  EXPECT_THAT(Ballast({"get", "wa/shop", "-n", "x"}).err,
              HasSubstr("there is one in the namespace default: -n default"));
  EXPECT_EQ(Ballast({"get", "nonsense"}).code, kExitFailed);
  EXPECT_EQ(Ballast({"get"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"get", "wa/shop", "-A"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"get", "wa", "shop", "-l", "a"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"get", "wa,po", "-w"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"get", "wa", "-o", "custom"}).code, kExitUsage);
  server_.away = true;
  EXPECT_EQ(Ballast({"get", "wa"}).err, "ballast: no controller answers on fake.sock\n");
}

TEST_F(Commands, GetWatchesAcrossLostConnections) {
  server_.On("GET " + WebApps("?limit=500"), Table(Row("shop", "1/2", "Progressing")));
  const std::string watch = "GET " + WebApps("?allowWatchBookmarks=true&resourceVersion=");
  const std::string event = Event("MODIFIED", Table(Row("shop", "2/2", "Available")));
  server_.OnLost(watch + "7&watch=true", {event.substr(0, 20), event.substr(20)});
  // From the last row's version; then the history is gone, and it begins anew.
  server_.OnLost(watch + "9&watch=true",
                 {Event("ERROR", R"({"kind":"Status","code":410,"reason":"Expired"})")});
  server_.OnStream(watch + "0&watch=true",
                   {Event("BOOKMARK", R"({"metadata":{"resourceVersion":"12"}})"),
                    Event("DELETED", Table(Row("shop", "0/2", "Available")))},
                   true);
  const Outcome outcome = Ballast({"get", "wa", "-w"});
  EXPECT_EQ(outcome.code, kExitInterrupted);
  EXPECT_EQ(outcome.out,
            "NAME   READY   STATUS\n"
            "shop   1/2     Progressing\n"
            "shop   2/2     Available\n"
            "shop   0/2     Deleted\n");
}

TEST_F(Commands, ApplyTellsWhatItDid) {
  server_.On("GET " + WebApps("/shop"), NotFound("shop"), 404);
  server_.On("GET " + WebApps("/shop"), Shop(1, 1, 2, 2, 2, "5"));
  const std::string patch = "PATCH " + WebApps("/shop?fieldManager=ballast&fieldValidation=Strict");
  server_.On(patch, Shop(1, 0, 0, 2, 0, "5"), 201);
  server_.On(patch, Shop(1, 1, 2, 2, 2, "5"));
  server_.On(patch, Shop(2, 1, 2, 2, 2, "6"));
  EXPECT_EQ(Ballast({"apply", "-f", "-"}, kShopYaml).out, "webapp/shop created\n");
  EXPECT_EQ(server_.calls.back(), patch +
                                      R"( {"apiVersion":"ballast.dev/v1alpha1","kind":"WebApp",)"
                                      R"("metadata":{"name":"shop"},"spec":{"replicas":2}})");
  EXPECT_EQ(Ballast({"apply", "-f", "-"}, kShopYaml).out, "webapp/shop unchanged\n");
  EXPECT_EQ(Ballast({"apply", "-f", "-"}, kShopYaml).out, "webapp/shop configured\n");
  const std::string dry =
      "PATCH " + WebApps("/shop?dryRun=All&fieldManager=ballast&fieldValidation=Strict&force=true");
  server_.On(dry, Shop(2, 1, 2, 2, 2, "6"));
  EXPECT_EQ(Ballast({"apply", "-f-", "--dry-run", "--force-conflicts"}, kShopYaml).out,
            "webapp/shop configured (dry run)\n");
  EXPECT_THAT(Ballast({"apply", "-f-", "--dry-run", "--force-conflicts", "-oyaml"}, kShopYaml).out,
              StartsWith("apiVersion: ballast.dev/v1alpha1\n"));
}

TEST_F(Commands, ApplyChecksEverythingFirst) {
  const std::string two =
      std::string(kShopYaml) + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n";
  server_.On("GET " + WebApps("/shop"), NotFound("shop"), 404);
  server_.On("PATCH " + WebApps("/shop"), R"({"kind":"Status","code":422,"reason":"Invalid",
      "message":"WebApp \"shop\" is invalid: x","details":{"causes":[
      {"field":"spec.replicas","message":"must be less"}]}})",
             422);
  server_.On("PATCH /api/v1/namespaces/x", R"({"metadata":{"resourceVersion":"3"}})", 201);
  const Outcome outcome = Ballast({"apply", "-f", "-"}, two);
  EXPECT_EQ(outcome.code, kExitFailed);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "ballast: standard input:1: WebApp \"shop\" is invalid\n"
            "  standard input:5: spec.replicas: must be less\n"
            "nothing was changed\n");
  for (const std::string& call : server_.calls) {
    EXPECT_THAT(call, testing::AnyOf(StartsWith("GET"), HasSubstr("dryRun=All")));
  }
  EXPECT_THAT(Ballast({"apply", "-f", "-"}, "kind: Pod\napiVersion: v1\nmetadata: {name: x}\n").err,
              HasSubstr("standard input:1: kind: pods are made by Ballast itself"));
  EXPECT_THAT(Ballast({"apply", "-f", "-", "-n", "y"},
                      "kind: WebApp\napiVersion: ballast.dev/v1alpha1\n"
                      "metadata: {name: x, namespace: z}\n")
                  .err,
              HasSubstr("metadata.namespace: is z, but -n says y"));
  EXPECT_EQ(Ballast({"apply"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"apply", "shop.yaml"}).code, kExitUsage);
  EXPECT_EQ(Ballast({"apply", "-f-", "--timeout", "soon"}).code, kExitUsage);
  EXPECT_THAT(Ballast({"apply", "-f", "https://x/y.yaml"}).err, HasSubstr("curl -fsSL"));
}

TEST_F(Commands, ApplyWaits) {
  server_.On("GET " + WebApps("/shop"), NotFound("shop"), 404);
  server_.On("PATCH " + WebApps("/shop"), Shop(3, 2, 0, 2, 2), 201);
  server_.On("GET " + WebApps("?fieldSelector=metadata.name%3Dshop"), ListOf(Shop(3, 2, 2, 2, 2)));
  server_.OnStream("GET " + WebApps("?allowWatchBookmarks=true&fieldSelector=metadata.name%3Dshop&"
                                    "resourceVersion=7&watch=true"),
                   {Event("MODIFIED", Shop(3, 3, 1, 2, 3)), Event("MODIFIED", Shop(3, 3, 2, 2, 2))},
                   true);
  const Outcome outcome = Ballast({"apply", "-f", "-", "--wait"}, kShopYaml);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out,
            "webapp/shop created\n"
            "webapp/shop is available: 2 of 2 replicas in service, http://shop/\n");
  EXPECT_EQ(outcome.err,
            "webapp/shop: the controller has not seen it yet\n"
            "webapp/shop: 1 of 2 replicas in service\n");
}

TEST_F(Commands, ApplyEndsWhenItIsNotInTime) {
  server_.On("GET " + WebApps("/shop"), NotFound("shop"), 404);
  server_.On("PATCH " + WebApps("/shop"), Shop(3, 2, 0, 2, 2), 201);
  server_.On("GET " + WebApps("?fieldSelector=metadata.name%3Dshop"), ListOf(Shop(3, 3, 1, 2, 2)));
  server_.OnStream("GET " + WebApps(), {}, true);
  const Outcome outcome = Ballast({"apply", "-f", "-", "--wait", "--timeout=9s"}, kShopYaml);
  EXPECT_EQ(outcome.code, kExitTimeout);
  EXPECT_THAT(outcome.err,
              HasSubstr("ballast: webapp/shop: not done within 9 s: 1 of 2 replicas in service\n"
                        "see `ballast describe webapp/shop` and `ballast logs webapp/shop`\n"));
}

}  // namespace
}  // namespace ballast::cli
