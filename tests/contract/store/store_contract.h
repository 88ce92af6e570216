// What every Store must do. A folder beside instantiates the suite with its own store.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "controller/store/retention.h"
#include "reconcilers/ports/store.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temp_dir.h"

#define ASSERT_OK(expression)                                  \
  do {                                                         \
    const auto& result = (expression);                         \
    ASSERT_TRUE(result.has_value()) << result.error().message; \
  } while (false)

namespace ballast::contract {

struct StoreFactory {
  std::string name;
  std::function<std::unique_ptr<reconcilers::Store>(const TempDir&, const reconcilers::Clock&,
                                                    store::HistoryLimits)>
      make;

  friend void PrintTo(const StoreFactory& factory, std::ostream* out) { *out << factory.name; }
};

// What a list shows, for comparisons: key -> revision and value.
using Contents = std::map<reconcilers::StoreKey, std::pair<std::uint64_t, std::string>>;

class StoreContract : public ::testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override { Make({}); }
  void Make(store::HistoryLimits limits);

  static reconcilers::StoreKey App(const std::string& name, const std::string& ns = "default");
  static reconcilers::StoreValue Text(std::string text);

  // The new revision; 0 after a failure that is reported.
  std::uint64_t Put(const reconcilers::StoreKey& key, std::uint64_t expected, std::string value);
  std::uint64_t Delete(const reconcilers::StoreKey& key, std::uint64_t expected);
  // `count` new objects of another resource.
  void Churn(int count);
  // All pages of this size, which must fit together.
  Contents ListAll(reconcilers::ListRequest request, std::size_t page = 0);
  // All changes after a revision, in pages of this size.
  std::vector<reconcilers::StoreChange> ReadAll(const std::string& resource, std::uint64_t after,
                                                std::size_t page = 100);

  TempDir dir_;
  fakes::FakeClock clock_;
  std::unique_ptr<reconcilers::Store> store_;

 private:
  std::uint64_t churned_ = 0;
};

template <typename T>
Code CodeOf(const Result<T>& result) {
  EXPECT_FALSE(result.has_value()) << "it succeeded";
  return result ? Code::kInternal : result.error().code;
}
template <typename T>
std::string MessageOf(const Result<T>& result) {
  return result ? "" : result.error().message;
}

}  // namespace ballast::contract
