#include "controller/manifests/manifest_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_object_sink.h"
#include "tests/fakes/recording_enqueuer.h"
#include "tests/fakes/recording_event_recorder.h"
#include "tests/fakes/recording_metrics.h"
#include "tests/fakes/temp_dir.h"
#include "tests/unit/manifests/situation.h"

namespace ballast::manifests {
namespace {

namespace fs = std::filesystem;
using reconcilers::Presence;
using std::chrono::milliseconds;
using std::chrono::seconds;

const api::ObjectKey kShop{"WebApp", "default", "shop"};
const api::ObjectKey kBlog{"WebApp", "default", "blog"};

class Source : public testing::Test {
 protected:
  Source() { fs::create_directory(state_.path("s")); }

  // A controller starts (again).
  void Start() {
    source_.emplace(ManifestOptions{.dir = dir_.path(),
                                    .prune = prune_,
                                    .state_dir = state_.path("s"),
                                    .decode = {.all_kinds = true}},
                    clock_, enqueuer_, sink_, events_, metrics_);
    source_->OnLookedOnce([this] { ++looked_once_; });
    ASSERT_TRUE(source_->Load());
  }
  milliseconds PassAfter(milliseconds time) {
    clock_.Advance(time);
    return source_->RunOnce();
  }
  Presence Get(const api::ObjectKey& key) {
    const NamedObject named = source_->Find(key);
    EXPECT_EQ(named.presence == Presence::kPresent, !named.file.empty());
    return named.presence;
  }
  // Does what ManifestApplier does with the keys it got; returns them.
  std::vector<api::ObjectKey> Settle() {
    const std::vector<api::ObjectKey> keys = enqueuer_.Take();
    for (const api::ObjectKey& key : keys) {
      const NamedObject named = source_->Find(key);
      if (named.presence == Presence::kAbsent) {
        source_->Removed(key, sink_.Remove(key));
      } else if (named.written) {
        const auto applied = sink_.Apply(key, *named.written, named.file);
        source_->Applied(key, applied ? Result<void>() : std::unexpected(applied.error()));
      }
    }
    return keys;
  }
  // -1: nothing is stored.
  int StoredReplicas(const api::ObjectKey& key) {
    const auto object = sink_.Find(key);
    return object ? std::get<api::WebApp>(*object).spec.replicas : -1;
  }
  nlohmann::json StateFile() { return nlohmann::json::parse(state_.Read("s/objects.json")); }

  TempDir dir_;
  TempDir state_;
  fakes::FakeClock clock_;
  fakes::RecordingEnqueuer enqueuer_;
  fakes::RecordingEventRecorder events_;
  fakes::RecordingMetrics metrics_;
  fakes::FakeObjectSink sink_;  // lives on when the controller does not
  PruneMode prune_ = PruneMode::kSafe;
  int looked_once_ = 0;
  std::optional<ManifestSource> source_;
};

TEST_F(Source, KnowsNothingBeforeTheFirstSettledPass) {
  Start();
  EXPECT_EQ(Get(kShop), Presence::kUnknown);
  dir_.Write("a.yaml", AppYaml("shop"));
  EXPECT_EQ(PassAfter(seconds(0)), seconds(5)) << "comes again when time alone decides";
  EXPECT_EQ(Get(kShop), Presence::kPresent);
  EXPECT_EQ(Get(kBlog), Presence::kUnknown);
  EXPECT_EQ(PassAfter(seconds(5)), seconds(10));
  EXPECT_EQ(Get(kBlog), Presence::kAbsent);
  PassAfter(seconds(10));
  EXPECT_EQ(looked_once_, 1);
}

TEST_F(Source, AnEmptyOrMissingDirectoryNeverMeansAbsence) {
  Start();
  for (int i = 0; i < 3; ++i) PassAfter(seconds(10));
  EXPECT_EQ(Get(kShop), Presence::kUnknown);
  fs::remove_all(dir_.path());
  for (int i = 0; i < 3; ++i) PassAfter(seconds(10));
  EXPECT_EQ(Get(kShop), Presence::kUnknown);
  EXPECT_FALSE(source_->Problems().errors.empty());
}

TEST_F(Source, ARestartWithoutTheDirectoryChangesNothing) {
  dir_.Write("a.yaml", AppYaml("shop"));
  dir_.Write("b.yaml", AppYaml("blog", "", "replicas: 2"));
  Start();
  PassAfter(seconds(0));
  Settle();
  dir_.Write("b.yaml", AppYaml("blog", "", "replicas: 3"));
  PassAfter(seconds(1));
  Settle();
  fs::remove_all(dir_.path());
  const int writes = sink_.writes();
  Start();
  EXPECT_EQ(Get(kBlog), Presence::kPresent) << "before any pass";
  EXPECT_EQ(source_->Find(kBlog).written, nullptr) << "what is stored is left as it is";
  Settle();
  for (int i = 0; i < 3; ++i) PassAfter(seconds(10));
  EXPECT_EQ(Get(kShop), Presence::kPresent);
  EXPECT_EQ(Get(kBlog), Presence::kPresent);
  EXPECT_EQ(source_->Problems().held.size(), 2U);
  EXPECT_TRUE(Settle().empty());
  // Back again: nothing changed, so looking at it once costs no write.
  dir_.Write("a.yaml", AppYaml("shop"));
  dir_.Write("b.yaml", AppYaml("blog", "", "replicas: 3"));
  PassAfter(seconds(10));
  EXPECT_EQ(Settle().size(), 2U);
  EXPECT_EQ(sink_.writes(), writes);
  EXPECT_EQ(StoredReplicas(kBlog), 3);
  PassAfter(seconds(10));
  EXPECT_TRUE(Settle().empty());
}

TEST_F(Source, WhatWasRemovedBeforeACrashIsStillRemovedAfterIt) {
  dir_.Write("a.yaml", AppYaml("shop"));
  dir_.Write("b.yaml", AppYaml("blog"));
  Start();
  PassAfter(seconds(0));
  Settle();
  fs::remove(dir_.path("a.yaml"));
  PassAfter(seconds(0));
  PassAfter(seconds(5));
  EXPECT_EQ(Get(kShop), Presence::kAbsent);
  Start();  // before it was removed from the store
  Settle();
  EXPECT_EQ(StoredReplicas(kShop), 1);
  EXPECT_EQ(Get(kShop), Presence::kUnknown);
  PassAfter(seconds(0));
  Settle();
  EXPECT_EQ(StoredReplicas(kShop), 1) << "an unmounted directory removes nothing";
  PassAfter(seconds(5));
  EXPECT_EQ(Get(kShop), Presence::kAbsent);
  Settle();
  EXPECT_EQ(StoredReplicas(kShop), -1);
  EXPECT_EQ(StoredReplicas(kBlog), 1);
  PassAfter(seconds(10));
  EXPECT_TRUE(StateFile()["removing"].empty()) << "done, and forgotten";
}

TEST_F(Source, WhatIsNamedAgainIsNotRemovedAfterACrash) {
  dir_.Write("a.yaml", AppYaml("shop"));
  dir_.Write("b.yaml", AppYaml("blog"));
  Start();
  PassAfter(seconds(0));
  Settle();
  fs::remove(dir_.path("a.yaml"));
  PassAfter(seconds(0));
  PassAfter(seconds(5));
  EXPECT_EQ(StateFile()["removing"].size(), 1U) << "written down before it is done";
  dir_.Write("a.yaml", AppYaml("shop", "", "replicas: 2"));
  Start();
  for (int i = 0; i < 3; ++i) {
    PassAfter(seconds(5));
    Settle();
  }
  EXPECT_EQ(StoredReplicas(kShop), 2);
  EXPECT_TRUE(StateFile()["removing"].empty());
}

TEST_F(Source, WhatIsStillToBeRemovedStaysWithPruneNever) {
  dir_.Write("a.yaml", AppYaml("shop"));
  dir_.Write("b.yaml", AppYaml("blog"));
  Start();
  PassAfter(seconds(0));
  Settle();
  fs::remove(dir_.path("a.yaml"));
  PassAfter(seconds(0));
  PassAfter(seconds(5));
  prune_ = PruneMode::kNever;
  Start();
  for (int i = 0; i < 3; ++i) {
    PassAfter(seconds(5));
    Settle();
  }
  EXPECT_EQ(StoredReplicas(kShop), 1);
}

TEST_F(Source, WhatSomebodyDeletedMeanwhileIsNotInForceAfterARestart) {
  dir_.Write("a.yaml", AppYaml("shop"));
  Start();
  PassAfter(seconds(0));
  Settle();
  sink_.Delete(kShop);
  Start();
  EXPECT_EQ(Get(kShop), Presence::kUnknown);
  PassAfter(seconds(0));
  Settle();
  EXPECT_EQ(StoredReplicas(kShop), 1) << "the manifest still names it";
}

TEST_F(Source, TheObjectsOfVersion1AreAppliedThenForgotten) {
  const std::string object = R"({"apiVersion": "ballast.dev/v1alpha1", "kind": "WebApp",
    "metadata": {"generation": 4, "name": "shop", "namespace": "default"},
    "spec": {"replicas": 2, "template": {"spec": {"containers": [
      {"image": "i", "name": "web", "ports": [{"containerPort": 80}]}]}}}})";
  state_.Write("s/objects.json", R"({"version": 1, "objects": [{"file": "a.yaml",
    "generation": 4, "kept": false, "object": )" +
                                     object + "}]}");
  fs::remove_all(dir_.path());
  Start();
  EXPECT_EQ(Get(kShop), Presence::kPresent);
  PassAfter(seconds(0));
  EXPECT_EQ(StateFile()["version"], 2);
  Start();  // a crash before it was applied
  Settle();
  EXPECT_EQ(StoredReplicas(kShop), 2) << "also without the directory";
  PassAfter(seconds(10));
  EXPECT_FALSE(StateFile()["objects"][0].contains("object"));
  // From now on the store has it, and the file decides what is the manifests' own.
  Start();
  EXPECT_EQ(Get(kShop), Presence::kPresent);
  dir_.Write("a.yaml", AppYaml("shop", "", "paused: false"));
  PassAfter(seconds(10));
  Settle();
  EXPECT_FALSE(sink_.Config(kShop)["spec"].contains("replicas"));
}

TEST_F(Source, AVersion1ObjectThatChangedBeforeItWasStoredIsKeptAsItIsNow) {
  Situation v1;
  v1.Write("a.yaml", AppYaml("shop")).Pass();
  AcceptedState state{.objects = v1.state().accepted};
  state.unstored.insert(kShop);
  state_.Write("s/objects.json", EncodeAccepted(state));
  dir_.Write("a.yaml", AppYaml("shop", "", "replicas: 9"));
  Start();
  PassAfter(seconds(0));
  fs::remove_all(dir_.path());
  Start();
  Settle();
  EXPECT_EQ(StoredReplicas(kShop), 9);
}

TEST_F(Source, NoSecretGetsIntoTheStateDirectory) {
  dir_.Write("a.yaml",
             "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\n"
             "stringData: {password: hunter2}\ndata: {pin: c2VzYW1l}\n");
  dir_.Write("b.yaml", "kind: Secret\nstringData: {password: hunter2}\n");
  Start();
  for (int i = 0; i < 3; ++i) {
    PassAfter(seconds(5));
    Settle();
  }
  EXPECT_NE(sink_.Find({"Secret", "default", "db"}), nullptr);
  fs::remove(dir_.path("a.yaml"));
  PassAfter(seconds(5));
  for (const auto& entry : fs::recursive_directory_iterator(state_.path())) {
    const std::string text = entry.is_regular_file()
                                 ? state_.Read(fs::relative(entry.path(), state_.path()).string())
                                 : "";
    for (const char* value : {"hunter2", "aHVudGVyMg", "sesame", "c2VzYW1l"}) {
      EXPECT_EQ(text.find(value), std::string::npos) << entry.path();
    }
  }
  for (const auto& event : events_.Events()) {
    EXPECT_EQ(event.message.find("hunter2"), std::string::npos) << event.message;
  }
}

TEST_F(Source, KeysOfOnePassComeInTheOrderInWhichTheyAreApplied) {
  dir_.Write("a.yaml", AutoscalerYaml("shop", "shop") + "---\n" + AppYaml("shop") + "---\n" +
                           BalancerYaml("edge", 8080));
  dir_.Write("b.yaml",
             "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\n---\n"
             "apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n");
  Start();
  PassAfter(seconds(0));
  const std::vector<api::ObjectKey> order = {{"Namespace", "", "prod"},
                                             {"Secret", "default", "db"},
                                             {"LoadBalancer", "", "edge"},
                                             kShop,
                                             {"Autoscaler", "default", "shop"}};
  EXPECT_EQ(enqueuer_.Take(), order);
  EXPECT_EQ(source_->Keys(), order);
}

TEST_F(Source, AnObjectThatMovedIsAppliedForTheNameOfItsFile) {
  dir_.Write("a.yaml", AppYaml("shop"));
  Start();
  PassAfter(seconds(0));
  Settle();
  fs::rename(dir_.path("a.yaml"), dir_.path("z.yaml"));
  PassAfter(seconds(1));
  EXPECT_EQ(Settle(), std::vector<api::ObjectKey>{kShop});
  EXPECT_EQ(sink_.Shown(kShop)["metadata"]["annotations"]["ballast.dev/manifest"], "z.yaml");
}

TEST_F(Source, ShowsWhatCouldNotBeApplied) {
  dir_.Write("a.yaml", AppYaml("shop"));
  dir_.Write("b.yaml", AppYaml("blog") + "---\n" + AppYaml("docs"));
  Start();
  PassAfter(seconds(0));
  sink_.Fail({Code::kInvalidArgument, "spec: no"}, kShop);
  sink_.Fail({Code::kFailedPrecondition, "disk full"});
  Settle();
  const auto problems = source_->Problems().errors;
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].ToString(), "a.yaml:1:1: WebApp/default/shop is refused: spec: no");
  EXPECT_EQ(problems[1].ToString(),
            "WebApp/default/blog and 1 more: disk full; this is tried again");
  sink_.Mend();
  sink_.Mend(kShop);
  for (const api::ObjectKey& key : source_->Keys()) enqueuer_.Enqueue(key);
  Settle();
  EXPECT_TRUE(source_->Problems().errors.empty());
}

TEST_F(Source, OnlyChangesAreEnqueued) {
  dir_.Write("a.yaml", AppYaml("shop"));
  dir_.Write("b.yaml", AppYaml("blog"));
  Start();
  PassAfter(seconds(0));
  EXPECT_EQ(Settle().size(), 2U);
  PassAfter(seconds(10));
  EXPECT_TRUE(enqueuer_.Take().empty());
  dir_.Write("b.yaml", AppYaml("blog", "", "replicas: 2"));
  PassAfter(seconds(10));
  EXPECT_EQ(enqueuer_.Take(), std::vector<api::ObjectKey>{kBlog});
  Start();
  EXPECT_EQ(enqueuer_.Take().size(), 2U) << "all of it, once, after a start";
  PassAfter(seconds(0));
  EXPECT_EQ(enqueuer_.Take().size(), 2U) << "and once its files were read";
  PassAfter(seconds(10));
  EXPECT_TRUE(enqueuer_.Take().empty());
}

TEST_F(Source, CountsTheErrorsOfEachFile) {
  dir_.Write("a.yaml", "kind: WebApp\n");
  Start();
  PassAfter(seconds(0));
  EXPECT_GT(metrics_.Get("ballast_manifest_errors{file=a.yaml}"), 0);
  EXPECT_TRUE(events_.Has("ManifestInvalid"));
}

TEST_F(Source, AStateDirectoryThatCannotBeWrittenStopsNothing) {
  Start();
  fs::remove_all(state_.path("s"));
  dir_.Write("a.yaml", AppYaml("shop"));
  PassAfter(seconds(0));
  PassAfter(seconds(1));
  EXPECT_EQ(Get(kShop), Presence::kPresent);
  EXPECT_GE(metrics_.Get("ballast_state_write_errors_total"), 2) << "tried again with each pass";
  EXPECT_EQ(std::ranges::count(events_.Reasons(), "StateNotSaved"), 1);
  EXPECT_FALSE(source_->Problems().storage.empty());
  fs::create_directory(state_.path("s"));
  PassAfter(seconds(10));
  EXPECT_TRUE(source_->Problems().storage.empty());
  EXPECT_TRUE(fs::exists(state_.path("s/objects.json")));
}

TEST_F(Source, ListsWhatIsInForce) {
  dir_.Write("a.yaml", AppYaml("shop") + "---\n" + BalancerYaml("edge", 8080));
  Start();
  PassAfter(seconds(0));
  ASSERT_EQ(source_->Keys().size(), 2U);
  EXPECT_EQ(Get({"LoadBalancer", "", "edge"}), Presence::kPresent);
  EXPECT_EQ(Get({"LoadBalancer", "", "default"}), Presence::kUnknown);
  const NamedObject shop = source_->Find(kShop);
  EXPECT_EQ(shop.file, "a.yaml");
  EXPECT_EQ(shop.line, 1);
  EXPECT_EQ(shop.written->at("spec").at("replicas"), 1);
  EXPECT_FALSE(shop.written->at("spec").contains("traffic")) << "no defaults";
}

}  // namespace
}  // namespace ballast::manifests
