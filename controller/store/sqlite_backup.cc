#include "controller/store/sqlite_backup.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <memory>

#include "controller/store/private_file.h"
#include "controller/store/schema.h"
#include "controller/store/sqlite.h"

namespace ballast::store {
namespace {

constexpr int kPagesPerStep = 256;  // a megabyte, between two looks at `stop`

Result<void> CopyPages(Database& from, Database& to, const std::stop_token& stop) {
  // While one transaction reads, the copy shows one state and never starts over, however much is
  // written meanwhile; what is written waits in the log.
  if (auto begun = from.Exec("BEGIN; SELECT revision FROM history LIMIT 1"); !begun) return begun;
  sqlite3_backup* const backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr) return to.Failure(sqlite3_extended_errcode(to.handle()));
  int code = SQLITE_OK;
  while (code == SQLITE_OK && !stop.stop_requested()) {
    code = sqlite3_backup_step(backup, kPagesPerStep);
  }
  sqlite3_backup_finish(backup);
  static_cast<void>(from.Exec("COMMIT"));
  if (code == SQLITE_DONE) return {};
  if (code == SQLITE_OK) return Error(Code::kCancelled, "the store is being closed");
  return to.Failure(code);
}

Result<void> Mark(Database& copy) {
  // One file, without a log beside it.
  const auto journal = copy.QueryText("PRAGMA journal_mode=DELETE");
  if (!journal) return std::unexpected(journal.error());
  if (auto marked = copy.Exec(fmt::format("PRAGMA application_id={}", kBackupId)); !marked) {
    return marked;
  }
  const auto checked = copy.QueryText("PRAGMA quick_check(1)");
  if (!checked) return std::unexpected(checked.error());
  if (*checked != "ok") {
    return Error(Code::kInternal, copy.path() + " did not become a good copy: " + *checked);
  }
  return {};
}

Result<void> WriteCopy(const std::string& path, const std::string& copy,
                       const std::stop_token& stop) {
  auto from = Database::Open(path, Database::Mode::kReadOnly);
  if (!from) return std::unexpected(from.error());
  auto to = Database::Open(copy, Database::Mode::kReadWrite);
  if (!to) return std::unexpected(to.error());
  if (auto copied = CopyPages(**from, **to, stop); !copied) return copied;
  return Mark(**to);
}

Result<void> RemoveCopy(const std::string& copy) {
  for (const char* suffix : {"-journal", "-wal", "-shm", ""}) {
    if (auto removed = RemoveFile(copy + suffix); !removed) return removed;
  }
  return {};
}

}  // namespace

Result<void> BackupDatabase(const std::string& path, const std::string& target,
                            const std::stop_token& stop) {
  const std::string copy = target + ".part";
  if (auto removed = RemoveCopy(copy); !removed) return removed;
  if (auto made = WriteNewPrivateFile(copy, ""); !made) return made;
  Result<void> done = WriteCopy(path, copy, stop);
  if (done) done = SyncFile(copy);
  if (done) done = RenameDurably(copy, target);
  if (!done) static_cast<void>(RemoveCopy(copy));
  return done;
}

}  // namespace ballast::store
