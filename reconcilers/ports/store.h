// Port: the one place where objects are kept: desired state, status, secrets, events. Objects are
// opaque texts (the API layer's JSON). Implemented by controller/store: in memory for tests, SQLite
// for one controller; etcd fits behind it too. Owner: controller/cmd. Any thread may call anything
// here; nothing throws.
//
// One counter of revisions covers the whole store: every write that takes effect gets the next one.
// There are only compare-and-swap writes of single objects, so nobody overwrites what he has not
// seen. What a write was acknowledged for survives a crash and a power loss.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/status.h"

namespace ballast::reconcilers {

struct StoreKey {
  std::string resource;  // plural, as in a path: "webapps", "secrets"
  std::string ns;        // empty for cluster-scoped resources
  std::string name;

  [[nodiscard]] std::string ToString() const;  // "webapps default/shop"
  auto operator<=>(const StoreKey&) const = default;
};

// Immutable and shared: what a watch, a list and the store hold is one copy.
using StoreValue = std::shared_ptr<const std::string>;

struct StoredObject {
  StoreKey key;
  std::uint64_t revision = 0;  // of its last write: metadata.resourceVersion
  StoreValue value;
};

struct StoreWrite {
  StoreKey key;
  std::uint64_t expected = 0;  // the revision that must be there; 0: it must not exist
  StoreValue value;            // null: delete
};

struct ListRequest {
  std::string resource;
  std::string ns;                       // empty: all
  std::optional<StoreKey> start_after;  // the last key of the page before
  std::size_t limit = 0;                // 0: everything
  std::uint64_t at_revision = 0;        // as it was then; 0: as it is now
};

// What existed at one revision, sorted by namespace and name. The page after it is asked for with
// the last key and this revision, so that all pages show the same instant, and a watch from it sees
// exactly what came later. With at_revision 0 instead, later pages may be newer.
struct ListPage {
  std::vector<StoredObject> items;
  bool more = false;
  std::uint64_t revision = 0;
};

struct StoreChange {
  StoreKey key;
  std::uint64_t revision = 0;
  bool deleted = false;
  StoreValue value;     // of a delete: the last one
  StoreValue previous;  // null: it was created
  std::uint64_t previous_revision = 0;
};

struct ChangePage {
  std::vector<std::shared_ptr<const StoreChange>> items;  // ascending
  // Nothing of the resource up to here is missing: go on after this one. Advances also where the
  // resource did not change, so that a quiet watch does not expire.
  std::uint64_t through = 0;
};

// Ends when destroyed: then its callback is not running and never runs again (within the callback
// itself: after it returned). May outlive the store.
class Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::function<void()> cancel) : cancel_(std::move(cancel)) {}
  ~Subscription() { Reset(); }
  Subscription(Subscription&& other) noexcept : cancel_(std::exchange(other.cancel_, nullptr)) {}
  Subscription& operator=(Subscription&& other) noexcept;

  void Reset();

 private:
  std::function<void()> cancel_;
};

class Store {
 public:
  using Done = std::function<void(Result<std::uint64_t>)>;

  virtual ~Store() = default;

  // Writes soon, together with others (one sync of the disk for all that wait), and then calls
  // `done` once with the new revision: on the store's thread, where it must not block and thus not
  // call Commit or Close. Writes of one thread take effect in their order. AlreadyExists, NotFound
  // or Conflict (the message says which revision is there) when the object is not at `expected`;
  // FailedPrecondition when the disk is full, read-only or damaged: nothing was written, and trying
  // again later is safe. Unavailable when the store is closed or too many wait (then `done` is
  // called at once, on this thread), or when the disk reports an error (then a restart may find the
  // write all the same).
  virtual void Submit(StoreWrite write, Done done) = 0;
  // Submit, and waits for it.
  Result<std::uint64_t> Commit(StoreWrite write);

  virtual Result<StoredObject> Get(const StoreKey& key) = 0;  // NotFound

  // Expired when `at_revision` is no longer kept: list anew.
  virtual Result<ListPage> List(const ListRequest& request) = 0;

  // The changes of a resource after a revision, oldest first, at most `limit` and about a megabyte.
  // This is how watches read: each at its own pace, so a slow one costs nothing. Go on from
  // `through` until it is Revision(), also when a page is empty: one call looks at a bounded part
  // of the history only. Expired when the revision is no longer kept, or is newer than the store's
  // (it was replaced by another one): list again. Kept is what is younger than ten minutes, and at
  // least 10 000 changes, also across restarts.
  virtual Result<ChangePage> ReadChanges(const std::string& resource, std::uint64_t after,
                                         std::size_t limit) = 0;

  // Calls after commits with the newest revision, in order, on the store's thread: must not block.
  // One call may stand for many writes. Meant for a few; who has a thousand watches fans out.
  [[nodiscard]] virtual Subscription Subscribe(std::function<void(std::uint64_t revision)>) = 0;

  // The newest revision; 0 when nothing was ever written.
  [[nodiscard]] virtual std::uint64_t Revision() const = 0;

  // Writes a consistent copy to a file, while writes go on. It replaces an earlier file only when
  // it is complete. FailedPrecondition where an implementation has none.
  virtual Result<void> Backup(const std::string& path) = 0;

  // Completes what was submitted, refuses writes that come later; reads go on. Twice is harmless;
  // the destructor does it too.
  virtual void Close() = 0;
};

}  // namespace ballast::reconcilers
