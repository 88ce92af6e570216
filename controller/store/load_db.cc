#include "controller/store/load_db.h"

#include <type_traits>

#include "controller/runtime/log.h"
#include "controller/store/load_file.h"
#include "controller/store/load_runs.h"

namespace ballast::store {
namespace {

using reconcilers::DecisionRow;
using reconcilers::LoadSample;

constexpr int kMaxWalPages = 1000;
constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kCleanEvery = 60 * kMinute;

std::uint64_t Nanos(api::Time time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

std::int64_t Newest(const LoadDb::Samples& samples) {
  std::int64_t newest = 0;
  for (const auto& [app, sample] : samples) newest = std::max(newest, sample.second);
  return newest;
}

api::Time TimeOf(std::uint64_t nanos) {
  return api::Time(std::chrono::duration_cast<api::Time::duration>(
      std::chrono::nanoseconds(static_cast<std::int64_t>(nanos))));
}

}  // namespace

struct LoadDb::File {
  std::unique_ptr<Database> database;
  std::map<api::ObjectKey, std::uint64_t> ids;
  LoadRuns seconds{1, kSecondsKept};
  LoadRuns minutes{kMinute, kMinutesKept* kMinute};
  Statement find, insert, get_state, put_state, list, add, change, cut;
  std::int64_t cleaned_at = 0;  // when minutes were last looked through for old ones

  Result<void> Prepare();
  // 0: it has none.
  Result<std::uint64_t> IdOf(const api::ObjectKey& key, bool make);
  Result<void> Append(LoadRuns& runs, const Samples& samples);
  Result<void> CleanMinutes(std::int64_t newest);
  Result<void> Forget(std::uint64_t id);
};

Result<void> LoadDb::File::Prepare() {
  const std::pair<Statement*, const char*> all[] = {
      {&find, "SELECT id FROM objects WHERE kind=? AND ns=? AND name=?"},
      {&insert, "INSERT INTO objects(kind, ns, name) VALUES(?,?,?) RETURNING id"},
      {&get_state, "SELECT json FROM states WHERE object=?"},
      {&put_state, "REPLACE INTO states(object, json) VALUES(?,?)"},
      {&list,
       "SELECT id, first, last, count, json FROM decisions WHERE object=? ORDER BY id DESC"
       " LIMIT ?"},
      {&add,
       "INSERT INTO decisions(object, first, last, count, json) VALUES(?,?,?,?,?) RETURNING id"},
      {&change, "UPDATE decisions SET first=?, last=?, count=?, json=? WHERE id=? AND object=?"},
      {&cut,
       "DELETE FROM decisions WHERE object=?1 AND id <= (SELECT id FROM decisions WHERE object=?1"
       " ORDER BY id DESC LIMIT 1 OFFSET ?2)"}};
  for (const auto& [statement, sql] : all) {
    auto prepared = database->Prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  if (auto prepared = seconds.Prepare(*database, "seconds"); !prepared) return prepared;
  return minutes.Prepare(*database, "minutes");
}

Result<std::uint64_t> LoadDb::File::IdOf(const api::ObjectKey& key, bool make) {
  if (const auto known = ids.find(key); known != ids.end()) return known->second;
  for (Statement* statement : {&find, &insert}) {
    const AutoReset reset(*statement);
    statement->BindText(1, key.kind).BindText(2, key.ns).BindText(3, key.name);
    const Result<bool> row = statement->Step();
    if (!row) return std::unexpected(row.error());
    if (*row) return ids[key] = statement->Int(0);
    if (!make) break;
  }
  return 0;
}

Result<void> LoadDb::File::Append(LoadRuns& runs, const Samples& samples) {
  std::map<api::ObjectKey, std::vector<const LoadSample*>> by_app;
  for (const auto& [app, sample] : samples) by_app[app].push_back(&sample);
  for (const auto& [app, list_of_app] : by_app) {
    const auto id = IdOf(app, true);
    if (!id) return std::unexpected(id.error());
    if (auto done = runs.Append(*id, list_of_app); !done) return done;
  }
  return {};
}

// Seconds are few; of minutes there are ten thousand for each web app: seldom.
Result<void> LoadDb::File::CleanMinutes(std::int64_t newest) {
  if (newest > cleaned_at && newest - cleaned_at < kCleanEvery) return {};
  cleaned_at = newest;
  ids.clear();
  if (auto done = minutes.Clean(newest); !done) return done;
  return database->Exec(
      "DELETE FROM objects WHERE id NOT IN (SELECT object FROM seconds UNION SELECT object FROM "
      "minutes UNION SELECT object FROM states UNION SELECT object FROM decisions)");
}

Result<void> LoadDb::File::Forget(std::uint64_t id) {
  for (const char* table : {"seconds", "minutes", "states", "decisions"}) {
    const auto done = database->Exec(std::string("DELETE FROM ").append(table) +
                                     " WHERE object=" + std::to_string(id));
    if (!done) return done;
  }
  return database->Exec("DELETE FROM objects WHERE id=" + std::to_string(id));
}

LoadDb::LoadDb(std::string path, const reconcilers::Clock& clock)
    : path_(std::move(path)), clock_(clock) {
  const std::lock_guard lock(mutex_);
  static_cast<void>(Opened());  // what is wrong is told, and tried again
}

LoadDb::~LoadDb() = default;

Result<LoadDb::File*> LoadDb::Opened() const {
  if (file_) {
    if (!file_->database->damaged() && file_->database->CheckInPlace()) return file_.get();
    file_.reset();
    try_again_at_ = {};
  }
  if (problem_ && clock_.Now() < try_again_at_) return std::unexpected(*problem_);
  auto file = std::make_unique<File>();
  auto opened = OpenLoadFile(path_);
  Result<void> ready;
  if (opened) {
    file->database = std::move(*opened);
    ready = file->Prepare();
  } else {
    ready = std::unexpected(opened.error());
  }
  if (!ready) {
    if (!problem_) {
      runtime::Log(runtime::LogLevel::kWarning,
                   "Loads and decisions are not kept over restarts for now; tried again soon",
                   {{"error", ready.error()}});
    }
    problem_ = ready.error();
    try_again_at_ = clock_.Now() + kTryAgain;
    return std::unexpected(*problem_);
  }
  problem_.reset();
  file_ = std::move(file);
  return file_.get();
}

template <typename Work>
auto LoadDb::With(Access access, const Work& work) const -> decltype(work(std::declval<File&>())) {
  const std::lock_guard lock(mutex_);
  const Result<File*> opened = Opened();
  if (!opened) return std::unexpected(opened.error());
  File& file = **opened;
  if (access == Access::kRead) return work(file);
  if (auto begun = file.database->Exec("BEGIN IMMEDIATE"); !begun) {
    return std::unexpected(begun.error());
  }
  auto result = work(file);
  Result<void> ended = file.database->Exec(result ? "COMMIT" : "ROLLBACK");
  if (!result || !ended) {
    if (file.database->InTransaction()) static_cast<void>(file.database->Exec("ROLLBACK"));
    file.ids.clear();  // some may have been made in it
    if (result) return std::unexpected(ended.error());
    return result;
  }
  if (file.database->wal_pages() > kMaxWalPages) {
    static_cast<void>(file.database->Checkpoint(false));
  }
  return result;
}

Result<std::vector<LoadSample>> LoadDb::Seconds(const api::ObjectKey& app,
                                                std::int64_t after) const {
  return With(Access::kRead, [&](File& file) -> Result<std::vector<LoadSample>> {
    const auto id = file.IdOf(app, false);
    if (!id) return std::unexpected(id.error());
    return file.seconds.Read(*id, after);
  });
}

Result<std::vector<LoadSample>> LoadDb::Minutes(const api::ObjectKey& app,
                                                std::int64_t after) const {
  return With(Access::kRead, [&](File& file) -> Result<std::vector<LoadSample>> {
    const auto id = file.IdOf(app, false);
    if (!id) return std::unexpected(id.error());
    return file.minutes.Read(*id, after);
  });
}

Result<void> LoadDb::Append(const Samples& seconds, const Samples& minutes) {
  if (seconds.empty() && minutes.empty()) return {};
  return With(Access::kWrite, [&](File& file) -> Result<void> {
    if (auto done = file.Append(file.seconds, seconds); !done) return done;
    if (auto done = file.Append(file.minutes, minutes); !done) return done;
    if (!seconds.empty()) {
      if (auto done = file.seconds.Clean(Newest(seconds)); !done) return done;
    }
    return minutes.empty() ? Result<void>{} : file.CleanMinutes(Newest(minutes));
  });
}

Result<std::string> LoadDb::LoadState(const api::ObjectKey& autoscaler) const {
  return With(Access::kRead, [&](File& file) -> Result<std::string> {
    const auto id = file.IdOf(autoscaler, false);
    if (!id) return std::unexpected(id.error());
    const AutoReset reset(file.get_state);
    const Result<bool> row = file.get_state.Bind(1, *id).Step();
    if (!row) return std::unexpected(row.error());
    return *row ? std::string(file.get_state.Text(0)) : std::string();
  });
}

Result<void> LoadDb::SaveState(const api::ObjectKey& autoscaler, const std::string& json) {
  return With(Access::kWrite, [&](File& file) -> Result<void> {
    const auto id = file.IdOf(autoscaler, true);
    if (!id) return std::unexpected(id.error());
    return file.put_state.Bind(1, *id).BindText(2, json).Run();
  });
}

Result<std::vector<DecisionRow>> LoadDb::Decisions(const api::ObjectKey& autoscaler,
                                                   std::size_t limit) const {
  return With(Access::kRead, [&](File& file) -> Result<std::vector<DecisionRow>> {
    std::vector<DecisionRow> rows;
    const auto id = file.IdOf(autoscaler, false);
    if (!id) return std::unexpected(id.error());
    const AutoReset reset(file.list);
    file.list.Bind(1, *id).Bind(2, std::min<std::uint64_t>(limit, kDecisionsKept));
    while (true) {
      const Result<bool> row = file.list.Step();
      if (!row) return std::unexpected(row.error());
      if (!*row) return rows;
      rows.push_back({.id = static_cast<std::int64_t>(file.list.Int(0)),
                      .first = TimeOf(file.list.Int(1)),
                      .last = TimeOf(file.list.Int(2)),
                      .count = static_cast<std::int64_t>(file.list.Int(3)),
                      .json = std::string(file.list.Text(4))});
    }
  });
}

Result<void> LoadDb::SaveDecision(const api::ObjectKey& autoscaler, DecisionRow& row) {
  const auto saved = With(Access::kWrite, [&](File& file) -> Result<std::uint64_t> {
    const auto object = file.IdOf(autoscaler, true);
    if (!object) return std::unexpected(object.error());
    const auto id = static_cast<std::uint64_t>(row.id);
    const auto count = static_cast<std::uint64_t>(row.count);
    if (row.id > 0) {
      file.change.Bind(1, Nanos(row.first)).Bind(2, Nanos(row.last)).Bind(3, count);
      file.change.BindText(4, row.json).Bind(5, id).Bind(6, *object);
      if (auto changed = file.change.Run(); !changed) return std::unexpected(changed.error());
      if (file.database->Changes() > 0) return id;
    }
    file.add.Bind(1, *object).Bind(2, Nanos(row.first)).Bind(3, Nanos(row.last)).Bind(4, count);
    const AutoReset reset(file.add);
    const Result<bool> added = file.add.BindText(5, row.json).Step();
    if (!added) return std::unexpected(added.error());
    const std::uint64_t new_id = file.add.Int(0);
    file.cut.Bind(1, *object).Bind(2, kDecisionsKept);
    if (auto done = file.cut.Run(); !done) return std::unexpected(done.error());
    return new_id;
  });
  if (!saved) return std::unexpected(saved.error());
  row.id = static_cast<std::int64_t>(*saved);
  return {};
}

Result<void> LoadDb::Forget(const api::ObjectKey& key) {
  return With(Access::kWrite, [&](File& file) -> Result<void> {
    const auto id = file.IdOf(key, false);
    if (!id) return std::unexpected(id.error());
    file.ids.erase(key);
    return *id == 0 ? Result<void>{} : file.Forget(*id);
  });
}

}  // namespace ballast::store
