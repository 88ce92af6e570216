// A stream socket to a unix address whose blocking reads and writes obey a deadline and can be
// cancelled from another thread. Satisfies Beast's SyncReadStream and SyncWriteStream, so that
// Beast's http::read and http::write work on it: its own timeouts exist for asynchronous calls
// only. One thread at a time, except Cancel. Included by .cc files of this folder only.
#pragma once

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "api/status.h"
#include "controller/docker/deadline.h"

namespace ballast::docker {

// Interrupts a stream's waits, from any thread and for good.
class Canceller {
 public:
  Canceller();
  ~Canceller();
  Canceller(const Canceller&) = delete;
  Canceller& operator=(const Canceller&) = delete;

  void Cancel() noexcept;
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_.load(); }
  [[nodiscard]] int fd() const noexcept { return fd_; }  // readable once cancelled; -1: none left

 private:
  std::atomic<bool> cancelled_ = false;
  int fd_ = -1;
};

class UnixStream {
 public:
  // Every failure says what to do next. `canceller` may be null and must outlive the stream.
  [[nodiscard]] static Result<std::unique_ptr<UnixStream>> Connect(
      const std::string& path, std::chrono::milliseconds timeout, const Canceller* canceller);
  ~UnixStream();
  UnixStream(const UnixStream&) = delete;
  UnixStream& operator=(const UnixStream&) = delete;

  void SetDeadline(Deadline deadline) { deadline_ = deadline; }
  // Nothing unread and not closed by the other side, as an idle connection must be.
  [[nodiscard]] bool Quiet() const;
  [[nodiscard]] std::size_t bytes_read() const { return bytes_read_; }
  [[nodiscard]] std::size_t bytes_written() const { return bytes_written_; }
  void ResetCounters() { bytes_read_ = bytes_written_ = 0; }

  template <typename Buffers>
  std::size_t read_some(const Buffers& buffers, boost::system::error_code& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::mutable_buffer buffer(*it);
      if (buffer.size() > 0) return Read(buffer.data(), buffer.size(), error);
    }
    error = {};
    return 0;
  }
  template <typename Buffers>
  std::size_t read_some(const Buffers& buffers) {
    return Checked([&](auto& error) { return read_some(buffers, error); });
  }
  template <typename Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::const_buffer buffer(*it);
      if (buffer.size() > 0) return Write(buffer.data(), buffer.size(), error);
    }
    error = {};
    return 0;
  }
  template <typename Buffers>
  std::size_t write_some(const Buffers& buffers) {
    return Checked([&](auto& error) { return write_some(buffers, error); });
  }

 private:
  UnixStream(int fd, const Canceller* canceller) : fd_(fd), canceller_(canceller) {}

  std::size_t Read(void* data, std::size_t size, boost::system::error_code& error);
  std::size_t Write(const void* data, std::size_t size, boost::system::error_code& error);
  // 0 when it is ready, else an errno: ETIMEDOUT, ECANCELED ...
  [[nodiscard]] int Wait(bool to_write) const;

  // The throwing forms exist because Beast's concepts ask for them; nothing here calls them.
  template <typename Call>
  static std::size_t Checked(Call call) {
    boost::system::error_code error;
    const std::size_t bytes = call(error);
    if (error) throw boost::system::system_error(error);
    return bytes;
  }

  int fd_;
  const Canceller* canceller_;
  Deadline deadline_ = Deadline::Never();
  std::size_t bytes_read_ = 0;
  std::size_t bytes_written_ = 0;
};

}  // namespace ballast::docker
