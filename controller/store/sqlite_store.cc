#include "controller/store/sqlite_store.h"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "controller/store/schema.h"
#include "controller/store/sqlite_backup.h"
#include "controller/store/sqlite_file.h"

namespace ballast::store {
namespace {

using reconcilers::ChangePage;
using reconcilers::ListPage;
using reconcilers::ListRequest;
using reconcilers::StoredObject;
using reconcilers::StoreKey;
using reconcilers::StoreWrite;

bool SameFile(const std::string& a, const std::string& b) {
  struct stat first{};
  struct stat second{};
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

Result<std::uint64_t> NewestRevision(Database& database) {
  auto statement = database.Prepare(kBoundsSql);
  if (!statement) return std::unexpected(statement.error());
  const Result<Bounds> bounds = ReadBounds(*statement);
  if (!bounds) return std::unexpected(bounds.error());
  return bounds->newest;
}

}  // namespace

SqliteStore::SqliteStore(SqliteStoreOptions options, std::unique_ptr<FileLock> lock,
                         Sealing sealing, std::uint64_t revision)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      sealing_(std::move(sealing)),
      tail_(revision, options_.tail_bytes),
      readers_(options_.path, sealing_) {}

Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(SqliteStoreOptions options,
                                                       const reconcilers::Clock& clock) {
  // A later chdir changes nothing, and SQLite takes no name for one of its URIs.
  std::error_code error;
  options.path = std::filesystem::absolute(options.path, error).string();
  if (error) return Error(Code::kUnavailable, "the current directory: " + error.message());
  if (options.key_path.empty()) options.key_path = DirectoryOf(options.path) + "/secrets.key";
  auto lock = std::make_unique<FileLock>();
  auto database = OpenDatabaseFile(options.path, *lock);
  if (!database) return std::unexpected(database.error());
  auto sealing = Sealing::Open(**database, options.key_path, options.sealed);
  if (!sealing) return std::unexpected(sealing.error());
  const Result<std::uint64_t> revision = NewestRevision(**database);
  if (!revision) return std::unexpected(revision.error());

  std::unique_ptr<SqliteStore> store(
      new SqliteStore(std::move(options), std::move(lock), std::move(*sealing), *revision));
  auto writer = SqliteWriter::Open(std::move(*database), store->sealing_, store->tail_, clock,
                                   store->options_.history);
  if (!writer) return std::unexpected(writer.error());
  store->writer_ = std::move(*writer);
  store->queue_ = std::make_unique<CommitQueue>(*store->writer_);
  return store;
}

SqliteStore::~SqliteStore() {
  if (!queue_) return;
  Close();
  const std::lock_guard lock(backup_mutex_);  // it was told to stop
}

void SqliteStore::Close() {
  stop_.request_stop();
  queue_->Close();
}

void SqliteStore::Submit(StoreWrite write, Done done) {
  queue_->Submit(std::move(write), std::move(done));
}

Result<StoredObject> SqliteStore::Get(const StoreKey& key) {
  return readers_.Read([&](SqliteReader& reader) { return reader.Get(key); });
}

Result<ListPage> SqliteStore::List(const ListRequest& request) {
  return readers_.Read([&](SqliteReader& reader) { return reader.List(request); });
}

Result<ChangePage> SqliteStore::ReadChanges(const std::string& resource, std::uint64_t after,
                                            std::size_t limit) {
  if (auto page = tail_.Read(resource, after, limit)) return std::move(*page);
  // Older; or committed this moment, seen by a list, and not in the tail yet.
  return readers_.Read(
      [&](SqliteReader& reader) { return reader.ReadChanges(resource, after, limit); });
}

reconcilers::Subscription SqliteStore::Subscribe(std::function<void(std::uint64_t)> callback) {
  return queue_->Subscribe(std::move(callback));
}

Result<void> SqliteStore::Backup(const std::string& path) {
  for (const std::string& own : {options_.path, options_.path + "-wal", options_.path + "-shm",
                                 options_.path + ".lock", options_.key_path}) {
    if (path == own || SameFile(path, own)) {
      return Error(Code::kInvalidArgument,
                   path + " belongs to the store itself: name another file for the backup");
    }
  }
  const std::lock_guard lock(backup_mutex_);
  const auto done = BackupDatabase(options_.path, path, stop_.get_token());
  if (!done) return Wrap("backup to " + path, done.error());
  return {};
}

}  // namespace ballast::store
