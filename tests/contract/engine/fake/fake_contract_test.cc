#include "tests/contract/engine/engine_contract.h"
#include "tests/fakes/fake_engine.h"

namespace ballast::contract {
namespace {

INSTANTIATE_TEST_SUITE_P(Fake, EngineContract,
                         ::testing::Values(EngineFactory{
                             .name = "fake",
                             .make =
                                 [] {
                                   auto engine = std::make_unique<fakes::FakeEngine>();
                                   engine->AddImage("shop:1");
                                   return engine;
                                 },
                             .image = "shop:1",
                             .skip = [] { return std::string(); }}),
                         [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace ballast::contract
