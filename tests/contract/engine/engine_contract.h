// What every Engine must do. A folder beside instantiates the suite with its own engine:
//
//   INSTANTIATE_TEST_SUITE_P(Fake, EngineContract, ::testing::Values(EngineFactory{...}), ...);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "reconcilers/ports/engine.h"

namespace ballast::contract {

struct EngineFactory {
  std::string name;
  std::function<std::unique_ptr<reconcilers::Engine>()> make;
  std::string image;                  // has /bin/sh
  std::function<std::string()> skip;  // why it cannot run here; "" = it can

  friend void PrintTo(const EngineFactory& factory, std::ostream* out) { *out << factory.name; }
};

class EngineContract : public ::testing::TestWithParam<EngineFactory> {
 protected:
  void SetUp() override;
  void TearDown() override;

  // A name that no other test or run uses.
  [[nodiscard]] std::string Unique(const std::string& name) const;
  // A container that runs until SIGTERM, and then exits with 143.
  [[nodiscard]] reconcilers::ContainerSpec Runner(const std::string& name) const;
  // Created and started; its id, "" after a failure that is reported.
  std::string Run(const reconcilers::ContainerSpec& spec);
  // Creates a network with a free /24. `address(n)` is its n-th address.
  std::string Network(const std::string& name);
  [[nodiscard]] std::string Address(const std::string& network, int n) const;
  [[nodiscard]] reconcilers::ContainerInfo Inspect(const std::string& id);

  std::unique_ptr<reconcilers::Engine> engine_;
  std::string label_;  // all containers of this test carry it

 private:
  std::vector<std::string> networks_;
  std::map<std::string, std::string> prefixes_;  // network -> "10.213.7."
};

}  // namespace ballast::contract
