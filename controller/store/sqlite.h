// SQLite, as little of it as the store needs: connections and prepared statements that clean up
// after themselves, and its errors as Status. A connection and its statements belong to one thread
// at a time. sqlite3.h stays in sqlite.cc and sqlite_backup.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "api/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ballast::store {

class Database;

// Bind, Step until it says false, read the columns of each row; Reset before the next use. Texts
// and blobs are not copied: they must stay until the Reset, and those of a row until the next Step.
class Statement {
 public:
  Statement() = default;

  Statement& Bind(int index, std::uint64_t value);
  Statement& BindReal(int index, double value);
  Statement& BindText(int index, std::string_view value);
  Statement& BindBlob(int index, std::string_view value);
  Statement& BindNull(int index);

  [[nodiscard]] Result<bool> Step();  // true: a row is there
  Result<void> Run();                 // steps to the end, then resets
  void Reset();

  [[nodiscard]] std::uint64_t Int(int column) const;
  [[nodiscard]] double Real(int column) const;
  [[nodiscard]] std::string_view Text(int column) const;  // a blob as well
  [[nodiscard]] bool IsNull(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(const Database* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  const Database* database_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;  // the first error of a Bind, told by Step
};

// Resets a statement where a block ends, however it ends.
class AutoReset {
 public:
  explicit AutoReset(Statement& statement) : statement_(statement) {}
  ~AutoReset() { statement_.Reset(); }
  AutoReset(const AutoReset&) = delete;
  AutoReset& operator=(const AutoReset&) = delete;

 private:
  Statement& statement_;
};

class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly, kCreate };

  Database() = default;
  // With the settings that every connection of ours has.
  static Result<std::unique_ptr<Database>> Open(const std::string& path, Mode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<void> Exec(const std::string& sql);
  Result<Statement> Prepare(std::string_view sql);  // for as long as the connection
  // The first column of the first row; "" without a row.
  Result<std::string> QueryText(const std::string& sql);
  Result<std::uint64_t> QueryInt(const std::string& sql);

  [[nodiscard]] bool InTransaction() const;
  [[nodiscard]] std::int64_t Changes() const;  // rows that the last statement changed
  [[nodiscard]] bool ReadOnly() const;
  // Copies what is committed in the write-ahead log into the database file. With `truncate` waits
  // a moment for readers, and empties the log.
  Result<void> Checkpoint(bool truncate);
  // FailedPrecondition when the file is no longer where it was opened: what is written to it now
  // would be gone with the next start.
  [[nodiscard]] Result<void> CheckInPlace() const;
  // How many pages the write-ahead log had after the last commit of this connection.
  [[nodiscard]] int wal_pages() const { return wal_pages_; }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] sqlite3* handle() const { return handle_; }
  // What a code of SQLite's means, for a person: what failed and what to do next.
  [[nodiscard]] std::unexpected<Status> Failure(int code) const;
  [[nodiscard]] std::unexpected<Status> Damaged(std::string_view details) const;
  // Was it found to be since it was opened?
  [[nodiscard]] bool damaged() const { return damaged_; }

 private:
  sqlite3* handle_ = nullptr;
  std::string path_;
  int wal_pages_ = 0;
  mutable bool damaged_ = false;
};

}  // namespace ballast::store
