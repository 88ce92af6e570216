#include "controller/apiserver/http_threads.h"

namespace ballast::apiserver {

void Workers::Start() {
  for (std::size_t i = 0; i < count_; ++i) threads_.emplace_back([this] { Run(); });
}

void Workers::Post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void Workers::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    {
      Work work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
    }  // what it holds goes without the lock
    lock.lock();
  }
}

void Workers::Stop() {
  std::deque<Work> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(queue_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace ballast::apiserver
