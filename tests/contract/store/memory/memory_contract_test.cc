#include "controller/store/memory_store.h"
#include "tests/contract/store/store_contract.h"

namespace ballast::contract {
namespace {

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract,
                         ::testing::Values(StoreFactory{
                             .name = "memory",
                             .make =
                                 [](const TempDir&, const reconcilers::Clock& clock,
                                    store::HistoryLimits limits) {
                                   return std::make_unique<store::MemoryStore>(clock, limits);
                                 }}),
                         [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace ballast::contract
