// A few reading connections, opened when they are first needed. Owner: SqliteStore. Any thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/status.h"
#include "controller/store/sqlite_reader.h"

namespace ballast::store {

class ReaderPool {
 public:
  ReaderPool(std::string path, const Sealing& sealing)
      : path_(std::move(path)), sealing_(sealing) {}

  // Lends a connection to a call of it, and waits for one to be free first.
  template <typename F>
  auto Read(F&& call) -> decltype(call(std::declval<SqliteReader&>())) {
    auto reader = Take();
    if (!reader) return std::unexpected(reader.error());
    const Return give_back(*this, *reader);
    return call(**reader);
  }

 private:
  class Return {
   public:
    Return(ReaderPool& pool, std::unique_ptr<SqliteReader>& reader)
        : pool_(pool), reader_(reader) {}
    ~Return() { pool_.Give(std::move(reader_)); }
    Return(const Return&) = delete;
    Return& operator=(const Return&) = delete;

   private:
    ReaderPool& pool_;
    std::unique_ptr<SqliteReader>& reader_;
  };

  Result<std::unique_ptr<SqliteReader>> Take();
  void Give(std::unique_ptr<SqliteReader> reader);

  const std::string path_;
  const Sealing& sealing_;
  std::mutex mutex_;
  std::condition_variable given_;
  std::vector<std::unique_ptr<SqliteReader>> free_;
  std::size_t open_ = 0;
};

}  // namespace ballast::store
