#include "controller/manifests/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/fakes/temp_dir.h"
#include "tests/unit/manifests/situation.h"

namespace ballast::manifests {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class Scan : public testing::Test {
 protected:
  ScanResult Run() {
    directories_.clear();
    return scanner_.Scan([this](const std::string& path) { directories_.push_back(path); });
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& file : Run().files) names.push_back(file->file);
    return names;
  }
  // The one error of the one file.
  std::string OnlyError() {
    const ScanResult result = Run();
    if (result.files.size() != 1 || result.files[0]->errors.size() != 1) return "not one error";
    EXPECT_TRUE(result.files[0]->objects.empty());
    return result.files[0]->errors[0].ToString();
  }

  TempDir dir_;
  Scanner scanner_{dir_.path(), {}};
  std::vector<std::string> directories_;
};

TEST(IsManifestName, KnowsWhatEditorsLeave) {
  for (const char* name : {"a.yaml", "a.yml", "a.json", "a.b.yaml", "ä.yaml"}) {
    EXPECT_TRUE(IsManifestName(name)) << name;
  }
  for (const char* name : {"", "a.txt", ".a.yaml", ".a.yaml.swp", "a.yaml~", "#a.yaml#", ".#a.yaml",
                           "a.yaml.tmp", "a.yaml.bak", "4913", "~$a.yaml", "yaml", "a.YAML"}) {
    EXPECT_FALSE(IsManifestName(name)) << name;
  }
}

TEST_F(Scan, FindsManifestsInEveryDirectory) {
  dir_.Write("b.yaml", AppYaml("b"));
  dir_.Write("a.yml", AppYaml("a"));
  dir_.Write("sub/deep/c.json", "");
  dir_.Write(".git/x.yaml", "rubbish");
  dir_.Write("notes.txt", "rubbish");
  EXPECT_THAT(Names(), ElementsAre("a.yml", "b.yaml", "sub/deep/c.json"));
  EXPECT_THAT(directories_, ElementsAre(dir_.path(), dir_.path("sub"), dir_.path("sub/deep")));
}

TEST_F(Scan, KeepsWhatWasWrittenAsItWasWritten) {
  dir_.Write("a.yaml",
             "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {name: a}\n"
             "spec: {paused: false}\n---\n"
             "{\"apiVersion\": \"ballast.dev/v1alpha1\", \"kind\": \"WebApp\",\n"
             " \"metadata\": {\"name\": \"b\", \"labels\": {\"n\": \"1\"}},\n"
             " \"spec\": {\"traffic\": {\"retries\": 2}}}\n");
  const ScanResult result = Run();
  ASSERT_EQ(result.files.size(), 1U);
  ASSERT_EQ(result.files[0]->objects.size(), 2U) << result.files[0]->errors[0].ToString();
  EXPECT_EQ(*result.files[0]->objects[0].written,
            nlohmann::json::parse(R"({"apiVersion": "ballast.dev/v1alpha1", "kind": "WebApp",
                "metadata": {"name": "a"}, "spec": {"paused": false}})"));
  EXPECT_EQ(*result.files[0]->objects[1].written,
            nlohmann::json::parse(R"({"apiVersion": "ballast.dev/v1alpha1", "kind": "WebApp",
                "metadata": {"name": "b", "labels": {"n": "1"}},
                "spec": {"traffic": {"retries": 2}}})"));
}

TEST_F(Scan, AnUnchangedFileIsTheSameObject) {
  dir_.Write("a.yaml", AppYaml("a"));
  const ScanResult first = Run();
  EXPECT_EQ(Run().files, first.files);
  dir_.Write("a.yaml", AppYaml("b"));  // of the same size, in the same instant
  EXPECT_NE(Run().files, first.files);
}

TEST_F(Scan, FollowsAConfigMapsLinks) {
  dir_.Write("..2026_a/shop.yaml", AppYaml("shop"));
  fs::create_directory_symlink("..2026_a", dir_.path("..data"));
  fs::create_symlink("..data/shop.yaml", dir_.path("shop.yaml"));
  EXPECT_THAT(Names(), ElementsAre("shop.yaml"));
  dir_.Write("..2026_b/shop.yaml", AppYaml("shop", "", "replicas: 5"));
  fs::create_directory_symlink("..2026_b", dir_.path("..tmp"));
  fs::rename(dir_.path("..tmp"), dir_.path("..data"));
  const ScanResult result = Run();
  ASSERT_EQ(result.files.size(), 1U);
  ASSERT_EQ(result.files[0]->objects.size(), 1U);
  EXPECT_EQ(std::get<api::WebApp>(result.files[0]->objects[0].object).spec.replicas, 5);
}

TEST_F(Scan, EndsWhereLinksLeadInCircles) {
  dir_.Write("sub/a.yaml", AppYaml("a"));
  fs::create_directory_symlink("..", dir_.path("sub/up"));
  fs::create_directory_symlink("sub", dir_.path("again"));
  EXPECT_EQ(Names().size(), 1U);
}

TEST_F(Scan, ReadsNoHugeFile) {
  dir_.Write("huge.yaml", "a: b\n");
  fs::resize_file(dir_.path("huge.yaml"), 100'000'000);  // sparse: reading it would show zeros
  EXPECT_THAT(OnlyError(), HasSubstr("huge.yaml: the file has more than 1048576 bytes"));
  EXPECT_EQ(Run().files, Run().files) << "and the same error again";
}

TEST_F(Scan, WaitsForNoPipe) {
  ASSERT_EQ(mkfifo(dir_.path("pipe.yaml").c_str(), 0600), 0);
  EXPECT_THAT(OnlyError(), HasSubstr("not a regular file"));
}

TEST_F(Scan, TellsOfALinkThatLeadsNowhere) {
  fs::create_symlink("nowhere", dir_.path("a.yaml"));
  EXPECT_THAT(OnlyError(), HasSubstr("a.yaml: this link leads nowhere"));
}

TEST_F(Scan, RefusesControlCharactersInNames) {
  dir_.Write("a\nb.yaml", AppYaml("a"));
  const std::string error = OnlyError();
  EXPECT_THAT(error, HasSubstr("a\\x0ab.yaml"));
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

TEST_F(Scan, TellsOfFilesItMayNotRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  dir_.Write("a.yaml", AppYaml("a"));
  fs::permissions(dir_.path("a.yaml"), fs::perms::none);
  EXPECT_THAT(OnlyError(), HasSubstr("cannot be read"));
}

TEST_F(Scan, ADirectoryThatIsNotThereIsAProblem) {
  fs::remove_all(dir_.path());
  EXPECT_THAT(Run().problem, HasSubstr("No such file or directory"));
  dir_.Write("", "now it is a file");
  EXPECT_THAT(Run().problem, HasSubstr("Not a directory"));
}

TEST_F(Scan, ReadsNotDeeperThanItShould) {
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "d/";
  dir_.Write(deep + "a.yaml", AppYaml("a"));
  EXPECT_THAT(OnlyError(), HasSubstr("too many directories"));
}

}  // namespace
}  // namespace ballast::manifests
