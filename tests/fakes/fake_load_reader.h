// What was measured, as a test says. One thread at a time.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "reconcilers/ports/load_reader.h"

namespace ballast::fakes {

class FakeLoadReader final : public reconcilers::LoadReader {
 public:
  [[nodiscard]] std::optional<reconcilers::LoadSeries> Load(
      const api::ObjectKey& app) const override {
    const auto found = loads.find(app);
    return found == loads.end() ? std::nullopt : std::optional(found->second);
  }
  [[nodiscard]] int Held(const api::ObjectKey& app) const override {
    const auto found = held.find(app);
    return found == held.end() ? 0 : found->second;
  }
  [[nodiscard]] std::map<std::string, reconcilers::ResourceSample> Resources(
      const api::ObjectKey& app) override {
    return resources[app];
  }

  std::map<api::ObjectKey, reconcilers::LoadSeries> loads;
  std::map<api::ObjectKey, int> held;
  std::map<api::ObjectKey, std::map<std::string, reconcilers::ResourceSample>> resources;
};

}  // namespace ballast::fakes
