#include <fmt/format.h>
#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/contract/store/store_contract.h"

namespace ballast::contract {

using reconcilers::StoreChange;
using reconcilers::StoreKey;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(StoreContract, TellsWhatEachChangeBroughtAndReplaced) {
  Put(App("shop"), 0, "one");
  Put({"secrets", "default", "db"}, 0, "password");
  Put(App("shop"), 1, "two");
  Delete(App("shop"), 3);
  Put(App("shop"), 0, "three");
  const std::vector<StoreChange> changes = ReadAll("webapps", 0);
  ASSERT_THAT(changes, SizeIs(4));
  const auto expect = [&](std::size_t i, std::uint64_t revision, bool deleted,
                          const std::string& value, const std::string& previous,
                          std::uint64_t previous_revision) {
    EXPECT_EQ(changes[i].key, App("shop"));
    EXPECT_EQ(changes[i].revision, revision);
    EXPECT_EQ(changes[i].deleted, deleted);
    EXPECT_EQ(*changes[i].value, value);
    EXPECT_EQ(changes[i].previous ? *changes[i].previous : "null", previous);
    EXPECT_EQ(changes[i].previous_revision, previous_revision);
  };
  expect(0, 1, false, "one", "null", 0);
  expect(1, 3, false, "two", "one", 1);
  expect(2, 4, true, "two", "two", 3);
  expect(3, 5, false, "three", "null", 0);
}

// From any revision that is kept, and however it is paged, what was there then and the changes
// after it make what is there now.
TEST_P(StoreContract, AWatchFromAnyRevisionArrivesAtTheSameState) {
  std::map<StoreKey, std::uint64_t> there;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const StoreKey key =
        i % 7 == 0 ? StoreKey{"secrets", "default", "db"} : App(fmt::format("app-{}", i * i % 5));
    if (there[key] > 0 && i % 4 == 3) {
      Delete(key, there[key]);
      there[key] = 0;
    } else {
      there[key] = Put(key, there[key], fmt::format("value-{}", i));
    }
  }
  const Contents now = ListAll({.resource = "webapps"});
  for (std::uint64_t from = 1; from <= store_->Revision(); ++from) {
    Contents state = ListAll({.resource = "webapps", .at_revision = from});
    for (const StoreChange& change : ReadAll("webapps", from, 1 + from % 4)) {
      const auto before = state.find(change.key);
      ASSERT_EQ(before == state.end(), change.previous == nullptr);
      if (change.previous) {
        ASSERT_EQ(before->second, std::pair(change.previous_revision, *change.previous));
      }
      if (change.deleted) {
        state.erase(change.key);
      } else {
        state[change.key] = {change.revision, *change.value};
      }
    }
    ASSERT_EQ(state, now) << "from revision " << from;
  }
}

TEST_P(StoreContract, AQuietWatchAdvances) {
  Put(App("shop"), 0, "");
  Churn(50);
  const auto page = store_->ReadChanges("webapps", 1, 10);
  ASSERT_OK(page);
  EXPECT_THAT(page->items, IsEmpty());
  EXPECT_EQ(page->through, 51U);
  const auto newest = store_->ReadChanges("webapps", 51, 10);
  ASSERT_OK(newest);
  EXPECT_THAT(newest->items, IsEmpty());
  EXPECT_EQ(newest->through, 51U);
}

TEST_P(StoreContract, APageOfChangesIsBounded) {
  constexpr std::size_t kBig = 300'000;
  std::uint64_t at = 0;
  for (int i = 0; i < 20; ++i) at = Put(App("big"), at, std::string(kBig, 'x'));
  const auto page = store_->ReadChanges("webapps", 0, 1000);
  ASSERT_OK(page);
  EXPECT_LE(page->items.size(), 4U);
  EXPECT_THAT(store_->ReadChanges("webapps", 0, 0)->items, SizeIs(1)) << "a limit of 0 is one of 1";
  EXPECT_THAT(ReadAll("webapps", 0, 1000), SizeIs(20));
}

TEST_P(StoreContract, RefusesARevisionThatIsYetToCome) {
  Put(App("shop"), 0, "");
  const auto read = store_->ReadChanges("webapps", 2, 10);
  EXPECT_EQ(CodeOf(read), Code::kExpired);
  EXPECT_THAT(MessageOf(read), HasSubstr("newer than the newest, 1"));
  EXPECT_TRUE(store_->ReadChanges("webapps", 1, 10));
}

// Reads whenever it is told to, as a watch does, while others write.
TEST_P(StoreContract, AFollowerSeesEachChangeOnceAndInOrder) {
  constexpr int kThreads = 4;
  constexpr int kEach = 50;
  std::mutex mutex;
  std::condition_variable told;
  std::uint64_t newest = 0;
  const auto subscription = store_->Subscribe([&](std::uint64_t revision) {
    const std::lock_guard lock(mutex);
    EXPECT_GT(revision, newest);
    newest = revision;
    told.notify_one();
  });
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      std::uint64_t at = 0;
      for (int i = 0; i < kEach; ++i) at = Put(App(fmt::format("app-{}", t)), at, "x");
    });
  }
  std::uint64_t seen = 0;
  while (seen < kThreads * kEach) {
    {
      std::unique_lock lock(mutex);
      told.wait(lock, [&] { return newest > seen; });
    }
    const auto page = store_->ReadChanges("webapps", seen, 7);
    ASSERT_OK(page);
    for (const auto& change : page->items) ASSERT_EQ(change->revision, ++seen);
    ASSERT_EQ(page->through, seen);
  }
}

// A list may show what was committed this moment; a watch from its revision must be let in.
TEST_P(StoreContract, AWatchGoesOnFromAListAtOnce) {
  std::jthread writer([this](const std::stop_token& stop) {
    for (std::uint64_t at = 0; !stop.stop_requested();) at = Put(App("shop"), at, "x");
  });
  for (int i = 0; i < 200; ++i) {
    const auto listed = store_->List({.resource = "webapps"});
    ASSERT_OK(listed);
    ASSERT_OK(store_->ReadChanges("webapps", listed->revision, 10));
    if (!listed->items.empty()) {
      ASSERT_EQ(listed->items[0].revision, listed->revision);
    }
  }
}

}  // namespace ballast::contract
