#include "controller/store/reader_pool.h"

#include <utility>

namespace ballast::store {
namespace {

// Enough that a long list does not hold up the short reads; each has a cache of a megabyte.
constexpr std::size_t kMaxReaders = 3;

}  // namespace

Result<std::unique_ptr<SqliteReader>> ReaderPool::Take() {
  std::unique_lock lock(mutex_);
  given_.wait(lock, [this] { return !free_.empty() || open_ < kMaxReaders; });
  if (!free_.empty()) {
    std::unique_ptr<SqliteReader> reader = std::move(free_.back());
    free_.pop_back();
    return reader;
  }
  ++open_;
  lock.unlock();
  auto reader = SqliteReader::Open(path_, sealing_);
  if (!reader) {
    lock.lock();
    --open_;
    given_.notify_one();
  }
  return reader;
}

void ReaderPool::Give(std::unique_ptr<SqliteReader> reader) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(reader));
  given_.notify_one();
}

}  // namespace ballast::store
