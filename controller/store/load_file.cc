#include "controller/store/load_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "controller/runtime/log.h"
#include "controller/store/private_file.h"
#include "controller/store/schema.h"

namespace ballast::store {
namespace {

constexpr std::uint32_t kLoadId = 0x424c4c44;  // "BLLD"

// seconds, minutes: one row for equal ones in a row, from `first` to `last`. Times of decisions are
// nanoseconds since 1970.
constexpr std::array<const char*, 1> kMigrations = {R"sql(
CREATE TABLE objects(
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  ns TEXT NOT NULL,
  name TEXT NOT NULL,
  UNIQUE(kind, ns, name)) STRICT;
CREATE TABLE seconds(
  object INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  request_rate REAL NOT NULL,
  concurrency REAL NOT NULL,
  queued REAL NOT NULL,
  response_seconds REAL NOT NULL,
  error_rate REAL NOT NULL,
  in_service INTEGER NOT NULL,
  PRIMARY KEY(object, first)) STRICT, WITHOUT ROWID;
CREATE TABLE minutes(
  object INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  request_rate REAL NOT NULL,
  concurrency REAL NOT NULL,
  queued REAL NOT NULL,
  response_seconds REAL NOT NULL,
  error_rate REAL NOT NULL,
  in_service INTEGER NOT NULL,
  PRIMARY KEY(object, first)) STRICT, WITHOUT ROWID;
CREATE TABLE states(object INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
CREATE TABLE decisions(
  id INTEGER PRIMARY KEY,
  object INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  count INTEGER NOT NULL,
  json TEXT NOT NULL) STRICT;
CREATE INDEX decisions_object ON decisions(object, id);
)sql"};

constexpr std::array<const char*, 4> kSuffixes = {"", "-wal", "-shm", "-journal"};

Result<std::unique_ptr<Database>> Open(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) {
    // What lies beside belonged to one that is gone.
    for (const char* suffix : kSuffixes) {
      if (auto removed = RemoveFile(path + suffix); !removed) {
        return std::unexpected(removed.error());
      }
    }
    // SQLite gives its other files the mode of this one.
    if (auto made = WriteNewPrivateFile(path, ""); !made) return std::unexpected(made.error());
  }
  auto opened = Database::Open(path, Database::Mode::kReadWrite);
  if (!opened) return opened;
  Database& database = **opened;
  const auto id = database.QueryInt("PRAGMA application_id");
  if (!id) return std::unexpected(id.error());
  if (*id != kLoadId) {
    const auto objects = database.QueryInt("SELECT count(*) FROM sqlite_schema");
    if (!objects) return std::unexpected(objects.error());
    if (*objects > 0) return database.Damaged("it is another program's database");
    auto made = database.Exec(fmt::format("PRAGMA application_id={}", kLoadId));
    if (!made) return std::unexpected(made.error());
  }
  const auto checked = database.QueryText("PRAGMA quick_check(1)");
  if (!checked) return std::unexpected(checked.error());
  if (*checked != "ok") return database.Damaged(*checked);
  // A power loss may take the last seconds: that is cheaper than a sync every ten of them.
  Result<void> ready = database.Exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
  if (ready) ready = Migrate(database, kMigrations);
  if (!ready) return std::unexpected(ready.error());
  return opened;
}

// Without the advice, which is for the store of objects.
std::string WhatIsWrong(const std::string& message) {
  return message.substr(0, std::min(message.find(": stop the "), message.find(": start the ")));
}

Result<void> MoveAside(const std::string& path) {
  for (const char* suffix : kSuffixes) {
    const std::string from = path + suffix;
    if (access(from.c_str(), F_OK) != 0) {
      if (auto removed = RemoveFile(DamagedPath(path) + suffix); !removed) return removed;
    } else if (auto moved = RenameDurably(from, DamagedPath(path) + suffix); !moved) {
      return moved;
    }
  }
  return {};
}

}  // namespace

std::string DamagedPath(const std::string& path) { return path + ".damaged"; }

Result<std::unique_ptr<Database>> OpenLoadFile(const std::string& path) {
  auto opened = Open(path);
  if (opened || access(path.c_str(), F_OK) != 0) return opened;
  const Status why = opened.error();
  if (auto moved = MoveAside(path); !moved) return std::unexpected(why);
  opened = Open(path);
  if (!opened) return opened;
  runtime::Log(
      runtime::LogLevel::kWarning,
      "The history of loads cannot be read; it is moved aside and begun anew",
      {{"path", path}, {"moved_to", DamagedPath(path)}, {"error", WhatIsWrong(why.message)}});
  return opened;
}

}  // namespace ballast::store
