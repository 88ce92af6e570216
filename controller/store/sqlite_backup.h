// Copies a database that is in use into a file. Any thread; one at a time a target.
#pragma once

#include <stop_token>
#include <string>

#include "api/status.h"

namespace ballast::store {

// What is committed when it begins, checked, marked as a backup, complete on the disk when it gets
// its name. Cancelled when `stop` is requested.
Result<void> BackupDatabase(const std::string& path, const std::string& target,
                            const std::stop_token& stop);

}  // namespace ballast::store
