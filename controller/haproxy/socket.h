// Unix stream sockets with deadlines, and HAProxy's two ways to talk over them: one command a
// connection, and many on a connection in `prompt` mode. One thread at a time each; no thread of
// its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/status.h"

namespace ballast::haproxy {

using Deadline = std::chrono::steady_clock::time_point;

// A connected socket. Every call gives up at the deadline with kTimeout; kUnavailable: nobody
// listens, or the other side has closed.
class UnixSocket {
 public:
  static Result<UnixSocket> Connect(const std::string& path, Deadline deadline);
  UnixSocket() = default;
  UnixSocket(UnixSocket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  UnixSocket& operator=(UnixSocket&& other) noexcept;
  ~UnixSocket() { Close(); }

  [[nodiscard]] bool open() const { return fd_ >= 0; }
  void Close();
  void HalfClose();

  // Writes `data` and meanwhile appends what arrives to `received`: two sides that only write would
  // wait for each other for ever.
  Result<void> Write(std::string_view data, std::string& received, Deadline deadline);
  // Appends at least one byte; false at the end of the stream.
  Result<bool> Read(std::string& received, Deadline deadline);

 private:
  explicit UnixSocket(int fd) : fd_(fd) {}
  Result<int> Poll(int events, Deadline deadline) const;
  int fd_ = -1;
};

// Sends one line and reads to the end of the stream.
enum class AfterSend { kHalfClose, kWait };  // `reload` ends the connection by itself
Result<std::string> OneShot(const std::string& path, std::string_view command, AfterSend after,
                            Deadline deadline);

// A connection that stays: it belongs to the worker it began with, also after a reload.
class PromptConnection {
 public:
  [[nodiscard]] bool open() const { return socket_.open(); }
  Result<void> Open(const std::string& path, Deadline deadline);
  void Close();
  // One reply each, without the closing empty line. After an error the connection is closed.
  Result<std::vector<std::string>> Run(const std::vector<std::string>& commands, Deadline deadline);

 private:
  Result<std::string> ReadReply(Deadline deadline);
  UnixSocket socket_;
  std::string buffer_;
};

}  // namespace ballast::haproxy
