#include "controller/store/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "controller/store/private_file.h"

namespace ballast::store {
namespace {

constexpr int kBusyMillis = 5000;
constexpr int kCheckpointBusyMillis = 100;

// Small caches: the kernel has the file in its own, and memory is what the controller promises.
constexpr char kSettings[] =
    "PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON; PRAGMA synchronous=FULL;"
    // What must not be read from the disk is sealed before it gets there.
    "PRAGMA secure_delete=OFF;"
    // A log that was long once (many writes during a backup) does not stay so.
    "PRAGMA journal_size_limit=16777216;";

// An empty view may have no address, which SQLite would take for NULL.
const char* Address(std::string_view text) { return text.empty() ? "" : text.data(); }

bool DiskIsFull(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

// The operating system's error behind one of SQLite's. A commit that cannot write its log does not
// set the connection's (SQLite 3.40); the log's file still knows.
int SystemErrno(sqlite3* handle, int code) {
  sqlite3_file* log = nullptr;
  int error = 0;
  if (code == SQLITE_IOERR_WRITE &&
      sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER,
                           static_cast<void*>(&log)) == SQLITE_OK &&
      log != nullptr && log->pMethods != nullptr &&
      log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK &&
      error != 0) {
    return error;
  }
  return sqlite3_system_errno(handle);
}

std::string Reason(int error) { return std::generic_category().message(error); }

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::Bind(int index, std::uint64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), index, static_cast<sqlite3_int64>(value));
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

Statement& Statement::BindReal(int index, double value) {
  const int code = sqlite3_bind_double(statement_.get(), index, value);
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

Statement& Statement::BindText(int index, std::string_view value) {
  const int code = sqlite3_bind_text64(statement_.get(), index, Address(value), value.size(),
                                       SQLITE_STATIC, SQLITE_UTF8);
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view value) {
  const int code =
      sqlite3_bind_blob64(statement_.get(), index, Address(value), value.size(), SQLITE_STATIC);
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

Statement& Statement::BindNull(int index) {
  const int code = sqlite3_bind_null(statement_.get(), index);
  if (bound_ == SQLITE_OK) bound_ = code;
  return *this;
}

Result<bool> Statement::Step() {
  if (bound_ != SQLITE_OK) return database_->Failure(bound_);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->Failure(code);
}

Result<void> Statement::Run() {
  const AutoReset reset(*this);
  while (true) {
    const Result<bool> row = Step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
  }
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bound_ = SQLITE_OK;
}

std::uint64_t Statement::Int(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
}

double Statement::Real(int column) const { return sqlite3_column_double(statement_.get(), column); }

std::string_view Statement::Text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string_view() : std::string_view(data, static_cast<size_t>(size));
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path, Mode mode) {
  auto database = std::make_unique<Database>();
  database->path_ = path;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    SQLITE_OPEN_PRIVATECACHE | (mode == Mode::kCreate ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &database->handle_, flags, nullptr);
  if (database->handle_ == nullptr) return Error(Code::kUnavailable, path + ": out of memory");
  if (code != SQLITE_OK) return database->Failure(code);
  sqlite3_busy_timeout(database->handle_, kBusyMillis);
  sqlite3_db_config(database->handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // Instead of SQLite's own checkpoints: its owner makes them when nobody waits for an answer.
  sqlite3_wal_hook(
      database->handle_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Database*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      database.get());
  if (auto set = database->Exec(kSettings); !set) return std::unexpected(set.error());
  if (mode == Mode::kReadOnly) {
    if (auto set = database->Exec("PRAGMA query_only=ON"); !set) {
      return std::unexpected(set.error());
    }
  }
  return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

Result<void> Database::Exec(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Failure(code);
  return {};
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return Failure(code);
  return Statement(this, statement);
}

Result<std::string> Database::QueryText(const std::string& sql) {
  auto statement = Prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const Result<bool> row = statement->Step();
  if (!row) return std::unexpected(row.error());
  return *row ? std::string(statement->Text(0)) : std::string();
}

Result<std::uint64_t> Database::QueryInt(const std::string& sql) {
  auto statement = Prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const Result<bool> row = statement->Step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->Int(0) : 0;
}

bool Database::InTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }
std::int64_t Database::Changes() const { return sqlite3_changes64(handle_); }
bool Database::ReadOnly() const { return sqlite3_db_readonly(handle_, "main") == 1; }

Result<void> Database::Checkpoint(bool truncate) {
  // Readers are short; a backup that is not must not hold up the writes that wait behind this.
  sqlite3_busy_timeout(handle_, kCheckpointBusyMillis);
  const int code = sqlite3_wal_checkpoint_v2(
      handle_, "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, nullptr,
      nullptr);
  sqlite3_busy_timeout(handle_, kBusyMillis);
  if (code != SQLITE_OK) return Failure(code);
  return {};
}

Result<void> Database::CheckInPlace() const {
  int moved = 0;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK ||
      moved == 0) {
    return {};
  }
  return Error(Code::kFailedPrecondition,
               path_ +
                   " was moved or removed while it was in use: nothing was written; put it "
                   "back, with the files named like it, and restart the controller");
}

std::unexpected<Status> Database::Failure(int code) const {
  const int error = SystemErrno(handle_, code);
  const int kind = code & 0xff;  // without its details
  if (kind == SQLITE_FULL || (kind == SQLITE_IOERR && DiskIsFull(error))) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("the disk that holds {} is full: nothing was written, and nothing "
                             "that was acknowledged is lost; free some space and try again",
                             path_));
  }
  if (kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) return Damaged(sqlite3_errmsg(handle_));
  if (kind == SQLITE_READONLY || (kind == SQLITE_CANTOPEN && error == EROFS)) {
    return Error(Code::kFailedPrecondition,
                 path_ +
                     " cannot be written, its disk or the file is read-only: make both "
                     "writable, or name another directory");
  }
  if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED) {
    return Error(Code::kUnavailable, path_ +
                                         " is locked by another process (a sqlite3 shell?): end "
                                         "it, and try again");
  }
  if (kind == SQLITE_CANTOPEN && error != 0) return SystemError("open", path_, error);
  if (kind == SQLITE_IOERR) {
    return Error(Code::kUnavailable,
                 fmt::format("the disk that holds {} reports an error ({}, SQLite {}); the "
                             "kernel's log says more",
                             path_, Reason(error), code));
  }
  if (kind == SQLITE_NOMEM) return Error(Code::kUnavailable, path_ + ": out of memory");
  return Error(Code::kInternal,
               fmt::format("{}: {} (SQLite {})", path_, sqlite3_errmsg(handle_), code));
}

std::unexpected<Status> Database::Damaged(std::string_view details) const {
  damaged_ = true;
  return Error(Code::kFailedPrecondition,
               fmt::format("{} is damaged ({}): stop the controller, move the file and those named "
                           "{}-wal and {}-shm away, put a backup (ballast backup) in its place, "
                           "and start it again; running web apps stay as they are meanwhile",
                           path_, details, path_, path_));
}

}  // namespace ballast::store
