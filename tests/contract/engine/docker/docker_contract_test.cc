// The real Docker Engine. Skipped, with the reason, where none answers.
#include "controller/docker/docker_engine.h"
#include "tests/contract/engine/engine_contract.h"

namespace ballast::contract {
namespace {

constexpr char kImage[] = "debian:trixie-slim";

std::string WhyNot() {
  const auto engine = docker::NewDockerEngine({});
  if (const auto version = engine->Version(); !version) return version.error().message;
  if (const auto image = engine->InspectImage(kImage); !image) {
    return image.error().message + "; run hack/base-image";
  }
  return "";
}

INSTANTIATE_TEST_SUITE_P(Docker, EngineContract,
                         ::testing::Values(EngineFactory{
                             .name = "docker",
                             .make = []() -> std::unique_ptr<reconcilers::Engine> {
                               return docker::NewDockerEngine({});
                             },
                             .image = kImage,
                             .skip = WhyNot}),
                         [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace ballast::contract
