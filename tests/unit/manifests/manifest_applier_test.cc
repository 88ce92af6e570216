#include "controller/manifests/manifest_applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <nlohmann/json.hpp>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_object_sink.h"
#include "tests/fakes/recording_event_recorder.h"
#include "tests/fakes/recording_metrics.h"

namespace ballast::manifests {
namespace {

using reconcilers::EventType;
using reconcilers::Presence;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
const api::ObjectKey kBlog{"WebApp", "default", "blog"};
const api::ObjectKey kSecret{"Secret", "default", "db"};

// What manifests name, as a test says.
class FakeNamed final : public NamedObjects {
 public:
  [[nodiscard]] NamedObject Find(const api::ObjectKey& key) const override {
    const auto found = objects.find(key);
    if (found != objects.end()) return found->second;
    return {.presence = absent};
  }
  void OnLookedOnce(std::function<void()> callback) override { looked_once = std::move(callback); }
  void Applied(const api::ObjectKey& key, const Result<void>& outcome) override {
    outcomes["applied " + key.ToString()] = outcome ? "ok" : outcome.error().message;
  }
  void Removed(const api::ObjectKey& key, const Result<void>& outcome) override {
    outcomes["removed " + key.ToString()] = outcome ? "ok" : outcome.error().message;
  }

  Presence absent = Presence::kAbsent;
  std::map<api::ObjectKey, NamedObject> objects;
  std::map<std::string, std::string> outcomes;
  std::function<void()> looked_once;
};

class Applier : public testing::Test {
 protected:
  Applier() {
    applier_.Attach(named_);
    sink_.OnChange([this](const api::ObjectKey& key) { applier_.ObjectChanged(key); });
  }

  // A manifest names this object, and says so.
  void Name(const api::ObjectKey& key, const std::string& text, const std::string& file) {
    const bool core =
        key.kind != "WebApp" && key.kind != "LoadBalancer" && key.kind != "Autoscaler";
    nlohmann::json json = {{"apiVersion", core ? "v1" : "ballast.dev/v1alpha1"},
                           {"kind", key.kind},
                           {"metadata", {{"name", key.name}}}};
    json.merge_patch(nlohmann::json::parse(text));
    named_.objects[key] = {.presence = Presence::kPresent,
                           .written = std::make_shared<const nlohmann::json>(std::move(json)),
                           .file = file,
                           .line = 1};
    applier_.Enqueue(key);
  }
  void NameApp(const api::ObjectKey& key, int replicas = 3) {
    nlohmann::json json = nlohmann::json::parse(R"({"spec": {"template": {"spec": {"containers": [
        {"name": "web", "image": "i", "ports": [{"containerPort": 80}]}]}}}})");
    if (replicas > 0) json["spec"]["replicas"] = replicas;
    Name(key, json.dump(), key.name + ".yaml");
  }
  void Unname(const api::ObjectKey& key) {
    named_.objects.erase(key);
    applier_.Enqueue(key);
  }
  int Replicas(const api::ObjectKey& key) {
    const auto object = sink_.Find(key);
    return object ? std::get<api::WebApp>(*object).spec.replicas : -1;
  }
  // "Warning DriftRepaired WebApp/default/shop: ...", since the last time.
  std::vector<std::string> TakeEvents() {
    std::vector<std::string> texts;
    for (const auto& event : events_.Events()) {
      texts.push_back((event.type == EventType::kWarning ? "Warning " : "Normal ") + event.reason +
                      " " + event.object.ToString() + ": " + event.message);
    }
    events_.Clear();
    return texts;
  }
  // In seconds from now; -1: never.
  double NextAfterRun() {
    const auto next = applier_.RunOnce();
    return next ? std::chrono::duration<double>(*next - clock_.Now()).count() : -1;
  }

  fakes::FakeClock clock_;
  fakes::FakeObjectSink sink_;
  fakes::RecordingEventRecorder events_;
  fakes::RecordingMetrics metrics_;
  FakeNamed named_;
  ManifestApplier applier_{sink_, clock_, events_, metrics_};
};

TEST_F(Applier, CreatesAndChangesWhatManifestsName) {
  NameApp(kShop);
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_EQ(Replicas(kShop), 3);
  EXPECT_EQ(named_.outcomes["applied WebApp/default/shop"], "ok");
  EXPECT_THAT(TakeEvents(), ElementsAre("Normal Applied WebApp/default/shop: created from "
                                        "shop.yaml:1"));
  NameApp(kShop, 5);
  applier_.RunOnce();
  EXPECT_EQ(Replicas(kShop), 5);
  EXPECT_THAT(TakeEvents(), ElementsAre("Normal Applied WebApp/default/shop: changed by "
                                        "shop.yaml:1, generation 2"));
}

TEST_F(Applier, GoesByKindWhateverTheOrderOfTheFiles) {
  NameApp(kShop);
  Name({"Autoscaler", "default", "shop"},
       R"({"spec": {"scaleTargetRef": {"kind": "WebApp", "name": "shop"}, "maxReplicas": 4,
           "metrics": [{"type": "RequestRate",
                        "requestRate": {"target": {"averageValue": "50"}}}]}})",
       "a.yaml");
  Name({"LoadBalancer", "", "edge"}, R"({"spec": {"listeners": [
           {"name": "http", "port": 8080, "protocol": "HTTP"}]}})",
       "b.yaml");
  Name({"ConfigMap", "default", "c"}, R"({"data": {"a": "b"}})", "c.yaml");
  Name(kSecret, R"({"stringData": {"password": "hunter2"}})", "d.yaml");
  Name({"Namespace", "", "prod"}, "{}", "e.yaml");
  applier_.RunOnce();
  EXPECT_THAT(sink_.TakeCalls(),
              ElementsAre("apply Namespace/prod", "apply Secret/default/db",
                          "apply ConfigMap/default/c", "apply LoadBalancer/edge",
                          "apply WebApp/default/shop", "apply Autoscaler/default/shop"));
  EXPECT_EQ(sink_.writes(), 6);
  for (const auto& [key, object] : std::exchange(named_.objects, {})) applier_.Enqueue(key);
  applier_.RunOnce();
  EXPECT_THAT(sink_.TakeCalls(),
              ElementsAre("remove Autoscaler/default/shop", "remove WebApp/default/shop",
                          "remove LoadBalancer/edge", "remove ConfigMap/default/c",
                          "remove Secret/default/db", "remove Namespace/prod"));
}

TEST_F(Applier, WhatIsStoredAlreadyCostsNoWriteAndIsNotTold) {
  NameApp(kShop);
  applier_.RunOnce();
  TakeEvents();
  ManifestApplier next(sink_, clock_, events_, metrics_);  // the controller started again
  next.Attach(named_);
  next.Enqueue(kShop);
  next.RunOnce();
  EXPECT_EQ(sink_.writes(), 1);
  EXPECT_THAT(TakeEvents(), IsEmpty());
}

TEST_F(Applier, ItsOwnWriteIsNoReasonToWriteAgain) {
  NameApp(kShop);
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_THAT(sink_.TakeCalls(), ElementsAre("apply WebApp/default/shop"));
  EXPECT_EQ(sink_.writes(), 1);
}

TEST_F(Applier, ItsOwnWriteIsNoReasonToWriteAgainWhereTheSinkDoesNotTellWhatIsStored) {
  sink_.TellNothing();
  NameApp(kShop);
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_EQ(sink_.TakeCalls().size(), 2U) << "it looks once more";
  EXPECT_EQ(sink_.writes(), 1);
}

TEST_F(Applier, AStatusIsNoReasonToApply) {
  NameApp(kShop);
  applier_.RunOnce();
  sink_.TakeCalls();
  for (int i = 0; i < 5; ++i) {
    sink_.Touch(kShop);
    EXPECT_EQ(NextAfterRun(), -1);
  }
  EXPECT_THAT(sink_.TakeCalls(), IsEmpty());
}

TEST_F(Applier, PutsBackWhatSomebodyElseChanged) {
  NameApp(kShop);
  applier_.RunOnce();
  TakeEvents();
  sink_.Edit(kShop, R"({"spec": {"replicas": 7}})", "kubectl-edit");
  EXPECT_EQ(Replicas(kShop), 7);
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_EQ(Replicas(kShop), 3);
  EXPECT_THAT(TakeEvents(),
              ElementsAre("Warning DriftRepaired WebApp/default/shop: spec.replicas (changed by "
                          "kubectl-edit) put back: shop.yaml says 3"));
  EXPECT_EQ(metrics_.Get("ballast_manifest_drift_repaired_total"), 1);
  EXPECT_EQ(sink_.writes(), 2);
}

TEST_F(Applier, DriftFromBeforeTheStartIsPutBackAndTold) {
  NameApp(kShop);
  applier_.RunOnce();
  sink_.OnChange(nullptr);
  sink_.Edit(kShop, R"({"spec": {"replicas": 7}})", "kubectl-edit");
  TakeEvents();
  ManifestApplier next(sink_, clock_, events_, metrics_);
  next.Attach(named_);
  next.Enqueue(kShop);
  next.RunOnce();
  EXPECT_EQ(Replicas(kShop), 3);
  EXPECT_THAT(TakeEvents(), ElementsAre(HasSubstr("spec.replicas (changed by kubectl-edit)")));
}

TEST_F(Applier, WhatTheManifestDoesNotNameBelongsToOthers) {
  NameApp(kShop, 0);
  applier_.RunOnce();
  TakeEvents();
  sink_.Edit(kShop, R"({"spec": {"replicas": 7}})", "kubectl-scale");
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_EQ(Replicas(kShop), 7);
  EXPECT_EQ(sink_.writes(), 1);
  EXPECT_THAT(TakeEvents(), IsEmpty());
}

TEST_F(Applier, WhoKeepsChangingAnObjectIsAnsweredMoreAndMoreSlowly) {
  NameApp(kShop);
  applier_.RunOnce();
  const auto edit = [this] {
    sink_.Edit(kShop, R"({"spec": {"replicas": 7}})", "script");
    return NextAfterRun();
  };
  EXPECT_EQ(edit(), -1) << "the first time at once";
  for (const int pause : {1, 2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(edit(), pause);
    EXPECT_EQ(edit(), pause) << "each further change changes nothing about that";
    EXPECT_EQ(Replicas(kShop), 7);
    clock_.Advance(seconds(pause));
    applier_.RunOnce();
    EXPECT_EQ(Replicas(kShop), 3);
  }
  clock_.Advance(minutes(5));
  EXPECT_EQ(edit(), -1) << "after a calm time at once again";
  EXPECT_EQ(edit(), 1);
  // The user's own change never waits.
  NameApp(kShop, 4);
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_EQ(Replicas(kShop), 4);
}

TEST_F(Applier, MakesAnewWhatWasDeletedAlthoughAManifestNamesIt) {
  NameApp(kShop);
  applier_.RunOnce();
  TakeEvents();
  sink_.Delete(kShop);
  applier_.RunOnce();
  EXPECT_EQ(Replicas(kShop), 3);
  EXPECT_THAT(TakeEvents(),
              ElementsAre("Warning DriftRepaired WebApp/default/shop: it was deleted, and made "
                          "anew: shop.yaml names it"));
  sink_.Delete(kShop);
  EXPECT_EQ(NextAfterRun(), 1) << "also not in a busy loop";
}

TEST_F(Applier, TouchesNothingThatNoManifestNames) {
  sink_.Edit(kShop, R"({"apiVersion": "ballast.dev/v1alpha1", "kind": "WebApp",
                        "metadata": {"name": "shop"}, "spec": {}})",
             "kubectl");
  for (const Presence presence : {Presence::kAbsent, Presence::kUnknown}) {
    named_.absent = presence;
    sink_.Touch(kShop);
    EXPECT_EQ(NextAfterRun(), -1);
  }
  EXPECT_THAT(sink_.TakeCalls(), IsEmpty());
}

TEST_F(Applier, RemovesOnlyWhatMayBeConcludedToBeAbsent) {
  NameApp(kShop);
  applier_.RunOnce();
  named_.absent = Presence::kUnknown;
  Unname(kShop);
  applier_.RunOnce();
  EXPECT_EQ(Replicas(kShop), 3);
  named_.absent = Presence::kAbsent;
  Unname(kShop);
  applier_.RunOnce();
  EXPECT_EQ(Replicas(kShop), -1);
  EXPECT_EQ(named_.outcomes["removed WebApp/default/shop"], "ok");
}

TEST_F(Applier, LeavesAloneWhatItsFileWasNotReadFor) {
  named_.objects[kShop] = {.presence = Presence::kPresent, .file = "shop.yaml"};
  applier_.Enqueue(kShop);
  applier_.ObjectChanged(kShop);
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_THAT(sink_.TakeCalls(), IsEmpty());
}

TEST_F(Applier, ARefusalIsToldOnceWithItsFileAndTriedAgain) {
  sink_.Fail({Code::kInvalidArgument, "spec.replicas: too many"}, kShop);
  NameApp(kShop);
  EXPECT_EQ(NextAfterRun(), 60);
  EXPECT_THAT(TakeEvents(), ElementsAre("Warning ManifestInvalid WebApp/default/shop: shop.yaml:1: "
                                        "WebApp/default/shop is refused: spec.replicas: too many"));
  EXPECT_EQ(named_.outcomes["applied WebApp/default/shop"], "spec.replicas: too many");
  clock_.Advance(seconds(60));
  EXPECT_EQ(NextAfterRun(), 60);
  EXPECT_THAT(TakeEvents(), IsEmpty()) << "nothing new";
  sink_.Mend(kShop);
  clock_.Advance(seconds(60));
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_EQ(Replicas(kShop), 3);
  EXPECT_EQ(named_.outcomes["applied WebApp/default/shop"], "ok");
}

TEST_F(Applier, AChangedFileIsTriedAtOnceAfterARefusal) {
  sink_.Fail({Code::kInvalidArgument, "no"}, kShop);
  NameApp(kShop);
  applier_.RunOnce();
  sink_.Mend(kShop);
  NameApp(kShop, 2);
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_EQ(Replicas(kShop), 2);
}

TEST_F(Applier, WhatWasRefusedIsTriedAgainOnceSomethingElseWasWritten) {
  // Renamed: the host still belongs to the old one, which is removed after that.
  NameApp(kBlog);
  applier_.RunOnce();
  sink_.Fail({Code::kInvalidArgument, "the host belongs to blog"}, kShop);
  NameApp(kShop);
  sink_.OnChange([this](const api::ObjectKey& key) {
    if (key == kBlog) sink_.Mend(kShop);
  });
  sink_.TakeCalls();
  Unname(kBlog);
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_THAT(sink_.TakeCalls(),
              ElementsAre("apply WebApp/default/shop", "remove WebApp/default/blog",
                          "apply WebApp/default/shop"));
}

TEST_F(Applier, ManyRefusalsDoNotKeepEachOtherBusy) {
  sink_.Fail({Code::kInvalidArgument, "no"}, kShop);
  sink_.Fail({Code::kNotFound, "no namespace"}, kBlog);
  NameApp(kShop);
  NameApp(kBlog);
  NameApp({"WebApp", "default", "docs"});
  EXPECT_EQ(NextAfterRun(), 60);
  EXPECT_EQ(sink_.TakeCalls().size(), 5U) << "three, and both refused ones once more";
}

TEST_F(Applier, AFullDiskIsToldOnceAndTriedBySingleKeys) {
  sink_.Fail({Code::kFailedPrecondition, "disk full"});
  NameApp(kShop);
  NameApp(kBlog);
  NameApp({"WebApp", "default", "docs"});
  named_.looked_once();
  for (const int pause : {1, 2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(NextAfterRun(), pause);
    EXPECT_EQ(sink_.TakeCalls().size(), 1U);
    EXPECT_TRUE(applier_.AppliedOnce()) << "nobody should wait for a disk";
    clock_.Advance(seconds(pause));
  }
  EXPECT_THAT(TakeEvents(), ElementsAre(HasSubstr("cannot be stored: disk full")));
  sink_.Mend();
  for (int i = 0; i < 2; ++i) {
    applier_.RunOnce();
    clock_.Advance(seconds(60));
  }
  EXPECT_EQ(sink_.writes(), 3);
  EXPECT_EQ(NextAfterRun(), -1);
}

TEST_F(Applier, AFailureOfOneObjectHoldsUpNoOther) {
  sink_.Fail({Code::kInternal, "odd"}, kBlog);
  NameApp(kBlog);
  NameApp(kShop);
  for (const int pause : {1, 2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(NextAfterRun(), pause);
    EXPECT_EQ(Replicas(kShop), 3);
    clock_.Advance(seconds(pause));
  }
  EXPECT_EQ(TakeEvents().size(), 2U) << "created, and the failure once";
  sink_.Mend(kBlog);
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_EQ(Replicas(kBlog), 3);
  // All is forgotten: the next failure begins with a second.
  sink_.Fail({Code::kInternal, "odd"}, kBlog);
  NameApp(kBlog, 1);
  EXPECT_EQ(NextAfterRun(), 1);
}

TEST_F(Applier, WhatOnlyLooksLikeAFullDiskStarvesNobody) {
  sink_.Fail({Code::kFailedPrecondition, "odd"}, kBlog);
  NameApp(kBlog);
  NameApp(kShop);
  for (int i = 0; i < 10; ++i) {
    const double next = NextAfterRun();
    ASSERT_GE(next, 1);
    clock_.Advance(seconds(static_cast<int>(next)));
  }
  EXPECT_EQ(Replicas(kShop), 3);
}

TEST_F(Applier, AFailedRemovalIsTriedAgain) {
  NameApp(kShop);
  applier_.RunOnce();
  sink_.Fail({Code::kUnavailable, "closed"}, kShop);
  Unname(kShop);
  EXPECT_EQ(NextAfterRun(), 1);
  EXPECT_EQ(named_.outcomes["removed WebApp/default/shop"], "closed");
  sink_.Mend(kShop);
  clock_.Advance(seconds(1));
  EXPECT_EQ(NextAfterRun(), -1);
  EXPECT_EQ(Replicas(kShop), -1);
}

TEST_F(Applier, HasAppliedOnceWhenTheFirstPassWasGoneThrough) {
  int told = 0;
  applier_.OnAppliedOnce([&told] { ++told; });
  sink_.Fail({Code::kInvalidArgument, "no"}, kBlog);
  NameApp(kBlog);
  applier_.RunOnce();
  EXPECT_FALSE(applier_.AppliedOnce()) << "there may be more";
  NameApp(kShop);
  named_.looked_once();
  EXPECT_FALSE(applier_.AppliedOnce());
  applier_.RunOnce();
  EXPECT_TRUE(applier_.AppliedOnce()) << "as far as possible";
  applier_.RunOnce();
  EXPECT_EQ(told, 1);
}

TEST_F(Applier, AnEventShowsNoValueThatMayBeASecret) {
  Name(kSecret, R"({"stringData": {"password": "hunter2"}, "data": {"pin": "MTIzNA=="}})",
       "db.yaml");
  applier_.RunOnce();
  sink_.Edit(kSecret, R"({"data": {"pin": "b3RoZXI="}})", "kubectl-edit");
  applier_.RunOnce();
  const auto events = TakeEvents();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_THAT(events[1], HasSubstr("data.pin (changed by kubectl-edit) put back: db.yaml says "
                                   "otherwise"));
  for (const std::string& event : events) {
    EXPECT_THAT(event, testing::Not(HasSubstr("MTIzNA")));
    EXPECT_THAT(event, testing::Not(HasSubstr("hunter2")));
  }
}

TEST_F(Applier, ItsThreadAppliesPutsBackAndStops) {
  clock_.OnAdvance([this] { applier_.Wake(); });
  std::promise<void> applied;
  applier_.OnAppliedOnce([&applied] { applied.set_value(); });
  std::promise<void> again;
  std::atomic<bool> told = false;
  sink_.OnChange([&](const api::ObjectKey& key) {
    applier_.ObjectChanged(key);
    // Also the listener of the edit may see both writes already.
    if (sink_.writes() == 2 && !told.exchange(true)) again.set_value();
  });
  NameApp(kShop);
  named_.looked_once();
  applier_.Start();
  ASSERT_EQ(applied.get_future().wait_for(seconds(20)), std::future_status::ready);
  sink_.Edit(kShop, R"({"spec": {"replicas": 7}})", "kubectl-edit");
  ASSERT_EQ(again.get_future().wait_for(seconds(20)), std::future_status::ready);
  applier_.Stop();
  applier_.Stop();
  EXPECT_EQ(Replicas(kShop), 3);
}

}  // namespace
}  // namespace ballast::manifests
