#include "controller/docker/unix_stream.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace ballast::docker {
namespace {

boost::system::error_code FromErrno(int number) {
  return {number, boost::system::system_category()};
}

Status ConnectFailure(const std::string& path, int number) {
  const std::string what = fmt::format("cannot connect to Docker at {}", path);
  switch (number) {
    case ENOENT:
      return {Code::kUnavailable,
              what + ": no such file; is dockerd running? Start it with `systemctl start docker`"};
    case ECONNREFUSED:
    case ENOTSOCK:
      return {Code::kUnavailable,
              what +
                  ": nobody listens there; is dockerd running? Start it with `systemctl start "
                  "docker`"};
    case EACCES:
    case EPERM:
      return {Code::kPermissionDenied,
              what +
                  ": permission denied; run as root, or add the user to the group docker "
                  "(`usermod -aG docker USER`) and log in again"};
    case ETIMEDOUT:
    case EAGAIN:
      return {Code::kUnavailable, what + ": no answer; is dockerd overloaded or stopped?"};
    case ECANCELED:
      return {Code::kCancelled, what + ": cancelled"};
    default:
      return {Code::kUnavailable, what + ": " + std::generic_category().message(number)};
  }
}

// Waits until `fd` (none when negative) can be read or written, or for the canceller.
int PollBoth(int fd, bool to_write, const Canceller* canceller, int timeout_ms) {
  std::array<pollfd, 2> fds{to_write ? pollfd{fd, POLLOUT, 0} : pollfd{fd, POLLIN, 0},
                            pollfd{canceller == nullptr ? -1 : canceller->fd(), POLLIN, 0}};
  const int ready = poll(fds.data(), fds.size(), timeout_ms);
  if (canceller != nullptr && canceller->cancelled()) return ECANCELED;
  if (ready < 0) return errno;
  return ready == 0 ? ETIMEDOUT : 0;
}

}  // namespace

Canceller::Canceller() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Canceller::~Canceller() {
  if (fd_ >= 0) close(fd_);
}

void Canceller::Cancel() noexcept {
  cancelled_.store(true);
  const std::uint64_t one = 1;
  if (fd_ >= 0 && write(fd_, &one, sizeof one) < 0) {
    // The counter is full only if it was cancelled before; the waiter wakes anyway.
  }
}

Result<std::unique_ptr<UnixStream>> UnixStream::Connect(const std::string& path,
                                                        std::chrono::milliseconds timeout,
                                                        const Canceller* canceller) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path ||
      path.find('\0') != std::string::npos) {
    return Error(Code::kInvalidArgument,
                 fmt::format("the path of Docker's socket must have 1 to {} bytes",
                             sizeof address.sun_path - 1));
  }
  if (canceller != nullptr && canceller->fd() < 0) {
    return Error(Code::kUnavailable, "no file descriptor left; raise the limit (`ulimit -n`)");
  }
  std::memcpy(address.sun_path, path.data(), path.size());

  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return std::unexpected(ConnectFailure(path, errno));
  std::unique_ptr<UnixStream> stream(new UnixStream(fd, canceller));

  const Deadline deadline = Deadline::After(timeout);
  constexpr int kBacklogRetryMs = 5;
  while (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    // A unix socket whose backlog is full answers EAGAIN at once, and cannot be polled for room.
    const int number = errno;
    if (number != EAGAIN && number != EINTR) return std::unexpected(ConnectFailure(path, number));
    const int left = deadline.PollTimeout();
    if (left == 0) return std::unexpected(ConnectFailure(path, ETIMEDOUT));
    if (PollBoth(-1, false, canceller, std::min(left, kBacklogRetryMs)) == ECANCELED) {
      return std::unexpected(ConnectFailure(path, ECANCELED));
    }
  }
  return stream;
}

UnixStream::~UnixStream() { close(fd_); }

bool UnixStream::Quiet() const {
  char byte = 0;
  const ssize_t got = recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

int UnixStream::Wait(bool to_write) const {
  for (;;) {
    const int number = PollBoth(fd_, to_write, canceller_, deadline_.PollTimeout());
    if (number != EINTR) return number;
  }
}

std::size_t UnixStream::Read(void* data, std::size_t size, boost::system::error_code& error) {
  for (;;) {
    // A peer that never stops talking must not outlive the deadline either.
    const bool cancelled = canceller_ != nullptr && canceller_->cancelled();
    if (cancelled || deadline_.Passed()) {
      error = FromErrno(cancelled ? ECANCELED : ETIMEDOUT);
      return 0;
    }
    const ssize_t got = recv(fd_, data, size, 0);
    if (got > 0) {
      bytes_read_ += static_cast<std::size_t>(got);
      error = {};
      return static_cast<std::size_t>(got);
    }
    if (got == 0) {
      error = boost::asio::error::eof;
      return 0;
    }
    int number = errno;
    if (number == EAGAIN || number == EWOULDBLOCK) number = Wait(/*to_write=*/false);
    if (number != 0 && number != EINTR) {
      error = FromErrno(number);
      return 0;
    }
  }
}

std::size_t UnixStream::Write(const void* data, std::size_t size,
                              boost::system::error_code& error) {
  for (;;) {
    const ssize_t sent = send(fd_, data, size, MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes_written_ += static_cast<std::size_t>(sent);
      error = {};
      return static_cast<std::size_t>(sent);
    }
    int number = errno;
    if (number == EAGAIN || number == EWOULDBLOCK) number = Wait(/*to_write=*/true);
    if (number != 0 && number != EINTR) {
      error = FromErrno(number);
      return 0;
    }
  }
}

}  // namespace ballast::docker
