// Reads the database over a connection of its own, beside the writer: each call sees one committed
// state. Owner: ReaderPool; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "api/status.h"
#include "controller/store/schema.h"
#include "controller/store/sealing.h"
#include "controller/store/sqlite.h"
#include "reconcilers/ports/store.h"

namespace ballast::store {

class SqliteReader {
 public:
  static Result<std::unique_ptr<SqliteReader>> Open(const std::string& path,
                                                    const Sealing& sealing);

  Result<reconcilers::StoredObject> Get(const reconcilers::StoreKey& key);
  Result<reconcilers::ListPage> List(const reconcilers::ListRequest& request);
  Result<reconcilers::ChangePage> ReadChanges(const std::string& resource, std::uint64_t after,
                                              std::size_t limit);
  Result<Bounds> ReadBounds();

 private:
  SqliteReader(std::unique_ptr<Database> database, const Sealing& sealing)
      : database_(std::move(database)), sealing_(sealing) {}
  Result<void> Prepare();
  Result<reconcilers::ListPage> ListNow(const reconcilers::ListRequest& request);
  Result<reconcilers::ChangePage> ChangesNow(const std::string& resource, std::uint64_t after,
                                             std::size_t limit);
  // The row of changes_ that it stands on.
  Result<std::shared_ptr<const reconcilers::StoreChange>> DecodeChange();
  // What the write of that revision brought.
  Result<reconcilers::StoreValue> Brought(const reconcilers::StoreKey& key, std::uint64_t revision);

  const std::unique_ptr<Database> database_;
  const Sealing& sealing_;
  Statement bounds_;
  Statement get_;
  Statement list_all_;
  Statement list_namespace_;
  Statement changes_;
  Statement replaced_;
};

}  // namespace ballast::store
