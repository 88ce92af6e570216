// A SqliteStore in a directory of its own, that can be closed and opened again.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "controller/store/sqlite_store.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temp_dir.h"

#define ASSERT_OK(expression)                                  \
  do {                                                         \
    const auto& result = (expression);                         \
    ASSERT_TRUE(result.has_value()) << result.error().message; \
  } while (false)

namespace ballast::store {

inline reconcilers::StoreKey App(const std::string& name) { return {"webapps", "default", name}; }
inline reconcilers::StoreKey Secret(const std::string& name) {
  return {"secrets", "default", name};
}
inline reconcilers::StoreValue Text(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

class StoreTest : public ::testing::Test {
 protected:
  // Name -> revision and value.
  using Contents = std::map<std::string, std::pair<std::uint64_t, std::string>>;

  void SetUp() override { options_.path = dir_.path("state.db"); }

  Result<void> TryOpen() {
    store_.reset();
    auto opened = SqliteStore::Open(options_, clock_);
    if (!opened) return std::unexpected(opened.error());
    store_ = std::move(*opened);
    return {};
  }
  void Open() { ASSERT_OK(TryOpen()); }
  void Close() { store_.reset(); }

  // Why it cannot be opened.
  Status Refused() {
    const auto opened = TryOpen();
    EXPECT_FALSE(opened) << "it was opened";
    return opened ? Status{} : opened.error();
  }

  std::uint64_t Put(const reconcilers::StoreKey& key, std::uint64_t expected,
                    const std::string& value) {
    const auto done = store_->Commit({key, expected, Text(value)});
    EXPECT_TRUE(done.has_value()) << done.error().message;
    return done.value_or(0);
  }

  static Contents ListOf(SqliteStore& store, const std::string& resource) {
    Contents contents;
    const auto listed = store.List({.resource = resource});
    EXPECT_TRUE(listed.has_value()) << listed.error().message;
    if (!listed) return contents;
    for (const auto& object : listed->items) {
      contents[object.key.name] = {object.revision, *object.value};
    }
    return contents;
  }

  const TempDir dir_;
  fakes::FakeClock clock_;
  SqliteStoreOptions options_;
  std::unique_ptr<SqliteStore> store_;
};

}  // namespace ballast::store
