#include "controller/manifests/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/manifests/situation.h"

namespace ballast::manifests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kBroken[] = "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {nmae: x}\n";

TEST(PlanApply, TakesWhatIsNew) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop") + "---\n" + AppYaml("blog")).Pass();
  EXPECT_EQ(s.InForce(), "blog shop");
  EXPECT_THAT(s.Changed(), ElementsAre("shop", "blog"));
  EXPECT_TRUE(s.last().save);
  const AcceptedObject& shop = s.state().accepted.at({"WebApp", "default", "shop"});
  EXPECT_EQ(shop.file, "a.yaml");
  EXPECT_EQ(shop.line, 1);
  EXPECT_EQ(shop.written->at("metadata").at("name"), "shop");
}

TEST(PlanApply, NothingFollowsFromNothing) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop")).Pass();
  for (int i = 0; i < 3; ++i) {
    s.After(seconds(10)).Pass();
    EXPECT_THAT(s.Changed(), IsEmpty());
    EXPECT_THAT(s.Events(), IsEmpty());
    EXPECT_FALSE(s.last().save);
  }
}

TEST(PlanApply, ADocumentThatSaysSomethingElseIsAppliedAgain) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop")).Pass();
  s.Write("a.yaml", "# a comment\n" + AppYaml("shop")).Pass();
  EXPECT_THAT(s.Changed(), IsEmpty());
  s.Write("a.yaml", AppYaml("shop", "", "replicas: 4")).Pass();
  EXPECT_THAT(s.Changed(), ElementsAre("shop"));
  EXPECT_EQ(s.App("shop")->spec.replicas, 4);
  std::string labelled = AppYaml("shop", "", "replicas: 4");
  labelled.replace(labelled.find("{name: shop}"), 12, "{name: shop, labels: {a: b}}");
  s.Write("a.yaml", labelled).Pass();
  EXPECT_THAT(s.Changed(), ElementsAre("shop"));
  EXPECT_EQ(s.App("shop")->meta.labels.at("a"), "b");
}

TEST(PlanApply, AFieldThatIsNotNamedAnyMoreIsAChangeAlsoWhereItHadItsDefault) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop", "", "replicas: 1")).Pass();
  s.Write("a.yaml", AppYaml("shop", "", "paused: false")).Pass();
  EXPECT_THAT(s.Changed(), ElementsAre("shop"));
  const auto& written = s.state().accepted.at({"WebApp", "default", "shop"}).written;
  EXPECT_FALSE(written->at("spec").contains("replicas"));
}

TEST(PlanApply, TakesEveryKind) {
  Situation s;
  s.Write("a.yaml",
          "apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n---\n"
          "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: x}\n---\n"
          "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n---\n" +
              AutoscalerYaml("scaler", "shop"))
      .Pass();
  EXPECT_THAT(s.last().errors, IsEmpty());
  EXPECT_THAT(s.Changed(), ElementsAre("prod", "db", "c", "scaler"));
  s.Pass();
  EXPECT_THAT(s.Changed(), IsEmpty());
}

TEST(PlanApply, TheAutoscalerInForceWinsAConflict) {
  Situation s;
  s.Write("m.yaml", AutoscalerYaml("scaler", "shop")).Pass();
  s.Write("a.yaml", AutoscalerYaml("other", "shop")).Pass();
  EXPECT_EQ(s.state().accepted.size(), 1U);
  ASSERT_EQ(s.last().errors.size(), 1U);
  EXPECT_EQ(s.last().errors[0].file, "a.yaml");
}

TEST(PlanApply, ABrokenFileKeepsItsLastGoodVersionAndStopsNobodyElse) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop")).Write("b.yaml", AppYaml("blog")).Pass();
  s.Write("a.yaml", kBroken).Write("b.yaml", AppYaml("blog", "", "replicas: 3")).Pass();
  EXPECT_EQ(s.InForce(), "blog shop");
  EXPECT_THAT(s.Changed(), ElementsAre("blog"));
  EXPECT_TRUE(s.Told("a.yaml:3:12"));
  EXPECT_THAT(s.last().file_errors, ElementsAre(testing::Key("a.yaml")));
  s.After(seconds(60)).Pass();
  EXPECT_THAT(s.Events(), IsEmpty()) << "told once";
  EXPECT_EQ(s.last().errors.size(), s.last().file_errors.at("a.yaml")) << "but still shown";
  EXPECT_EQ(s.InForce(), "blog shop");
  s.Write("a.yaml", AppYaml("shop")).Pass();
  EXPECT_THAT(s.last().errors, IsEmpty());
  EXPECT_THAT(s.Changed(), IsEmpty());
}

TEST(PlanApply, ABrokenFileIsToldAgainWhenItIsBrokenInAnotherWay) {
  Situation s;
  s.Write("a.yaml", kBroken).Pass();
  EXPECT_FALSE(s.Events().empty());
  s.Write("a.yaml", "kind: [").Pass();
  EXPECT_FALSE(s.Events().empty());
  s.Write("a.yaml", kBroken).Pass();
  EXPECT_FALSE(s.Events().empty());
}

TEST(PlanApply, RemovesWhatWasMissingForFiveSeconds) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop")).Write("b.yaml", AppYaml("blog")).Pass();
  s.Write("a.yaml", "").After(seconds(60)).Pass();
  EXPECT_EQ(s.InForce(), "blog shop");
  EXPECT_THAT(s.Held(), ElementsAre("shop"));
  EXPECT_EQ(s.last().again_after, milliseconds(5'000));
  EXPECT_THAT(s.Events(), IsEmpty());
  s.After(milliseconds(4'999)).Pass();
  EXPECT_EQ(s.InForce(), "blog shop");
  EXPECT_EQ(s.last().again_after, milliseconds(1));
  s.After(milliseconds(1)).Pass();
  EXPECT_EQ(s.InForce(), "blog");
  EXPECT_THAT(s.Changed(), ElementsAre("shop"));
  EXPECT_THAT(s.Events(), ElementsAre("Pruned WebApp/default/shop"));
  EXPECT_THAT(s.Held(), IsEmpty());
}

// What interrupts the five seconds starts them anew.
struct Interruption {
  const char* name;
  void (*happen)(Situation& s);
  void (*end)(Situation& s);
};
class Interrupted : public testing::TestWithParam<Interruption> {};
INSTANTIATE_TEST_SUITE_P(
    PlanApply, Interrupted,
    testing::Values(
        Interruption{"TheObjectCameBack", [](Situation& s) { s.Write("a.yaml", AppYaml("shop")); },
                     [](Situation& s) { s.Write("a.yaml", ""); }},
        Interruption{"AnotherFileIsBroken", [](Situation& s) { s.Write("c.yaml", kBroken); },
                     [](Situation& s) { s.Write("c.yaml", ""); }},
        Interruption{"TheDirectoryIsGone", [](Situation& s) { s.Problem("gone"); },
                     [](Situation& s) { s.Problem(""); }},
        Interruption{"TheDirectoryIsEmpty", [](Situation& s) { s.Write("b.yaml", ""); },
                     [](Situation& s) { s.Write("b.yaml", AppYaml("blog")); }},
        Interruption{"SomethingElseIsMissingToo", [](Situation& s) { s.Write("d.yaml", ""); },
                     [](Situation& s) { s.Write("d.yaml", AppYaml("docs")); }}),
    [](const auto& info) { return info.param.name; });

TEST_P(Interrupted, StartsTheWaitAnew) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop")).Write("b.yaml", AppYaml("blog"));
  s.Write("d.yaml", AppYaml("docs")).Pass();
  s.Write("a.yaml", "").Pass();
  s.After(seconds(4));
  GetParam().happen(s);
  s.Pass().After(milliseconds(500));
  EXPECT_EQ(s.InForce(), "blog docs shop");
  GetParam().end(s);
  s.Pass();
  s.After(milliseconds(4'999)).Pass();
  EXPECT_EQ(s.InForce(), "blog docs shop");
  s.After(milliseconds(1)).Pass();
  EXPECT_EQ(s.InForce(), "blog docs");
}

// Nothing is removed however long it lasts.
struct Hold {
  const char* name;
  PruneMode mode;
  void (*happen)(Situation& s);
  const char* told;
};
class Held : public testing::TestWithParam<Hold> {};
INSTANTIATE_TEST_SUITE_P(
    PlanApply, Held,
    testing::Values(
        Hold{"EmptyDirectory", PruneMode::kSafe,
             [](Situation& s) { s.Write("a.yaml", "").Write("b.yaml", ""); },
             "no manifest names anything at all"},
        Hold{"FilesWithoutDocuments", PruneMode::kSafe,
             [](Situation& s) { s.Write("a.yaml", "# nothing\n").Write("b.yaml", "---\n"); },
             "no manifest names anything at all"},
        Hold{"NoDirectory", PruneMode::kSafe, [](Situation& s) { s.Problem("no such directory"); },
             "no such directory; 2 objects stay in force"},
        Hold{"AnInvalidFileBesides", PruneMode::kSafe,
             [](Situation& s) { s.Write("a.yaml", "").Write("c.yaml", kBroken); },
             "not every manifest is valid"},
        Hold{"Everything", PruneMode::kSafe,
             [](Situation& s) {
               s.Write("a.yaml", "").Write("b.yaml", "").Write("c.yaml", AppYaml("other"));
             },
             "that would remove everything"},
        Hold{"Never", PruneMode::kNever, [](Situation& s) { s.Write("a.yaml", ""); },
             "--prune never"},
        Hold{"AlwaysButNoDirectory", PruneMode::kAlways, [](Situation& s) { s.Problem("gone"); },
             "gone; 2 objects stay in force"}),
    [](const auto& info) { return info.param.name; });

TEST_P(Held, RemovesNothingAndSaysSoOnce) {
  Situation s(GetParam().mode);
  s.Write("a.yaml", AppYaml("shop")).Write("b.yaml", AppYaml("blog")).Pass();
  GetParam().happen(s);
  int told = 0;
  for (int i = 0; i < 5; ++i) {
    s.After(seconds(30)).Pass();
    told += s.Told(GetParam().told) ? 1 : 0;
    EXPECT_NE(s.App("shop"), nullptr);
    EXPECT_NE(s.App("blog"), nullptr);
    EXPECT_FALSE(s.last().hold_reason.empty());
  }
  EXPECT_EQ(told, 1);
}

TEST(PlanApply, EverythingMissingIsRefusedOnlyUntilSomethingIsBack) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop")).Write("b.yaml", AppYaml("blog")).Pass();
  s.Write("a.yaml", "").Write("b.yaml", "").Write("c.yaml", AppYaml("other")).Pass();
  s.WaitAndPass().Write("b.yaml", AppYaml("blog")).Pass();
  EXPECT_EQ(s.InForce(), "blog other shop");
  s.WaitAndPass();
  EXPECT_EQ(s.InForce(), "blog other");
}

TEST(PlanApply, ADirectoryThatWasEmptyAndThenHasOtherThingsRemovesNothing) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop")).Write("b.yaml", AppYaml("blog")).Pass();
  s.Write("a.yaml", "").Write("b.yaml", "").WaitAndPass();
  s.Write("c.yaml", AppYaml("other")).Pass();
  for (int i = 0; i < 3; ++i) s.WaitAndPass();
  EXPECT_EQ(s.InForce(), "blog other shop");
  s.Write("d.yaml", AppYaml("more")).Pass();
  s.Write("c.yaml", "").Pass().WaitAndPass();
  EXPECT_EQ(s.InForce(), "blog more other shop") << "while some are kept, all that is missing is";
}

TEST(PlanApply, AlwaysRemovesAtOnceEvenEverything) {
  Situation s(PruneMode::kAlways);
  s.Write("a.yaml", AppYaml("shop")).Write("b.yaml", AppYaml("blog")).Pass();
  s.Write("a.yaml", "").Pass();
  EXPECT_EQ(s.InForce(), "blog");
  s.Write("b.yaml", "").Pass();
  EXPECT_EQ(s.InForce(), "");
}

TEST(PlanApply, AlwaysStillKeepsWhatABrokenFileMayName) {
  Situation s(PruneMode::kAlways);
  s.Write("a.yaml", AppYaml("shop")).Write("sub/b.yaml", AppYaml("blog")).Pass();
  s.Write("a.yaml", kBroken).WaitAndPass();
  EXPECT_EQ(s.InForce(), "blog shop");
}

TEST(PlanApply, AnObjectThatMovesToAnotherFileIsTheSame) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop", "shop.test")).Write("b.yaml", AppYaml("blog")).Pass();
  s.Write("a.yaml", "").Write("z.yaml", AppYaml("shop", "shop.test")).Pass();
  EXPECT_THAT(s.Changed(), IsEmpty());
  EXPECT_THAT(s.last().errors, IsEmpty());
  EXPECT_TRUE(s.last().save) << "where it comes from now is written down";
  EXPECT_THAT(s.last().moved, ElementsAre(api::ObjectKey("WebApp", "default", "shop")))
      << "and in the store, too";
  // The old file may break or go without any meaning for it.
  s.Write("a.yaml", kBroken).WaitAndPass();
  s.Write("a.yaml", "").WaitAndPass();
  EXPECT_EQ(s.InForce(), "blog shop");
}

TEST(PlanApply, WhatIsInForceWinsAConflictWhateverTheFileIsCalled) {
  for (const char* file : {"0.yaml", "z.yaml"}) {
    Situation s;
    s.Write("m.yaml", AppYaml("shop", "shop.test")).Pass();
    s.Write(file, AppYaml("evil", "shop.test") + "---\n" + AppYaml("bystander")).Pass();
    EXPECT_EQ(s.InForce(), "shop") << file << " is refused whole";
    ASSERT_EQ(s.last().errors.size(), 1U);
    EXPECT_EQ(s.last().errors[0].file, file);
    EXPECT_THAT(s.last().errors[0].ToString(),
                HasSubstr("belongs to WebApp/default/shop in m.yaml:1 already"));
    EXPECT_TRUE(s.Told("belongs to WebApp/default/shop"));
  }
}

TEST(PlanApply, TheEarlierFileWinsAConflictOfNewObjects) {
  Situation s;
  s.Write("b.yaml", AppYaml("blog", "x.test")).Write("a.yaml", AppYaml("shop", "x.test")).Pass();
  EXPECT_EQ(s.InForce(), "shop");
  // Also later on: it is in force now.
  s.Write("0.yaml", AppYaml("zero", "x.test")).Pass();
  EXPECT_EQ(s.InForce(), "shop");
}

TEST(PlanApply, AChangeThatConflictsLeavesTheLastVersionInForce) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop", "shop.test")).Write("b.yaml", AppYaml("blog", "b.test")).Pass();
  s.Write("b.yaml", AppYaml("blog", "shop.test", "replicas: 9")).Pass();
  EXPECT_EQ(s.App("blog")->spec.replicas, 1);
  EXPECT_EQ(s.App("blog")->spec.routes[0].host, "b.test");
  // Nobody may take what the refused file still holds.
  s.Write("c.yaml", AppYaml("new", "b.test")).Pass();
  EXPECT_EQ(s.InForce(), "blog shop");
}

TEST(PlanApply, TwoAppsMaySwapTheirHosts) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop", "a.test")).Write("b.yaml", AppYaml("blog", "b.test")).Pass();
  s.Write("a.yaml", AppYaml("shop", "b.test")).Write("b.yaml", AppYaml("blog", "a.test")).Pass();
  EXPECT_THAT(s.last().errors, IsEmpty());
  EXPECT_EQ(s.App("shop")->spec.routes[0].host, "b.test");
  EXPECT_EQ(s.App("blog")->spec.routes[0].host, "a.test");
}

TEST(PlanApply, TheSameObjectTwiceIsRefusedWhereItIsNew) {
  Situation s;
  s.Write("m.yaml", AppYaml("shop")).Pass();
  s.Write("a.yaml", AppYaml("shop", "", "replicas: 7")).Pass();
  EXPECT_EQ(s.App("shop")->spec.replicas, 1);
  ASSERT_EQ(s.last().errors.size(), 1U);
  EXPECT_EQ(s.last().errors[0].file, "a.yaml");
  s.Write("m.yaml", "").Pass();  // then it is a move
  EXPECT_EQ(s.App("shop")->spec.replicas, 7);
}

TEST(PlanApply, ARenamedAppTakesOverItsHostWhenTheOldOneIsRemoved) {
  Situation s;
  s.Write("a.yaml", AppYaml("shop", "shop.test")).Write("b.yaml", AppYaml("blog")).Pass();
  s.Write("a.yaml", AppYaml("store", "shop.test")).Pass();
  EXPECT_EQ(s.InForce(), "blog shop");
  EXPECT_THAT(s.Events(), IsEmpty()) << "only five seconds are missing";
  EXPECT_THAT(s.last().errors, IsEmpty());
  s.WaitAndPass();
  EXPECT_EQ(s.InForce(), "blog store");
  EXPECT_THAT(s.Changed(), testing::UnorderedElementsAre("shop", "store"));
}

TEST(PlanApply, ARenamedAppWaitsAsLongAsTheOldOneIsKept) {
  Situation s(PruneMode::kNever);
  s.Write("a.yaml", AppYaml("shop", "shop.test")).Write("b.yaml", AppYaml("blog")).Pass();
  s.Write("a.yaml", AppYaml("store", "shop.test")).Pass();
  EXPECT_EQ(s.InForce(), "blog shop");
  ASSERT_EQ(s.last().errors.size(), 1U);
  EXPECT_THAT(s.last().errors[0].message, HasSubstr("--prune never"));
}

TEST(PlanApply, ALoadBalancerStaysWhileARouteNamesIt) {
  Situation s;
  const std::string app = AppYaml("shop", "shop.test, loadBalancer: edge");
  s.Write("lb.yaml", BalancerYaml("edge", 8080)).Write("a.yaml", app).Pass();
  EXPECT_EQ(s.InForce(), "lb:edge shop");
  s.Write("lb.yaml", "").Pass();
  for (int i = 0; i < 3; ++i) s.WaitAndPass();
  EXPECT_EQ(s.InForce(), "lb:edge shop");
  ASSERT_EQ(s.last().errors.size(), 1U);
  EXPECT_EQ(s.last().errors[0].file, "a.yaml");
  s.Write("a.yaml", AppYaml("shop")).Pass();
  s.WaitAndPass();
  EXPECT_EQ(s.InForce(), "shop");
}

TEST(PlanApply, AbsenceMeansSomethingOnlyAfterASettledPass) {
  Situation s;
  s.Pass();
  EXPECT_FALSE(s.state().absence_known) << "nothing there";
  s.Write("a.yaml", kBroken).WaitAndPass().WaitAndPass();
  EXPECT_FALSE(s.state().absence_known) << "nothing valid there";
  s.Write("a.yaml", AppYaml("shop")).Pass();
  EXPECT_FALSE(s.state().absence_known);
  EXPECT_EQ(s.last().again_after, milliseconds(5'000));
  s.WaitAndPass();
  EXPECT_TRUE(s.state().absence_known);
  EXPECT_FALSE(s.last().again_after.has_value());
  s.Problem("gone").Pass();
  EXPECT_TRUE(s.state().absence_known);
}

TEST(PlanApply, AbsenceNeverMeansAnythingWithPruneNever) {
  Situation s(PruneMode::kNever);
  s.Write("a.yaml", AppYaml("shop")).Pass().WaitAndPass();
  EXPECT_FALSE(s.state().absence_known);
}

TEST(PlanApply, SaysThatThereIsNothingYet) {
  Situation s;
  s.Pass();
  EXPECT_TRUE(s.Told("no manifest yet"));
  s.After(seconds(10)).Pass();
  EXPECT_THAT(s.Events(), IsEmpty());
}

TEST(PlanApply, ManyErrorsMakeFewEvents) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += std::string(i == 0 ? "" : "---\n") + kBroken;
  Situation s;
  s.Write("a.yaml", text).Pass();
  EXPECT_LE(s.Events().size(), 6U);
  EXPECT_TRUE(s.Told("more errors"));
  EXPECT_GE(s.last().errors.size(), 50U);
}

}  // namespace
}  // namespace ballast::manifests
