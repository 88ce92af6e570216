// The SQLite file of the load history: opened, made, brought to the newest version. One that cannot
// be read is moved aside and begun anew, since it is history and nothing else. Functions; one
// thread at a time for one path.
#pragma once

#include <memory>
#include <string>

#include "api/status.h"
#include "controller/store/sqlite.h"

namespace ballast::store {

// Where a file goes that cannot be read. The one that was there before is replaced.
[[nodiscard]] std::string DamagedPath(const std::string& path);

// An error: not even a new one can be made (a full or read-only disk).
[[nodiscard]] Result<std::unique_ptr<Database>> OpenLoadFile(const std::string& path);

}  // namespace ballast::store
