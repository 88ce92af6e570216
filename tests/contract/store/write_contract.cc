#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include "tests/contract/store/store_contract.h"

namespace ballast::contract {

using reconcilers::StoreKey;
using reconcilers::StoreWrite;
using ::testing::HasSubstr;

TEST_P(StoreContract, CreatesReadsUpdatesAndDeletes) {
  EXPECT_EQ(store_->Revision(), 0U);
  const std::uint64_t created = Put(App("shop"), 0, "one");
  EXPECT_EQ(created, 1U);
  const std::uint64_t updated = Put(App("shop"), created, "two");
  EXPECT_EQ(updated, 2U);
  const auto read = store_->Get(App("shop"));
  ASSERT_OK(read);
  EXPECT_EQ(read->key, App("shop"));
  EXPECT_EQ(read->revision, updated);
  EXPECT_EQ(*read->value, "two");
  EXPECT_EQ(Delete(App("shop"), updated), 3U);
  EXPECT_EQ(CodeOf(store_->Get(App("shop"))), Code::kNotFound);
  EXPECT_EQ(Put(App("shop"), 0, "again"), 4U);
  EXPECT_EQ(store_->Revision(), 4U);
}

TEST_P(StoreContract, NoWriteReplacesWhatItHasNotSeen) {
  Put(App("other"), 0, "");
  const std::uint64_t there = Put(App("shop"), 0, "mine");
  const auto again = store_->Commit({App("shop"), 0, Text("yours")});
  EXPECT_EQ(CodeOf(again), Code::kAlreadyExists);
  EXPECT_THAT(MessageOf(again), HasSubstr("webapps default/shop exists already, at revision 2"));
  for (const auto& value : {Text("yours"), reconcilers::StoreValue()}) {
    const auto stale = store_->Commit({App("shop"), 1, value});
    EXPECT_EQ(CodeOf(stale), Code::kConflict);
    EXPECT_THAT(MessageOf(stale), HasSubstr("webapps default/shop is at revision 2, not 1"));
    const auto missing = store_->Commit({App("nobody"), there, value});
    EXPECT_EQ(CodeOf(missing), Code::kNotFound);
    EXPECT_THAT(MessageOf(missing), HasSubstr("webapps default/nobody does not exist"));
  }
  EXPECT_EQ(*store_->Get(App("shop"))->value, "mine");
  EXPECT_EQ(store_->Revision(), there) << "a refused write took a revision";
}

TEST_P(StoreContract, RefusesWhatIsNoWrite) {
  const std::vector<StoreWrite> malformed = {
      {{"", "default", "shop"}, 0, Text("x")},
      {{"webapps", "default", ""}, 0, Text("x")},
      {{"webapps", std::string("a\0b", 3), "shop"}, 0, Text("x")},
      {App(std::string(2000, 'x')), 0, Text("x")},
      {App("shop"), 0, Text(std::string(std::size_t{9} << 20, 'x'))},
      {App("shop"), 0, nullptr}};
  for (const StoreWrite& write : malformed) {
    EXPECT_EQ(CodeOf(store_->Commit(write)), Code::kInvalidArgument);
  }
  EXPECT_EQ(store_->Revision(), 0U);
}

TEST_P(StoreContract, KeepsEveryByte) {
  const std::vector<std::string> values = {"", std::string("\0\xff'\"\n\0", 6),
                                           R"({"name":"Zürich 東京"})",
                                           std::string(std::size_t{3} << 20, 'x')};
  for (const char* const resource : {"configmaps", "secrets"}) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const StoreKey key{resource, "", fmt::format("größe-{}", i)};
      Put(key, 0, values[i]);
      const auto read = store_->Get(key);
      ASSERT_OK(read);
      EXPECT_TRUE(*read->value == values[i]) << key.ToString();
      EXPECT_EQ(read->key, key);
    }
  }
}

TEST_P(StoreContract, KeysDifferInEachPart) {
  const std::vector<StoreKey> keys = {{"webapps", "a", "b"}, {"webapps", "", "b"},
                                      {"webapps", "b", "a"}, {"webapp", "a", "b"},
                                      {"webapps", "a", "B"}, {"webapps", "ab", "b"}};
  for (const StoreKey& key : keys) Put(key, 0, key.ToString());
  for (const StoreKey& key : keys) EXPECT_EQ(*store_->Get(key)->value, key.ToString());
}

TEST_P(StoreContract, RacingThreadsLoseNoIncrement) {
  constexpr int kThreads = 8;
  constexpr int kEach = 40;
  Put(App("counter"), 0, "0");
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int done = 0; done < kEach;) {
        const auto read = store_->Get(App("counter"));
        ASSERT_OK(read);
        const auto written = store_->Commit(
            {App("counter"), read->revision, Text(std::to_string(std::stoi(*read->value) + 1))});
        if (written) {
          ++done;
        } else {
          ASSERT_EQ(written.error().code, Code::kConflict) << written.error().message;
        }
      }
    });
  }
  threads.clear();
  EXPECT_EQ(*store_->Get(App("counter"))->value, std::to_string(kThreads * kEach));
  EXPECT_EQ(store_->Revision(), 1U + kThreads * kEach);
}

TEST_P(StoreContract, RefusedWritesDoNotHurtThoseBesideThem) {
  constexpr int kWrites = 600;  // more than one batch
  Put(App("taken"), 0, "");
  std::latch all(kWrites);
  std::mutex mutex;
  std::vector<std::uint64_t> revisions;
  int refused = 0;
  for (int i = 0; i < kWrites; ++i) {
    const bool bad = i % 3 == 0;
    store_->Submit({App(bad ? "taken" : fmt::format("app-{}", i)), 0, Text("x")},
                   [&](const Result<std::uint64_t>& result) {
                     const std::lock_guard lock(mutex);
                     if (result) {
                       revisions.push_back(*result);
                     } else if (result.error().code == Code::kAlreadyExists) {
                       ++refused;
                     }
                     all.count_down();
                   });
  }
  all.wait();
  EXPECT_EQ(refused, kWrites / 3);
  ASSERT_EQ(revisions.size(), kWrites * 2 / 3);
  // One thread's writes take effect in their order, and no revision is left out.
  for (std::size_t i = 0; i < revisions.size(); ++i) EXPECT_EQ(revisions[i], i + 2);
  EXPECT_EQ(ListAll({.resource = "webapps"}).size(), revisions.size() + 1);
}

TEST_P(StoreContract, ClosingCompletesWhatWasSubmitted) {
  constexpr int kWrites = 100;
  int written = 0;  // on the store's thread only, until it has ended
  for (int i = 0; i < kWrites; ++i) {
    store_->Submit({App(fmt::format("app-{}", i)), 0, Text("x")},
                   [&](const Result<std::uint64_t>& result) { written += result ? 1 : 0; });
  }
  store_->Close();
  EXPECT_EQ(written, kWrites);
  const auto late = store_->Commit({App("late"), 0, Text("x")});
  EXPECT_EQ(CodeOf(late), Code::kUnavailable);
  EXPECT_THAT(MessageOf(late), HasSubstr("closed"));
  store_->Close();
}

}  // namespace ballast::contract
