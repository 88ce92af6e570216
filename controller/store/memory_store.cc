#include "controller/store/memory_store.h"

#include <memory>
#include <utility>

#include "controller/store/check_write.h"

namespace ballast::store {

using reconcilers::ChangePage;
using reconcilers::ListPage;
using reconcilers::ListRequest;
using reconcilers::StoreChange;
using reconcilers::StoredObject;
using reconcilers::StoreKey;
using reconcilers::StoreWrite;

MemoryStore::MemoryStore(const reconcilers::Clock& clock, HistoryLimits limits, std::uint64_t first)
    : clock_(clock), history_(first), retention_(limits), revision_(first) {}

void MemoryStore::Submit(StoreWrite write, Done done) {
  queue_.Submit(std::move(write), std::move(done));
}

std::optional<std::uint64_t> MemoryStore::Commit(std::span<PendingWrite> batch) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t before = revision_;
  const api::Time now = clock_.WallNow();
  if (const auto mark = retention_.WantsMark(before + 1, now)) retention_.Add(*mark);
  for (PendingWrite& pending : batch) pending.result = Apply(pending.write);
  history_.RemoveThrough(retention_.Removable(revision_, now));
  retention_.Forget(history_.before());
  return revision_ > before ? std::optional(revision_) : std::nullopt;
}

Result<std::uint64_t> MemoryStore::Apply(const StoreWrite& write) {
  if (auto formed = CheckForm(write); !formed) return std::unexpected(formed.error());
  const auto found = objects_.find(write.key);
  const bool exists = found != objects_.end();
  const auto expected =
      CheckExpected(write, exists ? std::optional(found->second.revision) : std::nullopt);
  if (!expected) return std::unexpected(expected.error());

  const reconcilers::StoreValue previous = exists ? found->second.value : nullptr;
  const ChangePtr change =
      std::make_shared<const StoreChange>(StoreChange{.key = write.key,
                                                      .revision = ++revision_,
                                                      .deleted = !write.value,
                                                      .value = write.value ? write.value : previous,
                                                      .previous = previous,
                                                      .previous_revision = write.expected});
  if (write.value) {
    objects_[write.key] = {revision_, write.value};
  } else {
    objects_.erase(found);
  }
  history_.Append({&change, 1});
  return revision_;
}

Result<StoredObject> MemoryStore::Get(const StoreKey& key) {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(key);
  if (found == objects_.end()) return MissingObject(key);
  return StoredObject{key, found->second.revision, found->second.value};
}

// What there is now, without what came after the revision and with what that replaced.
MemoryStore::Objects MemoryStore::AsOf(const std::string& resource, std::uint64_t revision) const {
  Objects objects;
  for (auto it = objects_.lower_bound({resource, "", ""});
       it != objects_.end() && it->first.resource == resource; ++it) {
    if (it->second.revision <= revision) objects.insert(*it);
  }
  history_.ForEachAfter(revision, [&](const StoreChange& change) {
    if (change.key.resource != resource || !change.previous) return;
    // Of several later changes, only the first replaced a version of that time.
    if (change.previous_revision > revision) return;
    objects[change.key] = {change.previous_revision, change.previous};
  });
  return objects;
}

Result<ListPage> MemoryStore::List(const ListRequest& request) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t revision = request.at_revision > 0 ? request.at_revision : revision_;
  if (auto kept = CheckRetained(revision, history_.before(), revision_); !kept) {
    return std::unexpected(kept.error());
  }
  ListPage page{.revision = revision};
  StoreKey start;  // no object has an empty name
  if (request.start_after)
    start = {request.resource, request.start_after->ns, request.start_after->name};
  for (const auto& [key, version] : AsOf(request.resource, revision)) {
    if (key <= start || (!request.ns.empty() && key.ns != request.ns)) continue;
    if (request.limit > 0 && page.items.size() == request.limit) {
      page.more = true;
      break;
    }
    page.items.push_back({key, version.revision, version.value});
  }
  return page;
}

Result<ChangePage> MemoryStore::ReadChanges(const std::string& resource, std::uint64_t after,
                                            std::size_t limit) {
  const std::lock_guard lock(mutex_);
  if (auto kept = CheckRetained(after, history_.before(), revision_); !kept) {
    return std::unexpected(kept.error());
  }
  return *history_.Read(resource, after, limit);
}

reconcilers::Subscription MemoryStore::Subscribe(std::function<void(std::uint64_t)> callback) {
  return queue_.Subscribe(std::move(callback));
}

std::uint64_t MemoryStore::Revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

Result<void> MemoryStore::Backup(const std::string& path) {
  return Error(Code::kFailedPrecondition,
               path + ": this store is in memory only, there is nothing to back up");
}

}  // namespace ballast::store
