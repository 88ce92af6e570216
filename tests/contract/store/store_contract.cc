#include "tests/contract/store/store_contract.h"

#include <latch>

namespace ballast::contract {

using reconcilers::ListRequest;
using reconcilers::StoreChange;
using reconcilers::StoreKey;
using reconcilers::StoreValue;

void StoreContract::Make(store::HistoryLimits limits) {
  store_.reset();
  store_ = GetParam().make(dir_, clock_, limits);
  ASSERT_NE(store_, nullptr);
}

StoreKey StoreContract::App(const std::string& name, const std::string& ns) {
  return {"webapps", ns, name};
}

StoreValue StoreContract::Text(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

std::uint64_t StoreContract::Put(const StoreKey& key, std::uint64_t expected, std::string value) {
  const auto done = store_->Commit({key, expected, Text(std::move(value))});
  EXPECT_TRUE(done.has_value()) << MessageOf(done);
  return done.value_or(0);
}

std::uint64_t StoreContract::Delete(const StoreKey& key, std::uint64_t expected) {
  const auto done = store_->Commit({key, expected, nullptr});
  EXPECT_TRUE(done.has_value()) << MessageOf(done);
  return done.value_or(0);
}

void StoreContract::Churn(int count) {
  std::latch all(count);
  for (int i = 0; i < count; ++i) {
    store_->Submit({{"events", "default", std::to_string(++churned_)}, 0, Text("{}")},
                   [&](const Result<std::uint64_t>& result) {
                     EXPECT_TRUE(result.has_value()) << MessageOf(result);
                     all.count_down();
                   });
  }
  all.wait();
}

Contents StoreContract::ListAll(ListRequest request, std::size_t page) {
  Contents contents;
  request.limit = page;
  while (true) {
    const auto listed = store_->List(request);
    EXPECT_TRUE(listed.has_value()) << MessageOf(listed);
    if (!listed) return contents;
    for (const auto& object : listed->items) {
      EXPECT_TRUE(contents.empty() || contents.rbegin()->first < object.key) << "not sorted";
      contents[object.key] = {object.revision, *object.value};
    }
    if (page > 0) {
      EXPECT_LE(listed->items.size(), page);
    }
    if (!listed->more) return contents;
    request.start_after = listed->items.back().key;
    request.at_revision = listed->revision;
  }
}

std::vector<StoreChange> StoreContract::ReadAll(const std::string& resource, std::uint64_t after,
                                                std::size_t page) {
  std::vector<StoreChange> changes;
  while (after < store_->Revision()) {
    const auto read = store_->ReadChanges(resource, after, page);
    EXPECT_TRUE(read.has_value()) << MessageOf(read);
    if (!read) return changes;
    EXPECT_GT(read->through, after) << "it does not advance";
    EXPECT_LE(read->items.size(), page);
    if (read->through <= after) return changes;
    for (const auto& change : read->items) {
      EXPECT_GT(change->revision, changes.empty() ? after : changes.back().revision);
      changes.push_back(*change);
    }
    after = read->through;
  }
  return changes;
}

}  // namespace ballast::contract
