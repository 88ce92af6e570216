#include "controller/store/sqlite_store.h"
#include "tests/contract/store/store_contract.h"

namespace ballast::contract {
namespace {

StoreFactory Sqlite(const std::string& name, std::size_t tail_bytes) {
  return {.name = name,
          .make = [tail_bytes](const TempDir& dir, const reconcilers::Clock& clock,
                               store::HistoryLimits limits) -> std::unique_ptr<reconcilers::Store> {
            auto opened = store::SqliteStore::Open(
                {.path = dir.path("state.db"), .history = limits, .tail_bytes = tail_bytes}, clock);
            if (opened) return std::move(*opened);
            ADD_FAILURE() << opened.error().message;
            return nullptr;
          }};
}

// Once as it is, once with each watch reading the disk, which must make no difference.
INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract,
                         ::testing::Values(Sqlite("sqlite", std::size_t{2} << 20),
                                           Sqlite("without_tail", 0)),
                         [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace ballast::contract
