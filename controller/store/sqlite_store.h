// The store in one SQLite file, for one controller. The file is the only truth: in memory are the
// newest changes (a bounded number of bytes) and SQLite's small caches, so that its size does not
// depend on how many objects there are. Owner: controller/cmd. Any thread.
//
// PATH            the database, mode 0600; PATH-wal and PATH-shm belong to it while it is in use
// PATH.lock       keeps a second controller out
// secrets.key     beside it: opens what is sealed; not part of a backup
//
// Restoring: stop the controller, put the backup in PATH's place, start it again. It notices:
// watches are told to list again, and revisions go on beyond all that were given out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

#include "api/status.h"
#include "controller/store/change_log.h"
#include "controller/store/commit_queue.h"
#include "controller/store/private_file.h"
#include "controller/store/reader_pool.h"
#include "controller/store/retention.h"
#include "controller/store/sealing.h"
#include "controller/store/sqlite_writer.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/store.h"

namespace ballast::store {

struct SqliteStoreOptions {
  std::string path;                            // its directory is made (0700) if it is missing
  std::string key_path;                        // "": secrets.key beside it
  std::set<std::string> sealed = {"secrets"};  // resources whose values are encrypted
  HistoryLimits history;
  std::size_t tail_bytes = std::size_t{2} << 20;  // of the newest changes, for live watches
};

class SqliteStore final : public reconcilers::Store {
 public:
  // FailedPrecondition, Conflict (in use) or PermissionDenied with what to do next. Blocks on the
  // disk: it reads the whole file once, to see whether it is whole.
  static Result<std::unique_ptr<SqliteStore>> Open(SqliteStoreOptions options,
                                                   const reconcilers::Clock& clock);
  // Waits for writes and a backup that are under way. The file may be opened again afterwards.
  ~SqliteStore() override;

  void Submit(reconcilers::StoreWrite write, Done done) override;
  Result<reconcilers::StoredObject> Get(const reconcilers::StoreKey& key) override;
  Result<reconcilers::ListPage> List(const reconcilers::ListRequest& request) override;
  Result<reconcilers::ChangePage> ReadChanges(const std::string& resource, std::uint64_t after,
                                              std::size_t limit) override;
  [[nodiscard]] reconcilers::Subscription Subscribe(
      std::function<void(std::uint64_t)> callback) override;
  [[nodiscard]] std::uint64_t Revision() const override { return tail_.newest(); }
  Result<void> Backup(const std::string& path) override;
  void Close() override;

 private:
  SqliteStore(SqliteStoreOptions options, std::unique_ptr<FileLock> lock, Sealing sealing,
              std::uint64_t revision);

  const SqliteStoreOptions options_;
  const std::unique_ptr<FileLock> lock_;  // released last
  const Sealing sealing_;
  ChangeLog tail_;
  std::unique_ptr<SqliteWriter> writer_;
  ReaderPool readers_;
  std::mutex backup_mutex_;
  std::stop_source stop_;
  std::unique_ptr<CommitQueue> queue_;  // its thread uses the writer
};

}  // namespace ballast::store
