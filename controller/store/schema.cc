#include "controller/store/schema.h"

#include <fmt/format.h>

#include <array>
#include <string>

namespace ballast::store {
namespace {

// objects: what there is now. history: one row a revision, with what it replaced, so that each
// version is kept once: what a change brought is what the next one replaced, or is in objects.
// Removing its oldest rows leaves the rest whole. `sealed` is 1 where `value` is sealed.
constexpr std::array<const char*, 1> kMigrations = {R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
-- The newest revision while the history is empty.
INSERT INTO meta VALUES('base', 0);
CREATE TABLE objects(
  id INTEGER PRIMARY KEY,
  resource TEXT NOT NULL,
  ns TEXT NOT NULL,
  name TEXT NOT NULL,
  revision INTEGER NOT NULL,
  sealed INTEGER NOT NULL,
  value BLOB NOT NULL,
  UNIQUE(resource, ns, name)) STRICT;
CREATE TABLE history(
  revision INTEGER PRIMARY KEY,
  resource TEXT NOT NULL,
  ns TEXT NOT NULL,
  name TEXT NOT NULL,
  deleted INTEGER NOT NULL,
  previous INTEGER NOT NULL,  -- the revision that it replaced; 0: there was none
  sealed INTEGER NOT NULL,
  value BLOB) STRICT;
CREATE UNIQUE INDEX history_previous ON history(previous) WHERE previous > 0;
-- When a revision was the next one (milliseconds of the wall clock): what the history's age is
-- reckoned by.
CREATE TABLE marks(revision INTEGER PRIMARY KEY, time INTEGER NOT NULL) STRICT;
)sql"};

}  // namespace

std::span<const char* const> Migrations() { return kMigrations; }

Result<void> Migrate(Database& database, std::span<const char* const> steps) {
  const Result<std::uint64_t> version = database.QueryInt("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  if (*version > steps.size()) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{} is of version {}, made by a newer Ballast; this one knows "
                             "versions up to {}: start the newer Ballast again, or put a backup "
                             "that this one made in its place",
                             database.path(), *version, steps.size()));
  }
  for (std::size_t i = *version; i < steps.size(); ++i) {
    const auto migrated = database.Exec(
        fmt::format("BEGIN IMMEDIATE; {}; PRAGMA user_version={}; COMMIT", steps[i], i + 1));
    if (migrated) continue;
    if (database.InTransaction()) static_cast<void>(database.Exec("ROLLBACK"));
    return Wrap(fmt::format("bring {} from version {} to {}", database.path(), i, i + 1),
                migrated.error());
  }
  return {};
}

Result<Bounds> ReadBounds(Statement& statement) {
  const AutoReset reset(statement);
  const Result<bool> row = statement.Step();
  if (!row) return std::unexpected(row.error());
  if (statement.IsNull(0)) return Bounds{statement.Int(2), statement.Int(2)};
  return Bounds{statement.Int(0) - 1, statement.Int(1)};
}

}  // namespace ballast::store
