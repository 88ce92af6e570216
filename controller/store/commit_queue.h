// The one thread of a store that writes: takes everything that waits as one batch (group commit),
// answers each write, tells the subscribers. Owner: a store. Submit, Subscribe and Close on any
// thread; the Committer is called on the queue's own thread only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "api/status.h"
#include "controller/store/subscribers.h"
#include "reconcilers/ports/store.h"

namespace ballast::store {

struct PendingWrite {
  reconcilers::StoreWrite write;
  reconcilers::Store::Done done;
  Result<std::uint64_t> result = 0;  // the Committer's answer
};

// What a store does with its batches.
class Committer {
 public:
  virtual ~Committer() = default;
  // Carries out the batch in order, and sets each `result`. Returns the newest revision if there is
  // a new one.
  virtual std::optional<std::uint64_t> Commit(std::span<PendingWrite> batch) = 0;
  // Something short, after each batch was answered and (idle: nothing waits) when it asked for it.
  // Returns when it wants to be called again though nothing is written.
  virtual std::optional<std::chrono::milliseconds> Upkeep([[maybe_unused]] bool idle) {
    return std::nullopt;
  }
};

class CommitQueue {
 public:
  // Starts the thread. `committer` outlives the queue.
  explicit CommitQueue(Committer& committer);
  ~CommitQueue() { Close(); }
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  void Submit(reconcilers::StoreWrite write, reconcilers::Store::Done done);
  [[nodiscard]] reconcilers::Subscription Subscribe(Subscribers::Callback callback) {
    return subscribers_.Add(std::move(callback));
  }
  // Answers what waits, refuses what comes later, ends the thread. Not from a callback.
  void Close();

 private:
  void Run();
  std::vector<PendingWrite> Take();

  Committer& committer_;
  Subscribers subscribers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<PendingWrite> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool closing_ = false;
  std::mutex closing_mutex_;  // of two who close, the second waits for the first
  std::thread thread_;
};

}  // namespace ballast::store
