#include <fmt/format.h>
#include <gmock/gmock.h>

#include <random>

#include "tests/contract/store/store_contract.h"

namespace ballast::contract {

using reconcilers::ListRequest;
using reconcilers::StoreKey;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace {

std::vector<std::string> Names(const Contents& contents) {
  std::vector<std::string> names;
  for (const auto& [key, object] : contents) names.push_back(key.ns + "/" + key.name);
  return names;
}

}  // namespace

TEST_P(StoreContract, ListsOneResourceSortedAndByNamespace) {
  for (const StoreKey& key : {App("b", "y"), App("a", "z"), App("a", "x"), App("c", "x"),
                              StoreKey{"webapp", "x", "other"}, StoreKey{"webapps2", "x", "other"},
                              StoreKey{"namespaces", "", "x"}, StoreKey{"namespaces", "", "a"}}) {
    Put(key, 0, key.name);
  }
  EXPECT_THAT(Names(ListAll({.resource = "webapps"})), ElementsAre("x/a", "x/c", "y/b", "z/a"));
  EXPECT_THAT(Names(ListAll({.resource = "webapps", .ns = "x"})), ElementsAre("x/a", "x/c"));
  EXPECT_THAT(Names(ListAll({.resource = "webapps", .ns = "w"})), IsEmpty());
  EXPECT_THAT(Names(ListAll({.resource = "namespaces"})), ElementsAre("/a", "/x"));
  EXPECT_THAT(Names(ListAll({.resource = "secrets"})), IsEmpty());
  const auto page = store_->List({.resource = "secrets"});
  EXPECT_EQ(page->revision, 8U) << "an empty list has a revision to watch from";
}

TEST_P(StoreContract, PagesEndWhereTheyAreAskedTo) {
  for (int i = 0; i < 10; ++i) Put(App(fmt::format("app-{}", i), i < 5 ? "a" : "b"), 0, "");
  const auto first = store_->List({.resource = "webapps", .limit = 4});
  ASSERT_OK(first);
  EXPECT_EQ(first->items.size(), 4U);
  EXPECT_TRUE(first->more);
  const auto whole = store_->List({.resource = "webapps", .limit = 10});
  EXPECT_EQ(whole->items.size(), 10U);
  EXPECT_FALSE(whole->more) << "there is nothing behind the last one";
  for (const std::size_t page : {1U, 3U, 4U, 5U, 9U, 10U, 11U}) {
    EXPECT_EQ(ListAll({.resource = "webapps"}, page).size(), 10U);
    EXPECT_EQ(ListAll({.resource = "webapps", .ns = "b"}, page).size(), 5U);
  }
  // After a key of another namespace, or one that is not there.
  const auto listed = [&](const std::string& ns, const StoreKey& after) {
    return Names(ListAll({.resource = "webapps", .ns = ns, .start_after = after})).size();
  };
  EXPECT_EQ(listed("b", App("zzz", "a")), 5U);
  EXPECT_EQ(listed("a", App("a", "b")), 0U);
  EXPECT_EQ(listed("b", App("app-6x", "b")), 3U);
  EXPECT_EQ(listed("", App("app-6x", "b")), 3U);
}

// Random writes; then every revision is listed, in pages, as a model saw it.
TEST_P(StoreContract, ListsEveryRevisionThatIsKeptAsItWas) {
  constexpr int kWrites = 150;
  std::mt19937 random(7);  // NOLINT(bugprone-random-generator-seed): the same test each time
  const auto below = [&](unsigned n) { return random() % n; };
  Contents now;
  std::vector<Contents> then = {now};
  for (int i = 0; i < kWrites; ++i) {
    const StoreKey key{below(4) == 0 ? "secrets" : "webapps", fmt::format("ns-{}", below(3)),
                       fmt::format("app-{}", below(4))};
    const auto found = now.find(key);
    const std::uint64_t expected = found == now.end() ? 0 : found->second.first;
    if (expected > 0 && below(3) == 0) {
      Delete(key, expected);
      now.erase(found);
    } else {
      const std::string value = fmt::format("value-{}", i);
      now[key] = {Put(key, expected, value), value};
    }
    then.push_back(now);
  }
  for (std::uint64_t revision = 1; revision < then.size(); ++revision) {
    for (const ListRequest& request :
         {ListRequest{.resource = "webapps"}, ListRequest{.resource = "webapps", .ns = "ns-1"},
          ListRequest{.resource = "secrets"}}) {
      Contents expected;
      for (const auto& [key, object] : then[revision]) {
        if (key.resource == request.resource && (request.ns.empty() || key.ns == request.ns)) {
          expected[key] = object;
        }
      }
      ListRequest at = request;
      at.at_revision = revision;
      ASSERT_EQ(ListAll(at, 1 + revision % 5), expected) << "revision " << revision;
    }
  }
}

TEST_P(StoreContract, LaterPagesShowTheInstantOfTheFirst) {
  std::uint64_t last = 0;
  for (int i = 0; i < 6; ++i) last = Put(App(fmt::format("app-{}", i)), 0, "old");
  auto page = store_->List({.resource = "webapps", .limit = 2});
  ASSERT_OK(page);
  EXPECT_EQ(page->revision, last);
  Delete(App("app-2"), 3);
  Put(App("app-3"), 4, "new");
  Put(App("app-9"), 0, "new");
  page = store_->List(
      {.resource = "webapps", .start_after = App("app-1"), .at_revision = page->revision});
  ASSERT_OK(page);
  ASSERT_EQ(page->items.size(), 4U);
  EXPECT_EQ(page->items[0].key.name, "app-2");
  EXPECT_EQ(page->items[1].revision, 4U);
  EXPECT_EQ(*page->items[1].value, "old");
  EXPECT_EQ(page->revision, last);
}

TEST_P(StoreContract, ListsNoRevisionThatIsYetToCome) {
  Put(App("shop"), 0, "");
  EXPECT_EQ(CodeOf(store_->List({.resource = "webapps", .at_revision = 2})), Code::kExpired);
}

}  // namespace ballast::contract
