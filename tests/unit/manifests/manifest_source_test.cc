#include "controller/manifests/manifest_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "tests/fakes/fake_clock.h"
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
    source_.emplace(ManifestOptions{.dir = dir_.path(), .state_dir = state_.path("s")}, clock_,
                    enqueuer_, events_, metrics_);
    ASSERT_TRUE(source_->Load());
  }
  milliseconds PassAfter(milliseconds time) {
    clock_.Advance(time);
    return source_->RunOnce();
  }
  Presence Get(const api::ObjectKey& key) {
    const Presence presence = source_->GetWebApp(key, app_);
    EXPECT_EQ(presence == Presence::kPresent, app_ != nullptr);
    return presence;
  }

  TempDir dir_;
  TempDir state_;
  fakes::FakeClock clock_;
  fakes::RecordingEnqueuer enqueuer_;
  fakes::RecordingEventRecorder events_;
  fakes::RecordingMetrics metrics_;
  std::optional<ManifestSource> source_;
  std::shared_ptr<const api::WebApp> app_;
};

TEST_F(Source, KnowsNothingBeforeTheFirstSettledPass) {
  Start();
  EXPECT_EQ(Get(kShop), Presence::kUnknown);
  dir_.Write("a.yaml", AppYaml("shop"));
  EXPECT_EQ(PassAfter(seconds(0)), seconds(5)) << "comes again when time alone decides";
  EXPECT_EQ(Get(kShop), Presence::kPresent);
  EXPECT_EQ(Get(kBlog), Presence::kUnknown);
  int told = 0;
  source_->OnAbsenceKnown([&told] { ++told; });
  EXPECT_EQ(PassAfter(seconds(5)), seconds(10));
  EXPECT_EQ(Get(kBlog), Presence::kAbsent);
  PassAfter(seconds(10));
  EXPECT_EQ(told, 1);
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
  dir_.Write("b.yaml", AppYaml("blog", "", "replicas: 3"));
  PassAfter(seconds(1));
  fs::remove_all(dir_.path());
  Start();
  EXPECT_EQ(Get(kBlog), Presence::kPresent) << "before any pass";
  EXPECT_EQ(app_->meta.generation, 2);
  for (int i = 0; i < 3; ++i) PassAfter(seconds(10));
  EXPECT_EQ(Get(kShop), Presence::kPresent);
  EXPECT_EQ(Get(kBlog), Presence::kPresent);
  EXPECT_EQ(app_->spec.replicas, 3);
  EXPECT_EQ(source_->Problems().held.size(), 2U);
  // Back again: nothing changed, so nothing is to be done.
  dir_.Write("a.yaml", AppYaml("shop"));
  dir_.Write("b.yaml", AppYaml("blog", "", "replicas: 3"));
  enqueuer_.Take();
  PassAfter(seconds(10));
  EXPECT_TRUE(enqueuer_.Take().empty());
}

TEST_F(Source, WhatWasRemovedBeforeACrashIsStillRemovedAfterIt) {
  dir_.Write("a.yaml", AppYaml("shop"));
  dir_.Write("b.yaml", AppYaml("blog"));
  Start();
  PassAfter(seconds(0));
  fs::remove(dir_.path("a.yaml"));
  PassAfter(seconds(0));
  PassAfter(seconds(5));
  EXPECT_EQ(Get(kShop), Presence::kAbsent);
  Start();
  EXPECT_EQ(Get(kShop), Presence::kUnknown);
  PassAfter(seconds(0));
  PassAfter(seconds(5));
  EXPECT_EQ(Get(kShop), Presence::kAbsent);
}

TEST_F(Source, OnlyChangesAreEnqueued) {
  dir_.Write("a.yaml", AppYaml("shop"));
  dir_.Write("b.yaml", AppYaml("blog"));
  Start();
  PassAfter(seconds(0));
  EXPECT_EQ(enqueuer_.Take().size(), 2U);
  PassAfter(seconds(10));
  EXPECT_TRUE(enqueuer_.Take().empty());
  dir_.Write("b.yaml", AppYaml("blog", "", "replicas: 2"));
  PassAfter(seconds(10));
  EXPECT_EQ(enqueuer_.Take(), std::vector<api::ObjectKey>{kBlog});
  Start();
  EXPECT_EQ(enqueuer_.Take().size(), 2U) << "all of it, once, after a start";
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
  ASSERT_EQ(source_->ListWebApps().size(), 1U);
  ASSERT_EQ(source_->ListLoadBalancers().size(), 1U);
  std::shared_ptr<const api::LoadBalancer> balancer;
  EXPECT_EQ(source_->GetLoadBalancer("edge", balancer), Presence::kPresent);
  EXPECT_EQ(source_->GetLoadBalancer("default", balancer), Presence::kUnknown);
}

}  // namespace
}  // namespace ballast::manifests
