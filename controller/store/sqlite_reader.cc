#include "controller/store/sqlite_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "controller/store/change_log.h"
#include "controller/store/check_write.h"

namespace ballast::store {
namespace {

using reconcilers::ChangePage;
using reconcilers::ListPage;
using reconcilers::ListRequest;
using reconcilers::StoreChange;
using reconcilers::StoredObject;
using reconcilers::StoreKey;
using reconcilers::StoreValue;

// Bounds what one call of ReadChanges costs where other resources change much.
constexpr std::uint64_t kScan = 2048;

// What existed at revision ?1: what was not written since, and what the first write since then
// replaced, which is the one of a revision after ?1 that replaced one up to ?1. `+` keeps SQLite
// from using the index on `previous`, which knows nothing of revisions.
std::string ListSql(const std::string& range) {
  return "SELECT ns, name, revision, sealed, value FROM objects"
         " WHERE resource=?2 AND " +
         range +
         " AND revision<=?1"
         " UNION ALL "
         "SELECT ns, name, previous, sealed, value FROM history"
         " WHERE revision>?1 AND +previous BETWEEN 1 AND ?1 AND resource=?2 AND " +
         range + " ORDER BY 1, 2 LIMIT ?3";
}

// One committed state for several statements. Ends with the block.
class Snapshot {
 public:
  static Result<Snapshot> Begin(Database& database) {
    if (auto begun = database.Exec("BEGIN"); !begun) return std::unexpected(begun.error());
    return Snapshot(database);
  }
  ~Snapshot() {
    if (database_ != nullptr) static_cast<void>(database_->Exec("COMMIT"));
  }
  Snapshot(Snapshot&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Snapshot& operator=(Snapshot&&) = delete;

 private:
  explicit Snapshot(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace

Result<std::unique_ptr<SqliteReader>> SqliteReader::Open(const std::string& path,
                                                         const Sealing& sealing) {
  auto database = Database::Open(path, Database::Mode::kReadOnly);
  if (!database) return std::unexpected(database.error());
  std::unique_ptr<SqliteReader> reader(new SqliteReader(std::move(*database), sealing));
  if (auto prepared = reader->Prepare(); !prepared) return std::unexpected(prepared.error());
  return reader;
}

Result<void> SqliteReader::Prepare() {
  const std::pair<Statement*, std::string> statements[] = {
      {&bounds_, kBoundsSql},
      {&get_,
       "SELECT revision, sealed, value FROM objects WHERE resource=?1 AND ns=?2 AND name=?3"},
      {&list_all_, ListSql("(ns, name)>(?4, ?5)")},
      {&list_namespace_, ListSql("ns=?4 AND name>?5")},
      {&changes_,
       "SELECT revision, resource, ns, name, deleted, previous, sealed, value FROM history"
       " WHERE revision>?1 ORDER BY revision LIMIT ?2"},
      {&replaced_,
       "SELECT sealed, value FROM history WHERE previous=?1 AND previous>0"
       " UNION ALL SELECT sealed, value FROM objects"
       " WHERE resource=?2 AND ns=?3 AND name=?4 AND revision=?1"}};
  for (const auto& [statement, sql] : statements) {
    Result<Statement> prepared = database_->Prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

Result<Bounds> SqliteReader::ReadBounds() { return store::ReadBounds(bounds_); }

Result<StoredObject> SqliteReader::Get(const StoreKey& key) {
  const AutoReset reset(get_);
  get_.BindText(1, key.resource).BindText(2, key.ns).BindText(3, key.name);
  const Result<bool> row = get_.Step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return MissingObject(key);
  Result<StoreValue> value = sealing_.Decode(key, {get_.Int(1) != 0, get_.Text(2)});
  if (!value) return std::unexpected(value.error());
  return StoredObject{key, get_.Int(0), std::move(*value)};
}

Result<ListPage> SqliteReader::List(const ListRequest& request) {
  const Result<Snapshot> snapshot = Snapshot::Begin(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  return ListNow(request);
}

Result<ListPage> SqliteReader::ListNow(const ListRequest& request) {
  const Result<Bounds> bounds = ReadBounds();
  if (!bounds) return std::unexpected(bounds.error());
  const std::uint64_t revision = request.at_revision > 0 ? request.at_revision : bounds->newest;
  if (auto kept = CheckRetained(revision, bounds->removed, bounds->newest); !kept) {
    return std::unexpected(kept.error());
  }
  ListPage page{.revision = revision};
  const bool whole = request.ns.empty();
  StoreKey start = request.start_after.value_or(StoreKey{});
  if (!whole && start.ns != request.ns) {
    if (start.ns > request.ns) return page;
    start.name.clear();
  }
  constexpr std::size_t kAll = std::numeric_limits<std::int32_t>::max();
  const std::size_t limit = request.limit > 0 ? std::min(request.limit, kAll) : kAll;
  Statement& list = whole ? list_all_ : list_namespace_;
  const AutoReset reset(list);
  list.Bind(1, revision).BindText(2, request.resource).Bind(3, limit + 1);
  list.BindText(4, whole ? start.ns : request.ns).BindText(5, start.name);
  while (true) {
    const Result<bool> row = list.Step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return page;
    if (page.items.size() == limit) {
      page.more = true;
      return page;
    }
    StoredObject object{{request.resource, std::string(list.Text(0)), std::string(list.Text(1))},
                        list.Int(2),
                        nullptr};
    Result<StoreValue> value = sealing_.Decode(object.key, {list.Int(3) != 0, list.Text(4)});
    if (!value) return std::unexpected(value.error());
    object.value = std::move(*value);
    page.items.push_back(std::move(object));
  }
}

Result<ChangePage> SqliteReader::ReadChanges(const std::string& resource, std::uint64_t after,
                                             std::size_t limit) {
  const Result<Snapshot> snapshot = Snapshot::Begin(*database_);
  if (!snapshot) return std::unexpected(snapshot.error());
  return ChangesNow(resource, after, limit);
}

Result<ChangePage> SqliteReader::ChangesNow(const std::string& resource, std::uint64_t after,
                                            std::size_t limit) {
  const Result<Bounds> bounds = ReadBounds();
  if (!bounds) return std::unexpected(bounds.error());
  if (auto kept = CheckRetained(after, bounds->removed, bounds->newest); !kept) {
    return std::unexpected(kept.error());
  }
  PageBuilder page(limit);
  page.Pass(after);
  const AutoReset reset(changes_);
  changes_.Bind(1, after).Bind(2, kScan);
  while (!page.full()) {
    const Result<bool> row = changes_.Step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    if (changes_.Text(1) != resource) {
      page.Pass(changes_.Int(0));
      continue;
    }
    auto change = DecodeChange();
    if (!change) return std::unexpected(change.error());
    page.Add(std::move(*change));
  }
  return page.Take();
}

Result<std::shared_ptr<const StoreChange>> SqliteReader::DecodeChange() {
  StoreChange change{.key = {std::string(changes_.Text(1)), std::string(changes_.Text(2)),
                             std::string(changes_.Text(3))},
                     .revision = changes_.Int(0),
                     .deleted = changes_.Int(4) != 0,
                     .previous_revision = changes_.Int(5)};
  if (change.previous_revision > 0) {
    Result<StoreValue> previous =
        sealing_.Decode(change.key, {changes_.Int(6) != 0, changes_.Text(7)});
    if (!previous) return std::unexpected(previous.error());
    change.previous = std::move(*previous);
  }
  if (change.deleted) {
    change.value = change.previous;
  } else {
    Result<StoreValue> value = Brought(change.key, change.revision);
    if (!value) return std::unexpected(value.error());
    change.value = std::move(*value);
  }
  return std::make_shared<const StoreChange>(std::move(change));
}

Result<StoreValue> SqliteReader::Brought(const StoreKey& key, std::uint64_t revision) {
  const AutoReset reset(replaced_);
  replaced_.Bind(1, revision).BindText(2, key.resource).BindText(3, key.ns).BindText(4, key.name);
  const Result<bool> row = replaced_.Step();
  if (!row) return std::unexpected(row.error());
  if (!*row) {
    return database_->Damaged("what " + key.ToString() + " was at revision " +
                              std::to_string(revision) + " is missing");
  }
  return sealing_.Decode(key, {replaced_.Int(0) != 0, replaced_.Text(1)});
}

}  // namespace ballast::store
