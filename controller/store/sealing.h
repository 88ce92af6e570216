// Which values are sealed before they reach the disk, and the key for it, as one database has them.
// Owner: SqliteStore. Immutable once made: any thread.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "api/status.h"
#include "controller/store/secret_box.h"
#include "reconcilers/ports/store.h"

namespace ballast::store {

class Database;

class Sealing {
 public:
  // Reads the key file, or makes it when the database has nothing sealed yet. FailedPrecondition,
  // with what to do, when the file is missing or does not fit what the database holds.
  static Result<Sealing> Open(Database& database, const std::string& key_path,
                              std::set<std::string> resources);

  struct Encoded {
    bool sealed = false;
    std::string_view bytes;
  };
  // What goes to the disk; `buffer` holds it if it is not the value itself.
  [[nodiscard]] Encoded Encode(const reconcilers::StoreKey& object, std::string_view value,
                               std::string& buffer) const;
  [[nodiscard]] Result<reconcilers::StoreValue> Decode(const reconcilers::StoreKey& object,
                                                       Encoded encoded) const;

 private:
  std::set<std::string> resources_;
  std::unique_ptr<const SecretBox> box_;  // null: nothing is sealed
};

}  // namespace ballast::store
