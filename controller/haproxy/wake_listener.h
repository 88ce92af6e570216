// Hears from HAProxy that requests wait for a replica (reconcilers/haproxy/hold.h): a unix socket
// in the run directory of each instance, a line a message, the backend's name. It is a hint that
// saves a second: a message that is lost is found in the counters. Whoever is HAProxy's user can
// write there what he likes: only names are taken from it, and nobody is waited for.
//
// Owned by the data plane factory. Any thread; one thread of its own, from the first socket on.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "api/meta.h"
#include "controller/haproxy/directory.h"

namespace ballast::haproxy {

class WakeListener {
 public:
  // Called on the listener's thread, with the web app of the backend (which need not exist).
  using Held = std::function<void(const api::ObjectKey& app)>;

  explicit WakeListener(Held held);
  WakeListener(const WakeListener&) = delete;
  WakeListener& operator=(const WakeListener&) = delete;
  ~WakeListener();

  // Makes the socket, for `owner`, in an instance's run directory; one that is there is replaced.
  // Does nothing when it listens there already.
  Result<void> Listen(const std::string& run_dir, const Ownership& owner);
  void Close(const std::string& run_dir);

 private:
  struct Socket {
    FileDescriptor fd;
    std::uint64_t inode = 0;  // of its file
  };

  void Run(const std::stop_token& stop);
  void Interrupt();

  const Held held_;
  FileDescriptor interrupt_;  // an eventfd
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Socket>> sockets_;  // by run directory
  std::jthread thread_;
};

}  // namespace ballast::haproxy
