// The server's threads and the ways between them: work for the few worker threads, and what they
// (and anybody else) have for the one thread that does input and output. Internal to apiserver.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace ballast::apiserver {

// Into the thread that does input and output, from any other. Outlives the server where somebody
// still holds a Respond or a `wake`; then it swallows what comes.
class Mailbox {
 public:
  explicit Mailbox(boost::asio::io_context& io) : io_(&io) {}

  template <typename Work>
  void Post(Work&& work) {
    const std::lock_guard lock(mutex_);
    if (io_ != nullptr) boost::asio::post(*io_, std::forward<Work>(work));
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    io_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* io_;
};

// A few threads that run one piece of work after the other. Any thread may post.
class Workers {
 public:
  using Work = std::move_only_function<void()>;

  explicit Workers(std::size_t count) : count_(count) {}
  ~Workers() { Stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void Start();
  void Post(Work work);
  // Waits for what runs; what has not begun is dropped, as is what comes later.
  void Stop();

 private:
  void Run();

  const std::size_t count_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ballast::apiserver
