#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <latch>
#include <optional>
#include <thread>

#include "tests/contract/store/store_contract.h"

namespace ballast::contract {

using reconcilers::Subscription;

TEST_P(StoreContract, SubscribersAreToldTheNewestRevision) {
  std::promise<std::uint64_t> first;
  std::promise<std::uint64_t> second;
  const Subscription one = store_->Subscribe([&](std::uint64_t r) { first.set_value(r); });
  const Subscription two = store_->Subscribe([&](std::uint64_t r) { second.set_value(r); });
  Put(App("shop"), 0, "");
  EXPECT_EQ(first.get_future().get(), 1U);
  EXPECT_EQ(second.get_future().get(), 1U);
}

TEST_P(StoreContract, RefusedWritesTellNobody) {
  std::vector<std::uint64_t> told;  // on the store's thread, until it has ended
  const Subscription subscription = store_->Subscribe([&](std::uint64_t r) { told.push_back(r); });
  Put(App("shop"), 0, "");
  EXPECT_FALSE(store_->Commit({App("shop"), 0, Text("x")}));
  EXPECT_FALSE(store_->Commit({App("shop"), 9, nullptr}));
  Put(App("shop"), 1, "");
  store_->Close();
  EXPECT_THAT(told, ::testing::ElementsAre(1, 2));
}

TEST_P(StoreContract, NobodyIsToldAfterHisSubscriptionEnded) {
  std::atomic<int> told = 0;
  std::latch first(1);
  std::optional<Subscription> subscription = store_->Subscribe([&](std::uint64_t) {
    if (told++ == 0) first.count_down();
  });
  Put(App("shop"), 0, "");
  first.wait();
  subscription.reset();
  const int before = told;
  Put(App("shop"), 1, "");
  store_->Close();
  EXPECT_EQ(told, before);
}

TEST_P(StoreContract, EndingASubscriptionWaitsForItsCallback) {
  for (int round = 0; round < 50; ++round) {
    std::latch entered(1);
    std::atomic<bool> within = false;
    std::optional<Subscription> subscription = store_->Subscribe([&](std::uint64_t) {
      within = true;
      entered.count_down();
      for (int i = 0; i < 100; ++i) std::this_thread::yield();
      within = false;
    });
    Put(App(std::to_string(round)), 0, "");
    entered.wait();
    subscription.reset();
    ASSERT_FALSE(within);
  }
}

TEST_P(StoreContract, ASubscriptionMayEndWithinItsCallback) {
  std::promise<void> ended;
  std::optional<Subscription> subscription;
  std::latch assigned(1);
  subscription = store_->Subscribe([&](std::uint64_t) {
    assigned.wait();
    subscription.reset();
    ended.set_value();  // would throw the second time
  });
  assigned.count_down();
  Put(App("shop"), 0, "");
  ended.get_future().wait();
  Put(App("shop"), 1, "");
  store_->Close();
}

TEST_P(StoreContract, ACallbackMaySubscribeAndEndOthers) {
  std::optional<Subscription> other = store_->Subscribe([](std::uint64_t) {});
  std::optional<Subscription> added;
  std::promise<std::uint64_t> told;
  const Subscription subscription = store_->Subscribe([&](std::uint64_t) {
    other.reset();
    if (!added) added = store_->Subscribe([&](std::uint64_t r) { told.set_value(r); });
  });
  Put(App("shop"), 0, "");
  EXPECT_EQ(told.get_future().get(), 1U);
  store_->Close();
}

TEST_P(StoreContract, ASubscriptionMayMoveAndOutliveTheStore) {
  std::atomic<int> told = 0;
  Subscription first = store_->Subscribe([&](std::uint64_t) { ++told; });
  Subscription second = std::move(first);
  first.Reset();  // NOLINT(bugprone-use-after-move): holds nothing
  Put(App("shop"), 0, "");
  store_->Close();
  EXPECT_EQ(told, 1);
  store_.reset();
  second = Subscription();
  second.Reset();
}

}  // namespace ballast::contract
