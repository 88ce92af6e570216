// The addresses given back lately, in one small file of the state directory (JSON, written to a
// temporary file and renamed). Owner: controller/cmd; called under the address pool's lock.
#pragma once

#include <string>

#include "reconcilers/ports/address_journal.h"

namespace ballast::store {

class AddressFile final : public reconcilers::AddressJournal {
 public:
  explicit AddressFile(std::string path) : path_(std::move(path)) {}

  Result<std::map<std::string, api::Time>> Load() override;
  Result<void> Save(const std::map<std::string, api::Time>& released) override;

 private:
  const std::string path_;
};

}  // namespace ballast::store
