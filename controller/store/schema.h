// The tables of the store's database, and how an older version becomes the newest. Used while a
// store is opened: one thread.
#pragma once

#include <cstdint>
#include <span>

#include "api/status.h"
#include "controller/store/sqlite.h"

namespace ballast::store {

// SQLite's application_id, at a fixed place of the file's header: "BLST", and "BLBK" in a backup,
// so that a file is known as one before SQLite looks at what lies beside it.
inline constexpr std::uint32_t kStoreId = 0x424c5354;
inline constexpr std::uint32_t kBackupId = 0x424c424b;

// The i-th makes version i + 1 of version i.
[[nodiscard]] std::span<const char* const> Migrations();

// Each step in a transaction of its own. FailedPrecondition when the database is newer than that.
Result<void> Migrate(Database& database, std::span<const char* const> steps = Migrations());

// What the history reaches from and to.
struct Bounds {
  std::uint64_t removed = 0;  // the newest revision whose change is gone
  std::uint64_t newest = 0;
};
inline constexpr char kBoundsSql[] =
    "SELECT (SELECT revision FROM history ORDER BY revision LIMIT 1),"
    " (SELECT revision FROM history ORDER BY revision DESC LIMIT 1),"
    " (SELECT value FROM meta WHERE key = 'base')";
// `statement` is kBoundsSql.
[[nodiscard]] Result<Bounds> ReadBounds(Statement& statement);

}  // namespace ballast::store
