// Real directories and real inotify: every way in which manifests change is seen, without waiting
// for the rescan (which is an hour here).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "controller/manifests/manifest_applier.h"
#include "controller/manifests/manifest_source.h"
#include "controller/runtime/system_clock.h"
#include "tests/fakes/fake_object_sink.h"
#include "tests/fakes/recording_enqueuer.h"
#include "tests/fakes/recording_event_recorder.h"
#include "tests/fakes/recording_metrics.h"
#include "tests/fakes/temp_dir.h"

namespace ballast::manifests {
namespace {

namespace fs = std::filesystem;

std::string Yaml(const std::string& name, int replicas = 1) {
  return "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {name: " + name +
         "}\nspec:\n  replicas: " + std::to_string(replicas) +
         "\n  template: {spec: {containers: [{name: w, image: i, ports: [{containerPort: 1}]}]}}\n";
}

class Inotify : public testing::Test {
 protected:
  Inotify() {
    fs::create_directory(top_.path("m"));
    fs::create_directory(top_.path("s"));
    Start();
    EXPECT_TRUE(enqueuer_.WaitUntil([this] { return source_->LookedOnce(); }));
  }
  void Start() {
    source_.emplace(ManifestOptions{.dir = top_.path("m"),
                                    .prune = PruneMode::kAlways,
                                    .state_dir = top_.path("s"),
                                    .quiet = std::chrono::milliseconds(20),
                                    .rescan = std::chrono::hours(1)},
                    clock_, enqueuer_, sink_, events_, metrics_);
    ASSERT_TRUE(source_->Load());
    source_->Start();
  }
  // -1: not there.
  int Replicas(const std::string& name) {
    const NamedObject named = source_->Find({"WebApp", "default", name});
    return named.written ? named.written->at("spec").at("replicas").get<int>() : -1;
  }
  bool Becomes(const std::string& name, int replicas) {
    return enqueuer_.WaitUntil([&] { return Replicas(name) == replicas; });
  }
  bool Says(const std::string& part) {
    return enqueuer_.WaitUntil([&] {
      for (const auto& error : source_->Problems().errors) {
        if (error.ToString().find(part) != std::string::npos) return true;
      }
      return false;
    });
  }

  TempDir top_;
  runtime::SystemClock clock_;
  fakes::RecordingEnqueuer enqueuer_;
  fakes::RecordingEventRecorder events_;
  fakes::RecordingMetrics metrics_;
  fakes::FakeObjectSink sink_;
  std::optional<ManifestSource> source_;
};

TEST_F(Inotify, SeesWritesRenamesAndRemovals) {
  top_.Write("m/a.yaml", Yaml("a"));
  EXPECT_TRUE(Becomes("a", 1));
  top_.Write("m/a.yaml", Yaml("a", 2));  // in place
  EXPECT_TRUE(Becomes("a", 2));
  top_.Write("next", Yaml("a", 3));
  fs::rename(top_.path("next"), top_.path("m/a.yaml"));
  EXPECT_TRUE(Becomes("a", 3));
  fs::rename(top_.path("m/a.yaml"), top_.path("away"));
  EXPECT_TRUE(Becomes("a", -1));
}

TEST_F(Inotify, SeesNewDirectoriesAndWhatIsInThem) {
  top_.Write("m/x/y/a.yaml", Yaml("a"));
  EXPECT_TRUE(Becomes("a", 1));
  top_.Write("m/x/y/a.yaml", Yaml("a", 2));
  EXPECT_TRUE(Becomes("a", 2));
  fs::create_directories(top_.path("elsewhere"));
  top_.Write("elsewhere/b.yaml", Yaml("b"));
  fs::rename(top_.path("elsewhere"), top_.path("m/z"));
  EXPECT_TRUE(Becomes("b", 1));
  fs::remove_all(top_.path("m/x"));
  EXPECT_TRUE(Becomes("a", -1));
}

TEST_F(Inotify, SeesAConfigMapsUpdate) {
  top_.Write("m/..1/a.yaml", Yaml("a"));
  fs::create_directory_symlink("..1", top_.path("m/..data"));
  fs::create_symlink("..data/a.yaml", top_.path("m/a.yaml"));
  EXPECT_TRUE(Becomes("a", 1));
  top_.Write("m/..2/a.yaml", Yaml("a", 2));
  fs::create_directory_symlink("..2", top_.path("m/..tmp"));
  fs::rename(top_.path("m/..tmp"), top_.path("m/..data"));
  EXPECT_TRUE(Becomes("a", 2));
}

TEST_F(Inotify, SeesTheDirectoryItselfGoAndComeBack) {
  top_.Write("m/a.yaml", Yaml("a"));
  EXPECT_TRUE(Becomes("a", 1));
  fs::rename(top_.path("m"), top_.path("away"));
  EXPECT_TRUE(Says("cannot be read"));
  EXPECT_EQ(Replicas("a"), 1) << "even with --prune always";
  top_.Write("m/a.yaml", Yaml("a", 2));
  EXPECT_TRUE(Becomes("a", 2));
  top_.Write("m/a.yaml", Yaml("a", 3));  // the new one is watched
  EXPECT_TRUE(Becomes("a", 3));
}

TEST_F(Inotify, SeesALinkedDirectoryBeingSwitched) {
  fs::remove(top_.path("m"));
  top_.Write("r1/a.yaml", Yaml("a"));
  top_.Write("r2/a.yaml", Yaml("a", 2));
  fs::create_directory_symlink("r1", top_.path("m"));
  EXPECT_TRUE(Becomes("a", 1));
  fs::create_directory_symlink("r2", top_.path("next"));
  fs::rename(top_.path("next"), top_.path("m"));
  EXPECT_TRUE(Becomes("a", 2));
  top_.Write("r2/a.yaml", Yaml("a", 3));
  EXPECT_TRUE(Becomes("a", 3));
}

TEST_F(Inotify, ManyFilesAtOnceAreAllSeen) {
  for (int i = 0; i < 300; ++i) {
    top_.Write("m/d" + std::to_string(i % 20) + "/" + std::to_string(i) + ".yaml",
               Yaml("app" + std::to_string(i)));
  }
  EXPECT_TRUE(enqueuer_.WaitUntil([this] { return source_->Keys().size() == 300; }));
}

TEST_F(Inotify, ABrokenFileIsToldAndMended) {
  top_.Write("m/a.yaml", Yaml("a"));
  EXPECT_TRUE(Becomes("a", 1));
  top_.Write("m/a.yaml", "kind: WebApp\nspec: {replicsa: 3}\n");
  EXPECT_TRUE(Says("a.yaml:"));
  EXPECT_EQ(Replicas("a"), 1);
  top_.Write("m/a.yaml", Yaml("a", 2));
  EXPECT_TRUE(Becomes("a", 2));
  EXPECT_TRUE(enqueuer_.WaitUntil([this] { return source_->Problems().errors.empty(); }));
}

TEST_F(Inotify, StopsAtOnceAndStartsWithWhatWasInForce) {
  const api::ObjectKey key{"WebApp", "default", "a"};
  top_.Write("m/a.yaml", Yaml("a"));
  EXPECT_TRUE(Becomes("a", 1));
  ASSERT_TRUE(sink_.Apply(key, *source_->Find(key).written, "a.yaml"));
  source_->Stop();
  source_->Stop();
  fs::remove_all(top_.path("m"));
  Start();
  EXPECT_EQ(source_->Find(key).presence, reconcilers::Presence::kPresent);
}

// The directory, both threads and a store: what is written is stored, stays so, and goes.
class Applying : public testing::Test {
 protected:
  Applying() {
    fs::create_directory(top_.path("m"));
    fs::create_directory(top_.path("s"));
    sink_.OnChange([this](const api::ObjectKey& key) { applier_.ObjectChanged(key); });
    applier_.Attach(source_);
    applier_.OnAppliedOnce([this] { ready_.Enqueue({}); });
    top_.Write("m/a.yaml", Yaml("a", 2));
    EXPECT_TRUE(source_.Load());
    applier_.Start();
    source_.Start();
    EXPECT_TRUE(ready_.WaitUntil([this] { return applier_.AppliedOnce(); }));
  }
  ~Applying() override {
    source_.Stop();
    applier_.Stop();
  }
  // -1: nothing is stored.
  bool Becomes(const std::string& name, int replicas) {
    return ready_.WaitUntil([&] {
      const auto object = sink_.Find({"WebApp", "default", name});
      return (object ? std::get<api::WebApp>(*object).spec.replicas : -1) == replicas;
    });
  }

  TempDir top_;
  runtime::SystemClock clock_;
  fakes::RecordingEnqueuer ready_;
  fakes::RecordingEventRecorder events_;
  fakes::RecordingMetrics metrics_;
  fakes::FakeObjectSink sink_;
  ManifestApplier applier_{sink_, clock_, events_, metrics_};
  ManifestSource source_{ManifestOptions{.dir = top_.path("m"),
                                         .prune = PruneMode::kAlways,
                                         .state_dir = top_.path("s"),
                                         .quiet = std::chrono::milliseconds(20),
                                         .rescan = std::chrono::hours(1)},
                         clock_,
                         applier_,
                         sink_,
                         events_,
                         metrics_};
};

TEST_F(Applying, TheStoreFollowsTheDirectory) {
  EXPECT_TRUE(Becomes("a", 2)) << "before it is ready";
  const api::ObjectKey key{"WebApp", "default", "a"};
  sink_.Edit(key, R"({"spec": {"replicas": 7}})", "kubectl-edit");
  EXPECT_TRUE(Becomes("a", 2));
  top_.Write("m/b.yaml", Yaml("b", 5));
  EXPECT_TRUE(Becomes("b", 5));
  top_.Write("m/a.yaml", Yaml("a", 3));
  EXPECT_TRUE(Becomes("a", 3));
  fs::remove(top_.path("m/a.yaml"));
  EXPECT_TRUE(Becomes("a", -1));
  EXPECT_TRUE(Becomes("b", 5));
  EXPECT_TRUE(events_.Has("DriftRepaired"));
}

}  // namespace
}  // namespace ballast::manifests
