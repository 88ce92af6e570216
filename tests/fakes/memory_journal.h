// An address journal that outlives the controllers of a test.
#pragma once

#include <map>
#include <string>

#include "reconcilers/ports/address_journal.h"

namespace ballast::fakes {

class MemoryJournal final : public reconcilers::AddressJournal {
 public:
  Result<std::map<std::string, api::Time>> Load() override { return kept; }
  Result<void> Save(const std::map<std::string, api::Time>& released) override {
    kept = released;
    return {};
  }

  std::map<std::string, api::Time> kept;
};

}  // namespace ballast::fakes
