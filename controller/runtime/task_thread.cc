#include "controller/runtime/task_thread.h"

#include <utility>

namespace ballast::runtime {

TaskThread::TaskThread() : thread_([this](const std::stop_token& stop) { Loop(stop); }) {}

TaskThread::~TaskThread() { Stop(); }

void TaskThread::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  posted_cv_.notify_one();
}

void TaskThread::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void TaskThread::Loop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (posted_cv_.wait(lock, stop, [this] { return !tasks_.empty(); })) {
    if (stop.stop_requested()) return;
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;  // what it holds goes before the lock is taken
    lock.lock();
  }
}

}  // namespace ballast::runtime
