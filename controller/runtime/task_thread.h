// Runs small tasks one after the other on a thread of its own, for those who must not do them where
// they are. Any thread may post.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace ballast::runtime {

class TaskThread {
 public:
  TaskThread();
  ~TaskThread();  // stops; what has not begun is dropped
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  void Post(std::function<void()> task);
  void Stop();

 private:
  void Loop(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any posted_cv_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace ballast::runtime
