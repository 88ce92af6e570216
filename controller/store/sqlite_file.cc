#include "controller/store/sqlite_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string_view>

#include "controller/runtime/log.h"
#include "controller/store/schema.h"

namespace ballast::store {
namespace {

// A restored backup knows nothing of what was written after it was made. Going on from its own
// revision would give the same number to two states, and a client's write could replace what it
// has never seen; so it goes on beyond any number that can have been given out.
constexpr std::uint64_t kRestoreGap = 1'000'000'000;

constexpr std::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kHeaderBytes = 100;
constexpr std::size_t kIdOffset = 68;

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::unexpected<Status> NoDirectory(const Status& cause) {
  return Error(cause.code, cause.message +
                               ": let the controller's user write there (and free some space if "
                               "the disk is full), or name another directory");
}

// Made under another name and renamed when it is complete: a file of that name is never half one.
Result<void> CreateFile(const std::string& path) {
  if (Exists(path + "-wal")) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{} is missing, but its write-ahead log {}-wal is there: put the file "
                             "back, or move the log away to start with an empty store",
                             path, path));
  }
  const std::string temporary = path + ".new";
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    if (auto removed = RemoveFile(temporary + suffix); !removed) return removed;
  }
  if (auto made = WriteNewPrivateFile(temporary, ""); !made) return made;
  {
    auto database = Database::Open(temporary, Database::Mode::kReadWrite);
    if (!database) return std::unexpected(database.error());
    Result<void> made = (*database)->Exec(
        fmt::format("PRAGMA auto_vacuum=NONE; PRAGMA application_id={};", kStoreId));
    if (made) made = Migrate(**database);
    if (!made) return made;
  }
  if (auto synced = SyncFile(temporary); !synced) return synced;
  return RenameDurably(temporary, path);
}

// What the file's own header says, read before SQLite applies what lies beside it. The id.
Result<std::uint32_t> ReadHeader(const std::string& path) {
  const auto header = ReadBeginning(path, kHeaderBytes, Readers::kAny);
  if (!header) return std::unexpected(header.error());
  if (header->size() < kHeaderBytes || !header->starts_with(kMagic)) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("{} is not a database, or only the beginning of one ({} bytes of its "
                             "header are there): put a backup (ballast backup) in its place, or "
                             "move it away to start with an empty store; running web apps stay as "
                             "they are meanwhile",
                             path, header->size()));
  }
  std::uint32_t id = 0;
  for (std::size_t i = 0; i < sizeof id; ++i) {
    id = id << 8U | static_cast<unsigned char>((*header)[kIdOffset + i]);
  }
  if (id == kStoreId || id == kBackupId) return id;
  return Error(Code::kFailedPrecondition,
               path + " is another program's database: move it away, or name another directory");
}

// The log beside a restored backup belongs to the database that it replaced; applied to the backup,
// it would damage it. (A rollback journal is its own: of a TakeOver that was cut short.)
Result<void> RemoveForeignLog(const std::string& path) {
  for (const char* suffix : {"-wal", "-shm"}) {
    if (auto removed = RemoveFile(path + suffix); !removed) return removed;
  }
  return {};
}

// Makes a store of a backup, in one transaction with the id that tells them apart. Before there is
// a write-ahead log: otherwise the header could still say "backup" while its log matters.
Result<void> TakeOver(Database& database) {
  const auto id = database.QueryInt("PRAGMA application_id");
  if (!id) return std::unexpected(id.error());
  if (*id != kBackupId) return {};
  auto statement = database.Prepare(kBoundsSql);
  if (!statement) return std::unexpected(statement.error());
  const Result<Bounds> bounds = ReadBounds(*statement);
  if (!bounds) return std::unexpected(bounds.error());
  const std::uint64_t revision = bounds->newest + kRestoreGap;
  const auto taken = database.Exec(
      fmt::format("BEGIN IMMEDIATE; DELETE FROM history; DELETE FROM marks;"
                  "UPDATE meta SET value={} WHERE key='base'; PRAGMA application_id={}; COMMIT",
                  revision, kStoreId));
  if (!taken) {
    if (database.InTransaction()) static_cast<void>(database.Exec("ROLLBACK"));
    return taken;
  }
  runtime::Log(
      runtime::LogLevel::kWarning, "Store restored from a backup",
      {{"path", database.path()}, {"backup_revision", bounds->newest}, {"revision", revision}});
  return {};
}

// No power loss loses what a commit acknowledged: both are read back, since SQLite keeps silent
// when a file system does not do what was asked for.
Result<void> SwitchOnDurability(Database& database) {
  const auto journal = database.QueryText("PRAGMA journal_mode=WAL");
  if (!journal) return std::unexpected(journal.error());
  const auto synchronous = database.QueryInt("PRAGMA synchronous");
  if (!synchronous) return std::unexpected(synchronous.error());
  constexpr std::uint64_t kFull = 2;
  if (*journal == "wal" && *synchronous == kFull) return {};
  return Error(Code::kFailedPrecondition,
               fmt::format("{}: its file system does not support SQLite's write-ahead log (it has "
                           "journal_mode={}, synchronous={}): use a local disk",
                           database.path(), *journal, *synchronous));
}

Result<void> QuickCheck(Database& database) {
  const auto found = database.QueryText("PRAGMA quick_check(1)");
  if (!found) return std::unexpected(found.error());
  if (*found == "ok") return {};
  return database.Damaged(*found);
}

}  // namespace

Result<std::unique_ptr<Database>> OpenDatabaseFile(const std::string& path, FileLock& lock) {
  if (auto made = MakePrivateDirectory(DirectoryOf(path)); !made) return NoDirectory(made.error());
  std::string holder;
  if (auto locked = lock.Acquire(path + ".lock", holder); !locked) {
    if (locked.error().code != Code::kConflict) return NoDirectory(locked.error());
    return Error(Code::kConflict,
                 fmt::format("{} is in use by another controller (process {}): end it first, or "
                             "give this one a directory of its own",
                             path, holder.empty() ? "unknown" : holder));
  }
  if (!Exists(path)) {
    if (auto made = CreateFile(path); !made) return std::unexpected(made.error());
  }
  const Result<std::uint32_t> id = ReadHeader(path);
  if (!id) return std::unexpected(id.error());
  // SQLite gives its other files the mode of this one.
  constexpr mode_t kOwnerOnly = 0600;
  struct stat info{};
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & 0777U) != kOwnerOnly &&
      chmod(path.c_str(), kOwnerOnly) != 0) {
    return SystemError("make private (chmod 600)", path, errno);
  }
  if (*id == kBackupId) {
    if (auto removed = RemoveForeignLog(path); !removed) return std::unexpected(removed.error());
  }

  auto database = Database::Open(path, Database::Mode::kReadWrite);
  if (!database) return database;
  if ((*database)->ReadOnly()) {
    return Error(Code::kFailedPrecondition,
                 path +
                     " is read-only: make it and its disk writable (chmod 600, mount -o "
                     "remount,rw), or name another directory");
  }
  Result<void> ready = QuickCheck(**database);
  if (ready) ready = Migrate(**database);
  if (ready) ready = TakeOver(**database);
  if (ready) ready = SwitchOnDurability(**database);
  if (!ready) return std::unexpected(ready.error());
  return database;
}

}  // namespace ballast::store
