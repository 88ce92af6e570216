// Web apps made of labels, beside manifests that say nothing, or nothing that can be read.
#include "reconcilers/webapp/labelled_apps.h"

#include <gtest/gtest.h>

#include "api/labels.h"
#include "tests/fakes/fake_container_lister.h"
#include "tests/fakes/fake_desired.h"

namespace ballast::reconcilers {
namespace {

class LabelledAppsTest : public testing::Test {
 protected:
  Presence Look(std::shared_ptr<const api::WebApp>& object) {
    return apps_.GetWebApp({"WebApp", "default", "blog"}, object);
  }

  fakes::FakeContainerLister containers_;
  fakes::FakeDesired desired_;
  LabelledApps apps_{desired_, containers_};
};

TEST_F(LabelledAppsTest, GoesWithItsLastContainerWhateverABrokenFileMayHide) {
  desired_.unknown = true;
  ContainerInfo container;
  container.id = "1";
  container.name = "blog-1";
  container.labels = {{api::kLabelWebApp, "blog"}, {api::kLabelHost, "blog.test"}};
  containers_.Put(container);
  std::shared_ptr<const api::WebApp> object;
  EXPECT_EQ(Look(object), Presence::kPresent);
  ASSERT_TRUE(object);
  EXPECT_TRUE(object->from_labels);
  containers_.Remove("1");
  desired_.looked = false;
  EXPECT_EQ(Look(object), Presence::kUnknown);
  desired_.looked = true;
  EXPECT_EQ(Look(object), Presence::kAbsent);
}

TEST_F(LabelledAppsTest, WhoWasThereFirstKeepsTheRoute) {
  const auto put = [this](const std::string& app, int second) {
    ContainerInfo container;
    container.id = app;
    container.name = app;
    container.created = api::Time(std::chrono::seconds(second));
    container.labels = {{api::kLabelWebApp, app}, {api::kLabelHost, "lab.test"}};
    containers_.Put(container);
  };
  const auto look = [this](const std::string& app) {
    std::shared_ptr<const api::WebApp> object;
    EXPECT_EQ(apps_.GetWebApp({"WebApp", "default", app}, object), Presence::kPresent);
    return object;
  };
  put("bbb", 1);
  put("aaa", 2);
  EXPECT_EQ(look("bbb")->spec.routes.size(), 1U);
  EXPECT_TRUE(look("aaa")->spec.routes.empty());
  EXPECT_EQ(look("aaa")->contested.size(), 1U);
  containers_.Remove("bbb");
  EXPECT_EQ(look("aaa")->spec.routes.size(), 1U);
  EXPECT_TRUE(look("aaa")->contested.empty());
}

}  // namespace
}  // namespace ballast::reconcilers
