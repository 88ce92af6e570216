// The manifest directory emptied, taken away, or with one broken file: nothing is deleted.
#include <filesystem>

#include "tests/fault/fixture.h"
#include "tests/fault/harness/mount.h"

namespace ballast::fault {
namespace {

class Manifests : public BothWays {};

TEST_P(Manifests, EmptiedDirectoryDeletesNothing) {
  Begin(2);
  loadgen::Load gets(Requests());
  gets.Start();
  stack_->Delete("shop.yaml");
  stack_->Delete("load-balancer.yaml");
  RunFor(seconds(8));  // longer than the five seconds that an absence must last
  ExpectConsistent(2, "emptied");
  stack_->KillController();
  stack_->StartController();
  ExpectConsistent(2, "emptied, and a new controller");
  ExpectNoFailure(gets.Stop(), "GET");
  ExpectNoReload("emptied");
}

TEST_P(Manifests, DirectoryTakenAwayDeletesNothing) {
  Begin(2);
  loadgen::Load gets(Requests());
  gets.Start();
  std::filesystem::rename(stack_->manifests(), stack_->dir() + "/elsewhere");
  RunFor(seconds(7));
  ExpectConsistent(2, "taken away");
  stack_->KillController();
  stack_->StartController();
  RunFor(seconds(6));
  ExpectConsistent(2, "taken away, and a new controller");
  std::filesystem::rename(stack_->dir() + "/elsewhere", stack_->manifests());
  Scale(3);
  ExpectConsistent(3, "back again");
  ExpectNoFailure(gets.Stop(), "GET");
}

TEST_P(Manifests, UnmountedDirectoryDeletesNothing) {
  const std::string why = Mount::Unavailable();
  if (!why.empty()) GTEST_SKIP() << why;
  if (GetParam() == Mode::kContainer) {
    GTEST_SKIP()
        << "a container keeps what was mounted when it started: nothing is unmounted in it";
  }
  stack_ = std::make_unique<Stack>(Defaults());
  stack_->Delete("load-balancer.yaml");
  Mount mount(stack_->manifests(), "1m");
  stack_->ApplyLoadBalancer();
  app_.replicas = 2;
  stack_->Apply(app_);
  stack_->StartController();
  ASSERT_TRUE(stack_->WaitSettled("shop", 2)) << stack_->Inconsistency("shop", 2);
  loadgen::Load gets(Requests());
  gets.Start();
  mount.Unmount();
  RunFor(seconds(7));
  ExpectConsistent(2, "unmounted");
  stack_->KillController();
  stack_->StartController();
  RunFor(seconds(6));
  ExpectConsistent(2, "unmounted, and a new controller");
  ExpectNoFailure(gets.Stop(), "GET");
  stack_.reset();  // before the directory that is mounted
}

TEST_P(Manifests, OneBrokenFileAmongGoodOnes) {
  Begin(2);
  loadgen::Load gets(Requests());
  gets.Start();
  stack_->Write("shop.yaml", "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nspec: {replicas: -");
  RunFor(seconds(7));
  ExpectConsistent(2, "broken");
  // The good ones still apply.
  App other;
  other.name = "other";
  other.host = "other.test";
  other.replicas = 1;
  stack_->Apply(other);
  EXPECT_TRUE(stack_->WaitSettled("other", 1)) << stack_->Inconsistency("other", 1);
  ExpectConsistent(2, "broken");
  ExpectNoFailure(gets.Stop(), "GET");
}

TEST_P(Manifests, RemovedFileIsPruned) {
  Begin(2);
  App other;
  other.name = "other";
  other.host = "other.test";
  other.replicas = 2;
  stack_->Apply(other);
  ASSERT_TRUE(stack_->WaitSettled("other", 2)) << stack_->Inconsistency("other", 2);
  loadgen::Load gets(Requests());
  gets.Start();
  stack_->Delete("other.yaml");
  EXPECT_TRUE(Eventually([&] { return stack_->Containers("other", false).empty(); }, seconds(60)));
  EXPECT_TRUE(Eventually([&] { return stack_->Servers("other").empty(); }, seconds(30)));
  ExpectNoFailure(gets.Stop(), "GET");
  ExpectConsistent(2, "pruned");
}

INSTANTIATE_TEST_SUITE_P(Controller, Manifests, kBothModes, ModeName);

}  // namespace
}  // namespace ballast::fault
