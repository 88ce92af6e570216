// docs/manifests.md says what the code does, in both directions: the tables between the marks are
// the schema's own. BALLAST_UPDATE_GOLDEN=1 writes them into the page.
#include <gtest/gtest.h>

#include <set>

#include "api/reference.h"
#include "tests/unit/api/testing.h"

namespace ballast::api {
namespace {

std::string Begin(const std::string& kind) { return "<!-- begin: fields of " + kind + " -->\n"; }
std::string End(const std::string& kind) { return "<!-- end: fields of " + kind + " -->\n"; }

TEST(Reference, ThePageHasExactlyTheFieldsOfTheCode) {
  const std::string path = testing::SourcePath("docs/manifests.md");
  std::string page = testing::ReadFile(path);
  for (const KindDoc& kind : DescribeKinds()) {
    const std::size_t begin = page.find(Begin(kind.kind));
    const std::size_t end = page.find(End(kind.kind));
    ASSERT_NE(begin, std::string::npos) << kind.kind;
    ASSERT_NE(end, std::string::npos) << kind.kind;
    const std::size_t from = begin + Begin(kind.kind).size();
    const std::string wanted = ReferenceMarkdown(kind);
    if (testing::UpdateGolden()) {
      page.replace(from, end - from, wanted);
      continue;
    }
    EXPECT_EQ(page.substr(from, end - from), wanted)
        << "run unit_api with BALLAST_UPDATE_GOLDEN=1 and look at the diff";
  }
  if (testing::UpdateGolden()) testing::WriteFile(path, page);
}

TEST(Reference, EveryFieldIsExplained) {
  for (const KindDoc& kind : DescribeKinds()) {
    std::set<std::string> paths;
    for (const FieldDoc& field : kind.fields) {
      SCOPED_TRACE(kind.kind + " " + field.path);
      EXPECT_TRUE(paths.insert(field.path).second) << "twice";
      EXPECT_FALSE(field.type.empty());
      EXPECT_FALSE(field.meaning.empty());
      EXPECT_EQ(field.example_problem, "") << "the example is refused";
      const bool is_map = field.type == "map";
      EXPECT_TRUE(is_map || !field.example.empty()) << "no example";
      EXPECT_TRUE(is_map || field.type == "probe" || !field.allowed.empty()) << "no range";
    }
    for (const RefusedDoc& refused : kind.refused) {
      SCOPED_TRACE(kind.kind + " " + refused.path);
      EXPECT_TRUE(paths.insert(refused.path).second) << "twice, or both a field and refused";
      EXPECT_FALSE(refused.message.empty());
    }
  }
}

// Words that people will search for in the page.
TEST(Reference, ThePageTalksAboutWhatIsNotBuilt) {
  const std::string page = testing::ReadFile(testing::SourcePath("docs/manifests.md"));
  for (const char* word : {"valueFrom", "envFrom", "imagePullSecrets", "basicAuthSecret",
                           "redirectToHttps", "Autoscaler", "configMap", "secret", "Canary"}) {
    EXPECT_NE(page.find(word), std::string::npos) << word;
  }
}

}  // namespace
}  // namespace ballast::api
