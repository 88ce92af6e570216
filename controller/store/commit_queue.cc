#include "controller/store/commit_queue.h"

#include <pthread.h>

#include <iterator>
#include <utility>

#include "controller/store/check_write.h"

namespace ballast::store {
namespace {

using reconcilers::Store;
using reconcilers::StoreWrite;

// A disk that hangs must not fill the memory with writes that wait for it.
constexpr std::size_t kMaxWaiting = 8192;
constexpr std::size_t kMaxWaitingBytes = std::size_t{16} << 20;
// Bounds what one transaction keeps in memory and what the first of a batch waits for the last.
constexpr std::ptrdiff_t kMaxBatch = 256;

}  // namespace

CommitQueue::CommitQueue(Committer& committer) : committer_(committer), thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), "store");
}

void CommitQueue::Submit(StoreWrite write, Store::Done done) {
  const std::size_t bytes = SizeOf(write);
  Status refused;
  {
    const std::lock_guard lock(mutex_);
    if (closing_) {
      refused = Status{Code::kUnavailable, "the store is closed: the controller is shutting down"};
    } else if (waiting_.size() >= kMaxWaiting ||
               (!waiting_.empty() && waiting_bytes_ + bytes > kMaxWaitingBytes)) {
      refused = Status{Code::kUnavailable,
                       "too many writes wait for the disk already; try again in a moment"};
    } else {
      waiting_.push_back({std::move(write), std::move(done)});
      waiting_bytes_ += bytes;
      // Of many that arrive while a batch is under way, only the first has to wake the thread.
      if (waiting_.size() == 1) wake_.notify_one();
      return;
    }
  }
  done(std::unexpected(std::move(refused)));
}

void CommitQueue::Close() {
  const std::lock_guard closing(closing_mutex_);
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

std::vector<PendingWrite> CommitQueue::Take() {
  std::vector<PendingWrite> batch;
  if (std::ssize(waiting_) <= kMaxBatch) {
    batch.swap(waiting_);
    waiting_bytes_ = 0;
    return batch;
  }
  const auto end = waiting_.begin() + kMaxBatch;
  batch.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  for (const PendingWrite& taken : batch) waiting_bytes_ -= SizeOf(taken.write);
  return batch;
}

void CommitQueue::Run() {
  std::optional<std::chrono::milliseconds> pause;
  std::unique_lock lock(mutex_);
  while (true) {
    const auto ready = [this] { return closing_ || !waiting_.empty(); };
    if (pause) {
      wake_.wait_for(lock, *pause, ready);
    } else {
      wake_.wait(lock, ready);
    }
    if (closing_ && waiting_.empty()) return;
    std::vector<PendingWrite> batch = Take();
    lock.unlock();
    const bool idle = batch.empty();
    if (!idle) {
      const std::optional<std::uint64_t> revision = committer_.Commit(batch);
      for (PendingWrite& pending : batch) pending.done(std::move(pending.result));
      batch.clear();
      if (revision) subscribers_.Notify(*revision);
    }
    pause = committer_.Upkeep(idle);
    lock.lock();
  }
}

}  // namespace ballast::store
