// Port: remembers across restarts which addresses were given back lately, so that none is given to
// another replica within ten minutes. Called with the address pool's lock held; must be quick.
#pragma once

#include <map>
#include <string>

#include "api/meta.h"
#include "api/status.h"

namespace ballast::reconcilers {

class AddressJournal {
 public:
  virtual ~AddressJournal() = default;
  // Address -> when it was given back. Nothing kept yet is an empty map.
  virtual Result<std::map<std::string, api::Time>> Load() = 0;
  virtual Result<void> Save(const std::map<std::string, api::Time>& released) = 0;
};

}  // namespace ballast::reconcilers
