#include "controller/store/sqlite_writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "controller/runtime/log.h"
#include "controller/store/check_write.h"

namespace ballast::store {
namespace {

using reconcilers::StoreChange;
using reconcilers::StoreValue;
using reconcilers::StoreWrite;
using std::chrono::milliseconds;

// The history is trimmed once that many changes are due, and by not many more than a batch adds, so
// that no write waits long for it.
constexpr std::uint64_t kTrimFrom = 64;
constexpr std::uint64_t kTrimStep = 256;
// 8 MiB: long enough that hot pages are copied once for many commits.
constexpr int kCheckpointPages = 2048;
// 64 MiB: readers that follow each other without a gap keep the log from beginning anew.
constexpr int kLongLogPages = 16384;

std::uint64_t ToMillis(api::Time time) {
  return static_cast<std::uint64_t>(
      std::chrono::floor<milliseconds>(time.time_since_epoch()).count());
}

}  // namespace

SqliteWriter::SqliteWriter(std::unique_ptr<Database> database, const Sealing& sealing,
                           ChangeLog& tail, const reconcilers::Clock& clock, HistoryLimits limits)
    : database_(std::move(database)),
      sealing_(sealing),
      tail_(tail),
      clock_(clock),
      retention_(limits),
      checkpoint_at_(kCheckpointPages) {}

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::Open(std::unique_ptr<Database> database,
                                                         const Sealing& sealing, ChangeLog& tail,
                                                         const reconcilers::Clock& clock,
                                                         HistoryLimits limits) {
  std::unique_ptr<SqliteWriter> writer(
      new SqliteWriter(std::move(database), sealing, tail, clock, limits));
  if (auto prepared = writer->Prepare(); !prepared) return std::unexpected(prepared.error());
  return writer;
}

Result<void> SqliteWriter::Prepare() {
  Statement bounds;
  Statement marks;
  const std::pair<Statement*, const char*> statements[] = {
      {&bounds, kBoundsSql},
      {&marks, "SELECT revision, time FROM marks ORDER BY revision"},
      {&find_,
       "SELECT revision, sealed, value FROM objects WHERE resource=?1 AND ns=?2 AND name=?3"},
      {&keep_,
       "INSERT INTO history(revision, resource, ns, name, deleted, previous, sealed, value)"
       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
      {&put_,
       "INSERT INTO objects(resource, ns, name, revision, sealed, value)"
       " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(resource, ns, name) DO UPDATE"
       " SET revision=excluded.revision, sealed=excluded.sealed, value=excluded.value"},
      {&remove_, "DELETE FROM objects WHERE resource=?1 AND ns=?2 AND name=?3"},
      {&mark_, "INSERT OR REPLACE INTO marks(revision, time) VALUES(?1, ?2)"},
      {&trim_, "DELETE FROM history WHERE revision<=?1"},
      {&trim_marks_, "DELETE FROM marks WHERE revision<?1"}};
  for (const auto& [statement, sql] : statements) {
    Result<Statement> prepared = database_->Prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  const Result<Bounds> read = ReadBounds(bounds);
  if (!read) return std::unexpected(read.error());
  bounds_ = *read;
  while (true) {
    const Result<bool> row = marks.Step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    retention_.Add(
        {marks.Int(0), api::Time(milliseconds(static_cast<std::int64_t>(marks.Int(1))))});
  }
}

std::optional<std::uint64_t> SqliteWriter::Commit(std::span<PendingWrite> batch) {
  Transaction transaction{.newest = bounds_.newest, .removed = bounds_.removed};
  const Result<void> committed = End(ApplyAll(batch, transaction), transaction);
  if (!committed || !transaction.changes.empty()) Report(committed);
  if (!committed) {
    // Also those that were refused: they may have been because of one that did not happen.
    for (PendingWrite& pending : batch) pending.result = std::unexpected(committed.error());
    return std::nullopt;
  }
  if (transaction.changes.empty()) return std::nullopt;
  tail_.Append(transaction.changes);
  return bounds_.newest;
}

Result<void> SqliteWriter::ApplyAll(std::span<PendingWrite> batch, Transaction& transaction) {
  if (auto in_place = database_->CheckInPlace(); !in_place) return in_place;
  if (auto begun = database_->Exec("BEGIN IMMEDIATE"); !begun) return begun;
  for (PendingWrite& pending : batch) {
    if (auto applied = Apply(pending, transaction); !applied) return applied;
  }
  if (transaction.changes.empty()) return {};
  transaction.mark = retention_.WantsMark(bounds_.newest + 1, clock_.WallNow());
  if (const auto& mark = transaction.mark) {
    mark_.Bind(1, mark->revision).Bind(2, ToMillis(mark->time));
    if (auto marked = mark_.Run(); !marked) return marked;
  }
  return Trim(transaction);
}

Result<void> SqliteWriter::Apply(PendingWrite& pending, Transaction& transaction) {
  const StoreWrite& write = pending.write;
  if (auto formed = CheckForm(write); !formed) {
    pending.result = std::unexpected(formed.error());
    return {};
  }
  const AutoReset reset(find_);
  find_.BindText(1, write.key.resource).BindText(2, write.key.ns).BindText(3, write.key.name);
  const Result<bool> exists = find_.Step();
  if (!exists) return std::unexpected(exists.error());
  const auto expected = CheckExpected(write, *exists ? std::optional(find_.Int(0)) : std::nullopt);
  if (!expected) {
    pending.result = std::unexpected(expected.error());
    return {};
  }

  const std::uint64_t revision = transaction.newest + 1;
  keep_.Bind(1, revision).BindText(2, write.key.resource).BindText(3, write.key.ns);
  keep_.BindText(4, write.key.name).Bind(5, write.value ? 0 : 1).Bind(6, write.expected);
  StoreValue previous;
  if (*exists) {
    const Sealing::Encoded old{find_.Int(1) != 0, find_.Text(2)};
    Result<StoreValue> decoded = sealing_.Decode(write.key, old);
    if (!decoded) {
      keep_.Reset();
      pending.result = std::unexpected(decoded.error());
      return {};
    }
    previous = std::move(*decoded);
    keep_.Bind(7, old.sealed ? 1 : 0).BindBlob(8, old.bytes);  // as it is, not sealed anew
  } else {
    keep_.Bind(7, 0).BindNull(8);
  }
  if (auto kept = keep_.Run(); !kept) return kept;
  find_.Reset();  // before what it stands on changes
  if (auto replaced = Replace(write, revision); !replaced) return replaced;

  transaction.newest = revision;
  transaction.changes.push_back(
      std::make_shared<const StoreChange>(StoreChange{.key = write.key,
                                                      .revision = revision,
                                                      .deleted = !write.value,
                                                      .value = write.value ? write.value : previous,
                                                      .previous = previous,
                                                      .previous_revision = write.expected}));
  pending.result = revision;
  return {};
}

Result<void> SqliteWriter::Replace(const StoreWrite& write, std::uint64_t revision) {
  Statement& statement = write.value ? put_ : remove_;
  statement.BindText(1, write.key.resource).BindText(2, write.key.ns).BindText(3, write.key.name);
  if (!write.value) return statement.Run();
  std::string buffer;
  const Sealing::Encoded encoded = sealing_.Encode(write.key, *write.value, buffer);
  statement.Bind(4, revision).Bind(5, encoded.sealed ? 1 : 0).BindBlob(6, encoded.bytes);
  return statement.Run();
}

Result<void> SqliteWriter::Trim(Transaction& transaction) {
  // What this transaction wrote is not of the last mark's time when it has a mark of its own.
  const std::uint64_t known = transaction.mark ? bounds_.newest : transaction.newest;
  const std::uint64_t due = retention_.Removable(known, clock_.WallNow());
  if (due < transaction.removed + kTrimFrom) return {};
  const std::uint64_t step = kTrimStep + transaction.changes.size();
  const std::uint64_t through = std::min(due, transaction.removed + step);
  if (auto trimmed = trim_.Bind(1, through).Run(); !trimmed) return trimmed;
  transaction.removed = through;
  return trim_marks_.Bind(1, retention_.FirstUseful(through)).Run();
}

Result<void> SqliteWriter::End(Result<void> done, const Transaction& transaction) {
  if (done) done = database_->Exec("COMMIT");
  if (!done) {
    // Most errors end the transaction already.
    if (database_->InTransaction()) static_cast<void>(database_->Exec("ROLLBACK"));
    return done;
  }
  bounds_ = {.removed = transaction.removed, .newest = transaction.newest};
  if (transaction.mark) retention_.Add(*transaction.mark);
  retention_.Forget(bounds_.removed);
  tail_.RemoveThrough(bounds_.removed);  // one answer, wherever it is read from
  return done;
}

// Each of the many writes that fail on a full disk answers its caller; the log has two lines.
void SqliteWriter::Report(const Result<void>& committed) {
  if (failing_ == !committed) return;
  failing_ = !committed;
  if (failing_) {
    runtime::Log(runtime::LogLevel::kError, "Store cannot write", {{"error", committed.error()}});
  } else {
    runtime::Log(runtime::LogLevel::kInfo, "Store writes again", {{"path", database_->path()}});
  }
}

// Nobody waits for an answer here. What cannot be copied now (a reader needs the old pages, the
// disk is full) stays in the log, and is copied after a later commit.
void SqliteWriter::ShortenLog() {
  const int pages = database_->wal_pages();
  if (pages < log_pages_) checkpoint_at_ = kCheckpointPages;  // it began anew
  log_pages_ = pages;
  if (pages < checkpoint_at_) return;
  static_cast<void>(database_->Checkpoint(pages >= kLongLogPages));
  checkpoint_at_ = pages + kCheckpointPages;
}

std::optional<milliseconds> SqliteWriter::Upkeep(bool idle) {
  ShortenLog();
  const api::Time now = clock_.WallNow();
  if (retention_.Removable(bounds_.newest, now) < bounds_.removed + kTrimFrom) {
    return retention_.Due(bounds_.removed, bounds_.newest, now);
  }
  if (idle) {
    Transaction transaction{.newest = bounds_.newest, .removed = bounds_.removed};
    Result<void> trimmed = database_->Exec("BEGIN IMMEDIATE");
    if (trimmed) trimmed = Trim(transaction);
    if (!End(std::move(trimmed), transaction)) return std::chrono::minutes(1);
  }
  return milliseconds(0);
}

}  // namespace ballast::store
