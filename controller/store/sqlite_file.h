// Opens the database file for the one process that may use it: makes it, refuses what is damaged,
// foreign, newer or in use, takes a restored backup for what it is. Used while a store is opened:
// one thread.
#pragma once

#include <memory>
#include <string>

#include "api/status.h"
#include "controller/store/private_file.h"
#include "controller/store/sqlite.h"

namespace ballast::store {

// A connection that writes, to a database of the newest version. `lock` is held afterwards, and
// must be for as long as the database is used.
[[nodiscard]] Result<std::unique_ptr<Database>> OpenDatabaseFile(const std::string& path,
                                                                 FileLock& lock);

}  // namespace ballast::store
