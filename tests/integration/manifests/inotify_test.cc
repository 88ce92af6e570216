// Real directories and real inotify: every way in which manifests change is seen, without waiting
// for the rescan (which is an hour here).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "controller/manifests/manifest_source.h"
#include "controller/runtime/system_clock.h"
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
    fs::create_directory(top.path("m"));
    fs::create_directory(top.path("s"));
    Start();
    EXPECT_TRUE(enqueuer.WaitUntil([this] { return source->ScannedOnce(); }));
  }
  void Start() {
    source.emplace(ManifestOptions{.dir = top.path("m"),
                                   .prune = PruneMode::kAlways,
                                   .state_dir = top.path("s"),
                                   .quiet = std::chrono::milliseconds(20),
                                   .rescan = std::chrono::hours(1)},
                   clock, enqueuer, events, metrics);
    ASSERT_TRUE(source->Load());
    source->Start();
  }
  // -1: not there.
  int Replicas(const std::string& name) {
    std::shared_ptr<const api::WebApp> app;
    source->GetWebApp({"WebApp", "default", name}, app);
    return app ? app->spec.replicas : -1;
  }
  bool Becomes(const std::string& name, int replicas) {
    return enqueuer.WaitUntil([&] { return Replicas(name) == replicas; });
  }
  bool Says(const std::string& part) {
    return enqueuer.WaitUntil([&] {
      for (const auto& error : source->Problems().errors) {
        if (error.ToString().find(part) != std::string::npos) return true;
      }
      return false;
    });
  }

  TempDir top;
  runtime::SystemClock clock;
  fakes::RecordingEnqueuer enqueuer;
  fakes::RecordingEventRecorder events;
  fakes::RecordingMetrics metrics;
  std::optional<ManifestSource> source;
};

TEST_F(Inotify, SeesWritesRenamesAndRemovals) {
  top.Write("m/a.yaml", Yaml("a"));
  EXPECT_TRUE(Becomes("a", 1));
  top.Write("m/a.yaml", Yaml("a", 2));  // in place
  EXPECT_TRUE(Becomes("a", 2));
  top.Write("next", Yaml("a", 3));
  fs::rename(top.path("next"), top.path("m/a.yaml"));
  EXPECT_TRUE(Becomes("a", 3));
  fs::rename(top.path("m/a.yaml"), top.path("away"));
  EXPECT_TRUE(Becomes("a", -1));
}

TEST_F(Inotify, SeesNewDirectoriesAndWhatIsInThem) {
  top.Write("m/x/y/a.yaml", Yaml("a"));
  EXPECT_TRUE(Becomes("a", 1));
  top.Write("m/x/y/a.yaml", Yaml("a", 2));
  EXPECT_TRUE(Becomes("a", 2));
  fs::create_directories(top.path("elsewhere"));
  top.Write("elsewhere/b.yaml", Yaml("b"));
  fs::rename(top.path("elsewhere"), top.path("m/z"));
  EXPECT_TRUE(Becomes("b", 1));
  fs::remove_all(top.path("m/x"));
  EXPECT_TRUE(Becomes("a", -1));
}

TEST_F(Inotify, SeesAConfigMapsUpdate) {
  top.Write("m/..1/a.yaml", Yaml("a"));
  fs::create_directory_symlink("..1", top.path("m/..data"));
  fs::create_symlink("..data/a.yaml", top.path("m/a.yaml"));
  EXPECT_TRUE(Becomes("a", 1));
  top.Write("m/..2/a.yaml", Yaml("a", 2));
  fs::create_directory_symlink("..2", top.path("m/..tmp"));
  fs::rename(top.path("m/..tmp"), top.path("m/..data"));
  EXPECT_TRUE(Becomes("a", 2));
}

TEST_F(Inotify, SeesTheDirectoryItselfGoAndComeBack) {
  top.Write("m/a.yaml", Yaml("a"));
  EXPECT_TRUE(Becomes("a", 1));
  fs::rename(top.path("m"), top.path("away"));
  EXPECT_TRUE(Says("cannot be read"));
  EXPECT_EQ(Replicas("a"), 1) << "even with --prune always";
  top.Write("m/a.yaml", Yaml("a", 2));
  EXPECT_TRUE(Becomes("a", 2));
  top.Write("m/a.yaml", Yaml("a", 3));  // the new one is watched
  EXPECT_TRUE(Becomes("a", 3));
}

TEST_F(Inotify, SeesALinkedDirectoryBeingSwitched) {
  fs::remove(top.path("m"));
  top.Write("r1/a.yaml", Yaml("a"));
  top.Write("r2/a.yaml", Yaml("a", 2));
  fs::create_directory_symlink("r1", top.path("m"));
  EXPECT_TRUE(Becomes("a", 1));
  fs::create_directory_symlink("r2", top.path("next"));
  fs::rename(top.path("next"), top.path("m"));
  EXPECT_TRUE(Becomes("a", 2));
  top.Write("r2/a.yaml", Yaml("a", 3));
  EXPECT_TRUE(Becomes("a", 3));
}

TEST_F(Inotify, ManyFilesAtOnceAreAllSeen) {
  for (int i = 0; i < 300; ++i) {
    top.Write("m/d" + std::to_string(i % 20) + "/" + std::to_string(i) + ".yaml",
              Yaml("app" + std::to_string(i)));
  }
  EXPECT_TRUE(enqueuer.WaitUntil([this] { return source->ListWebApps().size() == 300; }));
}

TEST_F(Inotify, ABrokenFileIsToldAndMended) {
  top.Write("m/a.yaml", Yaml("a"));
  EXPECT_TRUE(Becomes("a", 1));
  top.Write("m/a.yaml", "kind: WebApp\nspec: {replicsa: 3}\n");
  EXPECT_TRUE(Says("a.yaml:"));
  EXPECT_EQ(Replicas("a"), 1);
  top.Write("m/a.yaml", Yaml("a", 2));
  EXPECT_TRUE(Becomes("a", 2));
  EXPECT_TRUE(enqueuer.WaitUntil([this] { return source->Problems().errors.empty(); }));
}

TEST_F(Inotify, StopsAtOnceAndStartsWithWhatWasInForce) {
  top.Write("m/a.yaml", Yaml("a"));
  EXPECT_TRUE(Becomes("a", 1));
  source->Stop();
  source->Stop();
  fs::remove_all(top.path("m"));
  Start();
  EXPECT_EQ(Replicas("a"), 1);
}

}  // namespace
}  // namespace ballast::manifests
