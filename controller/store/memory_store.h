// The store in memory alone, for tests and for what may be lost with the process: same behaviour as
// SqliteStore (tests/contract/store), nothing on the disk. Owner: who makes it. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "controller/store/change_log.h"
#include "controller/store/commit_queue.h"
#include "controller/store/retention.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/store.h"

namespace ballast::store {

class MemoryStore final : public reconcilers::Store, private Committer {
 public:
  // Revisions begin after `first`: a store that is made anew at each start must not give those of
  // its predecessor, or a watch would go on in the wrong history.
  explicit MemoryStore(const reconcilers::Clock& clock, HistoryLimits limits = {},
                       std::uint64_t first = 0);
  ~MemoryStore() override { queue_.Close(); }

  void Submit(reconcilers::StoreWrite write, Done done) override;
  Result<reconcilers::StoredObject> Get(const reconcilers::StoreKey& key) override;
  Result<reconcilers::ListPage> List(const reconcilers::ListRequest& request) override;
  Result<reconcilers::ChangePage> ReadChanges(const std::string& resource, std::uint64_t after,
                                              std::size_t limit) override;
  [[nodiscard]] reconcilers::Subscription Subscribe(
      std::function<void(std::uint64_t)> callback) override;
  [[nodiscard]] std::uint64_t Revision() const override;
  Result<void> Backup(const std::string& path) override;
  void Close() override { queue_.Close(); }

 private:
  struct Version {
    std::uint64_t revision = 0;
    reconcilers::StoreValue value;
  };
  using Objects = std::map<reconcilers::StoreKey, Version>;

  std::optional<std::uint64_t> Commit(std::span<PendingWrite> batch) override;
  Result<std::uint64_t> Apply(const reconcilers::StoreWrite& write);
  [[nodiscard]] Objects AsOf(const std::string& resource, std::uint64_t revision) const;

  const reconcilers::Clock& clock_;
  mutable std::mutex mutex_;
  Objects objects_;
  ChangeLog history_;
  Retention retention_;
  std::uint64_t revision_;
  CommitQueue queue_{*this};  // last: its thread uses the rest
};

}  // namespace ballast::store
