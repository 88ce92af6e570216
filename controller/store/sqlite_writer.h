// Carries out batches of writes in one transaction each, keeps the history within its limits, and
// copies the write-ahead log into the database when it is long. Owner: SqliteStore; its methods are
// called on the CommitQueue's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "api/status.h"
#include "controller/store/change_log.h"
#include "controller/store/commit_queue.h"
#include "controller/store/retention.h"
#include "controller/store/schema.h"
#include "controller/store/sealing.h"
#include "controller/store/sqlite.h"
#include "reconcilers/ports/clock.h"

namespace ballast::store {

class SqliteWriter final : public Committer {
 public:
  // `tail` is appended to after each commit; it begins at the database's newest revision.
  static Result<std::unique_ptr<SqliteWriter>> Open(std::unique_ptr<Database> database,
                                                    const Sealing& sealing, ChangeLog& tail,
                                                    const reconcilers::Clock& clock,
                                                    HistoryLimits limits);

  std::optional<std::uint64_t> Commit(std::span<PendingWrite> batch) override;
  std::optional<std::chrono::milliseconds> Upkeep(bool idle) override;

 private:
  // What one transaction did, to be believed once it is committed.
  struct Transaction {
    std::uint64_t newest = 0;
    std::uint64_t removed = 0;
    std::vector<ChangePtr> changes;
    std::optional<Mark> mark;
  };

  SqliteWriter(std::unique_ptr<Database> database, const Sealing& sealing, ChangeLog& tail,
               const reconcilers::Clock& clock, HistoryLimits limits);
  Result<void> Prepare();
  Result<void> ApplyAll(std::span<PendingWrite> batch, Transaction& transaction);
  // An error is the database's; one of the write alone is in its result.
  Result<void> Apply(PendingWrite& pending, Transaction& transaction);
  Result<void> Replace(const reconcilers::StoreWrite& write, std::uint64_t revision);
  Result<void> Trim(Transaction& transaction);
  Result<void> End(Result<void> done, const Transaction& transaction);
  void Report(const Result<void>& committed);
  void ShortenLog();

  const std::unique_ptr<Database> database_;
  const Sealing& sealing_;
  ChangeLog& tail_;
  const reconcilers::Clock& clock_;
  Retention retention_;
  Bounds bounds_;
  bool failing_ = false;
  int log_pages_ = 0;  // of the write-ahead log, when last looked at
  int checkpoint_at_;
  Statement find_;
  Statement keep_;
  Statement put_;
  Statement remove_;
  Statement mark_;
  Statement trim_;
  Statement trim_marks_;
};

}  // namespace ballast::store
